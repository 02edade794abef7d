/*
 * opt: option tables. A module declares its keys once; parsing, checking, --dump, the manual and the JSON schema follow.
 *
 *   struct rx_conf { const char *listen; uint64_t workers; uint64_t receive_buffer; };
 *   static const struct opt rx_rows[] = {
 *       {"listen", OPT_STRING, OPT_AT(struct rx_conf, listen), .def = ":0", .help = "Address to listen on."},
 *       {"workers", OPT_UINT, OPT_AT(struct rx_conf, workers), .def = "1", .min = 1, .max = 256, .help = "..."},
 *       {"receive-buffer", OPT_SIZE, OPT_AT(struct rx_conf, receive_buffer), .def = "0", .unit = "bytes", .help = "..."},
 *   };
 *   const struct opt_table rx_table = OPT_TABLE("udp input", struct rx_conf, rx_rows);
 *
 * Keys match without case and dashes. A key may have two rows with different `only`. A string is never NULL after loading.
 * Loading is in load.h, showing and comparing in show.h. All memory of a loaded configuration belongs to its arena; it is never changed
 * after loading, and published to other threads as a whole.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/ip.h"

enum opt_type {
    OPT_BOOL,      /* bool */
    OPT_INT,       /* int64_t */
    OPT_UINT,      /* uint64_t */
    OPT_DURATION,  /* uint64_t, nanoseconds: "15d", "1h30m", "500ms" */
    OPT_SIZE,      /* uint64_t, bytes: 4096, "10MiB"; with OPT_ALLOW_PERCENT also "80%" -> OPT_PERCENT | 80 */
    OPT_FLOAT,     /* double */
    OPT_STRING,    /* const char *, never NULL ("" when unset) */
    OPT_SECRET,    /* the same, shown as *** */
    OPT_ENUM,      /* int, a value of .choices */
    OPT_STRUCT,    /* embedded struct of .sub */
    OPT_LIST,      /* struct opt_list of .item (.sub when OPT_STRUCT); a scalar counts as a list of one */
    OPT_MAP,       /* struct opt_map: text key -> .item */
    OPT_SUBNETMAP, /* struct opt_subnetmap: prefix -> .item; a bare value means ::/0 */
};

enum opt_flags {
    OPT_REQUIRED = 1 << 0,
    OPT_RELOAD = 1 << 1, /* a change takes effect without a restart of the role */
    OPT_OLD = 1 << 2,    /* accepted, has no effect; .help says what to use instead; a notice is given */
    OPT_ALLOW_PERCENT = 1 << 3,
    OPT_LATER = 1 << 4, /* accepted and checked, but what it asks for does not exist yet; a notice is given */
    OPT_ADDRESS = 1 << 5, /* of a server: no user and password in it, since it is shown */
    OPT_URL = 1 << 6,     /* a user and a password in it are shown as *** */
};

#define OPT_PERCENT ((uint64_t)1 << 63)

struct opt_choice {
    const char *name;
    int value;
    const char *help;
    unsigned flags; /* OPT_LATER */
};

struct opt {
    const char *key;
    enum opt_type type;
    size_t off;
    const char
        *def; /* as it would stand in the file ("[a, b]"); NULL: zero value, or the sub table's defaults */
    const char *help;
    uint64_t min, max; /* both 0: no bounds */
    const char *unit;
    unsigned flags;
    const struct opt_choice *choices; /* OPT_ENUM, ends with a NULL name */
    enum opt_type item;               /* LIST, MAP, SUBNETMAP */
    const struct opt_table *sub;      /* STRUCT, or containers of OPT_STRUCT */
    const char *only; /* valid only for these values of the table's "type" key: "udp", "udp,tcp" */
    const char *aka;  /* former names, still accepted with a notice: "country-database" */
};

struct opt_table {
    const char *name;
    const struct opt *rows;
    size_t n, size; /* rows; bytes of the struct */
    const char *help;
    /* Cross-field check after all rows; *bad_key names the row at fault (its position is put into the error). */
    bool (*check)(const void *conf, const char **bad_key, struct err *e);
    /* Of two tables joined into one (opt_join): their own checks, and where the second struct begins. */
    const struct opt_table *joined[2];
    size_t joined_off;
    /* Where a scalar may stand for the struct (networks: "name"); NULL: not allowed. */
    bool (*from_scalar)(void *conf, struct str value, struct arena *a, struct err *e);
};

#define OPT_AT(type, field) offsetof(type, field)
#define OPT_TABLE(title, type, rows_, ...)                                                                   \
    {                                                                                                        \
        .name = title, .rows = rows_, .n = sizeof(rows_) / sizeof(*(rows_)), .size = sizeof(type),           \
        __VA_ARGS__                                                                                          \
    }

struct opt_list {
    size_t n;
    void *items; /* array of the item type */
};

struct opt_map {
    size_t n;
    const char **keys;
    void *items;
};

struct opt_subnetmap {
    size_t n;
    struct prefix *prefixes; /* longest first */
    void *items;
};

#define OPT_ITEM(list, type, i) (&((type *)(list).items)[i])

/*
 * A table whose struct is `first`'s with `second`'s behind it at *off; lives as long as the process. Rows keep their
 * checks.
 */
const struct opt_table *opt_join(const struct opt_table *first, const struct opt_table *second,
                                 const char *name, size_t *off);

/* Bytes of one value of this type in memory. */
size_t opt_size(enum opt_type type, const struct opt_table *sub);

/* Index of the longest prefix that has `a`; -1 when none does. */
int opt_subnetmap_find(const struct opt_subnetmap *m, struct ip a);
