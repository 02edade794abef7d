/* Everything that can be wrong is found here, when the configuration is read; what is left can be wrong in the file alone. */
#include "schema/dictionary.h"
#include "base/arena.h"
#include "base/ip.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_OF(d, i) OPT_ITEM((d)->keys, const struct schema_dictionary_key, i)
#define ATTRIBUTE_OF(d, i) OPT_ITEM((d)->attributes, const struct schema_dictionary_attribute, i)

/* ---- types */

static const struct {
    const char *name;
    enum dictionary_type type;
    unsigned bits;
} types[] = {{"String", DICTIONARY_TEXT, 0},    {"IPv6", DICTIONARY_IP, 128},
             {"UInt8", DICTIONARY_NUMBER, 8},   {"UInt16", DICTIONARY_NUMBER, 16},
             {"UInt32", DICTIONARY_NUMBER, 32}, {"UInt64", DICTIONARY_NUMBER, 64}};

static bool find_type(const char *name, enum dictionary_type *type, unsigned *bits)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0) {
            *type = types[i].type;
            *bits = types[i].bits;
            return true;
        }
    return false;
}

enum dictionary_type dictionary_attribute_type(const char *type, unsigned *bits)
{
    enum dictionary_type t = DICTIONARY_TEXT;
    find_type(type, &t, bits);
    return t;
}

/* The column that a key is compared with; COL_COUNT when there is none of that name. */
static enum column match(const struct schema_dictionary_key *k, const char *dimension, char *name,
                         size_t room)
{
    snprintf(name, room, "%s%s", k->match_dimension[0] ? k->match_dimension : dimension,
             k->match_dimension[0] ? "" : k->match_dimension_suffix);
    return column_find_nocase(str_from(name));
}

static bool is_address(enum column c)
{
    return c < COL_CUSTOM && column_defs[c].kind == KIND_IP;
}

enum dictionary_type dictionary_key_type(const struct schema_dictionary_conf *d, size_t key)
{
    const struct schema_dictionary_key *k = KEY_OF(d, key);
    enum dictionary_type type = DICTIONARY_TEXT;
    unsigned bits;
    char name[DICTIONARY_NAME_MAX * 2];
    if (d->layout == DICTIONARY_IP_TRIE)
        return DICTIONARY_NETWORK;
    find_type(k->type, &type, &bits);
    /* a text that is compared with an address is one */
    if (type == DICTIONARY_TEXT && d->dimensions.n &&
        is_address(match(k, *OPT_ITEM(d->dimensions, const char *, 0), name, sizeof name)))
        return DICTIONARY_IP;
    return type;
}

/* ---- checks */

static bool is_identifier(const char *z)
{
    size_t n = strlen(z);
    if (n == 0 || n > DICTIONARY_NAME_MAX || isdigit((unsigned char)z[0]))
        return false;
    for (; *z; z++)
        if (*z != '_' && !isalnum((unsigned char)*z))
            return false;
    return true;
}

static bool name_is_good(const char *dictionary, const char *what, const char *name, struct err *e)
{
    return is_identifier(name) ||
           err_set(e,
                   "schema.custom-dictionaries.%s: %s \"%s\": letters, digits and _ are expected, at most %d",
                   dictionary, what, name, DICTIONARY_NAME_MAX);
}

static bool type_is_good(const char *dictionary, const char *name, const char *type, struct err *e)
{
    enum dictionary_type t;
    unsigned bits;
    return find_type(type, &t, &bits) || err_set(e,
                                                 "schema.custom-dictionaries.%s: %s has type \"%s\": String, "
                                                 "UInt8 to UInt64 or IPv6 is expected",
                                                 dictionary, name, type);
}

static bool default_is_good(const char *dictionary, const struct schema_dictionary_attribute *a,
                            struct err *e)
{
    unsigned bits = 0;
    uint64_t v = 0;
    struct ip ip;
    struct str text = str_from(a->fallback);
    enum dictionary_type type = dictionary_attribute_type(a->type, &bits);
    bool ok =
        text.len == 0 || type == DICTIONARY_TEXT ||
        (type == DICTIONARY_IP ? ip_parse(text, &ip) : str_u64(text, &v) && (bits == 64 || v >> bits == 0));
    return ok || err_set(e, "schema.custom-dictionaries.%s: %s: the default \"%s\" is no %s", dictionary,
                         a->name, a->fallback, a->type);
}

/* True when name i of the list is there before. */
static bool is_twice(const struct schema_dictionary_conf *d, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        const char *one = i < d->keys.n ? KEY_OF(d, i)->name : ATTRIBUTE_OF(d, i - d->keys.n)->name;
        const char *other = k < d->keys.n ? KEY_OF(d, k)->name : ATTRIBUTE_OF(d, k - d->keys.n)->name;
        if (strcmp(one, other) == 0)
            return true;
    }
    return false;
}

static bool fields_are_good(const char *name, const struct schema_dictionary_conf *d, struct err *e)
{
    if (!name_is_good(name, "name", name, e))
        return false;
    if (d->keys.n == 0 || d->attributes.n == 0)
        return err_set(e, "schema.custom-dictionaries.%s: it needs keys and attributes", name);
    if (d->layout == DICTIONARY_IP_TRIE && d->keys.n != 1)
        return err_set(e, "schema.custom-dictionaries.%s: layout ip_trie has one key", name);
    for (size_t i = 0; i < d->keys.n + d->attributes.n; i++) {
        const struct schema_dictionary_key *k = i < d->keys.n ? KEY_OF(d, i) : NULL;
        const struct schema_dictionary_attribute *a = k ? NULL : ATTRIBUTE_OF(d, i - d->keys.n);
        const char *field = k ? k->name : a->name;
        if (!name_is_good(name, k ? "key" : "attribute", field, e) ||
            !type_is_good(name, field, k ? k->type : a->type, e) || (a && !default_is_good(name, a, e)))
            return false;
        if (is_twice(d, i))
            return err_set(e, "schema.custom-dictionaries.%s: %s is there twice", name, field);
        if (k && k->match_dimension[0] && k->match_dimension_suffix[0])
            return err_set(e,
                           "schema.custom-dictionaries.%s: %s has match-dimension and match-dimension-suffix",
                           name, field);
    }
    return true;
}

/* What a key is compared with is there and of its kind. */
static bool key_is_good(const char *name, const struct schema_dictionary_conf *d, size_t key,
                        const char *dimension, struct err *e)
{
    char column[DICTIONARY_NAME_MAX * 2];
    const struct schema_dictionary_key *k = KEY_OF(d, key);
    enum column c = match(k, dimension, column, sizeof column);
    if (c >= COL_CUSTOM || column_defs[c].flags & COLF_HIDDEN)
        return err_set(
            e, "schema.custom-dictionaries.%s: %s is to be compared with \"%s\", which is no column of flows",
            name, k->name, column);
    enum dictionary_type type = dictionary_key_type(d, key);
    bool number = strncmp(column_defs[c].type, "UInt", 4) == 0;
    bool array = strncmp(column_defs[c].type, "Array", 5) == 0;
    bool ok = type == DICTIONARY_TEXT     ? !array && !is_address(c)
              : type == DICTIONARY_NUMBER ? number
                                          : is_address(c);
    return ok || err_set(e, "schema.custom-dictionaries.%s: %s (%s) cannot be compared with %s (%s)", name,
                         k->name, d->layout == DICTIONARY_IP_TRIE ? "network" : k->type, column_defs[c].name,
                         column_defs[c].type);
}

/* ---- columns */

static bool is_plain(const struct schema_dictionary_conf *d)
{
    return d->layout != DICTIONARY_IP_TRIE && d->keys.n == 1 &&
           dictionary_key_type(d, 0) == DICTIONARY_NUMBER;
}

static void expression(const char *name, const struct schema_dictionary_conf *d, const char *dimension,
                       const char *attribute, struct buf *sql)
{
    static const char *const as[] = {"String", "UInt64", "IPv6", "IPv6"};
    char column[DICTIONARY_NAME_MAX * 2];
    buf_printf(sql, "dictGet('custom_dict_%s', '%s', %s", name, attribute, is_plain(d) ? "" : "tuple(");
    for (size_t i = 0; i < d->keys.n; i++) {
        enum column c = match(KEY_OF(d, i), dimension, column, sizeof column);
        buf_printf(sql, "%sCAST(%s, '%s')", i ? ", " : "", column_defs[c].name,
                   as[dictionary_key_type(d, i)]);
    }
    buf_z(sql, is_plain(d) ? ")" : "))");
}

static char *text_of(struct buf *b)
{
    buf_u8(b, 0);
    char *z = xstrdup((const char *)b->p);
    buf_fini(b);
    return z;
}

static bool add(struct schema *s, const char *name, const struct schema_dictionary_conf *d,
                const char *dimension, const struct schema_dictionary_attribute *a, struct err *e)
{
    static const enum column_kind kinds[] = {KIND_STRING, KIND_UINT, KIND_IP, KIND_IP};
    unsigned bits = 0;
    struct buf column, type, expr, doc, dictionary;
    enum dictionary_type t = dictionary_attribute_type(a->type, &bits);
    struct buf *all[] = {&column, &type, &expr, &doc, &dictionary};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_init(all[i], 0);
    buf_printf(&column, "%s%s", dimension, a->label[0] ? a->label : a->name);
    buf_printf(&type, t == DICTIONARY_NUMBER ? "%s" : "LowCardinality(%s)", a->type);
    expression(name, d, dimension, a->name, &expr);
    buf_printf(&doc, "%s by dictionary %s.", a->name, name);
    buf_printf(&dictionary, "custom_dict_%s", name);
    const struct column_def def = {.name = text_of(&column),
                                   .store = STORE_NONE,
                                   .type = text_of(&type),
                                   .codec = "",
                                   .kind = kinds[t],
                                   .flags = COLF_GEN | COLF_NOKEY,
                                   .group = GROUP_NONE,
                                   .elements = "",
                                   .expr = text_of(&expr),
                                   .doc = text_of(&doc),
                                   .dictionary = text_of(&dictionary),
                                   .attribute = xstrdup(a->name)};
    enum column there = column_find_nocase(str_from(def.name)), c = COL_COUNT;
    bool ok = name_is_good(name, "column", def.name, e);
    if (ok && there != COL_COUNT && (there < COL_CUSTOM || s->enabled[there]))
        ok = err_set(e, "schema.custom-dictionaries.%s: there is a column %s already", name,
                     column_defs[there].name);
    else if (ok && (c = column_add(&def)) == COL_COUNT)
        ok = err_set(e, "schema.custom-dictionaries.%s: more than %d columns; if fewer, restart", name,
                     COL_COUNT - COL_CUSTOM);
    else if (ok)
        s->enabled[c] = true;
    if (c == COL_COUNT || column_defs[c].name != def.name) { /* not kept */
        const char *texts[] = {def.name, def.type, def.expr, def.doc, def.dictionary, def.attribute};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            free((void *)(uintptr_t)texts[i]);
    }
    return ok;
}

bool dictionary_columns(struct schema *s, const struct opt_map *conf, struct err *e)
{
    if (conf->n > DICTIONARY_MAX)
        return err_set(e, "schema.custom-dictionaries: at most %d are possible", DICTIONARY_MAX);
    for (size_t i = 0; i < conf->n; i++) {
        const struct schema_dictionary_conf *d = &((const struct schema_dictionary_conf *)conf->items)[i];
        if (!fields_are_good(conf->keys[i], d, e))
            return false;
        for (size_t k = 0; k < d->dimensions.n; k++) {
            const char *dimension = *OPT_ITEM(d->dimensions, const char *, k);
            if (!name_is_good(conf->keys[i], "dimension", dimension, e))
                return false;
            for (size_t j = 0; j < d->keys.n; j++)
                if (!key_is_good(conf->keys[i], d, j, dimension, e))
                    return false;
            for (size_t j = 0; j < d->attributes.n; j++)
                if (!add(s, conf->keys[i], d, dimension, ATTRIBUTE_OF(d, j), e))
                    return false;
        }
    }
    s->dictionaries = conf;
    return true;
}

/* ---- for the store */

static void quote(struct buf *sql, const char *z)
{
    buf_u8(sql, '\'');
    for (; *z; z++) {
        if (*z == '\'' || *z == '\\')
            buf_u8(sql, '\\');
        buf_u8(sql, (uint8_t)*z);
    }
    buf_u8(sql, '\'');
}

void dictionary_sql_columns(const struct schema_dictionary_conf *d, struct buf *sql)
{
    static const char *const as[] = {"String", "UInt64", "IPv6", "String"};
    for (size_t i = 0; i < d->keys.n; i++)
        buf_printf(sql, "%s`%s` %s", i ? ", " : "", KEY_OF(d, i)->name, as[dictionary_key_type(d, i)]);
    for (size_t i = 0; i < d->attributes.n; i++) {
        const struct schema_dictionary_attribute *a = ATTRIBUTE_OF(d, i);
        unsigned bits;
        buf_printf(sql, ", `%s` %s", a->name, a->type);
        if (!a->fallback[0])
            continue;
        buf_z(sql, " DEFAULT ");
        if (dictionary_attribute_type(a->type, &bits) == DICTIONARY_NUMBER)
            buf_z(sql, a->fallback);
        else
            quote(sql, a->fallback);
    }
}

void dictionary_sql_key(const struct schema_dictionary_conf *d, struct buf *sql)
{
    for (size_t i = 0; i < d->keys.n; i++)
        buf_printf(sql, "%s`%s`", i ? ", " : "", KEY_OF(d, i)->name);
}

const char *dictionary_sql_layout(const struct schema_dictionary_conf *d)
{
    if (d->layout == DICTIONARY_IP_TRIE)
        return "IP_TRIE()";
    return is_plain(d) ? "HASHED()" : "COMPLEX_KEY_HASHED()";
}
