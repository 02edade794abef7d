/* A box around what is published, so that anything can be: its head is what liburcu queues. */
#include "base/snapshot.h"
#include "base/arena.h"
#include <pthread.h>
#include <stdlib.h>
#include <urcu/urcu-qsbr.h>

static __thread bool reader; /* this thread is registered */

struct snapshot_box {
    struct rcu_head head;
    void *data;
    void (*free_fn)(void *);
    uint64_t generation;
};

static void free_box(struct snapshot_box *b)
{
    if (b->free_fn)
        b->free_fn(b->data);
    free(b);
}

static void reclaim(struct rcu_head *head)
{
    free_box((struct snapshot_box *)(void *)((char *)head - offsetof(struct snapshot_box, head)));
}

void snapshot_publish(struct snapshot *s, void *data, void (*free_fn)(void *))
{
    static uint64_t generations;
    struct snapshot_box *b = xcalloc(1, sizeof *b);
    b->data = data;
    b->free_fn = free_fn;
    b->generation = __atomic_add_fetch(&generations, 1, __ATOMIC_RELAXED);
    struct snapshot_box *old = __atomic_exchange_n(&s->now, b, __ATOMIC_ACQ_REL);
    if (!old)
        return;
    bool was = reader;
    if (!was)
        snapshot_reader_on(); /* who queues must be a reader for that moment */
    urcu_qsbr_call_rcu(&old->head, reclaim);
    if (!was)
        snapshot_reader_off();
}

void snapshot_fini(struct snapshot *s)
{
    urcu_qsbr_barrier();
    if (s->now)
        free_box(s->now);
    s->now = NULL;
}

struct snapshot_view snapshot_get(const struct snapshot *s)
{
    const struct snapshot_box *b = __atomic_load_n(&s->now, __ATOMIC_CONSUME);
    return b ? (struct snapshot_view){b->data, b->generation} : (struct snapshot_view){0};
}

void snapshot_reader_on(void)
{
    urcu_qsbr_register_thread();
    reader = true;
}

void snapshot_reader_off(void)
{
    urcu_qsbr_unregister_thread();
    reader = false;
}

void snapshot_reader_quiet(void)
{
    if (reader)
        urcu_qsbr_quiescent_state();
}

void snapshot_reader_away(void)
{
    if (reader)
        urcu_qsbr_thread_offline();
}

void snapshot_reader_back(void)
{
    if (reader)
        urcu_qsbr_thread_online();
}
