/* The table of benchmarks, and their arguments: pairs of --name and value. */
#include "main/bench/bench.h"
#include "base/str.h"
#include "main/commands.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct bench {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} benches[] = {
    {"decode", "datagram to batch: CPU time per flow [--captures DIR] [--exporters N] [--milliseconds N]",
     bench_decode},
    {"enrich", "what completes flows: CPU time of classifiers and of edges [--times N]", bench_enrich},
    {"inlet", "socket to bus: CPU time per datagram [--rate N] [--seconds N] [--len BYTES] [--dir DIR]",
     bench_inlet},
    {"path",
     "socket to sealed block: CPU time per flow [--rate N] [--seconds N] [--only v5|v9|ipfix|sflow] "
     "[--captures DIR] [--dir DIR] [--zipf 0|1] [--routes PREFIXES] [--networks N] [--geo FILE]",
     bench_path},
    {"e2e",
     "weir run with its store: flows a second, CPU time, loss [--rate DATAGRAMS] [--seconds N] [--only "
     "v9|sflow] [--traffic zipf|drawn] [--rollups 0|1] [--views 0|1] [--narrow 0|1] [--captures DIR] [--dir "
     "DIR]",
     bench_e2e},
    {"store", "the embedded store: cost of a stored flow, time of queries [--rows N] [--runs N] [--dir DIR]",
     bench_store},
    {"console",
     "the console's own questions over a month of rows: milliseconds [--rows N] [--days N] [--times N] "
     "[--narrow 0|1] [--keep 0|1] [--dir DIR]",
     bench_console},
    {"nets",
     "networks and GeoIP: making the table, memory, look-ups [--prefixes N] [--geo FILE,FILE] [--asn "
     "FILE,FILE]",
     bench_nets},
    {"rib", "routes: bytes, look-ups alone and under writing, removal [--ipv4 N] [--ipv6 N]", bench_rib},
};
enum { N_BENCHES = sizeof benches / sizeof *benches };

void bench_print(const char *name, double value, const char *unit)
{
    printf(value == (double)(int64_t)value ? "%s %.0f %s\n" : "%s %.3f %s\n", name, value, unit);
    fflush(stdout);
}

const char *bench_text(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0)
            return argv[i + 1];
    return otherwise;
}

uint64_t bench_number(int argc, char **argv, const char *name, uint64_t otherwise)
{
    const char *text = bench_text(argc, argv, name, NULL);
    uint64_t n = otherwise;
    if (text && !str_u64(str_from(text), &n)) {
        fprintf(stderr, "weir bench: --%s wants a number, not \"%s\"\n", name, text);
        exit(2);
    }
    return n;
}

const char *bench_captures(int argc, char **argv)
{
    static char path[4096];
    const char *base = getenv("WEIR_CAPTURES");
    snprintf(path, sizeof path, "%s/bench", base ? base : "../shared/captures");
    return bench_text(argc, argv, "captures", path);
}

static void usage(FILE *f)
{
    fprintf(f, "usage: weir bench NAME [ARGUMENTS]\n\n");
    for (int i = 0; i < N_BENCHES; i++)
        fprintf(f, "  %-8s %s\n", benches[i].name, benches[i].summary);
}

int cmd_bench(int argc, char **argv)
{
    for (int i = 0; argc >= 2 && i < N_BENCHES; i++)
        if (strcmp(argv[1], benches[i].name) == 0)
            return benches[i].run(argc - 1, argv + 1);
    bool asked = argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (argc >= 2 && !asked)
        fprintf(stderr, "weir bench: there is no benchmark \"%s\"\n", argv[1]);
    usage(asked ? stdout : stderr);
    return asked ? 0 : 2;
}
