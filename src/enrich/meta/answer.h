/*
 * answer: what one provider knows of one exporter: its name and all its interfaces. Immutable and counted, so that the
 * keeper, the snapshots and the cache file share it.
 *
 * A draft is filled by one thread from what an outsider said: texts are made clean (valid UTF-8, no control characters,
 * META_TEXT_MAX bytes), and there are at most as many interfaces as it was given room for. References: any thread.
 */
#pragma once
#include "base/arena.h"

enum { META_TEXT_MAX = 255 };

struct meta_iface {
    uint32_t index, speed; /* Mbit/s */
    struct str name, description;
};

struct meta_answer {
    uint32_t refs;
    uint32_t n;
    uint64_t learnt_s; /* wall clock */
    struct str name;
    const struct meta_iface *ifaces; /* by index */
};

struct meta_answer *meta_answer_ref(struct meta_answer *a);
void meta_answer_unref(struct meta_answer *a); /* NULL is nothing */
/* Do both say the same? When they were learnt does not matter. */
bool meta_answer_same(const struct meta_answer *a, const struct meta_answer *b);
const struct meta_iface *meta_answer_iface(const struct meta_answer *a, uint32_t index);

struct meta_draft {
    struct arena arena;
    struct str name;
    struct meta_iface *ifaces; /* by index */
    uint32_t n, room, most;
    uint64_t cut; /* texts cut short or cleaned, interfaces left out */
};

void meta_draft_init(struct meta_draft *d, uint32_t most);
void meta_draft_fini(struct meta_draft *d);
/* The interface of that index, made if need be; NULL when there are too many. Valid until the next call. */
struct meta_iface *meta_draft_iface(struct meta_draft *d, uint32_t index);
/*
 * The text made clean (learnt_text), in the draft's memory. What is no UTF-8 is read as Latin-1, which is what old
 * equipment sends.
 */
struct str meta_draft_text(struct meta_draft *d, struct str raw);
/* An answer with one reference. */
struct meta_answer *meta_draft_done(const struct meta_draft *d, uint64_t learnt_s);
