/* Any bytes as a configuration: no crash, and what loads must show and load again as the same. */
#include "conf/load.h"
#include "conf/shared.h"
#include "conf/show.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct fuzzed {
    struct conf_http http;
    struct conf_kafka kafka;
    struct conf_reporting reporting;
    struct opt_list list;
    struct opt_map map;
    struct opt_subnetmap subnets, rates;
    uint64_t time, size;
    double ratio;
};

static const struct opt fuzzed_rows[] = {
    {"http", OPT_STRUCT, OPT_AT(struct fuzzed, http), .sub = &conf_http_table},
    {"kafka", OPT_STRUCT, OPT_AT(struct fuzzed, kafka), .sub = &conf_kafka_table},
    {"reporting", OPT_STRUCT, OPT_AT(struct fuzzed, reporting), .sub = &conf_reporting_table},
    {"list", OPT_LIST, OPT_AT(struct fuzzed, list), .item = OPT_STRUCT, .sub = &tls_table},
    {"map", OPT_MAP, OPT_AT(struct fuzzed, map), .item = OPT_SECRET},
    {"subnets", OPT_SUBNETMAP, OPT_AT(struct fuzzed, subnets), .item = OPT_STRUCT, .sub = &tls_table},
    {"rates", OPT_SUBNETMAP, OPT_AT(struct fuzzed, rates), .item = OPT_INT},
    {"time", OPT_DURATION, OPT_AT(struct fuzzed, time)},
    {"size", OPT_SIZE, OPT_AT(struct fuzzed, size), .flags = OPT_ALLOW_PERCENT},
    {"ratio", OPT_FLOAT, OPT_AT(struct fuzzed, ratio)},
};
static const struct opt_table fuzzed_table = OPT_TABLE("fuzzed", struct fuzzed, fuzzed_rows);

static bool load(struct str text, struct fuzzed *c, struct arena *a)
{
    struct conf_report r;
    conf_report_init(&r);
    struct opt_how how = {.arena = a, .report = &r};
    struct yaml *y = yaml_text(text, "fuzz", a, &r);
    bool ok = y && opt_load(&fuzzed_table, y, c, "", &how);
    if (!ok && r.n_errors == 0)
        abort(); /* refused without a word */
    conf_report_fini(&r);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a;
    struct fuzzed one, two;
    arena_init(&a);
    if (len <= 65536 && load((struct str){(const char *)data, len}, &one, &a)) {
        struct buf b;
        buf_init(&b, 0);
        opt_show(&fuzzed_table, &one, SHOW_SECRETS, &b);
        if (!load(buf_str(&b), &two, &a))
            abort();
        struct opt_change ch;
        opt_change_init(&ch);
        opt_diff(&fuzzed_table, &one, &two, "", &ch);
        if (ch.n_restart || ch.n_live)
            abort();
        opt_change_fini(&ch);
        buf_fini(&b);
    }
    arena_fini(&a);
    return 0;
}
