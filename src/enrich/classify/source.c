/*
 * Rows are edges: an exporter and two interfaces. What came out for each of the three is kept by all that the rules may
 * have looked at, so a pair of interfaces met for the first time costs no evaluation when both are known.
 */
#include "enrich/classify/internal.h"
#include "schema/edge.h"
#include <stdlib.h>
#include <xxhash.h>

enum { MEMO_FIRST = 256, MEMO_MOST = 1 << 14 };

/* Texts are ids of the worker's table. No padding: it is hashed and compared as bytes. */
struct object {
    struct ip exporter;
    uint32_t scope, exporter_name;
    uint32_t index, name, description, speed, vlan; /* of interfaces */
    uint32_t zero;
};

struct verdict {
    struct object of;
    uint32_t text[RULE_TEXTS];
    uint8_t boundary;
    bool reject;
};

/* Open addressing; emptied when it is full, when rules change, and when ids lose their meaning. */
struct scratch {
    struct rule_vm *vm;
    struct verdict *memo; /* of.scope 0: free */
    uint32_t n, mask, generation;
    uint64_t rules_id;
    const struct classifier *rules; /* of the batch at hand */
};

static void *scratch_new(void)
{
    struct scratch *s = xcalloc(1, sizeof *s);
    s->mask = MEMO_FIRST - 1;
    s->memo = xcalloc(MEMO_FIRST, sizeof *s->memo);
    s->vm = rule_vm_new();
    return s;
}

static void scratch_free(void *scratch)
{
    struct scratch *s = scratch;
    rule_vm_free(s->vm);
    free(s->memo);
    free(s);
}

static struct verdict *slot(struct scratch *s, const struct object *o)
{
    uint32_t i = (uint32_t)XXH3_64bits(o, sizeof *o) & s->mask;
    while (s->memo[i].of.scope && memcmp(&s->memo[i].of, o, sizeof *o) != 0)
        i = (i + 1) & s->mask;
    return &s->memo[i];
}

static void forget(struct scratch *s)
{
    memset(s->memo, 0, ((size_t)s->mask + 1) * sizeof *s->memo);
    s->n = 0;
}

static void widen(struct scratch *s)
{
    struct verdict *old = s->memo;
    uint32_t size = s->mask + 1;
    if (size == MEMO_MOST) {
        forget(s);
        return;
    }
    s->mask = s->mask * 2 + 1;
    s->memo = xcalloc((size_t)s->mask + 1, sizeof *s->memo);
    for (uint32_t i = 0; i < size; i++)
        if (old[i].of.scope)
            *slot(s, &old[i].of) = old[i];
    free(old);
}

static void evaluate(struct scratch *s, struct intern *strings, struct verdict *v)
{
    char ip[IP_TEXT_MAX];
    struct rule_outcome out;
    struct classify_failure failed;
    struct rule_subject subject = {.exporter_ip = str_from(ip_format(v->of.exporter, ip)),
                                   .exporter_name = intern_str(strings, v->of.exporter_name),
                                   .name = intern_str(strings, v->of.name),
                                   .description = intern_str(strings, v->of.description),
                                   .index = v->of.index,
                                   .speed = v->of.speed,
                                   .vlan = (uint16_t)v->of.vlan};
    classify_run(s->rules, (enum rule_scope)v->of.scope, s->vm, &subject, &out, &failed);
    for (int a = 0; a < RULE_TEXTS; a++)
        v->text[a] = intern(strings, out.text[a]);
    v->boundary = out.boundary;
    v->reject = out.reject;
}

static struct verdict verdict_on(struct scratch *s, struct intern *strings, const struct object *o)
{
    struct verdict *v = slot(s, o);
    if (v->of.scope)
        return *v;
    if (s->n > s->mask / 2) {
        widen(s);
        v = slot(s, o);
    }
    v->of = *o;
    s->n++;
    evaluate(s, strings, v);
    return *v;
}

/* ---- columns */

/* Of an edge's interface columns, those of one side. */
struct side {
    enum column index, vlan, name, description, speed, connectivity, provider, boundary;
    uint8_t given;
};

#define SIDE(in, src, given)                                                                                 \
    {                                                                                                        \
        COL_##in##Index, COL_##src##Vlan, COL_##in##Name, COL_##in##Description, COL_##in##Speed,            \
            COL_##in##Connectivity, COL_##in##Provider, COL_##in##Boundary, given                            \
    }
static const struct side sides[] = {SIDE(OutIf, Dst, EDGE_OUT_GIVEN),
                                    SIDE(InIf, Src, EDGE_IN_GIVEN)}; /* in the order of evaluation */

static uint32_t *u32(struct batch *b, enum column c)
{
    return batch_col(b, c);
}

static const enum column exporter_columns[] = {COL_ExporterGroup, COL_ExporterRole, COL_ExporterSite,
                                               COL_ExporterRegion, COL_ExporterTenant};

/* What is found goes to *verdict; false: rejected. */
static bool classify_exporter(struct scratch *s, struct batch *b, struct view *v, uint32_t row,
                              uint8_t *verdict)
{
    struct object o = {.scope = RULE_EXPORTER, .exporter = BATCH_IP(b, ExporterAddress)[row]};
    o.exporter_name = BATCH_U32(b, ExporterName)[row];
    for (int i = 0; i < 5; i++)
        if (u32(b, exporter_columns[i])[row]) {
            *verdict |= EDGE_EXPORTER_GIVEN;
            return true;
        }
    if (!s->rules || !s->rules->exporter.n)
        return true;
    struct verdict out = verdict_on(s, v->strings, &o);
    for (int i = 0; i < 5; i++)
        u32(b, exporter_columns[i])[row] = out.text[RULE_GROUP + i];
    *verdict |= out.reject ? EDGE_REJECTED : 0;
    return !out.reject;
}

static bool classify_interface(struct scratch *s, struct batch *b, struct view *v, uint32_t row,
                               const struct side *side, uint8_t *verdict)
{
    uint8_t *boundary = (uint8_t *)batch_col(b, side->boundary) + row;
    if (u32(b, side->connectivity)[row] || u32(b, side->provider)[row] || *boundary) {
        *verdict |= side->given;
        return true;
    }
    if (!s->rules || !s->rules->interface.n)
        return true;
    struct object o = {.scope = RULE_INTERFACE,
                       .exporter = BATCH_IP(b, ExporterAddress)[row],
                       .exporter_name = BATCH_U32(b, ExporterName)[row],
                       .index = u32(b, side->index)[row],
                       .name = u32(b, side->name)[row],
                       .description = u32(b, side->description)[row],
                       .speed = u32(b, side->speed)[row]};
    if (s->rules->interface.vlan)
        o.vlan = ((const uint16_t *)batch_col(b, side->vlan))[row];
    struct verdict out = verdict_on(s, v->strings, &o);
    u32(b, side->connectivity)[row] = out.text[RULE_CONNECTIVITY];
    u32(b, side->provider)[row] = out.text[RULE_PROVIDER];
    *boundary = out.boundary;
    if (out.text[RULE_NAME])
        u32(b, side->name)[row] = out.text[RULE_NAME];
    if (out.text[RULE_DESCRIPTION])
        u32(b, side->description)[row] = out.text[RULE_DESCRIPTION];
    *verdict |= out.reject ? EDGE_REJECTED : 0;
    return !out.reject;
}

static void fill(struct batch *b, struct view *v, unsigned self)
{
    struct scratch *s = v->scratch[self];
    const struct classifier *c = v->snapshot[self];
    s->rules = c;
    if (c && (s->rules_id != c->id || s->generation != v->strings->generation)) {
        s->rules_id = c->id;
        s->generation = v->strings->generation;
        forget(s);
    }
    for (uint32_t row = 0; row < b->n; row++) {
        uint8_t *verdict = &BATCH_U8(b, Verdict)[row];
        bool ok = classify_exporter(s, b, v, row, verdict);
        for (int i = 0; ok && i < 2; i++)
            ok = classify_interface(s, b, v, row, &sides[i], verdict);
    }
}

const struct source enrich_classify = {.name = "classify",
                                       .scope = SCOPE_EDGE,
                                       .scratch_new = scratch_new,
                                       .scratch_free = scratch_free,
                                       .fill = fill};
