/*
 * The file that a restart begins with, whatever is in it. After a first byte of 0 the input is the whole file; else it is what
 * stands between the head and the checksum, which are made right, so that damage beyond them is met too. All that was read is
 * looked at, and called off.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/snapshot.h"
#include "enrich/route/rib_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void make_file(struct buf *b, const uint8_t *data, size_t len)
{
    if (len && data[0]) {
        buf_z(b, "weirRIB1");
        buf_le64(b, clock_wall_ns() / 1000000000u);
        buf_add(b, data + 1, len - 1);
        buf_le64(b, XXH3_64bits(b->p, b->len));
    } else if (len) {
        buf_add(b, data + 1, len - 1);
    }
}

static uint64_t read_file(struct routers *r, const struct buf *b)
{
    char path[64];
    struct err e;
    uint64_t routes;
    int fd = memfd_create("rib", MFD_CLOEXEC);
    if (fd < 0 || write(fd, b->p, b->len) != (ssize_t)b->len)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    rib_file_read(r, path, 86400, 1, &routes, &e);
    close(fd);
    return routes;
}

static void look_at_all(const struct rib *r)
{
    for (uint32_t at = rib_prefix_first(); at < rib_prefix_end(r); at = rib_prefix_after(at)) {
        const struct rib_prefix *p = rib_prefix_at(r, at);
        struct rib_ask q = {.address = p->ip};
        struct rib_answer a;
        if (rib_routes_of(r, p))
            rib_find(r, &q, 1, &a);
    }
}

/* Nothing may stay once its time is over, and no router may seem to have a session. */
static void call_off(struct routers *r)
{
    for (int i = 0; i < 2; i++) {
        routers_tick(r, UINT64_MAX - 1);
        while (rib_sweeping(r->rib))
            rib_sweep(r->rib, 1000);
    }
    for (uint32_t i = 1; i < r->n_routers; i++)
        if (r->router[i].active)
            abort();
    if (r->rib->routes || r->rib->attrs.n || r->rib->lpm.n || r->n_vrfs)
        abort();
    snapshot_reader_quiet();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct rib rib;
    static struct routers routers;
    struct err e;
    struct buf b;
    if (!rib.marks) {
        snapshot_reader_on();
        if (!rib_init(&rib, 256 << 20, &e))
            abort();
        routers_init(&routers, &rib);
    }
    buf_init(&b, 0);
    make_file(&b, data, len);
    if (read_file(&routers, &b) != rib.routes)
        abort();
    look_at_all(&rib);
    call_off(&routers);
    buf_fini(&b);
    return 0;
}
