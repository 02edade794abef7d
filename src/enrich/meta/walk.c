/*
 * What the columns mean together: the name is ifName, else ifDescr; the description is ifAlias, else ifDescr, unless they
 * repeat the name; the speed is ifHighSpeed, else ifSpeed (which ends at 4.3 Gbit/s) in Mbit/s.
 */
#include "enrich/meta/walk.h"
#include <stdlib.h>

static const struct {
    walk_oid oid[WALK_OID_MAX];
    size_t len;
} columns[WALK_COLUMNS] = {
    [WALK_NAME] = {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1}, 11},
    [WALK_DESCR] = {{1, 3, 6, 1, 2, 1, 2, 2, 1, 2}, 10},
    [WALK_ALIAS] = {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18}, 11},
    [WALK_HIGH_SPEED] = {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15}, 11},
    [WALK_SPEED] = {{1, 3, 6, 1, 2, 1, 2, 2, 1, 5}, 10},
};

struct walk_row {
    uint32_t index, high_speed, speed;
    struct str name, descr, alias;
};

void walk_init(struct walk *w, uint32_t max_ifaces)
{
    *w = (struct walk){0};
    meta_draft_init(&w->draft, max_ifaces);
}

void walk_fini(struct walk *w)
{
    meta_draft_fini(&w->draft);
    free(w->rows);
    *w = (struct walk){0};
}

/* The row of that index, made if need be; NULL when there are too many. */
static struct walk_row *row_of(struct walk *w, uint32_t index)
{
    uint32_t from = 0, to = w->n;
    if (w->n && w->rows[w->n - 1].index < index)
        from = w->n; /* they usually grow */
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (w->rows[mid].index < index)
            from = mid + 1;
        else
            to = mid;
    }
    if (from < w->n && w->rows[from].index == index)
        return &w->rows[from];
    if (w->n == w->draft.most)
        return NULL;
    if (w->n == w->room) {
        w->room = w->room ? w->room * 2 : 64;
        w->rows = xrealloc(w->rows, w->room * sizeof *w->rows);
    }
    memmove(&w->rows[from + 1], &w->rows[from], (w->n - from) * sizeof *w->rows);
    w->rows[from] = (struct walk_row){.index = index};
    w->n++;
    return &w->rows[from];
}

static void set_text(struct walk *w, struct str *at, const struct walk_var *v)
{
    if (v->kind == WALK_TEXT)
        *at = meta_draft_text(&w->draft, v->text);
}

static void set_number(uint32_t *at, const struct walk_var *v)
{
    if (v->kind == WALK_NUMBER)
        *at = v->number > UINT32_MAX ? UINT32_MAX : (uint32_t)v->number;
}

static bool put(struct walk *w, enum walk_column c, uint32_t index, const struct walk_var *v)
{
    struct walk_row *row = row_of(w, index);
    if (!row) {
        w->draft.cut++;
        return false;
    }
    switch (c) {
    case WALK_NAME:
        set_text(w, &row->name, v);
        break;
    case WALK_DESCR:
        set_text(w, &row->descr, v);
        break;
    case WALK_ALIAS:
        set_text(w, &row->alias, v);
        break;
    case WALK_HIGH_SPEED:
        set_number(&row->high_speed, v);
        break;
    case WALK_SPEED:
        set_number(&row->speed, v);
        break;
    case WALK_COLUMNS:
        break;
    }
    return true;
}

/* Is it an object of that column, and which interface's? */
static bool index_in(enum walk_column c, const struct walk_var *v, uint32_t *index)
{
    size_t len = columns[c].len;
    if (v->oid_len != len + 1 || memcmp(v->oid, columns[c].oid, len * sizeof(walk_oid)) != 0 ||
        v->oid[len] > UINT32_MAX || v->kind == WALK_NOTHING)
        return false;
    *index = (uint32_t)v->oid[len];
    return true;
}

bool walk_next(struct walk *w, walk_oid oids[WALK_COLUMNS][WALK_OID_MAX], size_t lens[WALK_COLUMNS],
               unsigned *n)
{
    w->n_asked = 0;
    for (enum walk_column c = 0; c < WALK_COLUMNS; c++) {
        if (w->columns[c].ended)
            continue;
        unsigned k = w->n_asked++;
        w->asked[k] = c;
        memcpy(oids[k], columns[c].oid, sizeof columns[c].oid);
        lens[k] = columns[c].len;
        if (w->columns[c].begun)
            oids[k][lens[k]++] = w->columns[c].last;
    }
    *n = w->n_asked;
    return w->n_asked > 0;
}

void walk_take(struct walk *w, const struct walk_var *vars, size_t n)
{
    for (size_t i = 0; i < n && w->n_asked; i++) {
        enum walk_column c = w->asked[i % w->n_asked];
        uint32_t index;
        if (w->columns[c].ended)
            continue;
        if (!index_in(c, &vars[i], &index)) {
            w->columns[c].ended = true; /* into the next column: RFC 3416 4.2.2 */
        } else if (w->columns[c].begun && index <= w->columns[c].last) {
            w->columns[c].ended = true;
            w->lies++;
        } else {
            w->columns[c].begun = true;
            w->columns[c].last = index;
            w->taken++;
            w->columns[c].ended = !put(w, c, index, &vars[i]);
        }
    }
    for (unsigned k = 0; n == 0 && k < w->n_asked; k++) /* else those without an answer are asked for again */
        w->columns[w->asked[k]].ended = true;
}

void walk_end(struct walk *w, unsigned k)
{
    if (k < w->n_asked)
        w->columns[w->asked[k]].ended = true;
}

void walk_one(uint32_t index, walk_oid oids[WALK_COLUMNS][WALK_OID_MAX], size_t lens[WALK_COLUMNS])
{
    for (enum walk_column c = 0; c < WALK_COLUMNS; c++) {
        memcpy(oids[c], columns[c].oid, sizeof columns[c].oid);
        oids[c][columns[c].len] = index;
        lens[c] = columns[c].len + 1;
    }
}

void walk_take_one(struct walk *w, uint32_t index, const struct walk_var *vars, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (enum walk_column c = 0; c < WALK_COLUMNS; c++) {
            uint32_t got;
            if (index_in(c, &vars[i], &got)) {
                if (got == index)
                    put(w, c, index, &vars[i]);
                else
                    w->lies++;
            }
        }
}

struct meta_answer *walk_answer(struct walk *w, struct str name, uint64_t learnt_s)
{
    struct meta_draft *d = &w->draft;
    d->name = meta_draft_text(d, name);
    for (uint32_t i = 0; i < w->n; i++) {
        const struct walk_row *row = &w->rows[i];
        struct meta_iface *to = meta_draft_iface(d, row->index);
        if (!to)
            break;
        to->name = row->name.len ? row->name : row->descr;
        to->description = row->alias.len && !str_eq(row->alias, to->name)   ? row->alias
                          : row->descr.len && !str_eq(row->descr, to->name) ? row->descr
                                                                            : (struct str){0};
        to->speed = row->high_speed ? row->high_speed : row->speed / 1000000;
    }
    return meta_draft_done(d, learnt_s);
}
