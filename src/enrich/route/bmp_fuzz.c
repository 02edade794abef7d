/* A session's bytes, whatever they are; then everything it left in the RIB is looked at, and called off. */
#include "enrich/route/testing.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void look_at_all(const struct rib *r)
{
    for (uint32_t at = rib_prefix_first(); at < rib_prefix_end(r); at = rib_prefix_after(at)) {
        const struct rib_prefix *p = rib_prefix_at(r, at);
        if (!rib_routes_of(r, p))
            continue;
        struct rib_ask q = {.address = p->ip};
        struct rib_answer a;
        rib_find(r, &q, 1, &a);
    }
}

/* One RIB for all inputs: making one costs more than most of them. Each must leave it as it was. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct t_rig t;
    size_t used;
    if (!t.rib.marks)
        t_rig_init(&t);
    else
        t.bmp = bmp_new(&t.env, t_ip("192.0.2.1"), t.counters);
    buf_add(&t.out, data, len);
    bmp_take(t.bmp, buf_str(&t.out), &used, &t.err);
    buf_reset(&t.out);
    look_at_all(&t.rib);
    bmp_free(t.bmp);
    routers_tick(&t.routers, UINT64_MAX - 1);
    t_sweep(&t);
    routers_tick(&t.routers, UINT64_MAX - 1);
    if (t.rib.routes || t.rib.attrs.n || t.rib.lpm.n || t.routers.n_vrfs)
        abort(); /* nothing may outlast its session */
    snapshot_reader_quiet();
    return 0;
}
