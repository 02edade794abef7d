/*
 * A second's traffic is drawn from a generator seeded with (seed, kind, second). The day's curve is a raised cosine that
 * is 1 at the quietest hour and `multiplier` at the peak, with a slow wobble so that days do not look ruled.
 */
#include "demo/traffic.h"
#include "base/arena.h"
#include <math.h>
#include <stdlib.h>

enum { DAY_S = 86400, MAX_FLOWS_PER_SECOND = 100000 };

struct kind {
    const struct demo_kind *conf;
    struct prefix src, dst;
    bool v4;
};

struct traffic {
    uint64_t seed;
    struct kind *kinds;
    size_t n_kinds;
    struct demo_flow *flows;
    size_t n, room;
};

/* splitmix64: small, good enough, the same everywhere */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double unit(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

struct traffic *traffic_new(const struct demo_flows_conf *conf)
{
    struct traffic *t = xcalloc(1, sizeof *t);
    t->seed = conf->seed;
    t->n_kinds = conf->flows.n;
    t->kinds = xcalloc(t->n_kinds, sizeof *t->kinds);
    for (size_t i = 0; i < t->n_kinds; i++) {
        struct kind *k = &t->kinds[i];
        k->conf = OPT_ITEM(conf->flows, struct demo_kind, i);
        prefix_parse(str_from(k->conf->src_net),
                     &k->src); /* both checked when the configuration was loaded */
        prefix_parse(str_from(k->conf->dst_net), &k->dst);
        k->v4 = ip_is_v4(k->src.ip);
    }
    return t;
}

void traffic_free(struct traffic *t)
{
    if (!t)
        return;
    free(t->kinds);
    free(t->flows);
    free(t);
}

static double rate_at(const struct demo_kind *k, uint64_t s)
{
    double day = 2 * M_PI * ((double)(s % DAY_S) - (double)(k->peak_hour / 1000000000u)) / DAY_S;
    double curve = (1 + cos(day)) / 2;
    double wobble =
        1 + 0.06 * sin(2 * M_PI * (double)s / 2713 + k->size) + 0.03 * sin(2 * M_PI * (double)s / 431);
    return k->per_second * (1 + (k->multiplier - 1) * curve * curve) * wobble;
}

/* An address of the prefix; few hosts have most of the traffic. */
static struct ip host_of(struct prefix p, uint64_t *rng)
{
    double u = unit(rng);
    uint64_t host = (uint64_t)(exp(u * u * 9.0)); /* 1 to 8103, low numbers most often */
    unsigned bits = 128u - p.len;
    if (bits < 64)
        host &= ((uint64_t)1 << bits) - 1;
    struct ip a = p.ip;
    for (int i = 15; host && i >= 0; i--, host >>= 8)
        a.b[i] |= (uint8_t)host;
    return a;
}

/* 0, as files written for Akvorado say it, is an ephemeral port too. */
static uint16_t port_of(const struct opt_list *ports, uint64_t *rng)
{
    uint64_t port = ports->n ? *OPT_ITEM(*ports, uint64_t, next(rng) % ports->n) : 0;
    return (uint16_t)(port ? port : 32768 + next(rng) % 28232);
}

static uint8_t proto_of(const struct demo_kind *k, bool v4, uint64_t *rng)
{
    if (k->protocol.n == 0)
        return IPPROTO_TCP;
    const char *p = *OPT_ITEM(k->protocol, const char *, next(rng) % k->protocol.n);
    return p[0] == 't' ? IPPROTO_TCP : p[0] == 'u' ? IPPROTO_UDP : v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static uint8_t text_mask(struct prefix p, bool v4)
{
    return (uint8_t)(v4 ? p.len - 96 : p.len);
}

static struct demo_flow flow_of(const struct kind *kind, uint64_t *rng)
{
    const struct demo_kind *k = kind->conf;
    struct demo_flow f = {.v4 = kind->v4,
                          .src = host_of(kind->src, rng),
                          .dst = host_of(kind->dst, rng),
                          .in_if = (uint32_t)k->in_if,
                          .out_if = (uint32_t)k->out_if,
                          .src_as = (uint32_t)k->src_as,
                          .dst_as = (uint32_t)k->dst_as,
                          .src_mask = text_mask(kind->src, kind->v4),
                          .dst_mask = text_mask(kind->dst, kind->v4),
                          .proto = proto_of(k, kind->v4, rng)};
    if (f.proto == IPPROTO_TCP || f.proto == IPPROTO_UDP) {
        f.src_port = port_of(&k->src_port, rng);
        f.dst_port = port_of(&k->dst_port, rng);
    }
    f.tcp_flags = f.proto == IPPROTO_TCP ? 0x18 : 0;
    f.packets = 1 + next(rng) % 5;
    double size = (double)k->size * (0.7 + 0.6 * unit(rng));
    f.bytes = f.packets * (uint64_t)fmax(40, fmin(size, k->size > 1500 ? 9000 : 1500));
    return f;
}

static void turn_around(struct demo_flow *f)
{
    struct demo_flow o = *f;
    f->src = o.dst, f->dst = o.src;
    f->src_port = o.dst_port, f->dst_port = o.src_port;
    f->src_as = o.dst_as, f->dst_as = o.src_as;
    f->src_mask = o.dst_mask, f->dst_mask = o.src_mask;
    f->in_if = o.out_if, f->out_if = o.in_if;
}

static void add_flow(struct traffic *t, const struct demo_flow *f)
{
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 256;
        t->flows = xrealloc(t->flows, t->room * sizeof *t->flows);
    }
    t->flows[t->n++] = *f;
}

const struct demo_flow *traffic_second(struct traffic *t, uint64_t s, uint64_t thinning, size_t *n)
{
    t->n = 0;
    for (size_t i = 0; i < t->n_kinds; i++) {
        uint64_t rng = t->seed * 0x9e3779b97f4a7c15u + i * 0xd1342543de82ef95u + s;
        double want = rate_at(t->kinds[i].conf, s) / (double)thinning;
        uint64_t count = (uint64_t)want + (unit(&rng) < want - floor(want));
        if (count > MAX_FLOWS_PER_SECOND)
            count = MAX_FLOWS_PER_SECOND;
        for (; count > 0; count--) {
            struct demo_flow f = flow_of(&t->kinds[i], &rng);
            if (unit(&rng) < t->kinds[i].conf->reverse_direction_ratio)
                turn_around(&f);
            add_flow(t, &f);
        }
    }
    *n = t->n;
    return t->flows;
}
