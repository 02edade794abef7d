/* Open addressing with backward shift, seeded so that nobody outside can aim at one chain; a doubly linked list by use. */
#include "decode/session.h"
#include "base/arena.h"
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

enum {
    SLOTS_MIN = 64,
    GAP_MAX = 1 << 20,
    LATE_MAX = 1 << 16,
    LATE_RUN = 3,
    UPTIME_BACK_MS = 60000,
    UPTIME_END_MS = 3600000
};

_Static_assert(sizeof(struct session_key) == 40, "hashed as bytes: no padding");

void session_table_init(struct session_table *t)
{
    memset(t, 0, sizeof *t);
    if (getrandom(&t->seed, sizeof t->seed, 0) != (ssize_t)sizeof t->seed)
        t->seed = (uint64_t)(uintptr_t)t;
    t->templates.seed = t->seed;
    t->mask = SLOTS_MIN - 1;
    t->slots = xcalloc(SLOTS_MIN, sizeof(struct session *));
}

static uint32_t hash_of(const struct session_table *t, const struct session_key *key)
{
    return (uint32_t)XXH3_64bits_withSeed(key, sizeof *key, t->seed);
}

struct session *session_find(const struct session_table *t, const struct session_key *key)
{
    for (uint32_t i = hash_of(t, key) & t->mask; t->slots[i]; i = (i + 1) & t->mask)
        if (memcmp(&t->slots[i]->key, key, sizeof *key) == 0)
            return t->slots[i];
    return NULL;
}

static void place(struct session_table *t, struct session *s)
{
    uint32_t i = hash_of(t, &s->key) & t->mask;
    while (t->slots[i])
        i = (i + 1) & t->mask;
    t->slots[i] = s;
}

static void grow(struct session_table *t)
{
    struct session **old = t->slots;
    uint32_t n = t->mask + 1;
    t->mask = n * 2 - 1;
    t->slots = xcalloc(n * 2, sizeof(struct session *));
    for (uint32_t i = 0; i < n; i++)
        if (old[i])
            place(t, old[i]);
    free(old);
}

/* Knuth 6.4 R: what was pushed past the gap moves back. */
static void unplace(struct session_table *t, const struct session *s)
{
    uint32_t gap = hash_of(t, &s->key) & t->mask;
    while (t->slots[gap] != s)
        gap = (gap + 1) & t->mask;
    for (uint32_t i = (gap + 1) & t->mask; t->slots[i]; i = (i + 1) & t->mask) {
        uint32_t home = hash_of(t, &t->slots[i]->key) & t->mask;
        if (((i - home) & t->mask) >= ((i - gap) & t->mask)) {
            t->slots[gap] = t->slots[i];
            gap = i;
        }
    }
    t->slots[gap] = NULL;
}

/* ---- sessions that were told something */

/* The list of an exporter: any domain of it. */
static uint16_t told_list(const struct session_table *t, struct session_key exporter)
{
    exporter.domain = 0;
    return (uint16_t)(hash_of(t, &exporter) % SESSION_TOLD);
}

static void link_told(struct session_table *t, struct session *s)
{
    if (s->told_at)
        return;
    s->told_at = &t->told[s->told_list];
    s->told = *s->told_at;
    *s->told_at = s;
    if (s->told)
        s->told->told_at = &s->told;
}

static void unlink_told(struct session *s)
{
    if (!s->told_at)
        return;
    *s->told_at = s->told;
    if (s->told)
        s->told->told_at = s->told_at;
}

static bool same_exporter(const struct session *a, const struct session *b)
{
    return ip_eq(a->key.src, b->key.src) && a->key.proto == b->key.proto && a->key.port == b->key.port &&
           ip_eq(a->key.agent, b->key.agent);
}

/* Up to SESSION_LENDERS sessions that s may borrow from; 0 where there are more. */
static unsigned lenders(const struct session_table *t, const struct session *s,
                        const struct session *of[SESSION_LENDERS])
{
    unsigned n = 0, seen = 0;
    for (const struct session *at = t->told[s->told_list]; at; at = at->told) {
        if (at == s || !same_exporter(at, s))
            continue;
        if (seen++ == SESSION_LENDERS)
            return 0;
        if (at->n_flow_templates == 0)
            of[n++] = at;
    }
    return n;
}

static void unlink_use(struct session_table *t, struct session *s)
{
    *(s->older ? &s->older->newer : &t->oldest) = s->newer;
    *(s->newer ? &s->newer->older : &t->newest) = s->older;
}

static void link_newest(struct session_table *t, struct session *s)
{
    s->older = t->newest;
    s->newer = NULL;
    *(t->newest ? &t->newest->newer : &t->oldest) = s;
    t->newest = s;
}

static void drop(struct session_table *t, struct session *s)
{
    unplace(t, s);
    unlink_use(t, s);
    unlink_told(s);
    for (unsigned i = 0; i < s->n_templates; i++)
        template_release(&t->templates, s->templates[i].t);
    size_t names = names_bytes(&s->names);
    t->bytes -= sizeof *s + s->n_templates * sizeof *s->templates + s->n_rates * sizeof *s->rates + names;
    t->name_bytes -= names;
    t->n--;
    free(s->templates);
    free(s->rates);
    names_fini(&s->names);
    free(s);
}

void session_table_clear(struct session_table *t)
{
    while (t->oldest)
        drop(t, t->oldest);
}

void session_table_fini(struct session_table *t)
{
    session_table_clear(t);
    free(t->slots);
}

static bool over_budget(const struct session_table *t)
{
    return t->bytes + t->templates.bytes > t->max_bytes;
}

void session_shrink(struct session_table *t, const struct session *keep)
{
    while (t->oldest && t->oldest != keep && (t->n > t->max_sessions || over_budget(t))) {
        drop(t, t->oldest);
        t->evicted++;
    }
}

struct session *session_add(struct session_table *t, const struct session_key *key)
{
    if ((t->n + 1) * 4 > (t->mask + 1) * 3)
        grow(t);
    struct session *s = xcalloc(1, sizeof *s);
    s->key = *key;
    s->told_list = told_list(t, *key);
    place(t, s);
    link_newest(t, s);
    t->n++;
    t->bytes += sizeof *s;
    session_shrink(t, s);
    return s;
}

static struct session *find_or_add(struct session_table *t, const struct session_key *key, uint16_t port)
{
    struct session *s = session_find(t, key);
    if (!s) {
        s = session_add(t, key);
        s->port = port;
    }
    return s;
}

struct session *session_get(struct session_table *t, const struct session_key *key, uint16_t port,
                            uint32_t now)
{
    struct session *s = find_or_add(t, key, port);
    if (s->split && s->port != port) {
        struct session_key own = *key;
        own.port = port;
        /* the port that kept the first session fell silent: whoever comes next may have it */
        if (now - s->last_s <= SESSION_PORT_ALIVE_S || session_find(t, &own))
            s = find_or_add(t, &own, port);
    }
    if (s->port != port) {
        s->other_port = s->port;
        s->other_s = s->last_s;
        s->port = port;
        s->flipped = true;
    } else {
        s->flipped = false;
    }
    if (s->last_s != now && s != t->newest) {
        unlink_use(t, s);
        link_newest(t, s);
    }
    s->last_s = now;
    return s;
}

/* Another port was heard so lately that it is no predecessor but a neighbour. */
static bool contradicted(const struct session *s)
{
    return s->other_port != 0 && s->last_s - s->other_s <= SESSION_PORT_ALIVE_S;
}

static unsigned position(const struct session *s, uint16_t id)
{
    unsigned lo = 0, hi = s->n_templates;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (s->templates[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool out_of_date(const struct session_table *tab, const struct session *s, uint32_t refreshed_s)
{
    uint32_t age_s = s->template_s - refreshed_s;
    return age_s > tab->template_s && (int32_t)age_s > 0; /* a clock that was set back makes nothing old */
}

struct template *session_template_get(const struct session_table *tab, const struct session *s, uint16_t id)
{
    unsigned i = position(s, id);
    if (i >= s->n_templates || s->templates[i].id != id || out_of_date(tab, s, s->templates[i].refreshed_s))
        return NULL;
    return s->templates[i].t;
}

static void remove_template(struct session_table *tab, struct session *s, unsigned i)
{
    s->n_flow_templates -= !s->templates[i].t->options;
    template_release(&tab->templates, s->templates[i].t);
    s->n_templates--;
    tab->bytes -= sizeof *s->templates;
    memmove(s->templates + i, s->templates + i + 1, (s->n_templates - i) * sizeof *s->templates);
}

static void forget_stalest(struct session_table *tab, struct session *s)
{
    unsigned stalest = 0;
    for (unsigned i = 1; i < s->n_templates; i++)
        if (s->templates[i].refreshed_s < s->templates[stalest].refreshed_s)
            stalest = i;
    remove_template(tab, s, stalest);
    tab->evicted++;
}

static void insert_template(struct session_table *tab, struct session *s, uint16_t id, struct template *t,
                            uint32_t now)
{
    if (s->n_templates >= tab->max_templates)
        forget_stalest(tab, s);
    if (s->n_templates == s->room_templates) {
        uint16_t more = s->room_templates ? s->room_templates : 4;
        s->room_templates = (uint16_t)(s->room_templates + more);
        s->templates = xrealloc(s->templates, s->room_templates * sizeof *s->templates);
    }
    unsigned i = position(s, id);
    memmove(s->templates + i + 1, s->templates + i, (s->n_templates - i) * sizeof *s->templates);
    s->templates[i] = (struct session_template){t, now, id};
    s->n_templates++;
    s->n_flow_templates += !t->options;
    tab->bytes += sizeof *s->templates;
}

void session_template_set(struct session_table *tab, struct session *s, uint16_t id, struct template *t,
                          uint32_t now)
{
    unsigned i = position(s, id);
    bool there = i < s->n_templates && s->templates[i].id == id;
    if (t)
        s->template_s = now;
    if (there && t) {
        if (s->templates[i].t != t && contradicted(s))
            s->split = true;
        s->n_flow_templates += s->templates[i].t->options - t->options;
        template_release(&tab->templates, s->templates[i].t);
        s->templates[i] = (struct session_template){t, now, id};
    } else if (there) {
        remove_template(tab, s, i);
    } else if (t) {
        insert_template(tab, s, id, t, now);
    }
    session_shrink(tab, s);
    while (s->n_templates > 1 && over_budget(tab)) /* one exporter has it all */
        forget_stalest(tab, s);
}

bool session_rate_set(struct session_table *tab, struct session *s, uint64_t id, uint64_t rate)
{
    unsigned i = 0;
    while (i < s->n_rates && s->rates[i].id < id)
        i++;
    if (i < s->n_rates && s->rates[i].id == id) {
        if (s->rates[i].rate != rate && contradicted(s))
            s->split = true;
        s->rates[i].rate = rate;
        return true;
    }
    if (s->n_rates == SESSION_RATES_MAX)
        return false;
    if (s->n_rates == s->room_rates) {
        uint16_t more = s->room_rates ? s->room_rates : 2;
        s->room_rates = (uint16_t)(s->room_rates + more);
        s->rates = xrealloc(s->rates, s->room_rates * sizeof *s->rates);
    }
    memmove(s->rates + i + 1, s->rates + i, (s->n_rates - i) * sizeof *s->rates);
    s->rates[i] = (struct session_rate){id, rate};
    s->n_rates++;
    link_told(tab, s);
    tab->bytes += sizeof *s->rates;
    return true;
}

uint64_t session_rate_told(const struct session *s, uint64_t id)
{
    unsigned lo = 0, hi = s->n_rates;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (s->rates[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->n_rates && s->rates[lo].id == id ? s->rates[lo].rate : 0;
}

uint64_t session_rate_get(const struct session *s, uint64_t id)
{
    uint64_t rate = session_rate_told(s, id);
    bool only = id == 0 && s->n_rates == 1 && !session_rate_interfaces(s);
    return !rate && only ? s->rates[0].rate : rate;
}

uint64_t session_rate_find(const struct session_table *tab, const struct session *s, uint64_t id)
{
    const struct session *of[SESSION_LENDERS];
    uint64_t rate = session_rate_get(s, id);
    for (unsigned i = 0, n = rate ? 0 : lenders(tab, s, of); i < n; i++) {
        uint64_t told = session_rate_told(of[i], id);
        if (rate && told && told != rate)
            return 0;
        rate = told ? told : rate;
    }
    return rate;
}

bool session_name_set(struct session_table *tab, struct session *s, enum name_kind kind, uint64_t id,
                      uint8_t type, struct str text)
{
    int64_t grown, room = (int64_t)(tab->max_bytes / 2) - (int64_t)tab->name_bytes;
    struct name entry = {.id = id, .kind = (uint8_t)kind, .type = type};
    bool ok = names_set(&s->names, tab->seed, entry, text, room, &grown);
    tab->bytes += (uint64_t)grown;
    tab->name_bytes += (uint64_t)grown;
    if (s->names.n)
        link_told(tab, s);
    return ok;
}

struct name *session_name_find(const struct session_table *tab, const struct session *s, enum name_kind kind,
                               uint64_t id)
{
    const struct session *of[SESSION_LENDERS];
    struct name *name = names_find(&s->names, tab->seed, kind, id);
    for (unsigned i = 0, n = name ? 0 : lenders(tab, s, of); i < n; i++) {
        struct name *told = names_find(&of[i]->names, tab->seed, kind, id);
        if (name && told && !str_eq((struct str){name->text, name->len}, (struct str){told->text, told->len}))
            return NULL;
        name = told ? told : name;
    }
    return name;
}

/* A datagram from before what is expected: late, or the exporter began to count anew. */
static void sequence_late(struct session *s, uint32_t seq, uint32_t units, uint32_t by)
{
    s->late_run = seq == s->late_next ? s->late_run + 1 : 0;
    s->late_next = seq + units;
    s->late += s->late < GAP_MAX ? units : 0;
    if (s->late_run >= LATE_RUN || by > LATE_MAX) {
        s->next_seq = seq + units;
        s->late = s->late_run = 0;
    }
}

/* Time since the start went back, and not because its 32 bits ran out (they last for 49.7 days). */
static bool restarted(uint32_t before_ms, uint32_t now_ms)
{
    return now_ms && now_ms < before_ms && before_ms - now_ms > UPTIME_BACK_MS &&
           before_ms < UINT32_MAX - UPTIME_END_MS;
}

uint32_t session_sequence(struct session *s, uint32_t seq, uint32_t units, uint32_t uptime_ms, uint64_t *late)
{
    uint32_t gap = seq - s->next_seq, lost = 0;
    bool known = s->seq_known;
    s->restarted = known && restarted(s->uptime_ms, uptime_ms);
    s->seq_known = true;
    s->uptime_ms = uptime_ms;
    if (known && !s->restarted && gap != 0) {
        if (s->flipped && contradicted(s) && ++s->flips >= SESSION_FLIPS)
            s->split = true;
        if ((int32_t)gap < 0) {
            *late += units;
            sequence_late(s, seq, units, -gap);
            return 0;
        }
        if (gap <= GAP_MAX && !s->flipped) {
            uint32_t excused = s->late < gap ? s->late : gap;
            s->late -= excused;
            lost = gap - excused;
        }
    }
    s->late_run = 0;
    s->next_seq = seq + units;
    return lost;
}
