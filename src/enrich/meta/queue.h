/*
 * queue: what workers ask for and are told, on its way to the keeper: many writers, one reader, bounded, without a lock.
 * What does not fit is counted and lost, since whoever misses it asks, and whoever knows it tells, again within minutes.
 */
#pragma once
#include "base/ip.h"

/* A worker misses something. */
struct meta_ask {
    struct ip exporter;
    uint32_t index[2];  /* interfaces; 0: none */
    uint32_t providers; /* bits: who has to be asked */
};

/* An exporter told something about itself: struct learnt, with its texts. */
enum { META_TOLD_TEXT = 255 };
struct meta_told {
    struct ip exporter;
    uint32_t index, speed; /* Mbit/s */
    uint8_t name_len, description_len, sys_name_len;
    char name[META_TOLD_TEXT], description[META_TOLD_TEXT], sys_name[META_TOLD_TEXT];
};

struct meta_queue {
    uint8_t *cells;
    size_t item, stride; /* bytes */
    uint64_t n;
    uint64_t head __attribute__((aligned(64))), lost; /* writers' */
    uint64_t tail __attribute__((aligned(64)));       /* the reader's */
};

/* For n (a power of two) items of that size. */
void meta_queue_init(struct meta_queue *q, size_t item, uint64_t n);
void meta_queue_fini(struct meta_queue *q);
bool meta_queue_put(struct meta_queue *q, const void *item);
bool meta_queue_get(struct meta_queue *q, void *item);
