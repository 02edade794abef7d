/*
 * Facts are arrays sorted by (enterprise, element) and searched by halves: that is for humans to read (names), while a
 * template's fields are looked up in a small hash table of what fills columns.
 */
#include "decode/registry.h"
#include "decode/convert.h"
#include <pthread.h>
#include <stdlib.h>

#define X(name) [ELEMENT_##name] = #name,
static const char *const type_names[ELEMENT_TYPES] = {
#include "decode/element_types.def"
};
#undef X

static const char *const semantics_names[] = {"default",      "quantity",    "totalCounter",
                                              "deltaCounter", "identifier",  "flags",
                                              "list",         "snmpCounter", "snmpGauge"};

/* enterprise 0 stands in both, in disjoint ranges; vendors' rows begin where IANA's end */
#define X(pen, id, name, type, semantics, units)                                                             \
    {pen, id, ELEMENT_##type, SEMANTICS_##semantics, #name, units},
static const struct element elements[] = {
#include "decode/elements.def"
#include "decode/vendors.def"
};
#undef X

const char *registry_type_name(enum element_type t)
{
    return t < ELEMENT_TYPES ? type_names[t] : "";
}

const char *registry_semantics_name(enum element_semantics s)
{
    return s < sizeof semantics_names / sizeof *semantics_names ? semantics_names[s] : "";
}

static int by_key(const void *a, const void *b)
{
    const struct element *x = a, *y = b;
    return x->pen != y->pen ? (x->pen < y->pen ? -1 : 1) : (int)x->id - (int)y->id;
}

const struct element *registry_element(const struct registry *r, uint32_t pen, uint16_t id)
{
    for (uint32_t i = 0; i < r->n_own; i++)
        if (r->own[i].pen == pen && r->own[i].id == id)
            return &r->own[i];
    const struct element key = {.pen = pen, .id = id};
    return bsearch(&key, elements, sizeof elements / sizeof *elements, sizeof *elements, by_key);
}

/* ---- configuration */

static bool no_column(const char *name, struct err *e)
{
    enum { NEAR = 3 };
    unsigned best = NEAR + 1, at = COL_COUNT;
    for (unsigned c = 0; c < COL_COUNT; c++) {
        unsigned d = str_distance(str_from(name), str_from(column_defs[c].name), NEAR);
        if (d < best && !(column_defs[c].flags & COLF_HIDDEN)) {
            best = d;
            at = c;
        }
    }
    if (at == COL_COUNT)
        return err_set(e, "there is no column \"%s\"", name);
    return err_set(e, "there is no column \"%s\"; did you mean %s?", name, column_defs[at].name);
}

static bool check(const void *conf, const char **bad_key, struct err *e)
{
    const struct element_conf *c = conf;
    enum column col = column_find_nocase(str_from(c->column));
    const char *why;
    *bad_key = "column";
    if (col == COL_COUNT)
        return no_column(c->column, e);
    if (!convert_fits((enum element_type)c->type, col, &why) && why)
        return err_set(e, "column %s %s", column_defs[col].name, why);
    if (!convert_fits((enum element_type)c->type, col, &why))
        return err_set(e, "column %s cannot hold values of type %s", column_defs[col].name,
                       type_names[c->type]);
    *bad_key = "id";
    if (c->pen && c->id > 32767)
        return err_set(
            e,
            "elements of an enterprise have ids up to 32767; larger ones are NetFlow v9's own, enterprise 0");
    return true;
}

static const struct opt_choice types[] = {
#define X(name) {#name, ELEMENT_##name, "", 0},
#include "decode/element_types.def"
#undef X
    {NULL}};

#define ELEMENT(field) OPT_AT(struct element_conf, field)
static const struct opt rows[] = {
    {"pen", OPT_UINT, ELEMENT(pen), "0",
     "Enterprise number; 0 for IANA's elements and NetFlow v9's field types.", 0, UINT32_MAX},
    {"id", OPT_UINT, ELEMENT(id), NULL, "Number of the element, or field type.", 1, UINT16_MAX,
     .flags = OPT_REQUIRED},
    {"name", OPT_STRING, ELEMENT(name), "", "What `weir decode --explain` calls it."},
    {"type", OPT_ENUM, ELEMENT(type), "unsigned64", "Its abstract data type (RFC 7011 6.1).",
     .choices = types},
    {"column", OPT_STRING, ELEMENT(column), NULL, "Column that it fills, before all other elements.",
     .flags = OPT_REQUIRED},
};
const struct opt_table registry_conf_table = OPT_TABLE("element", struct element_conf, rows, .check = check,
                                                       .help = "An information element of a vendor.");

/* ---- uses */

/* "8" or "2636/137" */
static bool parse_element(struct str text, uint32_t *pen, uint16_t *id)
{
    struct str left = text, first;
    uint64_t a = 0, b;
    bool two = memchr(text.p, '/', text.len) != NULL;
    if (two && (!str_split(&left, '/', &first) || !str_u64(first, &a)))
        return false;
    if (!str_u64(left, &b) || a > UINT32_MAX || b > UINT16_MAX)
        return false;
    *pen = (uint32_t)a;
    *id = (uint16_t)b;
    return true;
}

static void add_use(struct registry *r, uint32_t *room, struct element_use use)
{
    if (r->n_uses == *room) {
        *room = *room ? *room * 2 : 256;
        r->uses = xrealloc(r->uses, *room * sizeof *r->uses);
    }
    r->uses[r->n_uses++] = use;
}

/* Ranks of columns.def begin behind those the configuration may take. */
enum { RANK_FIRST = REGISTRY_OWN + 1 };

static void read_columns(struct registry *r, uint32_t *room)
{
    for (unsigned c = 0; c < COL_COUNT; c++) {
        struct str left = str_from(column_defs[c].elements), one;
        for (uint8_t rank = RANK_FIRST; str_split(&left, ' ', &one); rank++) {
            struct element_use use = {.col = (uint16_t)c, .rank = rank};
            if (!parse_element(one, &use.pen, &use.id))
                continue;
            const struct element *el = registry_element(r, use.pen, use.id);
            use.type = el ? el->type : ELEMENT_octetArray;
            add_use(r, room, use);
        }
    }
}

static void read_conf(struct registry *r, const struct opt_list *conf, uint32_t *room)
{
    r->own = xcalloc(conf->n ? conf->n : 1, sizeof *r->own);
    for (size_t i = 0; i < conf->n; i++) {
        const struct element_conf *c = OPT_ITEM(*conf, const struct element_conf, i);
        const struct element *known = registry_element(r, (uint32_t)c->pen, (uint16_t)c->id);
        const char *name = c->name[0] ? c->name : known ? known->name : c->column;
        r->own[r->n_own++] = (struct element){.pen = (uint32_t)c->pen,
                                              .id = (uint16_t)c->id,
                                              .type = (uint8_t)c->type,
                                              .name = arena_strdup(&r->arena, name),
                                              .units = ""};
        add_use(r, room,
                (struct element_use){.pen = (uint32_t)c->pen,
                                     .id = (uint16_t)c->id,
                                     .col = (uint16_t)column_find_nocase(str_from(c->column)),
                                     .rank = REGISTRY_OWN,
                                     .type = (uint8_t)c->type});
    }
}

static int use_order(const void *a, const void *b)
{
    const struct element_use *x = a, *y = b;
    if (x->pen != y->pen)
        return x->pen < y->pen ? -1 : 1;
    return x->id != y->id ? (int)x->id - (int)y->id : (int)x->rank - (int)y->rank;
}

static uint32_t hash(uint32_t pen, uint16_t id)
{
    return (pen * 2654435761u ^ id) * 2246822519u >> 7;
}

static void index_uses(struct registry *r)
{
    for (r->mask = 1023; r->mask < r->n_uses * 2; r->mask = r->mask * 2 + 1)
        ;
    r->slots = xcalloc(r->mask + 1, sizeof *r->slots);
    for (uint32_t i = 0; i < r->n_uses; i++) {
        const struct element_use *u = &r->uses[i];
        if (i > 0 && u->pen == u[-1].pen && u->id == u[-1].id)
            continue;
        uint32_t at = hash(u->pen, u->id) & r->mask;
        while (r->slots[at])
            at = (at + 1) & r->mask;
        r->slots[at] = (uint16_t)(i + 1);
    }
}

bool registry_init(struct registry *r, const struct opt_list *conf, struct err *e)
{
    enum { OWN_MAX = 4096 };
    uint32_t room = 0;
    *r = (struct registry){0};
    arena_init(&r->arena);
    if (conf && conf->n > OWN_MAX)
        return err_set(e, "more than %d elements", OWN_MAX);
    if (conf)
        read_conf(r, conf, &room);
    read_columns(r, &room);
    qsort(r->uses, r->n_uses, sizeof *r->uses, use_order);
    index_uses(r);
    return true;
}

void registry_fini(struct registry *r)
{
    arena_fini(&r->arena);
    free(r->uses);
    free(r->own);
    free(r->slots);
    *r = (struct registry){0};
}

static struct registry plain;

static void make_plain(void)
{
    struct err e;
    registry_init(&plain, NULL, &e);
}

const struct registry *registry_default(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_plain);
    return &plain;
}

const struct element_use *registry_uses(const struct registry *r, uint32_t pen, uint16_t id, unsigned *n)
{
    *n = 0;
    for (uint32_t at = hash(pen, id) & r->mask; r->slots[at]; at = (at + 1) & r->mask) {
        const struct element_use *u = &r->uses[r->slots[at] - 1];
        if (u->pen != pen || u->id != id)
            continue;
        for (const struct element_use *v = u; v < r->uses + r->n_uses && v->pen == pen && v->id == id; v++)
            ++*n;
        return u;
    }
    return NULL;
}
