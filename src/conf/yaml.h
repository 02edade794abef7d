/*
 * yaml: YAML text as a tree of nodes that know where they stand (file, line, column).
 *
 * libfyaml reads events; this adds !include, anchors, merge keys, hidden keys (a leading dot) and bounds on all an
 * author can grow: bytes, depth, files, and nodes counted after expansion of aliases. A tree and its texts live in an
 * arena. Nodes behind an alias are shared; whoever edits a tree calls yaml_own on the way down first.
 */
#pragma once
#include "base/arena.h"
#include "conf/report.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

enum {
    YAML_DEPTH_MAX = 48,
    YAML_NODES_MAX = 1000000,
    YAML_BYTES_MAX = 16 << 20,
    YAML_FILES_MAX = 256,
    YAML_INCLUDE_DEPTH = 16
};

struct yaml {
    enum yaml_kind kind;
    bool quoted; /* scalar: "" rather than nothing, "true" rather than true */
    bool shared; /* reached over an alias as well: copy before changing */
    struct conf_pos pos;
    struct str text;     /* scalar */
    size_t n, room;      /* list, map */
    struct yaml **items; /* values */
    struct str *keys;    /* map */
    struct conf_pos *key_pos;
    uint64_t weight; /* nodes of this tree, aliases expanded */
};

/* Files a tree was made of, by their real path, and by that of a symbolic link when they are one. */
struct yaml_files {
    size_t n;
    const char *paths[YAML_FILES_MAX];
};

/* NULL after errors. An empty file is an empty map. `files` may be NULL. */
struct yaml *yaml_file(const char *path, struct arena *a, struct yaml_files *files, struct conf_report *r);
/* The same from text; `name` stands for the file in positions. No !include. */
struct yaml *yaml_text(struct str text, const char *name, struct arena *a, struct conf_report *r);
/* Any kind of value: what would stand behind a key. */
struct yaml *yaml_snippet(struct str text, const char *name, struct arena *a, struct conf_report *r);

/* nothing, ~ or null */
bool yaml_is_null(const struct yaml *y);
/* Keys are compared without case and dashes; NULL when absent or no map. */
struct yaml *yaml_get(const struct yaml *map, const char *key);
long yaml_index(const struct yaml *map, struct str key);
bool yaml_key_eq(struct str a, struct str b);

struct yaml *yaml_scalar(struct arena *a, const char *text, struct conf_pos pos);
struct yaml *yaml_map(struct arena *a, struct conf_pos pos);
struct yaml *yaml_list(struct arena *a, struct conf_pos pos);
/* Sets or replaces; `map` must be a map that is not shared. */
void yaml_set(struct arena *a, struct yaml *map, struct str key, struct yaml *value, struct conf_pos pos);
void yaml_append(struct arena *a, struct yaml *list, struct yaml *value);
/* Takes the value out of the map; NULL when absent. */
struct yaml *yaml_cut(struct yaml *map, const char *key);
/* *slot as a node that may be edited: itself, or a shallow copy when shared (its children then count as shared). */
struct yaml *yaml_own(struct arena *a, struct yaml **slot);
