/*
 * asns: names of autonomous systems: a table by number, read from texts and written as the dictionary's CSV.
 *
 * One thread. The program carries names made of npm's @ip-location-db/asn (data/asns.csv, see NOTICE) by the rules of
 * asns_clean, and a table of names that everybody uses (data/asns.def), which comes first.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct asns {
    struct arena text;
    struct asns_row {
        uint32_t number;
        struct str name;
    } * rows;
    uint32_t n, room;
    uint32_t *slots; /* open addressing: index of rows + 1 */
    uint32_t mask;
};

enum { ASNS_MOST = 1000000, ASNS_NAME_MOST = 200 };

void asns_init(struct asns *t);
void asns_fini(struct asns *t);
/* The first name that a number gets stays. False when it has one already, the name is empty, or there are too many. */
bool asns_add(struct asns *t, uint32_t number, struct str name);
/*
 * Rows of CSV: number and name; or first address, last address, number and name, as DB-IP and ip-location-db have them.
 * A first row without a number is a header. With `clean` names go through asns_clean. False at the first row that is none.
 */
bool asns_read(struct asns *t, struct str csv, bool clean, struct err *e);
/* "number,name" in the order of the numbers; with a header when `header`. */
void asns_write(struct asns *t, bool header, struct buf *out);

/* data/asns.csv and data/asns.def. */
void asns_add_built_in(struct asns *t);

/*
 * A name as people say it, in place; the new length. In this order:
 *  1. blanks are collapsed, quotes go;
 *  2. a number that repeats itself in front goes ("AS273695 - ...");
 *  3. legal forms at the end go, again and again ("Foo Networks Co., Ltd." -> "Foo Networks"), those of some countries in
 *     front ("PT Foo", "JSC Foo"), as long as two letters remain;
 *  4. several words all in capitals get capital initials, but those of up to three letters.
 */
size_t asns_clean(char *name, size_t len);
