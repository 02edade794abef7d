/*
 * What networks and GeoIP cost: making the table of N generated prefixes, or of MMDB files, its memory, look-ups one by one
 * and in batches, of 65,536 addresses in turn and by Zipf's law, and filling the columns of a batch.
 */
#include "base/clock.h"
#include "enrich/nets/netrows.h"
#include "enrich/nets/nets.h"
#include "main/bench/bench.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES = 8, ADDRESSES = 1 << 16, ROUNDS = 64 };

static uint64_t seed = 88172645463325252u;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- streams */

static void generate(struct netrows *r, struct nettable *t, size_t n)
{
    *r = (struct netrows){.items = xcalloc(n, sizeof *r->items), .n = n};
    for (size_t i = 0; i < n; i++) {
        struct nettable_entry *e = &r->items[i];
        uint64_t a = draw();
        char name[32];
        snprintf(name, sizeof name, "network %u", (unsigned)(a >> 40) % 5000);
        if (i % 6) {
            e->prefix = (struct prefix){ip_v4(&a), (uint8_t)(96 + 12 + draw() % 13)};
        } else {
            e->prefix = (struct prefix){{.b = {0x20, 0x01}}, (uint8_t)(24 + draw() % 25)};
            memcpy(e->prefix.ip.b + 2, &a, 6);
        }
        e->prefix.ip = ip_mask(e->prefix.ip, e->prefix.len);
        e->attrs.text[NET_Name] = nettable_text(t, str_from(name));
        e->attrs.asn = (uint32_t)(draw() % 90000) + 1;
        memcpy(e->attrs.country, i % 3 ? "FR" : "DE", 2);
    }
    qsort(r->items, r->n, sizeof *r->items, nettable_order);
}

struct input {
    struct nettable_stream streams[2 * FILES + 1];
    size_t n;
    struct mmdb mmdb[FILES];
    struct netrows_mmdb rows[2 * FILES];
    unsigned n_files;
    struct netrows generated;
};

static bool add_file(struct input *in, struct nettable *t, const char *path, bool is_asn, struct err *e)
{
    unsigned f = in->n_files;
    if (!mmdb_open(&in->mmdb[f], path, e))
        return false;
    in->n_files++;
    for (unsigned v4 = 0; v4 < 2; v4++) {
        netrows_mmdb_init(&in->rows[2 * f + v4], t, &in->mmdb[f], path, v4, is_asn);
        in->streams[in->n++] = netrows_mmdb_stream(&in->rows[2 * f + v4]);
    }
    return true;
}

/* "a.mmdb,b.mmdb" */
static bool add_files(struct input *in, struct nettable *t, const char *list, bool is_asn, struct err *e)
{
    struct str left = str_from(list), one;
    while (str_split(&left, ',', &one) && in->n_files < FILES) {
        char path[4096];
        snprintf(path, sizeof path, "%.*s", STR_ARG(one));
        if (!add_file(in, t, path, is_asn, e))
            return false;
    }
    return true;
}

/* ---- what is asked for */

static void keep_address(struct prefix p, uint32_t value, void *arg)
{
    struct ip *a = arg;
    static uint64_t n;
    /* a sample of all prefixes, whose order is not that of memory */
    uint64_t at = n++ < ADDRESSES ? n - 1 : draw() % n;
    if (at >= ADDRESSES)
        return;
    for (unsigned bit = p.len; bit < 128; bit++)
        if (draw() & 1)
            p.ip.b[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    a[at] = p.ip;
}

static void measure_lookups(const struct nettable *t, const struct ip *a, size_t at_once, const char *name)
{
    static struct lpm_hit hits[1024];
    uint64_t before = clock_cpu_ns(), found = 0;
    for (unsigned k = 0; k < ROUNDS; k++)
        for (unsigned i = 0; i < ADDRESSES; i += 1024) {
            for (size_t j = 0; j < 1024; j += at_once)
                lpm_find_many(&t->lpm, a + i + j, at_once, hits + j);
            found += hits[k].value != 0;
        }
    bench_print(name, (double)(clock_cpu_ns() - before) / (ROUNDS * (double)ADDRESSES), "ns");
    if (found == 0)
        fprintf(stderr, "weir bench: nothing was found\n");
}

/* As traffic has them: the first with a share of 1, the second of a half, the third of a third. */
static struct ip *by_zipf(const struct ip *a)
{
    struct ip *z = xcalloc(ADDRESSES, sizeof *z);
    for (unsigned i = 0; i < ADDRESSES; i++)
        z[i] = a[(size_t)exp((double)(draw() >> 11) * 0x1p-53 * log(ADDRESSES))];
    return z;
}

static void measure_fill(const struct nettable *t, const struct ip *a)
{
    struct schema schema;
    struct intern strings;
    struct batch *b = batch_new();
    schema_default(&schema);
    intern_init(&strings);
    struct view view = {.schema = &schema, .strings = &strings};
    view.scratch[0] = enrich_nets.scratch_new();
    view.cache[0] = enrich_nets.cache_new();
    view.snapshot[0] = t;
    uint64_t spent = 0, flows = 0;
    for (unsigned k = 0; k < ROUNDS; k++)
        for (unsigned i = 0; i + BATCH_ROWS < ADDRESSES; i += BATCH_ROWS) {
            batch_reset(b);
            b->n = BATCH_ROWS;
            memcpy(BATCH_IP(b, SrcAddr), a + i, BATCH_ROWS * sizeof *a);
            memcpy(BATCH_IP(b, DstAddr), a + ADDRESSES - BATCH_ROWS - i, BATCH_ROWS * sizeof *a);
            uint64_t before = clock_cpu_ns();
            enrich_nets.fill(b, &view, 0);
            spent += k ? clock_cpu_ns() - before : 0; /* the first round meets all strings */
            flows += k ? BATCH_ROWS : 0;
        }
    bench_print("networks_fill_ns_per_flow", (double)spent / (double)flows, "ns");
    enrich_nets.scratch_free(view.scratch[0]);
    enrich_nets.cache_free(view.cache[0]);
    intern_fini(&strings);
    batch_free(b);
}

int bench_nets(int argc, char **argv)
{
    const char *geo = bench_text(argc, argv, "geo", ""), *asn = bench_text(argc, argv, "asn", "");
    struct err e;
    struct input *in = xcalloc(1, sizeof *in);
    struct nettable *t = nettable_new(&e);
    bool ok = t && add_files(in, t, asn, true, &e) && add_files(in, t, geo, false, &e);
    if (ok && in->n_files == 0) {
        generate(&in->generated, t, bench_number(argc, argv, "prefixes", 1200000));
        in->streams[in->n++] = netrows_stream(&in->generated);
    }
    uint64_t before = clock_cpu_ns();
    ok = ok && nettable_build(t, in->streams, in->n, NULL, &e);
    if (ok) {
        struct ip *a = xcalloc(ADDRESSES, sizeof *a);
        bench_print("networks_build_ms", (double)(clock_cpu_ns() - before) / 1e6, "ms");
        bench_print("networks_prefixes", t->lpm.n, "prefixes");
        bench_print("networks_attributes", t->n_attrs, "sets");
        bench_print("networks_memory_mib", (double)t->memory / 1048576, "MiB");
        bench_print("networks_bytes_per_prefix", (double)t->memory / (t->lpm.n ? t->lpm.n : 1), "bytes");
        lpm_each(&t->lpm, keep_address, a);
        struct ip *zipf = by_zipf(a);
        measure_lookups(t, a, 1, "networks_lookup_single_ns");
        measure_lookups(t, a, 1024, "networks_lookup_ns");
        measure_lookups(t, zipf, 1, "networks_lookup_single_zipf_ns");
        measure_lookups(t, zipf, 1024, "networks_lookup_zipf_ns");
        free(zipf);
        measure_fill(t, a);
        free(a);
    } else
        fprintf(stderr, "weir bench: %s\n", e.msg);
    for (unsigned i = 0; i < in->n_files; i++) {
        netrows_mmdb_fini(&in->rows[2 * i]);
        netrows_mmdb_fini(&in->rows[2 * i + 1]);
        mmdb_close(&in->mmdb[i]);
    }
    netrows_fini(&in->generated);
    nettable_free(t);
    free(in);
    return ok ? 0 : 1;
}
