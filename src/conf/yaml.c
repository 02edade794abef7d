/*
 * Events to tree. An anchor is known only once its node is complete, so a node cannot contain itself; an alias shares
 * the node, so that a small file stays small in memory however often it repeats itself, and `weight` says what it would
 * be written out: the bound is on that.
 */
#include "conf/yaml.h"
#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct anchor {
    struct anchor *next;
    struct str name;
    struct yaml *node;
};

struct reading {
    struct arena *a;
    struct conf_report *r;
    struct yaml_files *files; /* NULL: no includes */
    const char *base;         /* folder that includes are relative to */
    const char *stack[YAML_INCLUDE_DEPTH];
    unsigned include_depth;
    unsigned depth;
    /* of the file being read */
    struct fy_parser *parser;
    struct fy_diag *diag;
    const char *name;
    struct anchor *anchors;
    bool failed;
};

static struct yaml *node_read(struct reading *rd, struct fy_event *ev);
static struct yaml *file_read(struct reading *rd, const char *path, struct conf_pos from);

/* ---- small tools on nodes ---- */

bool yaml_key_eq(struct str a, struct str b)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a.len && a.p[i] == '-')
            i++;
        while (j < b.len && b.p[j] == '-')
            j++;
        if (i == a.len || j == b.len)
            return i == a.len && j == b.len;
        char x = a.p[i++], y = b.p[j++];
        if (x >= 'A' && x <= 'Z')
            x = (char)(x + 32);
        if (y >= 'A' && y <= 'Z')
            y = (char)(y + 32);
        if (x != y)
            return false;
    }
}

bool yaml_is_null(const struct yaml *y)
{
    return y->kind == YAML_SCALAR && !y->quoted &&
           (y->text.len == 0 || str_eq(y->text, STR("~")) || str_eq_nocase(y->text, STR("null")));
}

long yaml_index(const struct yaml *map, struct str key)
{
    if (map && map->kind == YAML_MAP)
        for (size_t i = 0; i < map->n; i++)
            if (yaml_key_eq(map->keys[i], key))
                return (long)i;
    return -1;
}

struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    long i = yaml_index(map, str_from(key));
    return i < 0 ? NULL : map->items[i];
}

static struct yaml *node_new(struct arena *a, enum yaml_kind kind, struct conf_pos pos)
{
    struct yaml *y = ARENA_NEW(a, struct yaml);
    y->kind = kind;
    y->pos = pos;
    y->weight = 1;
    return y;
}

struct yaml *yaml_scalar(struct arena *a, const char *text, struct conf_pos pos)
{
    struct yaml *y = node_new(a, YAML_SCALAR, pos);
    y->text = arena_str(a, str_from(text));
    return y;
}

struct yaml *yaml_map(struct arena *a, struct conf_pos pos)
{
    return node_new(a, YAML_MAP, pos);
}

struct yaml *yaml_list(struct arena *a, struct conf_pos pos)
{
    return node_new(a, YAML_LIST, pos);
}

static void *grown(struct arena *a, const void *old, size_t n, size_t room, size_t size)
{
    void *p = arena_array(a, room, size);
    if (n > 0)
        memcpy(p, old, n * size);
    return p;
}

static void node_reserve(struct arena *a, struct yaml *y)
{
    if (y->n < y->room)
        return;
    y->room = y->room ? y->room * 2 : 4;
    y->items = grown(a, y->items, y->n, y->room, sizeof *y->items);
    if (y->kind == YAML_MAP) {
        y->keys = grown(a, y->keys, y->n, y->room, sizeof *y->keys);
        y->key_pos = grown(a, y->key_pos, y->n, y->room, sizeof *y->key_pos);
    }
}

void yaml_append(struct arena *a, struct yaml *list, struct yaml *value)
{
    node_reserve(a, list);
    list->items[list->n++] = value;
    list->weight += value->weight;
}

static void map_add(struct arena *a, struct yaml *map, struct str key, struct yaml *value,
                    struct conf_pos pos)
{
    node_reserve(a, map);
    map->keys[map->n] = key;
    map->key_pos[map->n] = pos;
    map->items[map->n++] = value;
    map->weight += value->weight;
}

void yaml_set(struct arena *a, struct yaml *map, struct str key, struct yaml *value, struct conf_pos pos)
{
    long i = yaml_index(map, key);
    if (i < 0) {
        map_add(a, map, arena_str(a, key), value, pos);
        return;
    }
    map->items[i] = value;
    map->key_pos[i] = pos;
}

static void map_remove(struct yaml *map, size_t i)
{
    size_t after = --map->n - i;
    memmove(&map->items[i], &map->items[i + 1], after * sizeof *map->items);
    memmove(&map->keys[i], &map->keys[i + 1], after * sizeof *map->keys);
    memmove(&map->key_pos[i], &map->key_pos[i + 1], after * sizeof *map->key_pos);
}

struct yaml *yaml_cut(struct yaml *map, const char *key)
{
    long i = yaml_index(map, str_from(key));
    if (i < 0)
        return NULL;
    struct yaml *value = map->items[i];
    map_remove(map, (size_t)i);
    return value;
}

struct yaml *yaml_own(struct arena *a, struct yaml **slot)
{
    struct yaml *old = *slot;
    if (!old->shared)
        return old;
    struct yaml *y = ARENA_NEW(a, struct yaml);
    *y = *old;
    y->shared = false;
    y->room = y->n;
    if (y->n > 0) {
        y->items = grown(a, old->items, y->n, y->n, sizeof *y->items);
        if (y->kind == YAML_MAP) {
            y->keys = grown(a, old->keys, y->n, y->n, sizeof *y->keys);
            y->key_pos = grown(a, old->key_pos, y->n, y->n, sizeof *y->key_pos);
        }
    }
    for (size_t i = 0; i < y->n; i++)
        y->items[i]->shared = true;
    *slot = y;
    return y;
}

/* ---- events ---- */

static struct conf_pos token_pos(struct reading *rd, struct fy_token *t)
{
    const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;
    if (!m)
        return (struct conf_pos){.file = rd->name};
    return (struct conf_pos){rd->name, (unsigned)m->line + 1, (unsigned)m->column + 1};
}

static struct str token_text(struct reading *rd, struct fy_token *t)
{
    size_t len = 0;
    const char *p = t ? fy_token_get_text(t, &len) : NULL;
    return arena_str(rd->a, (struct str){p ? p : "", p ? len : 0});
}

static struct yaml *fail(struct reading *rd, struct conf_pos pos, const char *what)
{
    if (!rd->failed)
        conf_error(rd->r, pos, NULL, "%s", what);
    rd->failed = true;
    return NULL;
}

static void parser_errors(struct reading *rd)
{
    if (rd->failed)
        return;
    rd->failed = true;
    void *iter = NULL;
    unsigned n = 0;
    for (struct fy_diag_error *de; rd->diag && (de = fy_diag_errors_iterate(rd->diag, &iter));) {
        struct conf_pos pos = {rd->name, (unsigned)de->line, (unsigned)de->column};
        if (de->line <= 0)
            pos.line = 0;
        struct str msg = str_trim(str_from(de->msg ? de->msg : "not YAML"));
        conf_error(rd->r, pos, NULL, "%.*s", STR_ARG(msg));
        n++;
    }
    if (n == 0)
        conf_error(rd->r, (struct conf_pos){.file = rd->name}, NULL, "not YAML");
}

static struct fy_event *event_next(struct reading *rd)
{
    struct fy_event *ev = rd->failed ? NULL : fy_parser_parse(rd->parser);
    if (!ev)
        parser_errors(rd);
    return ev;
}

static void anchor_add(struct reading *rd, struct str name, struct yaml *node)
{
    if (name.len == 0 || !node)
        return;
    struct anchor *an = ARENA_NEW(rd->a, struct anchor);
    *an = (struct anchor){.next = rd->anchors, .name = name, .node = node};
    rd->anchors = an;
    node->shared = true;
}

static struct yaml *alias_read(struct reading *rd, struct fy_token *t)
{
    struct str name = token_text(rd, t);
    for (const struct anchor *an = rd->anchors; an; an = an->next)
        if (str_eq(an->name, name))
            return an->node;
    char what[256];
    snprintf(what, sizeof what, "there is no anchor \"%.*s\" above (and a node cannot contain itself)",
             (int)(name.len > 100 ? 100 : name.len), name.p);
    return fail(rd, token_pos(rd, t), what);
}

/* The tag of an event: none, !include, or one of YAML's own (which force text for !!str). */
enum tag { TAG_NONE, TAG_STR, TAG_CORE, TAG_INCLUDE, TAG_UNKNOWN };

static enum tag tag_of(struct fy_token *t)
{
    size_t len = 0;
    const char *p = t ? fy_token_get_text(t, &len) : NULL;
    struct str s = {p, p ? len : 0};
    if (s.len == 0)
        return TAG_NONE;
    if (str_eq(s, STR("!include")))
        return TAG_INCLUDE;
    if (str_eq(s, STR("tag:yaml.org,2002:str")) || str_eq(s, STR("!")))
        return TAG_STR;
    return str_starts(s, STR("tag:yaml.org,2002:")) ? TAG_CORE : TAG_UNKNOWN;
}

static struct yaml *include_read(struct reading *rd, struct str name, struct conf_pos pos)
{
    if (!rd->files)
        return fail(rd, pos, "!include is not possible here, only in a configuration file");
    if (name.len == 0)
        return fail(rd, pos, "!include wants the name of a file");
    const char *path =
        name.p[0] == '/' ? arena_z(rd->a, name) : arena_printf(rd->a, "%s/%.*s", rd->base, STR_ARG(name));
    return file_read(rd, path, pos);
}

static struct yaml *scalar_read(struct reading *rd, struct fy_event *ev)
{
    struct fy_token *t = ev->scalar.value;
    struct conf_pos pos = token_pos(rd, t ? t : ev->scalar.anchor ? ev->scalar.anchor : ev->scalar.tag);
    enum tag tag = tag_of(ev->scalar.tag);
    struct yaml *y;
    if (tag == TAG_UNKNOWN)
        return fail(rd, pos, "unknown tag; only !include is known here");
    if (tag == TAG_INCLUDE) {
        y = include_read(rd, token_text(rd, t), pos);
    } else {
        y = node_new(rd->a, YAML_SCALAR, pos);
        y->text = token_text(rd, t);
        y->quoted = tag == TAG_STR || (t && fy_token_scalar_style(t) != FYSS_PLAIN);
    }
    anchor_add(rd, token_text(rd, ev->scalar.anchor), y);
    return y;
}

static bool weight_ok(struct reading *rd, const struct yaml *y, struct conf_pos pos)
{
    if (y->weight <= YAML_NODES_MAX)
        return true;
    fail(rd, pos, "too many values (over 1000000 once aliases are expanded)");
    return false;
}

static struct yaml *list_read(struct reading *rd, struct fy_event *start)
{
    struct yaml *y = node_new(rd->a, YAML_LIST, token_pos(rd, start->sequence_start.sequence_start));
    struct str anchor = token_text(rd, start->sequence_start.anchor);
    if (tag_of(start->sequence_start.tag) >= TAG_INCLUDE)
        return fail(rd, y->pos, "a list cannot have this tag");
    for (;;) {
        struct fy_event *ev = event_next(rd);
        if (!ev)
            return NULL;
        bool end = ev->type == FYET_SEQUENCE_END;
        struct yaml *item = end ? NULL : node_read(rd, ev);
        fy_parser_event_free(rd->parser, ev);
        if (end)
            break;
        if (!item)
            return NULL;
        yaml_append(rd->a, y, item);
        if (!weight_ok(rd, y, item->pos))
            return NULL;
    }
    anchor_add(rd, anchor, y);
    return y;
}

static bool has_key(const struct yaml *map, struct str key)
{
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->keys[i], key))
            return true;
    return false;
}

/* YAML 1.1's "<<": what the map does not say itself comes from the merged ones, the first of them first. */
static bool merge(struct reading *rd, struct yaml *map, const struct yaml *from, struct conf_pos pos)
{
    if (from->kind == YAML_LIST) {
        for (size_t i = 0; i < from->n; i++)
            if (from->items[i]->kind != YAML_MAP || !merge(rd, map, from->items[i], pos))
                return fail(rd, pos, "<< wants a map, or a list of maps");
        return true;
    }
    if (from->kind != YAML_MAP)
        return fail(rd, pos, "<< wants a map, or a list of maps");
    for (size_t i = 0; i < from->n; i++)
        if (!has_key(map, from->keys[i])) {
            from->items[i]->shared = true;
            map_add(rd->a, map, from->keys[i], from->items[i], from->key_pos[i]);
            if (!weight_ok(rd, map, pos))
                return false;
        }
    return true;
}

/* Hidden keys have done their work (anchors) once the file is read; merge keys are carried out. */
static bool map_finish(struct reading *rd, struct yaml *map)
{
    struct yaml *from = NULL;
    struct conf_pos from_pos = {0};
    for (size_t i = 0; i < map->n;) {
        bool is_merge = str_eq(map->keys[i], STR("<<"));
        if (is_merge) {
            from = map->items[i];
            from_pos = map->key_pos[i];
        }
        if (is_merge || (map->keys[i].len > 0 && map->keys[i].p[0] == '.'))
            map_remove(map, i);
        else
            i++;
    }
    return !from || merge(rd, map, from, from_pos);
}

/* A hash set of one map's keys while it is read: a map of 100,000 networks must not cost its square. */
struct key_set {
    uint32_t *slots;
    size_t mask;
};

static uint64_t key_hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
    return h ^ (h >> 32);
}

static void key_set_insert(struct key_set *ks, struct str key, uint32_t index)
{
    size_t at = key_hash(key) & ks->mask;
    while (ks->slots[at])
        at = (at + 1) & ks->mask;
    ks->slots[at] = index + 1;
}

/* Index of a key already there; -1 after adding `key` as number map->n. */
static long key_set_add(struct key_set *ks, const struct yaml *map, struct str key)
{
    if (!ks->slots || map->n * 2 >= ks->mask) {
        free(ks->slots);
        ks->mask = ks->slots ? ks->mask * 2 + 1 : 15;
        ks->slots = xcalloc(ks->mask + 1, sizeof *ks->slots);
        for (size_t i = 0; i < map->n; i++)
            key_set_insert(ks, map->keys[i], (uint32_t)i);
    }
    for (size_t at = key_hash(key) & ks->mask; ks->slots[at]; at = (at + 1) & ks->mask)
        if (str_eq(map->keys[ks->slots[at] - 1], key))
            return (long)ks->slots[at] - 1;
    key_set_insert(ks, key, (uint32_t)map->n);
    return -1;
}

/* One key and its value. 0: the map's end, 1: one was added, -1: failure. */
static int pair_read(struct reading *rd, struct yaml *map, struct key_set *ks)
{
    struct fy_event *ev = event_next(rd);
    if (!ev)
        return -1;
    bool end = ev->type == FYET_MAPPING_END;
    struct conf_pos pos = ev->type == FYET_ALIAS ? token_pos(rd, ev->alias.anchor) : (struct conf_pos){0};
    struct yaml *key = end ? NULL : node_read(rd, ev);
    fy_parser_event_free(rd->parser, ev);
    if (end)
        return 0;
    if (!key)
        return -1;
    if (pos.line == 0)
        pos = key->pos;
    if (key->kind != YAML_SCALAR)
        return fail(rd, pos, "a key must be plain text"), -1;
    long before = key_set_add(ks, map, key->text);
    if (before >= 0) {
        conf_error(rd->r, pos, NULL, "key \"%.*s\" is here twice; the first is on line %u",
                   STR_ARG(key->text), map->key_pos[before].line);
        rd->failed = true;
        return -1;
    }
    ev = event_next(rd);
    if (!ev)
        return -1;
    struct yaml *value = node_read(rd, ev);
    fy_parser_event_free(rd->parser, ev);
    if (!value)
        return -1;
    if (value->pos.line == 0)
        value->pos = pos;
    map_add(rd->a, map, key->text, value, pos);
    return weight_ok(rd, map, pos) ? 1 : -1;
}

static struct yaml *map_read(struct reading *rd, struct fy_event *start)
{
    struct yaml *y = node_new(rd->a, YAML_MAP, token_pos(rd, start->mapping_start.mapping_start));
    struct str anchor = token_text(rd, start->mapping_start.anchor);
    if (tag_of(start->mapping_start.tag) >= TAG_INCLUDE)
        return fail(rd, y->pos, "a map cannot have this tag");
    struct key_set ks = {0};
    int got;
    while ((got = pair_read(rd, y, &ks)) > 0)
        ;
    free(ks.slots);
    if (got < 0 || !map_finish(rd, y))
        return NULL;
    anchor_add(rd, anchor, y);
    return y;
}

static struct yaml *node_read(struct reading *rd, struct fy_event *ev)
{
    struct yaml *y = NULL;
    if (++rd->depth > YAML_DEPTH_MAX)
        y = fail(rd, (struct conf_pos){.file = rd->name}, "nested too deeply (over 48 levels)");
    else if (ev->type == FYET_SCALAR)
        y = scalar_read(rd, ev);
    else if (ev->type == FYET_ALIAS)
        y = alias_read(rd, ev->alias.anchor);
    else if (ev->type == FYET_SEQUENCE_START)
        y = list_read(rd, ev);
    else if (ev->type == FYET_MAPPING_START)
        y = map_read(rd, ev);
    else
        y = fail(rd, (struct conf_pos){.file = rd->name}, "not YAML");
    rd->depth--;
    return y;
}

static struct yaml *document_read(struct reading *rd)
{
    struct yaml *root = NULL;
    unsigned documents = 0;
    for (struct fy_event *ev; !rd->failed && (ev = fy_parser_parse(rd->parser));) {
        if (ev->type == FYET_DOCUMENT_START && ++documents > 1)
            fail(rd, token_pos(rd, ev->document_start.document_start),
                 "more than one YAML document in a file");
        else if (ev->type == FYET_SCALAR || ev->type == FYET_ALIAS || ev->type == FYET_SEQUENCE_START ||
                 ev->type == FYET_MAPPING_START)
            root = node_read(rd, ev);
        bool end = ev->type == FYET_STREAM_END;
        fy_parser_event_free(rd->parser, ev);
        if (end) {
            if (rd->failed)
                return NULL;
            return root ? root : node_new(rd->a, YAML_SCALAR, (struct conf_pos){rd->name, 1, 1});
        }
    }
    parser_errors(rd);
    return NULL;
}

static void no_output(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
}

/* Errors are collected, never printed by the library. */
static struct fy_diag *diag_new(void)
{
    struct fy_diag_cfg cfg;
    fy_diag_cfg_default(&cfg);
    cfg.fp = NULL;
    cfg.output_fn = no_output;
    cfg.colorize = false;
    struct fy_diag *diag = fy_diag_create(&cfg);
    if (diag)
        fy_diag_set_collect_errors(diag, true);
    return diag;
}

static struct conf_pos byte_pos(const char *name, struct str text, size_t at)
{
    struct conf_pos pos = {name, 1, 1};
    for (size_t i = 0; i < at; i++) {
        pos.column = text.p[i] == '\n' ? 1 : pos.column + 1;
        pos.line += text.p[i] == '\n';
    }
    return pos;
}

static struct yaml *text_read(struct reading *rd, struct str text, const char *name)
{
    if (memchr(text.p ? text.p : "", 0, text.len))
        return fail(rd, (struct conf_pos){.file = name}, "not YAML: it contains a zero byte");
    /* libfyaml 0.7.12 never returns from a directive with such bytes */
    size_t good = str_utf8(text);
    if (good < text.len)
        return fail(rd, byte_pos(name, text, good), "not YAML: not UTF-8 from here on");
    if (text.len == 0)
        return node_new(rd->a, YAML_SCALAR, (struct conf_pos){name, 1, 1});
    struct reading outer = *rd;
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DISABLE_MMAP_OPT};
    cfg.diag = rd->diag = diag_new();
    rd->parser = fy_parser_create(&cfg);
    rd->name = name;
    rd->anchors = NULL;
    struct yaml *y = NULL;
    if (!rd->parser || fy_parser_set_string(rd->parser, text.p, text.len) != 0)
        fail(rd, (struct conf_pos){.file = name}, "cannot start the YAML parser");
    else
        y = document_read(rd);
    if (rd->parser)
        fy_parser_destroy(rd->parser);
    fy_diag_destroy(rd->diag);
    rd->parser = outer.parser;
    rd->diag = outer.diag;
    rd->name = outer.name;
    rd->anchors = outer.anchors;
    return y;
}

/* ---- files ---- */

static bool file_bytes(const char *path, struct buf *b, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (fd < 0)
        return err_errno(e, "cannot read %s", path);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return err_set(e, "cannot read %s: it is a folder", path);
    }
    buf_init(b, 0);
    ssize_t n;
    do {
        buf_reserve(b, 65536);
        while ((n = read(fd, b->p + b->len, 65536)) < 0 && errno == EINTR)
            ;
        if (n > 0)
            b->len += (size_t)n;
    } while (n > 0 && b->len <= YAML_BYTES_MAX);
    bool ok = n >= 0;
    if (!ok)
        err_errno(e, "cannot read %s", path);
    close(fd);
    if (b->len > YAML_BYTES_MAX)
        ok = err_set(e, "%s is larger than a configuration can be (%d MiB)", path, YAML_BYTES_MAX >> 20);
    if (!ok)
        buf_fini(b);
    return ok;
}

static struct yaml *file_read(struct reading *rd, const char *path, struct conf_pos from)
{
    struct err e;
    char real[PATH_MAX];
    const char *name = realpath(path, real) ? arena_strdup(rd->a, real) : path;
    for (unsigned i = 0; i < rd->include_depth; i++)
        if (strcmp(rd->stack[i], name) == 0)
            return fail(rd, from, "!include goes round in a circle: this file is being read already");
    if (rd->include_depth == YAML_INCLUDE_DEPTH)
        return fail(rd, from, "!include is nested too deeply");
    if (rd->files->n == YAML_FILES_MAX)
        return fail(rd, from, "too many !include");
    rd->files->paths[rd->files->n++] = name;
    if (strcmp(name, path) != 0 && rd->files->n < YAML_FILES_MAX) /* a symbolic link may be changed as well */
        rd->files->paths[rd->files->n++] = arena_strdup(rd->a, path);
    struct buf text;
    if (!file_bytes(path, &text, &e))
        return fail(rd, from, e.msg);
    rd->stack[rd->include_depth++] = name;
    /* positions show the path as it was written, shorter than the real one */
    struct yaml *y = text_read(rd, buf_str(&text), arena_strdup(rd->a, path));
    rd->include_depth--;
    buf_fini(&text);
    return y;
}

static struct yaml *root_checked(struct reading *rd, struct yaml *root, const char *name)
{
    if (!root || rd->failed)
        return NULL;
    if (yaml_is_null(root)) {
        root = node_new(rd->a, YAML_MAP, (struct conf_pos){name, 1, 1});
    } else if (root->kind != YAML_MAP) {
        conf_error(rd->r, root->pos, NULL, "a configuration is a map of keys and values");
        return NULL;
    }
    return root;
}

struct yaml *yaml_file(const char *path, struct arena *a, struct yaml_files *files, struct conf_report *r)
{
    struct yaml_files own = {0};
    struct reading rd = {.a = a, .r = r, .files = files ? files : &own};
    const char *slash = strrchr(path, '/');
    rd.base = !slash ? "." : slash == path ? "/" : arena_printf(a, "%.*s", (int)(slash - path), path);
    return root_checked(&rd, file_read(&rd, path, (struct conf_pos){0}), path);
}

struct yaml *yaml_snippet(struct str text, const char *name, struct arena *a, struct conf_report *r)
{
    struct reading rd = {.a = a, .r = r};
    return text_read(&rd, text, name);
}

struct yaml *yaml_text(struct str text, const char *name, struct arena *a, struct conf_report *r)
{
    struct reading rd = {.a = a, .r = r};
    if (text.len > YAML_BYTES_MAX) {
        conf_error(r, (struct conf_pos){.file = name}, NULL, "larger than a configuration can be");
        return NULL;
    }
    return root_checked(&rd, text_read(&rd, text, name), name);
}
