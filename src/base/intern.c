/* An open-addressing table of ids over xxh3, text in an arena. */
#include "base/intern.h"
#include <stdlib.h>
#include <xxhash.h>

enum { FIRST_SLOTS = 1024 };

void intern_init(struct intern *t)
{
    *t = (struct intern){.mask = FIRST_SLOTS - 1};
    arena_init(&t->text);
    t->slots = xcalloc(FIRST_SLOTS, sizeof *t->slots);
    intern(t, STR(""));
}

void intern_fini(struct intern *t)
{
    arena_fini(&t->text);
    free(t->strs);
    free(t->slots);
    *t = (struct intern){0};
}

static uint32_t *find(const struct intern *t, struct str s)
{
    uint32_t i = (uint32_t)XXH3_64bits(s.p, s.len) & t->mask;
    while (t->slots[i] && !str_eq(t->strs[t->slots[i] - 1], s))
        i = (i + 1) & t->mask;
    return &t->slots[i];
}

static void widen(struct intern *t)
{
    free(t->slots);
    t->mask = t->mask * 2 + 1;
    t->slots = xcalloc((size_t)t->mask + 1, sizeof *t->slots);
    for (uint32_t id = 0; id < t->n; id++)
        *find(t, t->strs[id]) = id + 1;
}

uint32_t intern(struct intern *t, struct str s)
{
    uint32_t *slot = find(t, s);
    if (*slot)
        return *slot - 1;
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 256;
        t->strs = xrealloc(t->strs, t->room * sizeof *t->strs);
    }
    uint32_t id = t->n++;
    t->strs[id] = arena_str(&t->text, s);
    *slot = id + 1;
    if (t->n > t->mask / 2)
        widen(t);
    return id;
}

void intern_reset(struct intern *t)
{
    uint32_t generation = t->generation + 1;
    intern_fini(t);
    intern_init(t);
    t->generation = generation;
}
