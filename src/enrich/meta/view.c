/* Also the source itself: who says what about a row of the batch of edges. */
#include "enrich/meta/view.h"
#include "enrich/meta/metadata.h"
#include <stdio.h>
#include <stdlib.h>

/* Numbers that stand for "no interface" or "several" (sFlow v5, compact interface format) and those ifIndex cannot have. */
enum { INDEX_LOCAL = 0x3fffffff };
#define INDEX_MOST 0x7fffffffu

/* ---- chain */

struct meta_chain *meta_chain_new(const struct enrich_metadata_conf *conf,
                                  struct static_table *const tables[META_PROVIDERS])
{
    struct meta_chain *c = xcalloc(1, sizeof *c);
    unsigned of_type[METADATA_TYPES] = {0};
    c->refs = 1;
    c->flow = -1;
    for (size_t i = 0; i < conf->providers.n && c->n < META_PROVIDERS; i++) {
        const struct enrich_metadata_provider *p =
            OPT_ITEM(conf->providers, struct enrich_metadata_provider, i);
        unsigned ordinal = of_type[p->type]++;
        if (p->type == METADATA_FLOW && c->flow < 0)
            c->flow = (int)c->n;
        c->providers[c->n++] =
            (struct meta_provider){.type = p->type,
                                   .ordinal = ordinal,
                                   .conf = p,
                                   .table = p->type == METADATA_STATIC ? tables[ordinal] : NULL};
    }
    return c;
}

struct meta_chain *meta_chain_ref(struct meta_chain *c)
{
    __atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

void meta_chain_unref(struct meta_chain *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (unsigned i = 0; i < c->n; i++)
        static_table_free(c->providers[i].table);
    free(c);
}

/* ---- view */

struct meta_view *meta_view_new(struct meta_chain *chain, struct meta_wishes *wishes, uint32_t n)
{
    struct meta_view *v = xcalloc(1, sizeof *v);
    v->chain = meta_chain_ref(chain);
    v->wishes = wishes;
    v->known = xcalloc(n ? n : 1, sizeof *v->known);
    for (v->mask = 15; v->mask < 2 * n; v->mask = v->mask * 2 + 1)
        ;
    v->slots = xcalloc((size_t)v->mask + 1, sizeof *v->slots);
    return v;
}

static uint32_t *slot_of(const struct meta_view *v, struct ip a)
{
    uint64_t h = (a.q[0] * 0x9e3779b97f4a7c15u ^ a.q[1]) * 0x94d049bb133111ebu;
    uint32_t i = (uint32_t)(h >> 32) & v->mask;
    for (; v->slots[i]; i = (i + 1) & v->mask)
        if (ip_eq(v->known[v->slots[i] - 1].exporter, a))
            break;
    return &v->slots[i];
}

void meta_view_add(struct meta_view *v, struct ip exporter, uint32_t stamp,
                   struct meta_answer *const *answers)
{
    struct meta_known *k = &v->known[v->n];
    *k = (struct meta_known){.exporter = exporter, .stamp = stamp};
    for (unsigned i = 0; i < META_PROVIDERS; i++)
        k->answers[i] = meta_answer_ref(answers[i]);
    *slot_of(v, exporter) = ++v->n;
}

void meta_view_free(void *view)
{
    struct meta_view *v = view;
    for (uint32_t i = 0; i < v->n; i++)
        for (unsigned p = 0; p < META_PROVIDERS; p++)
            meta_answer_unref(v->known[i].answers[p]);
    meta_chain_unref(v->chain);
    free(v->known);
    free(v->slots);
    free(v);
}

const struct meta_known *meta_view_find(const struct meta_view *v, struct ip exporter)
{
    uint32_t slot = *slot_of(v, exporter);
    return slot ? &v->known[slot - 1] : NULL;
}

/* ---- source */

struct found_iface {
    struct str name, description, connectivity, provider;
    uint32_t speed;
    uint8_t boundary;
    bool known;
};

struct found {
    struct str name, group, role, site, region, tenant;
    bool known;
    struct found_iface in, out;
    struct meta_ask ask;
};

/* What has no name here leaves it, the description and the speed to the next provider, but keeps its attributes. */
static void merge_static(struct found_iface *to, const struct static_iface *i)
{
    to->name = i->name;
    to->description = to->description.len ? to->description : i->description;
    to->speed = to->speed ? to->speed : i->speed;
    to->connectivity = to->connectivity.len ? to->connectivity : i->connectivity;
    to->provider = to->provider.len ? to->provider : i->provider;
    to->boundary = to->boundary ? to->boundary : i->boundary;
    to->known = i->name.len > 0;
}

static void merge_answer(struct found_iface *to, const struct meta_iface *i)
{
    to->name = i->name;
    to->description = to->description.len ? to->description : i->description;
    to->speed = to->speed ? to->speed : i->speed;
    to->known = i->name.len > 0;
}

static void from_static(const struct meta_provider *p, struct ip exporter, uint32_t in, uint32_t out,
                        struct found *f)
{
    const struct static_exporter *x = static_table_find(p->table, exporter);
    if (!x)
        return;
    struct found_iface *ifaces[2] = {&f->in, &f->out};
    uint32_t index[2] = {in, out};
    if (!f->known) {
        f->name = f->name.len ? f->name : x->name;
        f->group = f->group.len ? f->group : x->group;
        f->role = f->role.len ? f->role : x->role;
        f->site = f->site.len ? f->site : x->site;
        f->region = f->region.len ? f->region : x->region;
        f->tenant = f->tenant.len ? f->tenant : x->tenant;
        f->known = x->name.len > 0; /* attributes alone leave the name to the next one */
    }
    for (int k = 0; k < 2; k++) {
        const struct static_iface *i = index[k] && !ifaces[k]->known ? static_iface_find(x, index[k]) : NULL;
        if (i)
            merge_static(ifaces[k], i);
    }
}

static bool may_be_asked(uint32_t index)
{
    return index != INDEX_LOCAL && index <= INDEX_MOST;
}

static void from_answer(const struct meta_answer *a, unsigned provider, bool asked, uint32_t in, uint32_t out,
                        struct found *f)
{
    struct found_iface *ifaces[2] = {&f->in, &f->out};
    uint32_t index[2] = {in, out};
    if (a && !f->known && a->name.len) {
        f->name = a->name;
        f->known = true;
    } else if (!a && !f->known && asked) {
        f->ask.providers |= 1u << provider;
    }
    for (int k = 0; k < 2; k++) {
        if (!index[k] || ifaces[k]->known)
            continue;
        const struct meta_iface *i = a ? meta_answer_iface(a, index[k]) : NULL;
        if (i) {
            merge_answer(ifaces[k], i);
        } else if (asked && may_be_asked(index[k])) {
            f->ask.providers |= 1u << provider;
            f->ask.index[k] = index[k];
        }
    }
}

static void look_up(const struct meta_view *v, const struct meta_known *known, struct ip exporter,
                    uint32_t in, uint32_t out, struct found *f)
{
    *f = (struct found){.ask.exporter = exporter};
    for (unsigned i = 0; i < v->chain->n; i++) {
        const struct meta_provider *p = &v->chain->providers[i];
        if (p->type == METADATA_STATIC)
            from_static(p, exporter, in, out, f);
        else
            from_answer(known ? known->answers[i] : NULL, i, p->type == METADATA_SNMP, in, out, f);
        if (f->known && (f->in.known || !in) && (f->out.known || !out))
            return;
    }
}

static uint32_t name_of(struct view *v, const struct found_iface *i, uint32_t index)
{
    char text[16];
    if (i->name.len)
        return intern(v->strings, i->name);
    return index ? intern(v->strings, (struct str){text, (size_t)snprintf(text, sizeof text, "%u", index)})
                 : 0;
}

#define FILL_IFACE(side, row, iface, index)                                                                  \
    do {                                                                                                     \
        BATCH_U32(b, side##Name)[row] = name_of(v, iface, index);                                            \
        BATCH_U32(b, side##Description)[row] = intern(v->strings, (iface)->description);                     \
        BATCH_U32(b, side##Connectivity)[row] = intern(v->strings, (iface)->connectivity);                   \
        BATCH_U32(b, side##Provider)[row] = intern(v->strings, (iface)->provider);                           \
        BATCH_U32(b, side##Speed)[row] = (iface)->speed;                                                     \
        BATCH_U8(b, side##Boundary)[row] = (iface)->boundary;                                                \
    } while (0)

static void fill_row(struct batch *b, struct view *v, uint32_t row, const struct found *f)
{
    BATCH_U32(b, ExporterName)[row] = intern(v->strings, f->name);
    BATCH_U32(b, ExporterGroup)[row] = intern(v->strings, f->group);
    BATCH_U32(b, ExporterRole)[row] = intern(v->strings, f->role);
    BATCH_U32(b, ExporterSite)[row] = intern(v->strings, f->site);
    BATCH_U32(b, ExporterRegion)[row] = intern(v->strings, f->region);
    BATCH_U32(b, ExporterTenant)[row] = intern(v->strings, f->tenant);
    FILL_IFACE(InIf, row, &f->in, BATCH_U32(b, InIfIndex)[row]);
    FILL_IFACE(OutIf, row, &f->out, BATCH_U32(b, OutIfIndex)[row]);
}

bool meta_view_ask(const struct meta_view *v, struct ip exporter, uint32_t index)
{
    struct found f;
    look_up(v, meta_view_find(v, exporter), exporter, index, 0, &f);
    return !f.ask.providers || !v->wishes || meta_queue_put(&v->wishes->asks, &f.ask);
}

/* Says what is used and what is missing. */
static void wish(struct meta_wishes *w, const struct meta_known *known, const struct found *f)
{
    if (known)
        __atomic_store_n(&w->stamps[known->stamp], __atomic_load_n(&w->now_s, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    __atomic_fetch_add(f->ask.providers ? &w->misses : &w->hits, 1, __ATOMIC_RELAXED);
    if (f->ask.providers)
        meta_queue_put(&w->asks, &f->ask);
}

static void fill(struct batch *b, struct view *v, unsigned self)
{
    const struct meta_view *m = v->snapshot[self];
    const struct ip *address = BATCH_IP(b, ExporterAddress);
    const uint32_t *in = BATCH_U32(b, InIfIndex), *out = BATCH_U32(b, OutIfIndex);
    struct found f = {0};
    for (uint32_t row = 0; row < b->n; row++) {
        if (m) {
            const struct meta_known *known = meta_view_find(m, address[row]);
            look_up(m, known, address[row], in[row], out[row], &f);
            if (m->wishes)
                wish(m->wishes, known, &f);
        }
        v->missing[self] += !f.known || (in[row] && !f.in.known) || (out[row] && !f.out.known);
        fill_row(b, v, row, &f);
    }
}

const struct source enrich_metadata = {.name = "metadata", .scope = SCOPE_EDGE, .fill = fill};
