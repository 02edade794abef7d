/* Rows in the order of arrival and a hash index over them; nothing is ever taken out, so both stay simple. */
#include "decode/names.h"
#include <stdlib.h>

enum { SLOTS_MIN = 16 };

static uint32_t slot_of(const struct names *t, uint64_t seed, enum name_kind kind, uint64_t id)
{
    uint64_t h = (id ^ seed ^ (uint64_t)kind << 56) * 0x9e3779b97f4a7c15u;
    return (uint32_t)((h ^ h >> 29) * 0xbf58476d1ce4e5b9u >> 32) & t->mask;
}

void names_fini(struct names *t)
{
    for (unsigned i = 0; i < t->n; i++)
        free(t->rows[i].text);
    free(t->rows);
    free(t->slots);
    *t = (struct names){0};
}

struct name *names_find(const struct names *t, uint64_t seed, enum name_kind kind, uint64_t id)
{
    if (t->n == 0)
        return NULL;
    for (uint32_t i = slot_of(t, seed, kind, id); t->slots[i]; i = (i + 1) & t->mask) {
        struct name *n = &t->rows[t->slots[i] - 1];
        if (n->kind == kind && n->id == id)
            return n;
    }
    return NULL;
}

static void put(struct names *t, uint64_t seed, unsigned row)
{
    uint32_t i = slot_of(t, seed, (enum name_kind)t->rows[row].kind, t->rows[row].id);
    while (t->slots[i])
        i = (i + 1) & t->mask;
    t->slots[i] = (uint16_t)(row + 1);
}

static void make_room(struct names *t, uint64_t seed)
{
    if (t->n < t->room)
        return;
    t->room = t->room ? (uint16_t)(t->room * 2) : SLOTS_MIN / 2;
    t->rows = xrealloc(t->rows, t->room * sizeof *t->rows);
    free(t->slots);
    t->mask = t->room * 2u - 1;
    t->slots = xcalloc(t->mask + 1, sizeof *t->slots);
    for (unsigned i = 0; i < t->n; i++)
        put(t, seed, i);
}

static char *copy(struct str s)
{
    char *p = xmalloc(s.len ? s.len : 1);
    if (s.len)
        memcpy(p, s.p, s.len);
    return p;
}

bool names_set(struct names *t, uint64_t seed, struct name entry, struct str text, int64_t room,
               int64_t *grown)
{
    struct name *n = names_find(t, seed, (enum name_kind)entry.kind, entry.id);
    *grown = 0;
    if (n && n->type == entry.type && str_eq((struct str){n->text, n->len}, text))
        return true;
    int64_t more = (int64_t)text.len + (n ? -(int64_t)n->len : (int64_t)sizeof *n);
    if (more > room || (!n && t->n == NAMES_MAX))
        return false;
    if (n) {
        free(n->text);
    } else {
        make_room(t, seed);
        n = &t->rows[t->n];
        *n = entry;
        put(t, seed, t->n++);
    }
    n->type = entry.type;
    n->text = copy(text);
    n->len = (uint8_t)text.len;
    n->generation = UINT32_MAX;
    *grown = more;
    return true;
}

size_t names_bytes(const struct names *t)
{
    size_t sum = t->n * sizeof *t->rows;
    for (unsigned i = 0; i < t->n; i++)
        sum += t->rows[i].len;
    return sum;
}

uint32_t names_intern(struct name *n, struct intern *strings)
{
    if (n->generation != strings->generation) {
        n->interned = intern(strings, (struct str){n->text, n->len});
        n->generation = strings->generation;
    }
    return n->interned;
}
