/*
 * names: names of addresses by reverse DNS, asked of the resolver of this machine (/etc/hosts, /etc/resolv.conf) when somebody
 * wants to know one.
 *
 * Any thread. At most NAMES_AT_ONCE look-ups run, each on a thread of its own, since the resolver cannot be hurried; NAMES_KEPT
 * answers are kept, those that were asked for longest ago go first.
 */
#pragma once
#include "base/ip.h"
#include "base/str.h"

enum { NAMES_AT_ONCE = 8, NAMES_KEPT = 4096, NAMES_TEXT = 256 };

enum names_answer {
    NAMES_FOUND,
    NAMES_NONE,    /* it has no name */
    NAMES_PENDING, /* not found out in time: ask again */
    NAMES_BUSY,    /* too many are being looked up */
};

struct names;

struct names *names_new(void);
/* A look-up that still runs ends by itself later. */
void names_free(struct names *n);
/* Waits for wait_ns at most. `to` holds the name, fit to be shown; "" when there is none. */
enum names_answer names_ask(struct names *n, struct ip address, uint64_t wait_ns, char to[NAMES_TEXT]);
