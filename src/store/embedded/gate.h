/*
 * gate: so many statements at a time; the others wait a while, then are told to come again. Any thread may enter; whoever entered
 * leaves, on whichever thread.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t free;
    unsigned left;
    bool closed;
};

void gate_init(struct gate *g, unsigned n);
/* Nobody may be inside or waiting. */
void gate_fini(struct gate *g);
/* False: it stayed full for 20 s, or is closed. */
bool gate_enter(struct gate *g);
void gate_leave(struct gate *g);
/* Nobody enters any more, those that wait neither. */
void gate_close(struct gate *g);
