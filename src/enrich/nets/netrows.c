/* A database says the same of many networks: what is at an offset of it is read once. */
#include "enrich/nets/netrows.h"
#include <ctype.h>
#include <stdlib.h>

enum { TEXT_MOST = 255, FIRST_SLOTS = 1024 };

/* ---- in memory */

static void set_country(struct net_attrs *a, struct str s)
{
    a->country[0] = (char)toupper((unsigned char)s.p[0]);
    a->country[1] = (char)toupper((unsigned char)s.p[1]);
}

void netrows_static(struct netrows *r, struct nettable *t, const struct opt_subnetmap *networks)
{
    *r = (struct netrows){.items = xcalloc(networks->n + 1, sizeof *r->items)};
    for (size_t i = 0; i < networks->n; i++) {
        const struct enrich_network_conf *c = &((const struct enrich_network_conf *)networks->items)[i];
        struct nettable_entry *entry = &r->items[r->n++];
        entry->prefix = networks->prefixes[i];
        entry->attrs.asn = (uint32_t)c->asn;
        if (strlen(c->country) == 2)
            set_country(&entry->attrs, str_from(c->country));
#define X(Name, key) entry->attrs.text[NET_##Name] = nettable_text(t, str_from(c->key));
        NET_TEXTS(X)
#undef X
    }
    qsort(r->items, r->n, sizeof *r->items, nettable_order);
}

static bool text_of(json_t *row, const char *key, struct str *out, struct err *e)
{
    json_t *v = json_object_get(row, key);
    *out = STR("");
    if (!v || json_is_null(v))
        return true;
    if (!json_is_string(v))
        return err_set(e, "%s is no text", key);
    *out = (struct str){json_string_value(v), json_string_length(v)};
    if (out->len > TEXT_MOST || memchr(out->p, 0, out->len))
        return err_set(e, "%s is longer than %d bytes, or has a NUL", key, TEXT_MOST);
    return true;
}

static bool asn_of(json_t *row, uint32_t *out, struct err *e)
{
    json_t *v = json_object_get(row, "asn");
    uint64_t n = 0;
    struct str s;
    if (!v || json_is_null(v))
        return true;
    if (json_is_integer(v) && json_integer_value(v) >= 0)
        n = (uint64_t)json_integer_value(v);
    else if (!json_is_string(v) || !text_of(row, "asn", &s, e) ||
             !str_u64(s.len > 2 && strncasecmp(s.p, "AS", 2) == 0 ? (struct str){s.p + 2, s.len - 2} : s, &n))
        n = UINT64_MAX;
    *out = (uint32_t)n;
    return n <= UINT32_MAX || err_set(e, "asn is no AS number");
}

static bool entry_of(struct nettable_entry *entry, struct nettable *t, json_t *row, struct err *e)
{
    struct str s;
    *entry = (struct nettable_entry){0};
    if (!json_is_object(row))
        return err_set(e, "this is no object");
    if (!text_of(row, "prefix", &s, e))
        return false;
    if (!prefix_parse(s, &entry->prefix))
        return err_set(e, "prefix \"%.*s\" is no network", (int)(s.len < 100 ? s.len : 100), s.p);
    if (!asn_of(row, &entry->attrs.asn, e) || !text_of(row, "country", &s, e))
        return false;
    if (s.len && s.len != 2)
        return err_set(e, "country \"%.*s\" has not two letters", (int)(s.len < 100 ? s.len : 100), s.p);
    if (s.len)
        set_country(&entry->attrs, s);
#define X(Name, key)                                                                                         \
    if (!text_of(row, #key, &s, e))                                                                          \
        return false;                                                                                        \
    if (t)                                                                                                   \
        entry->attrs.text[NET_##Name] = nettable_text(t, s);
    NET_TEXTS(X)
#undef X
    return true;
}

bool netrows_json(struct netrows *r, struct nettable *t, json_t *array, struct err *e)
{
    size_t n = json_array_size(array);
    *r = (struct netrows){.items = xcalloc(n + 1, sizeof *r->items)};
    for (size_t i = 0; i < n; i++)
        if (!entry_of(&r->items[r->n++], t, json_array_get(array, i), e)) {
            netrows_fini(r);
            return err_wrap(e, "result %zu", i + 1);
        }
    qsort(r->items, r->n, sizeof *r->items, nettable_order);
    return true;
}

void netrows_fini(struct netrows *r)
{
    free(r->items);
    *r = (struct netrows){0};
}

static bool netrows_next(void *arg, struct nettable_entry *out, struct err *e)
{
    struct netrows *r = arg;
    if (r->at == r->n)
        return false;
    *out = r->items[r->at++];
    return true;
}

struct nettable_stream netrows_stream(struct netrows *r)
{
    return (struct nettable_stream){netrows_next, r};
}

/* ---- of a database */

void netrows_mmdb_init(struct netrows_mmdb *r, struct nettable *t, const struct mmdb *m, const char *name,
                       bool v4, bool is_asn)
{
    *r = (struct netrows_mmdb){.t = t, .is_asn = is_asn, .mask = FIRST_SLOTS - 1, .name = name};
    r->offsets = xcalloc(FIRST_SLOTS, sizeof *r->offsets);
    r->attrs = xcalloc(FIRST_SLOTS, sizeof *r->attrs);
    mmdb_walk_init(&r->walk, m, v4);
}

void netrows_mmdb_fini(struct netrows_mmdb *r)
{
    free(r->offsets);
    free(r->attrs);
    free(r->known);
    *r = (struct netrows_mmdb){0};
}

static uint32_t slot_of(const struct netrows_mmdb *r, uint32_t offset)
{
    uint32_t i = offset * 0x9e3779b1u;
    i = (i ^ i >> 15) & r->mask;
    while (r->offsets[i] && r->offsets[i] != offset + 1)
        i = (i + 1) & r->mask;
    return i;
}

static void widen(struct netrows_mmdb *r)
{
    uint32_t *offsets = r->offsets, *attrs = r->attrs, n = r->mask + 1;
    r->mask = r->mask * 2 + 1;
    r->offsets = xcalloc((size_t)r->mask + 1, sizeof *r->offsets);
    r->attrs = xcalloc((size_t)r->mask + 1, sizeof *r->attrs);
    for (uint32_t i = 0; i < n; i++)
        if (offsets[i]) {
            uint32_t to = slot_of(r, offsets[i] - 1);
            r->offsets[to] = offsets[i];
            r->attrs[to] = attrs[i];
        }
    free(offsets);
    free(attrs);
}

static struct net_attrs read_attrs(const struct netrows_mmdb *r, uint32_t data)
{
    struct net_attrs a = {0};
    struct mmdb_fields f;
    if (!mmdb_read(r->walk.mmdb, data, &f))
        return a;
    if (r->is_asn) {
        a.asn = f.asn;
        return a;
    }
    if (f.country.len)
        memcpy(a.country, f.country.p, 2);
    a.text[NET_City] = nettable_text(r->t, f.city);
    a.text[NET_State] = nettable_text(r->t, f.state);
    return a;
}

static const struct net_attrs *attrs_at(struct netrows_mmdb *r, uint32_t data)
{
    uint32_t slot = slot_of(r, data);
    if (r->offsets[slot])
        return &r->known[r->attrs[slot]];
    if (r->n == r->room) {
        r->room = r->room ? r->room * 2 : 256;
        r->known = xrealloc(r->known, r->room * sizeof *r->known);
    }
    uint32_t index = r->n++;
    r->known[index] = read_attrs(r, data);
    r->offsets[slot] = data + 1;
    r->attrs[slot] = index;
    if (r->n > r->mask / 2)
        widen(r);
    return &r->known[index];
}

static bool mmdb_next(void *arg, struct nettable_entry *out, struct err *e)
{
    struct netrows_mmdb *r = arg;
    uint32_t data;
    if (mmdb_walk_next(&r->walk, &out->prefix, &data)) {
        out->attrs = *attrs_at(r, data);
        return true;
    }
    if (r->walk.bad)
        err_set(e, "%s: the file is damaged", r->name);
    return false;
}

struct nettable_stream netrows_mmdb_stream(struct netrows_mmdb *r)
{
    return (struct nettable_stream){mmdb_next, r};
}
