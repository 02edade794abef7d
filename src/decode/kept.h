/*
 * kept: data sets whose template has not arrived yet, with what is needed to decode them as if it had: the session, the
 * header's times, how the input is to be read. They wait for a bounded time and in bounded room, and are decoded when the
 * template comes (RFC 7011 8: templates over UDP may come late); those it never comes for are counted.
 *
 * Sets are grouped by session key, not by session, so that they outlive a session that had to go. What is kept, what
 * falls out and in which order depends on the datagrams alone, and is part of the checkpoint: reading them again ends
 * alike. Owned by a decoder_state; one thread.
 */
#pragma once
#include "decode/session.h"
#include "schema/dgram.h"

struct kept {
    struct kept *older, *newer; /* of all */
    struct kept *prev, *next;   /* of the group, in the order of arrival */
    struct kept_group *group;
    uint64_t rx_ns;
    uint32_t export_s, uptime_ms; /* of the message's header */
    uint32_t len;
    uint16_t id, src_port;
    uint8_t time, decap; /* of the input */
    bool use_src, stream;
    uint8_t data[]; /* the set without its header */
};

struct kept_group;

enum { KEPT_GROUPS = 1024, KEPT_SHARE = 4 /* one session gets at most this part of the room */ };

struct kept_sets {
    struct kept *oldest, *newest;
    struct kept_group *buckets[KEPT_GROUPS];
    uint64_t seed, bytes, max_bytes;
    uint32_t max_s;
    uint32_t n;
};

void kept_init(struct kept_sets *k, uint64_t max_bytes, uint32_t max_s, uint64_t seed);
/* Forgets all. */
void kept_clear(struct kept_sets *k);

/*
 * A copy of `proto` (its data is not looked at) with `len` bytes behind it. False when there is no room for more of this
 * session, or of all.
 */
bool kept_add(struct kept_sets *k, const struct session_key *key, const struct kept *proto, const void *data,
              size_t len);
/* The same without regard to room: for reading a checkpoint. */
void kept_put(struct kept_sets *k, const struct session_key *key, const struct kept *proto, const void *data,
              size_t len);
/* The session's sets, the first that came first; NULL: none. */
struct kept *kept_first(struct kept_sets *k, const struct session_key *key);
const struct session_key *kept_key(const struct kept *set);
/* The oldest of all if it has waited too long at second `now`; NULL: none. */
struct kept *kept_expired(const struct kept_sets *k, uint32_t now);
/* Takes it out and frees it. */
void kept_drop(struct kept_sets *k, struct kept *set);
