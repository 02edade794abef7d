/* A short list: shedding is rare, and then of few exporters and minutes at a time. */
#include "bus/shed.h"
#include "base/arena.h"
#include <stdlib.h>

void shed_fini(struct shed *s)
{
    free(s->rows);
    *s = (struct shed){0};
}

static struct bus_note *find(struct shed *s, const struct bus_note *n)
{
    for (size_t i = s->n; i-- > 0;)
        if (s->rows[i].minute == n->minute && s->rows[i].kind == n->kind && ip_eq(s->rows[i].src, n->src))
            return &s->rows[i];
    return NULL;
}

void shed_add(struct shed *s, const struct bus_note *n)
{
    if (n->datagrams == 0)
        return;
    struct bus_note *row = find(s, n);
    if (row) {
        row->datagrams += n->datagrams;
        return;
    }
    if (s->n >= SHED_ROWS - 1 && !ip_is_zero(n->src)) {
        struct bus_note others = *n;
        others.src = (struct ip){0};
        shed_add(s, &others);
        return;
    }
    s->rows = xrealloc(s->rows, (s->n + 1) * sizeof *s->rows);
    s->rows[s->n++] = *n;
}

void shed_put(const struct shed *s, struct buf *out)
{
    for (size_t i = 0; i < s->n; i++)
        bus_note_put(out, &s->rows[i]);
}
