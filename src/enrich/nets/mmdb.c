/*
 * The tree is walked in order, each node once: a file in which nodes are met twice would never end, and is refused. IPv4
 * lies at ::/96 in a tree of IPv6 and is led to from other places too (::ffff:0:0/96, 2002::/16...), which are left out.
 */
#include "enrich/nets/mmdb.h"

bool mmdb_open(struct mmdb *m, const char *path, struct err *e)
{
    *m = (struct mmdb){0};
    int rc = MMDB_open(path, MMDB_MODE_MMAP, &m->file);
    if (rc == MMDB_IO_ERROR)
        return err_errno(e, "%s", path);
    if (rc != MMDB_SUCCESS)
        return err_set(e, "%s: %s", path, MMDB_strerror(rc));
    if (m->file.metadata.ip_version != 6)
        return true;
    uint32_t node = 0;
    for (unsigned bit = 0; bit < 96; bit++) {
        MMDB_search_node_s n;
        if (MMDB_read_node(&m->file, node, &n) != MMDB_SUCCESS ||
            n.left_record_type != MMDB_RECORD_TYPE_SEARCH_NODE)
            return true;
        node = (uint32_t)n.left_record;
    }
    m->v4_node = node;
    return true;
}

void mmdb_close(struct mmdb *m)
{
    MMDB_close(&m->file);
}

/* ---- the tree */

static void push(struct mmdb_walk *w, uint32_t node)
{
    unsigned most = w->v4 ? 32 : 128;
    if (w->depth > most || ++w->visited > w->mmdb->file.metadata.node_count)
        w->bad = true;
    else
        w->steps[w->depth++] = (struct mmdb_step){node, 0};
}

void mmdb_walk_init(struct mmdb_walk *w, const struct mmdb *m, bool v4)
{
    *w = (struct mmdb_walk){.mmdb = m, .v4 = v4, .base = v4 ? 96 : 0};
    if (v4)
        w->at = (struct ip){.b = {[10] = 0xff, [11] = 0xff}};
    bool tree4 = m->file.metadata.ip_version == 4;
    if (m->file.metadata.node_count == 0)
        return;
    if (v4 ? tree4 || m->v4_node : !tree4)
        push(w, v4 && !tree4 ? m->v4_node : 0);
}

static void set_bit(struct ip *a, unsigned bit, bool on)
{
    uint8_t mask = (uint8_t)(0x80u >> bit % 8);
    a->b[bit / 8] = on ? a->b[bit / 8] | mask : a->b[bit / 8] & (uint8_t)~mask;
}

bool mmdb_walk_next(struct mmdb_walk *w, struct prefix *p, uint32_t *data)
{
    while (w->depth && !w->bad) {
        struct mmdb_step *s = &w->steps[w->depth - 1];
        unsigned bit = w->base + w->depth - 1;
        if (bit >= 128) {
            w->bad = true;
            break;
        }
        if (s->side == 2) {
            set_bit(&w->at, bit, false);
            w->depth--;
            continue;
        }
        bool right = s->side++;
        set_bit(&w->at, bit, right);
        MMDB_search_node_s n;
        if (MMDB_read_node(&w->mmdb->file, s->node, &n) != MMDB_SUCCESS) {
            w->bad = true;
            break;
        }
        uint64_t record = right ? n.right_record : n.left_record;
        switch (right ? n.right_record_type : n.left_record_type) {
        case MMDB_RECORD_TYPE_SEARCH_NODE:
            if (w->v4 || record != w->mmdb->v4_node || record == 0)
                push(w, (uint32_t)record);
            break;
        case MMDB_RECORD_TYPE_DATA:
            *p = (struct prefix){w->at, (uint8_t)(bit + 1)};
            *data = (right ? n.right_record_entry : n.left_record_entry).offset;
            return true;
        case MMDB_RECORD_TYPE_EMPTY:
            break;
        default:
            w->bad = true;
        }
    }
    return false;
}

/* ---- the data */

static bool text_at(MMDB_entry_s *at, struct str *out, const char *const *path)
{
    MMDB_entry_data_s d;
    if (MMDB_aget_value(at, &d, path) != MMDB_SUCCESS || !d.has_data || d.type != MMDB_DATA_TYPE_UTF8_STRING)
        return false;
    struct str s = {d.utf8_string, d.data_size < MMDB_STRING_MAX ? d.data_size : MMDB_STRING_MAX};
    s.len = str_utf8(s);
    if (memchr(s.p, 0, s.len))
        return false;
    *out = s;
    return s.len > 0;
}

#define TEXT(at, out, ...) text_at(at, out, (const char *const[]){__VA_ARGS__, NULL})

/* A number, or "AS65000". */
static uint32_t asn_at(MMDB_entry_s *at, const char *key)
{
    MMDB_entry_data_s d;
    uint64_t v = 0;
    struct str text;
    if (MMDB_get_value(at, &d, key, NULL) != MMDB_SUCCESS || !d.has_data)
        return 0;
    if (d.type == MMDB_DATA_TYPE_UINT32)
        return d.uint32;
    if (d.type == MMDB_DATA_TYPE_UINT16)
        return d.uint16;
    if (!TEXT(at, &text, key))
        return 0;
    if (text.len > 2 && strncasecmp(text.p, "AS", 2) == 0)
        text = (struct str){text.p + 2, text.len - 2};
    return str_u64(text, &v) && v <= UINT32_MAX ? (uint32_t)v : 0;
}

static bool is_code(struct str s)
{
    return s.len == 2 && s.p[0] >= 'A' && s.p[0] <= 'Z' && s.p[1] >= 'A' && s.p[1] <= 'Z';
}

bool mmdb_read(const struct mmdb *m, uint32_t data, struct mmdb_fields *out)
{
    MMDB_entry_s at = {&m->file, data};
    MMDB_entry_data_s whole;
    *out = (struct mmdb_fields){0};
    if (MMDB_aget_value(&at, &whole, (const char *const[]){NULL}) != MMDB_SUCCESS ||
        whole.type != MMDB_DATA_TYPE_MAP)
        return false;
    /* MaxMind; ip-location-db and IPinfo Lite (whose `country` is a name); IPinfo */
    if (!(TEXT(&at, &out->country, "country", "iso_code") || TEXT(&at, &out->country, "country_code") ||
          TEXT(&at, &out->country, "country")) ||
        !is_code(out->country))
        out->country = (struct str){0};
    if (!TEXT(&at, &out->city, "city", "names", "en"))
        TEXT(&at, &out->city, "city");
    if (!TEXT(&at, &out->state, "subdivisions", "0", "iso_code") && !TEXT(&at, &out->state, "region"))
        TEXT(&at, &out->state, "state1");
    out->asn = asn_at(&at, "autonomous_system_number");
    if (!out->asn)
        out->asn = asn_at(&at, "asn");
    return true;
}
