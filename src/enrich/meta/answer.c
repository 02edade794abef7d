/* One block of memory per answer: head, interfaces, text. */
#include "enrich/meta/answer.h"
#include "schema/learnt.h"
#include <stdlib.h>

struct meta_answer *meta_answer_ref(struct meta_answer *a)
{
    if (a)
        __atomic_fetch_add(&a->refs, 1, __ATOMIC_RELAXED);
    return a;
}

void meta_answer_unref(struct meta_answer *a)
{
    if (a && __atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(a);
}

bool meta_answer_same(const struct meta_answer *a, const struct meta_answer *b)
{
    if (!a || !b || a->n != b->n || !str_eq(a->name, b->name))
        return a == b;
    for (uint32_t i = 0; i < a->n; i++) {
        const struct meta_iface *x = &a->ifaces[i], *y = &b->ifaces[i];
        if (x->index != y->index || x->speed != y->speed || !str_eq(x->name, y->name) ||
            !str_eq(x->description, y->description))
            return false;
    }
    return true;
}

static const struct meta_iface *find(const struct meta_iface *rows, uint32_t n, uint32_t index, uint32_t *at)
{
    uint32_t from = 0, to = n;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (rows[mid].index < index)
            from = mid + 1;
        else
            to = mid;
    }
    *at = from;
    return from < n && rows[from].index == index ? &rows[from] : NULL;
}

const struct meta_iface *meta_answer_iface(const struct meta_answer *a, uint32_t index)
{
    uint32_t at;
    return find(a->ifaces, a->n, index, &at);
}

/* ---- draft */

void meta_draft_init(struct meta_draft *d, uint32_t most)
{
    *d = (struct meta_draft){.most = most};
    arena_init(&d->arena);
}

void meta_draft_fini(struct meta_draft *d)
{
    arena_fini(&d->arena);
    free(d->ifaces);
    *d = (struct meta_draft){0};
}

struct meta_iface *meta_draft_iface(struct meta_draft *d, uint32_t index)
{
    uint32_t at = d->n;
    if (d->n && d->ifaces[d->n - 1].index >= index && find(d->ifaces, d->n, index, &at))
        return &d->ifaces[at];
    if (d->n == d->most) {
        d->cut++;
        return NULL;
    }
    if (d->n == d->room) {
        d->room = d->room ? d->room * 2 : 64;
        d->ifaces = xrealloc(d->ifaces, d->room * sizeof *d->ifaces);
    }
    memmove(&d->ifaces[at + 1], &d->ifaces[at], (d->n - at) * sizeof *d->ifaces);
    d->ifaces[at] = (struct meta_iface){.index = index};
    d->n++;
    return &d->ifaces[at];
}

/* Bytes of the whole character at the front, 0 when there is none. */
static size_t character(struct str s)
{
    uint8_t c = (uint8_t)s.p[0];
    size_t want = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    want = want < s.len ? want : s.len;
    return str_utf8((struct str){s.p, want}) == want ? want : 0;
}

struct str meta_draft_text(struct meta_draft *d, struct str raw)
{
    char utf8[2 * META_TEXT_MAX + 4], room[LEARNT_TEXT];
    size_t n = 0;
    while (raw.len && n + 4 < sizeof utf8) {
        uint8_t c = (uint8_t)raw.p[0];
        size_t len = character(raw), used = len ? len : 1;
        if (len || c < 0xa0) {
            memcpy(utf8 + n, raw.p, used); /* what is neither is made clean below */
            n += used;
        } else {
            utf8[n++] = (char)(0xc0 | c >> 6);
            utf8[n++] = (char)(0x80 | (c & 0x3f));
        }
        raw = (struct str){raw.p + used, raw.len - used};
    }
    struct str clean = learnt_text((struct str){utf8, n}, room);
    d->cut += raw.len > 0 || str_trim((struct str){utf8, n}).len > META_TEXT_MAX;
    return arena_str(&d->arena, clean);
}

static struct str pack(char **at, struct str s)
{
    char *to = *at;
    if (s.len)
        memcpy(to, s.p, s.len);
    *at += s.len;
    return (struct str){to, s.len};
}

struct meta_answer *meta_draft_done(const struct meta_draft *d, uint64_t learnt_s)
{
    size_t text = d->name.len;
    for (uint32_t i = 0; i < d->n; i++)
        text += d->ifaces[i].name.len + d->ifaces[i].description.len;
    struct meta_answer *a = xmalloc(sizeof *a + d->n * sizeof(struct meta_iface) + text);
    struct meta_iface *rows = (struct meta_iface *)(a + 1);
    char *at = (char *)(rows + d->n);
    *a = (struct meta_answer){
        .refs = 1, .n = d->n, .learnt_s = learnt_s, .name = pack(&at, d->name), .ifaces = rows};
    for (uint32_t i = 0; i < d->n; i++) {
        rows[i] = d->ifaces[i];
        rows[i].name = pack(&at, d->ifaces[i].name);
        rows[i].description = pack(&at, d->ifaces[i].description);
    }
    return a;
}
