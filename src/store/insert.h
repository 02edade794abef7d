/*
 * insert: threads that seal blocks and bring them to the store, each under its deduplication token, until they are stored
 * or refused for good.
 *
 * A worker pushes a job and looks at its state later; it owns the job again when the state is settled (insert_settled).
 * What cannot be stored now (server away, busy, no tables yet) is tried for ever, with pauses; what never can be is written
 * to the folder `rejected`, with its offsets, and counted. At the end what is under way gets a moment to finish; the rest
 * stays unsettled, and is read from the bus again.
 */
#pragma once
#include "base/counters.h"
#include "store/block.h"
#include "store/ch.h"

enum insert_state { INSERT_WAITING, INSERT_STORED, INSERT_REFUSED };

struct insert_job {
    struct insert_job *next;  /* the queue's */
    struct insert_job *after; /* the owner's */
    const char *table;
    char token[160];
    struct block *block; /* or, when NULL, */
    struct buf data;     /* a Native block */
    uint32_t rows;
    enum insert_state state; /* insert_settled */
    void *owner;
};

/* Brings one Native block to a table; ch_insert, or a test's. One instance per thread. */
struct insert_way {
    /* abandon, from any thread: whether an insert under way is to be given up */
    void *(*open)(void *arg, bool (*abandon)(void *), void *abandon_arg);
    void (*close)(void *way);
    enum ch_failure (*insert)(void *way, const char *table, const char *token, struct str data,
                              const char **server, struct err *e);
    void *arg;
};
/* Over HTTP, by clients made of `conf`, which must outlive them. */
struct insert_way insert_way_ch(const struct ch_conf *conf);

enum {
#define X(id, name, kind, help) id,
#include "store/insert_counters.def"
#undef X
    N_INSERT_COUNTERS
};

struct insert_conf {
    struct insert_way way;
    unsigned threads;         /* 0: none, jobs are done by inserter_do (tests) */
    const char *rejected_dir; /* NULL: what is refused is only counted */
    uint64_t grace_ns;
};

struct inserter;

struct inserter *inserter_new(const struct insert_conf *conf);
/* Waits up to the grace period for what is under way; jobs not settled then stay as they are. */
void inserter_stop(struct inserter *n);
/* Frees it, jobs excepted: they are their owners'. */
void inserter_free(struct inserter *n);

void inserter_push(struct inserter *n, struct insert_job *job);
/* Does the k-th waiting job here and now, once; false when there are fewer. */
bool inserter_do(struct inserter *n, size_t k);
size_t inserter_waiting(struct inserter *n);
struct counters *inserter_counters(struct inserter *n);
/*
 * Since when (monotonic ns) no insert has succeeded while one was wanted, be it by a moment; 0: none is wanted. why[256] says
 * why the last one failed; it is empty when none has failed yet.
 */
uint64_t inserter_stuck_since(struct inserter *n, char *why);

static inline enum insert_state insert_settled(const struct insert_job *j)
{
    return __atomic_load_n(&j->state, __ATOMIC_ACQUIRE);
}
