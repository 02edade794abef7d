/* Golden: who is asked in which order, and what of it counts. */
#include "enrich/providers.h"
#include "base/arena.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct rig {
    struct snapshot snapshot;
    struct schema schema;
    struct batch *batch;
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){.batch = batch_new()};
    schema_default(&r->schema);
    r->schema.enabled[COL_NextHop] = true;
}

static void configure(struct rig *r, int *asn, size_t n_asn, int *net, size_t n_net)
{
    struct enrich_core_conf core = {.asn_providers = {n_asn, asn}, .net_providers = {n_net, net}};
    providers_publish(&r->snapshot, &core);
}

static void fill(struct rig *r)
{
    providers_fill(snapshot_get(&r->snapshot).data, &r->schema, r->batch, 0, r->batch->n);
}

static void rig_fini(struct rig *r)
{
    snapshot_fini(&r->snapshot);
    batch_free(r->batch);
}

struct as_case {
    uint32_t flow, route, network;
    uint8_t mask;
    uint32_t want;
};

static void check_as(int *providers, size_t n, const struct as_case *cases, uint32_t n_cases)
{
    struct rig r;
    rig_init(&r);
    configure(&r, providers, n, (int[]){NET_FLOW}, 1);
    struct batch *b = r.batch;
    b->n = n_cases;
    for (uint32_t i = 0; i < n_cases; i++) {
        BATCH_U32(b, SrcAS)[i] = BATCH_U32(b, DstAS)[i] = cases[i].flow;
        BATCH_U32(b, RouteSrcAS)[i] = BATCH_U32(b, RouteDstAS)[i] = cases[i].route;
        BATCH_U32(b, NetSrcAS)[i] = BATCH_U32(b, NetDstAS)[i] = cases[i].network;
        BATCH_U8(b, SrcNetMask)[i] = BATCH_U8(b, DstNetMask)[i] = cases[i].mask;
    }
    fill(&r);
    for (uint32_t i = 0; i < n_cases; i++) {
        assert_int_equal(BATCH_U32(b, SrcAS)[i], cases[i].want);
        assert_int_equal(BATCH_U32(b, DstAS)[i], cases[i].want);
        assert_int_equal(BATCH_U8(b, SrcNetMask)[i], cases[i].mask);
    }
    rig_fini(&r);
}

static void as_numbers_come_from_who_knows_first(void **state)
{
    check_as(
        (int[]){ASN_FLOW, ASN_ROUTING, ASN_NETWORKS}, 3,
        (struct as_case[]){
            {1, 2, 3, 24, 1}, {0, 2, 3, 24, 2}, {0, 0, 3, 24, 3}, {0, 0, 0, 24, 0}, {64512, 2, 3, 0, 64512}},
        5);
    check_as((int[]){ASN_FLOW_EXCEPT_PRIVATE, ASN_ROUTING_EXCEPT_PRIVATE, ASN_NETWORKS}, 3,
             (struct as_case[]){{64512, 2, 3, 24, 2},
                                {64495, 2, 3, 24, 64495},
                                {65551, 4200000000, 3, 24, 3},
                                {65552, 2, 3, 24, 65552},
                                {23456, 65535, 4294967295, 24, 4294967295}},
             5);
    check_as((int[]){ASN_FLOW_EXCEPT_DEFAULT_ROUTE, ASN_ROUTING}, 2,
             (struct as_case[]){{1, 2, 3, 0, 2}, {1, 2, 3, 8, 1}, {0, 0, 3, 8, 0}}, 3);
    check_as((int[]){ASN_NETWORKS}, 1, (struct as_case[]){{1, 2, 3, 8, 3}, {1, 2, 0, 8, 0}}, 2);
    check_as((int[]){ASN_ROUTING, ASN_FLOW}, 2, (struct as_case[]){{1, 2, 0, 8, 2}, {1, 0, 0, 8, 1}}, 2);
}

static void masks_are_wanted_where_they_decide(void **state)
{
    struct rig r;
    rig_init(&r);
    configure(&r, (int[]){ASN_ROUTING, ASN_FLOW_EXCEPT_DEFAULT_ROUTE}, 2, NULL, 0);
    assert_true(providers_by_mask(snapshot_get(&r.snapshot).data));
    configure(&r, (int[]){ASN_FLOW_EXCEPT_PRIVATE, ASN_ROUTING}, 2, NULL, 0);
    assert_false(providers_by_mask(snapshot_get(&r.snapshot).data));
    rig_fini(&r);
}

/* With one provider, the flow's own numbers: what is not asked for must go. */
static void the_flow_may_not_be_asked(void **state)
{
    struct rig r;
    rig_init(&r);
    configure(&r, (int[]){ASN_NETWORKS}, 1, (int[]){NET_ROUTING}, 1);
    struct batch *b = r.batch;
    b->n = 1;
    BATCH_U32(b, SrcAS)[0] = 1;
    BATCH_U8(b, SrcNetMask)[0] = 24;
    BATCH_IP(b, NextHop)[0] = ip_v4("\x0a\x00\x00\x01");
    fill(&r);
    assert_int_equal(BATCH_U32(b, SrcAS)[0], 0);
    assert_int_equal(BATCH_U8(b, SrcNetMask)[0], 0);
    assert_true(ip_is_zero(BATCH_IP(b, NextHop)[0]));
    rig_fini(&r);
}

static void masks_and_next_hops_follow_their_order(void **state)
{
    struct ip one = ip_v4("\x0a\x00\x00\x01"), two = ip_v4("\x0a\x00\x00\x02");
    for (int flow_first = 0; flow_first < 2; flow_first++) {
        struct rig r;
        rig_init(&r);
        int order[2] = {flow_first ? NET_FLOW : NET_ROUTING, flow_first ? NET_ROUTING : NET_FLOW};
        configure(&r, (int[]){ASN_FLOW}, 1, order, 2);
        struct batch *b = r.batch;
        b->n = 3;
        uint8_t *mask = BATCH_U8(b, DstNetMask), *route = BATCH_U8(b, RouteDstMask);
        struct ip *hop = BATCH_IP(b, NextHop), *route_hop = BATCH_IP(b, RouteNextHop);
        mask[0] = mask[1] = 24;
        hop[0] = hop[1] = one;
        route[0] = route[2] = 16;
        route_hop[0] = route_hop[2] = two;
        fill(&r);
        assert_int_equal(mask[0], flow_first ? 24 : 16);
        assert_int_equal(mask[1], 24);
        assert_int_equal(mask[2], 16);
        assert_true(ip_eq(hop[0], flow_first ? one : two));
        assert_true(ip_eq(hop[1], one));
        assert_true(ip_eq(hop[2], two));
        rig_fini(&r);
    }
}

static void some_numbers_are_private(void **state)
{
    static const struct {
        uint32_t as;
        bool is_private;
    } cases[] = {{0, true},           {1, false},         {23456, true},     {64495, false},
                 {64496, true},       {65551, true},      {65552, false},    {131072, false},
                 {4199999999, false}, {4200000000, true}, {4294967295, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(providers_private_as(cases[i].as), cases[i].is_private);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_numbers_come_from_who_knows_first),
        cmocka_unit_test(masks_are_wanted_where_they_decide),
        cmocka_unit_test(the_flow_may_not_be_asked),
        cmocka_unit_test(masks_and_next_hops_follow_their_order),
        cmocka_unit_test(some_numbers_are_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
