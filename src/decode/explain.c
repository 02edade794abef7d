/*
 * The plan is built once more, only to be asked what it makes of each field; values are written by the element's type, or
 * in hexadecimal digits where nobody knows the type.
 */
#include "decode/explain.h"
#include "base/arena.h"
#include "decode/lists.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HEX_MAX = 32, INDENT = 2 };

static const char *protocol(enum template_proto p)
{
    switch (p) {
    case TEMPLATE_V1:
        return "NetFlow v1";
    case TEMPLATE_V5:
        return "NetFlow v5";
    case TEMPLATE_V7:
        return "NetFlow v7";
    case TEMPLATE_V9:
        return "NetFlow v9";
    case TEMPLATE_IPFIX:
        return "IPFIX";
    default:
        return "sFlow";
    }
}

/* ---- values */

static void print_hex(FILE *f, struct str v)
{
    for (size_t i = 0; i < v.len && i < HEX_MAX; i++)
        fprintf(f, "%02x", (uint8_t)v.p[i]);
    if (v.len > HEX_MAX)
        fprintf(f, "... (%zu bytes)", v.len);
}

static void print_time(FILE *f, uint64_t s, uint64_t part, int digits)
{
    char text[32];
    time_t t = (time_t)s;
    struct tm tm;
    if (!gmtime_r(&t, &tm)) {
        fprintf(f, "%" PRIu64, s);
        return;
    }
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    fprintf(f, digits ? "%s.%0*" PRIu64 : "%s", text, digits, part);
}

static void print_float(FILE *f, struct str v)
{
    double d;
    float half;
    uint64_t bits = plan_uint((const uint8_t *)v.p, v.len);
    uint32_t low = (uint32_t)bits;
    memcpy(&d, &bits, sizeof d);
    memcpy(&half, &low, sizeof half);
    fprintf(f, "%g", v.len == 4 ? (double)half : d);
}

/* Seconds since 1900 and a fraction of 2^32 (RFC 7011 6.1.9). */
static void print_ntp(FILE *f, uint64_t v, uint64_t per_s, int digits)
{
    uint64_t part = (uint64_t)((unsigned __int128)(v & UINT32_MAX) * per_s >> 32);
    print_time(f, (uint32_t)((uint32_t)(v >> 32) - 2208988800u), part, digits);
}

static void print_text(FILE *f, struct str v)
{
    char room[LEARNT_TEXT];
    struct str text = learnt_text(v, room);
    fprintf(f, "\"%.*s\"", STR_ARG(text));
}

static bool print_number(FILE *f, enum element_type type, struct str v)
{
    if (v.len == 0 || v.len > 8)
        return false;
    uint64_t n = plan_uint((const uint8_t *)v.p, v.len);
    unsigned shift = (unsigned)(64 - v.len * 8);
    switch (type) {
    case ELEMENT_unsigned8:
    case ELEMENT_unsigned16:
    case ELEMENT_unsigned32:
    case ELEMENT_unsigned64:
        fprintf(f, "%" PRIu64, n);
        return true;
    case ELEMENT_signed8:
    case ELEMENT_signed16:
    case ELEMENT_signed32:
    case ELEMENT_signed64:
        fprintf(f, "%" PRId64, (int64_t)(n << shift) >> shift);
        return true;
    case ELEMENT_boolean: /* RFC 7011 6.1.5 */
        fputs(n == 1 ? "true" : n == 2 ? "false" : "neither true nor false", f);
        return true;
    default:
        return false;
    }
}

static bool print_of_length(FILE *f, enum element_type type, struct str v)
{
    char text[IP_TEXT_MAX];
    uint64_t n = plan_uint((const uint8_t *)v.p, v.len);
    if (type == ELEMENT_ipv4Address && v.len == 4)
        fputs(ip_format(ip_v4(v.p), text), f);
    else if (type == ELEMENT_ipv6Address && v.len == 16)
        fputs(ip_format(ip_v6(v.p), text), f);
    else if (type == ELEMENT_macAddress && v.len == 6)
        for (unsigned i = 0; i < 6; i++)
            fprintf(f, "%s%02x", i ? ":" : "", (uint8_t)v.p[i]);
    else if ((type == ELEMENT_float32 || type == ELEMENT_float64) && (v.len == 4 || v.len == 8))
        print_float(f, v);
    else if (type == ELEMENT_dateTimeSeconds && v.len == 4)
        print_time(f, n, 0, 0);
    else if (type == ELEMENT_dateTimeMilliseconds && v.len == 8)
        print_time(f, n / 1000, n % 1000, 3);
    else if (type == ELEMENT_dateTimeMicroseconds && v.len == 8)
        print_ntp(f, n, 1000000, 6);
    else if (type == ELEMENT_dateTimeNanoseconds && v.len == 8)
        print_ntp(f, n, 1000000000, 9);
    else
        return false;
    return true;
}

void explain_value(FILE *f, enum element_type type, struct str v)
{
    if (type == ELEMENT_string)
        print_text(f, v);
    else if (!print_number(f, type, v) && !print_of_length(f, type, v))
        print_hex(f, v);
}

/* ---- names */

struct known {
    char name[LEARNT_TEXT + 16];
    enum element_type type;
    const char *units;
};

/* The registries' name, or the one the exporter told (RFC 5610), or none. */
static struct known know(const struct decoding *x, const struct session *s, uint32_t pen, uint16_t id)
{
    struct known k = {.type = ELEMENT_octetArray, .units = ""};
    bool reverse = pen == PEN_REVERSE;
    const struct element *el = registry_element(x->st->sessions.templates.registry, reverse ? 0 : pen, id);
    const struct name *told = session_name_find(&x->st->sessions, s, NAME_ELEMENT, (uint64_t)pen << 16 | id);
    if (el) {
        snprintf(k.name, sizeof k.name, "%s%s", reverse ? "reverse " : "", el->name);
        k.type = (enum element_type)el->type;
        k.units = el->units;
    } else if (told) {
        snprintf(k.name, sizeof k.name, "%.*s", told->len, told->text);
        k.type = told->type ? (enum element_type)(told->type - 1) : ELEMENT_octetArray;
    } else {
        snprintf(k.name, sizeof k.name, "(unknown)");
    }
    return k;
}

static void print_element(FILE *f, unsigned indent, const struct known *k, uint32_t pen, uint16_t id,
                          struct str v)
{
    char number[24];
    if (pen)
        snprintf(number, sizeof number, "%u/%u", pen, id);
    else
        snprintf(number, sizeof number, "%u", id);
    fprintf(f, "%*s%-10s %-32s ", (int)(indent * INDENT), "", number, k->name);
    explain_value(f, k->type, v);
    bool time = k->type >= ELEMENT_dateTimeSeconds && k->type <= ELEMENT_dateTimeNanoseconds;
    if (k->units[0] && v.len <= 8 && !time)
        fprintf(f, " %s", k->units);
}

/* ---- what became of it */

static void print_fate(FILE *f, const struct plan_fate *fate)
{
    for (unsigned i = 0; i < fate->n; i++)
        fprintf(f, "%s%s", i ? ", " : "  -> ", column_defs[fate->cols[i]].name);
    if (fate->time)
        fprintf(f, "%stime of the flow", fate->n ? ", " : "  -> ");
    for (unsigned i = 0; i < fate->n_reverse; i++)
        fprintf(f, "%s%s", i ? ", " : "  reverse flow -> ", column_defs[fate->reverse_cols[i]].name);
    bool used = fate->n || fate->n_reverse || fate->time;
    if (fate->why && !used && strcmp(fate->why, "column is disabled") == 0)
        fprintf(f, "  (column %s is disabled)", column_defs[fate->cols[0]].name);
    else if (fate->why && !used)
        fprintf(f, "  (%s)", fate->why);
}

struct printing {
    struct lists_visitor v; /* first */
    const struct decoding *x;
    const struct session *s;
    FILE *f;
};

static void list_begins(struct lists_visitor *v, unsigned depth, const struct element *list,
                        uint16_t template_id)
{
    struct printing *p = (struct printing *)v;
    fprintf(p->f, "%*srecord of template %u\n", (int)((depth + 2) * INDENT), "", template_id);
}

static void list_value(struct lists_visitor *v, unsigned depth, uint16_t list, uint32_t pen, uint16_t id,
                       struct str bytes)
{
    struct printing *p = (struct printing *)v;
    struct known k = know(p->x, p->s, pen, id);
    unsigned n;
    const struct element_use *use = registry_uses(p->x->st->sessions.templates.registry, pen, id, &n);
    print_element(p->f, depth + 3, &k, pen, id, bytes);
    if (use)
        fprintf(p->f, "  -> %s, if the record has none", column_defs[use->col].name);
    fputc('\n', p->f);
}

static void print_list(struct printing *p, uint16_t id, enum element_type type, struct str v)
{
    static const char *const ends[] = {"", "it is cut short", "its template is not known",
                                       "lists within lists, too deep"};
    enum lists_end end =
        lists_walk(&p->x->st->sessions, p->s, p->x->st->sessions.templates.registry, id, type, v, &p->v);
    if (end != LISTS_WHOLE)
        fprintf(p->f, "%*s(%s)\n", 2 * INDENT, "", ends[end]);
}

/* The fields of record i, one after the other; variable ones are segments of their own. */
static void print_record(struct printing *p, const struct plan_run *r, const struct template *t, uint32_t i,
                         const struct plan_fate *fates)
{
    unsigned seg = 0, off = 0;
    for (unsigned k = 0; k < t->n_fields; k++) {
        const struct field *f = &t->fields[k];
        bool variable = f->len == FIELD_VARIABLE, scope = field_is_scope(f, k, t->proto, t->n_scope);
        struct plan_place at = {(uint16_t)(variable ? seg + 1 : seg), (uint16_t)(variable ? 0 : off), f->len};
        seg += variable ? 2 : 0;
        off = variable ? 0 : off + f->len;
        struct str v = plan_bytes(r, &at, i);
        struct known known = know(p->x, p->s, f->pen, f->id);
        static const char *const scopes[] = {"", "system", "interface", "line card", "cache", "template"};
        if (scope) {
            known = (struct known){.type = ELEMENT_unsigned32, .units = ""};
            snprintf(known.name, sizeof known.name, "scope %s", scopes[f->id]);
        }
        print_element(p->f, 1, &known, f->pen, f->id, v);
        print_fate(p->f, &fates[k]);
        fputc('\n', p->f);
        bool list = known.type == ELEMENT_basicList || known.type == ELEMENT_subTemplateList ||
                    known.type == ELEMENT_subTemplateMultiList;
        if (list && !scope)
            print_list(p, f->id, known.type, v);
    }
}

/* The rate of the header or of options, which counts where the record has no other and no sampler that is known. */
static void print_rate(const struct printing *p, const struct plan_run *r)
{
    uint64_t rate = plan_session_rate(r);
    bool by_interface = !rate && session_rate_interfaces(p->s);
    if (!rate && !by_interface)
        return;
    fprintf(p->f, "%*s%-10s %-32s ", INDENT, "", r->fixed_rate ? "header" : "options", "sampling rate");
    if (by_interface)
        fputs("that of the interface", p->f);
    else
        fprintf(p->f, "%" PRIu64, rate);
    fputs(r->plan->has_sampler ? "  -> SamplingRate (unless the record or its sampler has one)\n"
                               : "  -> SamplingRate (unless the record has one)\n",
          p->f);
}

void explain_records(const struct decoding *x, const struct plan_run *r, const struct template *t)
{
    struct template_def def = {t->fields, t->n_fields, t->n_scope, t->proto, t->options};
    struct plan_fate *fates = xcalloc(t->n_fields + 1u, sizeof *fates);
    const struct session *s = r->session;
    struct printing p = {.v = {list_begins, list_value}, .x = x, .s = s, .f = x->st->explain};
    plan_free(plan_new(x->st->schema, x->st->sessions.templates.registry, &def, fates));
    char from[IP_TEXT_MAX];
    for (uint32_t i = 0; i < r->n; i++) {
        fprintf(p.f, "%s port %u, %s, domain %u", ip_format(s->key.src, from), s->port,
                protocol((enum template_proto)s->key.proto), s->key.domain);
        if (r->template_id)
            fprintf(p.f, ", %stemplate %u", t->options ? "options " : "", r->template_id);
        fputc('\n', p.f);
        print_record(&p, r, t, i, fates);
        if (!t->options)
            print_rate(&p, r);
    }
    free(fates);
}
