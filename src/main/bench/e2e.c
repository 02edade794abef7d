/*
 * The whole system as `weir run` starts it, in a folder of its own: real sockets, the spool on disk, the embedded store,
 * rollups. A second process sends; the clock runs until the last flow can be read from the store. The CPU time is that of
 * all of weir's processes together, from the first datagram to that moment.
 */
#include "base/clock.h"
#include "base/log.h"
#include "main/bench/bench.h"
#include "main/bench/traffic.h"
#include "net/http_client.h"
#include "schema/dgram.h"
#include "store/ch.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull

enum { PORTS = 7, EXPORTERS = 64, START_S = 60, STALL_S = 30, ROLLUP_S = 100, PROGRESS_S = 10 };

struct e2e {
    char dir[4096];
    uint16_t port[PORTS]; /* orchestrator, console, inlet, outlet, store, netflow, sflow */
    pid_t run;
    struct ch *ch;
};

static uint16_t free_port(int type)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, type, 0);
    bool ok =
        bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0;
    close(fd);
    return ok ? ntohs(a.sin_port) : 0;
}

static bool write_config(struct e2e *x, bool views, bool narrow)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/weir.yaml", x->dir);
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    for (int i = 0; i < PORTS; i++)
        x->port[i] = free_port(i < 5 ? SOCK_STREAM : SOCK_DGRAM);
    fprintf(f,
            "http: {listen: \"127.0.0.1:%u\"}\nconsole: {http: {listen: \"127.0.0.1:%u\"}}\n"
            "inlet:\n  http: {listen: \"127.0.0.1:%u\"}\n  flow:\n    inputs:\n"
            "      - {type: udp, decoder: netflow, listen: \"127.0.0.1:%u\", receive-buffer: 64MiB}\n"
            "      - {type: udp, decoder: sflow, listen: \"127.0.0.1:%u\", receive-buffer: 64MiB}\n"
            "outlet:\n  http: {listen: \"127.0.0.1:%u\"}\n  core: {default-sampling-rate: 1}\n"
            "store: {http: {listen: \"127.0.0.1:%u\"}}\nclickhouse: {rollups: %s%s}\n",
            x->port[0], x->port[1], x->port[2], x->port[5], x->port[6], x->port[3], x->port[4],
            views ? "views" : "outlet", narrow ? "" : ", narrow-rollups: []");
    return fclose(f) == 0;
}

static bool start_run(struct e2e *x)
{
    char config[4200], data[4200], log[4200];
    snprintf(config, sizeof config, "%s/weir.yaml", x->dir);
    snprintf(data, sizeof data, "%s/var", x->dir);
    snprintf(log, sizeof log, "%s/log", x->dir);
    x->run = fork();
    if (x->run == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execl("/proc/self/exe", "weir", "run", "--config", config, "--data-dir", data, NULL);
        _exit(127);
    }
    return x->run > 0;
}

/* ---- asking */

static bool up(uint16_t port, const char *role)
{
    struct err e;
    struct http_answer a;
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/api/v0/%s/healthcheck", port, role);
    struct http_client *c = http_client_new(NULL);
    bool ok = http_client_do(c, &(struct http_request){.url = url}, &a, &e) && a.status == 200;
    buf_fini(&a.body);
    http_client_free(c);
    return ok;
}

static double ask(struct e2e *x, const char *sql)
{
    struct err e;
    struct buf out;
    double v = -1;
    buf_init(&out, 1 << 16);
    if (ch_query(x->ch, &(struct ch_query){.sql = sql}, &out, &e) == CH_OK && out.len) {
        buf_u8(&out, 0);
        v = strtod((const char *)out.p, NULL);
    }
    buf_fini(&out);
    return v;
}

static bool connect_store(struct e2e *x)
{
    char path[4200], password[128] = "", server[32];
    snprintf(path, sizeof path, "%s/var/store.password", x->dir);
    FILE *f = fopen(path, "r");
    if (f) {
        if (!fgets(password, sizeof password, f))
            password[0] = '\0';
        fclose(f);
    }
    password[strcspn(password, "\n")] = '\0';
    snprintf(server, sizeof server, "127.0.0.1:%u", x->port[4]);
    const char *servers[] = {server};
    struct ch_conf conf = {
        .servers = {1, servers}, .database = "default", .username = "default", .password = password};
    x->ch = ch_new(&conf);
    return ask(x, "SELECT count() FROM ledger FORMAT TSV") >= 0;
}

static bool ready(struct e2e *x)
{
    uint64_t until = clock_mono_ns() + START_S * SECOND_NS;
    while (clock_mono_ns() < until && waitpid(x->run, NULL, WNOHANG) == 0) {
        nanosleep(&(struct timespec){0, 300000000}, NULL);
        if (!up(x->port[2], "inlet") || !up(x->port[3], "outlet"))
            continue;
        if (connect_store(x))
            return true;
        ch_free(x->ch);
        x->ch = NULL;
    }
    return false;
}

/* ---- CPU time and memory of a process and all below it */

struct proc {
    pid_t pid, parent;
    uint64_t ticks;
};

static size_t read_procs(struct proc *p, size_t room)
{
    DIR *d = opendir("/proc");
    size_t n = 0;
    for (struct dirent *e; d && n < room && (e = readdir(d));) {
        char path[300], text[1024];
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = fopen(path, "r");
        size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
        if (f)
            fclose(f);
        text[len] = '\0';
        char *rest = strrchr(text, ')');
        unsigned long user, system;
        int parent;
        if (rest && sscanf(rest + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &parent, &user,
                           &system) == 3)
            p[n++] = (struct proc){atoi(e->d_name), parent, user + system};
    }
    if (d)
        closedir(d);
    return n;
}

static double cpu_seconds(pid_t root)
{
    static struct proc p[8192];
    size_t n = read_procs(p, 8192);
    uint64_t ticks = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i].pid == root || p[i].parent == root)
            ticks += p[i].ticks;
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double resident_mib(pid_t pid)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

/* Which role a process of weir is (weir ROLE ...); false: none. */
static bool role_of(pid_t pid, char role[33])
{
    char path[64], args[64] = "";
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    FILE *f = fopen(path, "r");
    size_t len = f ? fread(args, 1, sizeof args - 1, f) : 0;
    if (f)
        fclose(f);
    const char *second = args + strnlen(args, len) + 1;
    if (len == 0 || second >= args + len)
        return false;
    snprintf(role, 33, "%s", second);
    return true;
}

/* Each process's share of time since it began, with what starting took, and its memory. */
static void print_roles(pid_t root, double flows)
{
    static struct proc p[8192];
    size_t n = read_procs(p, 8192);
    for (size_t i = 0; i < n; i++) {
        char role[33], name[128];
        if (p[i].parent != root || !role_of(p[i].pid, role))
            continue;
        snprintf(name, sizeof name, "e2e_cpu_us_per_flow_%s", role);
        bench_print(name, (double)p[i].ticks / (double)sysconf(_SC_CLK_TCK) * 1e6 / (flows > 0 ? flows : 1),
                    "us");
        snprintf(name, sizeof name, "e2e_rss_mib_%s", role);
        bench_print(name, resident_mib(p[i].pid), "MiB");
    }
}

static double all_resident_mib(pid_t root)
{
    static struct proc p[8192];
    size_t n = read_procs(p, 8192);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i].pid == root || p[i].parent == root)
            sum += resident_mib(p[i].pid);
    return sum;
}

/* ---- */

/* Until so many are stored, or no more come; returns when the last came. */
static uint64_t wait_flows(struct e2e *x, double want, double *got)
{
    uint64_t last = clock_mono_ns();
    for (*got = 0; *got < want && clock_mono_ns() < last + STALL_S * SECOND_NS;) {
        nanosleep(&(struct timespec){0, 200000000}, NULL);
        double now = ask(x, "SELECT count() FROM flows FORMAT TSV");
        if (now > *got) {
            *got = now;
            last = clock_mono_ns();
        }
    }
    return last;
}

/* A minute's rollup and ledger come when the next one has begun. */
static void print_rollups(struct e2e *x, double packets, double flows)
{
    double rolled = 0, told = 0;
    uint64_t until = clock_mono_ns() + ROLLUP_S * SECOND_NS;
    while ((rolled < packets || told < flows) && clock_mono_ns() < until) {
        nanosleep(&(struct timespec){1, 0}, NULL);
        rolled = ask(x, "SELECT sum(Packets) FROM flows_1m0s FORMAT TSV");
        told = ask(x, "SELECT sum(Stored) FROM ledger FORMAT TSV");
    }
    bench_print("e2e_rollup_difference", rolled - packets, "packets");
    bench_print("e2e_rollup_rows", ask(x, "SELECT count() FROM flows_1m0s FORMAT TSV"), "rows");
    bench_print("e2e_kernel_drops", ask(x, "SELECT sum(KernelDropped) FROM ledger FORMAT TSV"), "datagrams");
    bench_print("e2e_ledger_stored", told, "flows");
}

/* How far what can be read lies behind the clock. */
static double lag_s(struct e2e *x)
{
    return ask(x, "SELECT toUnixTimestamp(now()) - toUnixTimestamp(max(TimeReceived)) FROM flows FORMAT TSV");
}

static double parts(struct e2e *x)
{
    return ask(x,
               "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() FORMAT TSV");
}

/* Says on stderr how it goes while the sender sends; then how far the store was behind. */
static void watch(struct e2e *x, const struct bench_sender *s)
{
    double most = 0, before = 0;
    uint64_t begin = clock_mono_ns(), last = begin;
    while (!bench_sender_done(s, PROGRESS_S * 1000)) {
        double flows = ask(x, "SELECT count() FROM flows FORMAT TSV"), lag = lag_s(x);
        uint64_t now = clock_mono_ns();
        most = lag > most ? lag : most;
        fprintf(stderr, "%4.0f s: %.0f flows stored, %.0f a second, lag %.0f s, %.0f parts, %.0f MiB\n",
                (double)(now - begin) / 1e9, flows, (flows - before) * 1e9 / (double)(now - last), lag,
                parts(x), all_resident_mib(x->run));
        before = flows;
        last = now;
    }
    double lag = lag_s(x);
    bench_print("e2e_lag_s", lag, "s");
    bench_print("e2e_lag_max_s", lag > most ? lag : most, "s");
}

static int measure(struct e2e *x, const struct bench_capture *c, uint16_t port, uint64_t rate,
                   uint64_t seconds, bool rollups)
{
    struct bench_sender s;
    double cpu = cpu_seconds(x->run), got;
    uint64_t begin = clock_mono_ns();
    if (!bench_sender_start(&s, c, port, EXPORTERS, rate, rate * seconds))
        return 1;
    watch(x, &s);
    struct bench_sent sent = bench_sender_wait(&s);
    double want = (double)sent.flows;
    uint64_t end = wait_flows(x, want, &got);
    cpu = cpu_seconds(x->run) - cpu;
    nanosleep(&(struct timespec){2, 0}, NULL);
    got = ask(x, "SELECT count() FROM flows FORMAT TSV");
    bench_print("e2e_flows_per_s", got * 1e9 / (double)(end - begin), "flows/s");
    bench_print("e2e_cpu_us_per_flow", cpu * 1e6 / (got > 0 ? got : 1), "us");
    bench_print("e2e_lost", want > got ? want - got : 0, "flows");
    bench_print("e2e_duplicates", got > want ? got - want : 0, "flows");
    bench_print(
        "bytes_per_flow",
        ask(x, "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE table = 'flows' AND active "
               "FORMAT TSV"),
        "bytes");
    bench_print("e2e_flows", got, "flows");
    bench_print("e2e_sent_rate", (double)rate, "datagrams/s");
    bench_print("e2e_parts_active", parts(x), "parts");
    print_roles(x->run, got);
    if (rollups)
        print_rollups(x, ask(x, "SELECT sum(Packets) FROM flows FORMAT TSV"), got);
    return got == want ? 0 : 1;
}

static void stop_run(struct e2e *x)
{
    kill(x->run, SIGTERM);
    waitpid(x->run, NULL, 0);
}

static bool make_traffic(struct bench_capture *c, int argc, char **argv, bool sflow, struct err *e)
{
    uint8_t decoder = sflow ? DECODER_SFLOW : DECODER_NETFLOW;
    const char *traffic = bench_text(argc, argv, "traffic", "zipf");
    char path[4096];
    if (strcmp(traffic, "zipf") == 0)
        return bench_capture_zipf(c, decoder, e);
    if (strcmp(traffic, "drawn") != 0)
        return err_set(e, "--traffic is drawn or zipf, not \"%s\"", traffic);
    snprintf(path, sizeof path, "%s/%s", bench_captures(argc, argv),
             sflow ? "sflow-var.pcap" : "nf9-var.pcap");
    return bench_capture_read(c, path, decoder, e);
}

int bench_e2e(int argc, char **argv)
{
    struct e2e x = {0};
    struct bench_capture c = {0};
    struct err e;
    char clean[4200];
    bool sflow = strcmp(bench_text(argc, argv, "only", "v9"), "sflow") == 0;
    log_setup("bench", LOG_ERROR, false);
    snprintf(x.dir, sizeof x.dir, "%s/weir-bench-XXXXXX", bench_text(argc, argv, "dir", "/tmp"));
    if (!make_traffic(&c, argc, argv, sflow, &e) || !mkdtemp(x.dir)) {
        fprintf(stderr, "weir bench: %s\n", c.n ? "--dir is no folder to write in" : e.msg);
        return 2;
    }
    int rc = 1;
    if (!write_config(&x, bench_number(argc, argv, "views", 0) != 0,
                      bench_number(argc, argv, "narrow", 1) != 0) ||
        !start_run(&x) || !ready(&x))
        fprintf(stderr, "weir bench: weir run did not become ready; see %s/log\n", x.dir);
    else
        rc = measure(&x, &c, x.port[sflow ? 6 : 5], bench_number(argc, argv, "rate", 20000),
                     bench_number(argc, argv, "seconds", 10), bench_number(argc, argv, "rollups", 1) != 0);
    if (x.run > 0)
        stop_run(&x);
    ch_free(x.ch);
    bench_capture_free(&c);
    snprintf(clean, sizeof clean, "rm -rf '%s'", x.dir);
    if (rc == 0 && system(clean) != 0)
        rc = 1;
    return rc;
}
