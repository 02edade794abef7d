/* One pass for each provider over a whole column: the first that is not 0 stays. */
#include "enrich/providers.h"
#include "base/arena.h"
#include <stdlib.h>

enum { LIST_MAX = 16 };

struct providers {
    uint8_t asn[LIST_MAX], net[LIST_MAX];
    unsigned n_asn, n_net;
};

static unsigned copy_list(uint8_t *to, const struct opt_list *l)
{
    unsigned n = 0;
    bool seen[256] = {0};
    for (size_t i = 0; i < l->n && n < LIST_MAX; i++) {
        uint8_t p = (uint8_t)*OPT_ITEM(*l, int, i);
        if (!seen[p])
            to[n++] = p; /* a second mention has nothing to add */
        seen[p] = true;
    }
    return n;
}

void providers_publish(struct snapshot *s, const struct enrich_core_conf *core)
{
    struct providers *p = xcalloc(1, sizeof *p);
    p->n_asn = copy_list(p->asn, &core->asn_providers);
    p->n_net = copy_list(p->net, &core->net_providers);
    snapshot_publish(s, p, free);
}

bool providers_private_as(uint32_t as)
{
    return as == 0 || as == 23456 || (as >= 64496 && as <= 65551) || as >= 4200000000u;
}

/* ---- AS numbers */

/* The columns of one side of the flow. */
struct side {
    enum column as, mask, route_as, route_mask, net_as;
};
static const struct side sides[] = {
    {COL_SrcAS, COL_SrcNetMask, COL_RouteSrcAS, COL_RouteSrcMask, COL_NetSrcAS},
    {COL_DstAS, COL_DstNetMask, COL_RouteDstAS, COL_RouteDstMask, COL_NetDstAS},
};

static enum column as_column(const struct side *s, int provider)
{
    switch (provider) {
    case ASN_ROUTING:
    case ASN_ROUTING_EXCEPT_PRIVATE:
        return s->route_as;
    case ASN_NETWORKS:
        return s->net_as;
    default:
        return s->as;
    }
}

bool providers_by_mask(const struct providers *p)
{
    for (unsigned k = 0; k < p->n_asn; k++)
        if (p->asn[k] == ASN_FLOW_EXCEPT_DEFAULT_ROUTE)
            return true;
    return false;
}

static void take_as(uint32_t *out, const struct batch *b, const struct side *s, int provider, uint32_t from,
                    uint32_t to)
{
    enum column c = as_column(s, provider);
    if (!batch_live(b, c))
        return;
    const uint32_t *as = b->col[c];
    const uint8_t *mask = batch_live(b, s->mask) ? b->col[s->mask] : NULL;
    switch (provider) {
    case ASN_FLOW_EXCEPT_PRIVATE:
    case ASN_ROUTING_EXCEPT_PRIVATE:
        for (uint32_t i = from; i < to; i++)
            out[i] = out[i] || providers_private_as(as[i]) ? out[i] : as[i];
        break;
    case ASN_FLOW_EXCEPT_DEFAULT_ROUTE: /* its route has no bits: the number is that of a neighbour */
        for (uint32_t i = from; mask && i < to; i++)
            out[i] = out[i] || mask[i] == 0 ? out[i] : as[i];
        break;
    default:
        for (uint32_t i = from; i < to; i++)
            out[i] = out[i] ? out[i] : as[i];
    }
}

static void choose_as(const struct providers *p, struct batch *b, const struct side *s, uint32_t from,
                      uint32_t to)
{
    uint32_t out[BATCH_ROWS];
    bool others = false;
    for (unsigned k = 0; k < p->n_asn; k++)
        others |= as_column(s, p->asn[k]) != s->as && batch_live(b, as_column(s, p->asn[k]));
    if (!others && (!batch_live(b, s->as) || (p->n_asn && p->asn[0] == ASN_FLOW)))
        return; /* nobody has anything to add */
    memset(out + from, 0, (to - from) * sizeof *out);
    for (unsigned k = 0; k < p->n_asn; k++)
        take_as(out, b, s, p->asn[k], from, to);
    memcpy((uint32_t *)batch_col(b, s->as) + from, out + from, (to - from) * sizeof *out);
}

/* ---- prefix lengths and next hops */

static void choose_mask(const struct providers *p, struct batch *b, const struct side *s, uint32_t from,
                        uint32_t to)
{
    uint8_t out[BATCH_ROWS];
    if (p->n_net && p->net[0] == NET_FLOW && !batch_live(b, s->route_mask))
        return;
    memset(out + from, 0, to - from);
    for (unsigned k = 0; k < p->n_net; k++) {
        enum column c = p->net[k] == NET_FLOW ? s->mask : s->route_mask;
        const uint8_t *mask = b->col[c];
        for (uint32_t i = from; batch_live(b, c) && i < to; i++)
            out[i] = out[i] ? out[i] : mask[i];
    }
    memcpy((uint8_t *)batch_col(b, s->mask) + from, out + from, to - from);
}

static void choose_next_hop(const struct providers *p, struct batch *b, uint32_t from, uint32_t to)
{
    bool flow = false, route = false, flow_first = false;
    for (unsigned k = 0; k < p->n_net; k++) {
        flow_first |= p->net[k] == NET_FLOW && !route;
        flow |= p->net[k] == NET_FLOW;
        route |= p->net[k] == NET_ROUTING;
    }
    if (!flow && batch_live(b, COL_NextHop))
        memset(BATCH_IP(b, NextHop) + from, 0, (to - from) * sizeof(struct ip));
    if (!route || !batch_live(b, COL_RouteNextHop))
        return;
    struct ip *out = BATCH_IP(b, NextHop);
    const struct ip *other = BATCH_IP(b, RouteNextHop);
    for (uint32_t i = from; i < to; i++)
        if (ip_is_zero(out[i]) || (!flow_first && !ip_is_zero(other[i])))
            out[i] = other[i];
}

void providers_fill(const struct providers *p, const struct schema *schema, struct batch *b, uint32_t from,
                    uint32_t to)
{
    for (unsigned i = 0; i < 2; i++) {
        if (schema->enabled[sides[i].as])
            choose_as(p, b, &sides[i], from, to); /* before masks: it asks for the flow's own */
        if (schema->enabled[sides[i].mask])
            choose_mask(p, b, &sides[i], from, to);
    }
    if (schema->enabled[COL_NextHop])
        choose_next_hop(p, b, from, to);
}
