/* Sources are found by key in a table of their own; everything that happens to a whole router goes through all sources, which
 * is rare. */
#include "enrich/route/routers.h"
#include "base/arena.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum { SLOTS = 2 * RIB_SOURCES };

void routers_init(struct routers *r, struct rib *rib)
{
    *r = (struct routers){.rib = rib, .n_routers = 1};
    r->router = xcalloc(ROUTERS_MAX, sizeof *r->router);
    r->info = xcalloc(RIB_SOURCES, sizeof *r->info);
    r->slots = xcalloc(SLOTS, sizeof *r->slots);
}

void routers_fini(struct routers *r)
{
    for (uint32_t i = 1; i < r->n_routers; i++)
        free(r->router[i].vrfs);
    free(r->router);
    free(r->info);
    free(r->slots);
    *r = (struct routers){0};
}

/* ---- VRFs by name */

static void vrf_forget(struct routers *r, struct router *o, unsigned i)
{
    rib_table_drop(r->rib, o->vrfs[i].table);
    o->vrfs[i] = o->vrfs[--o->n_vrfs];
    r->n_vrfs--;
    r->changed = true;
}

static void vrfs_forget(struct routers *r, struct router *o)
{
    while (o->n_vrfs)
        vrf_forget(r, o, o->n_vrfs - 1);
    free(o->vrfs);
    o->vrfs = NULL;
}

static bool is_vrf_name(struct str s)
{
    return s.len && s.len < VRF_NAME_MAX && !memchr(s.p, 0, s.len) && str_utf8(s) == s.len;
}

bool routers_vrf(struct routers *r, uint32_t router, uint64_t rd, struct str name, uint64_t deadline_ns)
{
    struct router *o = &r->router[router];
    unsigned i = 0;
    uint16_t table;
    if (!is_vrf_name(name))
        return false;
    while (i < o->n_vrfs && !str_eq(name, str_from(o->vrfs[i].name)))
        i++;
    if (i < o->n_vrfs && o->vrfs[i].rd == rd) {
        o->vrfs[i].deadline_ns = deadline_ns;
        return true;
    }
    if (i < o->n_vrfs) /* it is another VRF now */
        vrf_forget(r, o, i);
    if (o->n_vrfs == ROUTER_VRFS_MAX || r->n_vrfs == ROUTERS_VRFS_MAX || !rib_table(r->rib, rd, true, &table))
        return false;
    if ((o->n_vrfs & (o->n_vrfs - 1)) == 0) /* room is a power of two */
        o->vrfs = xrealloc(o->vrfs, (o->n_vrfs ? 2 * o->n_vrfs : 1) * sizeof *o->vrfs);
    struct router_vrf *v = &o->vrfs[o->n_vrfs++];
    *v = (struct router_vrf){.rd = rd, .deadline_ns = deadline_ns, .table = table};
    memcpy(v->name, name.p, name.len);
    r->n_vrfs++;
    r->changed = true;
    return true;
}

/* Names of former sessions whose time is over; the earliest of the other times. */
static uint64_t vrfs_tick(struct routers *r, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 1; r->n_vrfs && i < r->n_routers; i++) {
        struct router *o = &r->router[i];
        for (unsigned k = o->n_vrfs; k-- > 0;) {
            uint64_t deadline = o->vrfs[k].deadline_ns;
            if (deadline && deadline <= now)
                vrf_forget(r, o, k);
            else if (deadline && deadline < next)
                next = deadline;
        }
    }
    return next;
}

/* ---- routers */

static bool has_routes(const struct routers *r, uint32_t router)
{
    for (uint32_t s = 1; s < r->rib->n_sources; s++)
        if (r->info[s].used && r->info[s].key.router == router)
            return true;
    return false;
}

/* A place for a new one: never used, or of one of which nothing is left. */
static uint32_t router_place(const struct routers *r)
{
    for (uint32_t i = 1; i < r->n_routers; i++)
        if (!r->router[i].used)
            return i;
    if (r->n_routers < ROUTERS_MAX)
        return r->n_routers;
    for (uint32_t i = 1; i < r->n_routers; i++)
        if (!r->router[i].active && !has_routes(r, i))
            return i;
    return 0;
}

uint32_t routers_take(struct routers *r, struct ip address, const char *name)
{
    unsigned instance = 0;
    uint32_t at = 0;
    for (uint32_t i = 1; i < r->n_routers && !at; i++) {
        struct router *o = &r->router[i];
        if (!o->used || !ip_eq(o->address, address) || strcmp(o->name, name) != 0)
            continue;
        if (o->active)
            instance = o->instance >= instance ? o->instance + 1 : instance;
        else
            at = i;
    }
    if (!at) {
        at = router_place(r);
        if (!at) {
            r->refused_routers++;
            return 0;
        }
        r->n_routers = at == r->n_routers ? at + 1 : r->n_routers;
        vrfs_forget(r, &r->router[at]);
        r->router[at] = (struct router){.used = true, .address = address, .instance = instance};
        snprintf(r->router[at].name, sizeof r->router[at].name, "%s", name);
    }
    r->router[at].active = true;
    r->router[at].since_ns = clock_wall_ns();
    r->changed = true;
    return at;
}

void routers_own(struct routers *r, uint32_t router, struct ip address)
{
    struct router *o = &r->router[router];
    static const uint8_t loopback6[16] = {[15] = 1};
    if (ip_is_zero(address) || memcmp(address.b, loopback6, sizeof loopback6) == 0 ||
        (ip_is_v4(address) && (address.b[12] == 0 || address.b[12] == 127)))
        return;
    for (unsigned i = 0; i < o->n_own; i++)
        if (ip_eq(o->own[i], address))
            return;
    if (o->n_own < ROUTER_OWN_MAX) {
        o->own[o->n_own++] = address;
        r->changed = true;
    }
}

void routers_lost(struct routers *r, uint32_t router, uint64_t keep_ns)
{
    uint64_t until = clock_mono_ns() + keep_ns;
    r->router[router].active = false;
    r->router[router].peers = 0;
    r->router[router].since_ns = clock_wall_ns();
    for (unsigned i = 0; i < r->router[router].n_vrfs; i++)
        r->router[router].vrfs[i].deadline_ns = until;
    for (uint32_t s = 1; s < r->rib->n_sources; s++)
        if (r->info[s].used && r->info[s].key.router == router) {
            rib_source_begin(r->rib, s);
            r->info[s].up = false;
            r->info[s].deadline_ns = until;
        }
}

/* ---- sources */

static uint32_t slot_of(const struct routers *r, const struct source_key *k)
{
    uint32_t i = (uint32_t)XXH3_64bits(k, sizeof *k) % SLOTS;
    while (r->slots[i] && memcmp(&r->info[r->slots[i]].key, k, sizeof *k) != 0)
        i = (i + 1) % SLOTS;
    return i;
}

static void source_forget(struct routers *r, uint32_t source)
{
    uint32_t hole = slot_of(r, &r->info[source].key);
    r->slots[hole] = 0;
    for (uint32_t i = (hole + 1) % SLOTS; r->slots[i]; i = (i + 1) % SLOTS) {
        uint32_t home = (uint32_t)XXH3_64bits(&r->info[r->slots[i]].key, sizeof(struct source_key)) % SLOTS;
        if ((i + SLOTS - home) % SLOTS >= (i + SLOTS - hole) % SLOTS) {
            r->slots[hole] = r->slots[i];
            r->slots[i] = 0;
            hole = i;
        }
    }
    r->info[source] = (struct source_info){0};
    rib_source_free(r->rib, source);
}

uint32_t routers_source(struct routers *r, const struct source_key *key, enum rib_kind kind)
{
    uint32_t slot = slot_of(r, key), source = r->slots[slot];
    if (source)
        return source;
    source = rib_source_new(r->rib, key->router, kind);
    if (!source) {
        r->refused_sources++;
        return 0;
    }
    r->slots[slot] = source;
    r->info[source] = (struct source_info){.key = *key, .used = true};
    r->rib->sources[source].address = key->peer;
    return source;
}

static bool of_peer(const struct source_info *i, const struct source_key *peer)
{
    return i->used && i->key.router == peer->router && i->key.peer_type == peer->peer_type &&
           i->key.distinguisher == peer->distinguisher && ip_eq(i->key.peer, peer->peer);
}

void routers_peer_up(struct routers *r, const struct source_key *peer, uint64_t deadline_ns)
{
    for (uint32_t s = 1; s < r->rib->n_sources; s++)
        if (of_peer(&r->info[s], peer)) {
            rib_source_begin(r->rib, s);
            r->info[s].up = true;
            r->info[s].deadline_ns = deadline_ns;
        }
}

/* All routes go, of this session too. */
static void drop_all(struct routers *r, uint32_t source)
{
    rib_source_begin(r->rib, source);
    rib_source_purge(r->rib, source, 3);
    r->info[source].up = false;
    r->info[source].deadline_ns = 0;
}

void routers_peer_down(struct routers *r, const struct source_key *peer)
{
    for (uint32_t s = 1; s < r->rib->n_sources; s++)
        if (of_peer(&r->info[s], peer))
            drop_all(r, s);
}

uint64_t routers_tick(struct routers *r, uint64_t now)
{
    uint64_t next = vrfs_tick(r, now);
    for (uint32_t s = 1; s < r->rib->n_sources; s++) {
        struct source_info *i = &r->info[s];
        if (!i->used)
            continue;
        if (i->deadline_ns && i->deadline_ns <= now) {
            if (!i->up)
                drop_all(r, s);
            else
                rib_source_purge(r->rib, s, 3);
            i->deadline_ns = 0;
        }
        if (!i->up && !i->deadline_ns && r->rib->sources[s].routes == 0)
            source_forget(r, s);
        else if (i->deadline_ns && i->deadline_ns < next)
            next = i->deadline_ns;
    }
    return next;
}
