/* The checksum is looked at before anything else; what follows is read as if it were not there. */
#include "enrich/meta/persist.h"
#include "base/cursor.h"
#include <xxhash.h>

static const struct str magic = {"weirmet1", 8};

static void text(struct buf *out, struct str s)
{
    buf_be16(out, (uint16_t)s.len);
    buf_str_add(out, s);
}

void persist_begin(struct buf *out)
{
    buf_str_add(out, magic);
}

void persist_add(struct buf *out, const struct persist_row *row)
{
    const struct meta_answer *a = row->answer;
    buf_u8(out, row->type);
    buf_u8(out, row->ordinal);
    buf_add(out, row->exporter.b, 16);
    buf_be64(out, a->learnt_s);
    text(out, a->name);
    buf_be32(out, a->n);
    for (uint32_t i = 0; i < a->n; i++) {
        buf_be32(out, a->ifaces[i].index);
        buf_be32(out, a->ifaces[i].speed);
        text(out, a->ifaces[i].name);
        text(out, a->ifaces[i].description);
    }
}

void persist_end(struct buf *out)
{
    buf_be64(out, XXH64(out->p, out->len, 0));
}

static struct str read_text(struct cursor *c, struct meta_draft *d)
{
    size_t len = cursor_be16(c);
    const uint8_t *p = cursor_bytes(c, len);
    return p ? meta_draft_text(d, (struct str){(const char *)p, len}) : (struct str){0};
}

static bool read_row(struct cursor *c, uint32_t max_ifaces, struct persist_row *row)
{
    struct meta_draft d;
    meta_draft_init(&d, max_ifaces);
    row->type = cursor_u8(c);
    row->ordinal = cursor_u8(c);
    const uint8_t *ip = cursor_bytes(c, 16);
    if (ip)
        row->exporter = ip_v6(ip);
    uint64_t learnt_s = cursor_be64(c);
    d.name = read_text(c, &d);
    uint32_t n = cursor_be32(c);
    for (uint32_t i = 0; i < n && !c->bad; i++) {
        uint32_t index = cursor_be32(c), speed = cursor_be32(c);
        struct str name = read_text(c, &d), description = read_text(c, &d);
        struct meta_iface *to = c->bad ? NULL : meta_draft_iface(&d, index);
        if (to)
            *to = (struct meta_iface){index, speed, name, description};
    }
    row->answer = c->bad ? NULL : meta_draft_done(&d, learnt_s);
    meta_draft_fini(&d);
    return row->answer != NULL;
}

bool persist_read(struct str file, uint32_t max_ifaces, void (*row)(void *arg, struct persist_row *row),
                  void *arg, struct err *e)
{
    if (file.len < magic.len + 8 || !str_starts(file, magic))
        return err_set(e, "not a file of names");
    size_t len = file.len - 8;
    if (load_be64(file.p + len) != XXH64(file.p, len, 0))
        return err_set(e, "damaged");
    struct cursor c = cursor_init(file.p + magic.len, len - magic.len);
    while (cursor_left(&c) && !c.bad) {
        struct persist_row r = {0};
        if (read_row(&c, max_ifaces, &r))
            row(arg, &r);
    }
    return true;
}
