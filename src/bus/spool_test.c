/* The spool gives back what was acknowledged, in order, whatever died in between, and says what it had to drop. */
#include "base/arena.h"
#include "bus/check.h"
#include "bus/spool.h"
#include "bus/spool_dir.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[256];

static int setup(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/weir-spool-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char cmd[300];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static struct spool_conf conf_of(uint64_t max_size)
{
    return (struct spool_conf){.dir = dir, .partitions = 2, .segment_len = 256 << 10, .max_size = max_size};
}

static struct dgram dgram_of(uint32_t n, uint8_t *data, uint32_t len)
{
    uint8_t addr[4] = {192, 0, 2, (uint8_t)(n % 3)};
    memset(data, (int)n, len);
    memcpy(data, &n, sizeof n);
    return (struct dgram){.src = ip_v4(addr),
                          .src_port = 2055,
                          .decoder = DECODER_NETFLOW,
                          .time = TIME_NETFLOW_PACKET,
                          .use_src = true,
                          .rx_ns = 1800000000u * 1000000000ull + n,
                          .data = data,
                          .len = len};
}

static void put(struct bus_writer *w, unsigned partition, uint32_t n, uint32_t len)
{
    uint8_t data[2048];
    struct err e;
    struct dgram d = dgram_of(n, data, len);
    assert_int_equal(w->append(w, partition, &d, 1, &e), 0);
    if (n % 3 == 0)
        assert_int_equal(w->flush(w, &e), 0);
}

static void gives_back_what_was_put(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(0);
    struct bus_writer *w = spool_writer_new(&c, &e);
    assert_non_null(w);
    assert_null(spool_writer_new(&c, &e)); /* one writer */
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    assert_non_null(r);
    for (uint32_t n = 0; n < 1000; n++)
        put(w, 1, n, 4 + n % 1400);
    w->tick(w, 1800000001);
    struct bus_record rec[64];
    uint64_t offset = 0;
    uint32_t seen = 0;
    bool ticked = false;
    for (size_t got; (got = r->read(r, 1, offset, rec, 64, 0)) > 0; offset = rec[got - 1].next) {
        for (size_t i = 0; i < got; i++) {
            assert_int_equal(rec[i].seq, seen + ticked);
            if (rec[i].kind == BUS_TICK) {
                assert_int_equal(rec[i].second, 1800000001);
                ticked = true;
                continue;
            }
            uint8_t data[2048];
            struct dgram want = dgram_of(seen, data, 4 + seen % 1400);
            assert_int_equal(rec[i].d.len, want.len);
            assert_memory_equal(rec[i].d.data, data, want.len);
            assert_true(ip_eq(rec[i].d.src, want.src) && rec[i].d.rx_ns == want.rx_ns && rec[i].d.use_src);
            assert_int_equal(rec[i].d.time, TIME_NETFLOW_PACKET);
            seen++;
        }
        struct bus_lag lag;
        r->lag(r, 1, &lag);
        assert_int_equal(lag.records, 1001 - seen - ticked);
        r->release(r, 1, rec[got - 1].next);
    }
    assert_int_equal(seen, 1000);
    assert_true(ticked);
    r->free(r);
    w->free(w);
}

static void commit_is_kept(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(0);
    struct bus_writer *w = spool_writer_new(&c, &e);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    struct buf checkpoint;
    uint64_t offset = 7;
    buf_init(&checkpoint, 0);
    assert_true(r->committed(r, 0, &offset, &checkpoint, &e));
    assert_int_equal(offset, 0);
    assert_true(r->commit(r, 0, 123, STR("state"), &e));
    assert_true(r->commit(r, 0, 456, STR("state2"), &e));
    assert_true(r->committed(r, 0, &offset, &checkpoint, &e));
    assert_int_equal(offset, 456);
    assert_true(str_eq(buf_str(&checkpoint), STR("state2")));
    char path[300];
    snprintf(path, sizeof path, "%s/0/commit", dir);
    assert_int_equal(truncate(path, 20), 0);
    assert_false(r->committed(r, 0, &offset, &checkpoint, &e));
    buf_fini(&checkpoint);
    r->free(r);
    w->free(w);
}

static void partitions_cannot_change(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(0);
    struct bus_writer *w = spool_writer_new(&c, &e);
    w->free(w);
    c.partitions = 3;
    assert_null(spool_writer_new(&c, &e));
    assert_non_null(strstr(e.msg, "has 2 partitions, not 3"));
}

/* Drops the oldest at the bound: committed ones silently, others counted by exporter and told by the next tick. */
static void bound_sheds_and_tells(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(4 * (256 << 10));
    struct bus_writer *w = spool_writer_new(&c, &e);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    for (uint32_t n = 0; n < 1000; n++)
        put(w, 0, n, 1400);
    w->tick(w, 1800000001);
    w->tick(w, 1800000002);
    struct spool_totals t;
    spool_writer_totals(w, &t);
    assert_true(t.shed_datagrams > 0 && t.bytes <= c.max_size);
    struct bus_record rec[64];
    uint64_t offset = 0, read = 0, told = 0;
    for (size_t got; (got = r->read(r, 0, offset, rec, 64, 0)) > 0; offset = rec[got - 1].next)
        for (size_t i = 0; i < got; i++) {
            struct str notes = {(const char *)rec[i].d.data, rec[i].d.len};
            struct bus_note n;
            read += rec[i].kind == BUS_DGRAM;
            while (rec[i].kind == BUS_TICK && bus_note_next(&notes, &n)) {
                assert_int_equal(n.minute, 30000000);
                told += n.datagrams;
            }
        }
    assert_int_equal(told, t.shed_datagrams);
    assert_int_equal(read + told, 1000);
    r->free(r);
    w->free(w);
}

static uint32_t count_in_order(void)
{
    struct err e;
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    if (!r)
        return 0; /* the writer was killed before it had made one */
    struct bus_record rec[64];
    uint64_t offset = 0;
    uint32_t seen = 0;
    for (size_t got; (got = r->read(r, 0, offset, rec, 64, 0)) > 0; offset = rec[got - 1].next)
        for (size_t i = 0; i < got; i++) {
            uint32_t n;
            memcpy(&n, rec[i].d.data, sizeof n);
            assert_int_equal(n, seen++);
        }
    assert_int_equal(spool_reader_skipped(r), 0);
    r->free(r);
    return seen;
}

/* A writer killed at any moment: all it acknowledged is there, and nothing else but perhaps the one being written. */
static void survives_kill(void **state)
{
    uint32_t *acked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *acked = 0;
    for (unsigned round = 0; round < 12; round++) {
        uint32_t before = *acked;
        pid_t pid = fork();
        if (pid == 0) {
            struct err e;
            struct spool_conf c = conf_of(0);
            struct bus_writer *w = spool_writer_new(&c, &e);
            uint8_t data[1400];
            if (!w)
                _exit(1);
            for (uint32_t n = count_in_order();; n++) {
                struct dgram d = dgram_of(n, data, 64 + n % 1300);
                bool ok = w->append(w, 0, &d, 1, &e) == 0;
                if (n % 5 == 0 && w->flush(w, &e) == 0 && ok)
                    __atomic_store_n(acked, n + 1, __ATOMIC_RELEASE);
            }
        }
        /* at its start, and when it is well on its way, however slow the machine is */
        for (unsigned ms = 0; round % 2 && ms < 10000 && __atomic_load_n(acked, __ATOMIC_ACQUIRE) == before;
             ms++)
            usleep(1000);
        usleep(3000 + (useconds_t)(round * 1700));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        uint32_t seen = count_in_order();
        assert_in_range(seen, *acked, *acked + 5);
        *acked = seen;
    }
    assert_true(*acked > 0);
    munmap(acked, 4096);
}

/* Garbage behind the last record, as a power cut may leave it, is cut off and written over. */
static void torn_tail_is_mended(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(0);
    struct bus_writer *w = spool_writer_new(&c, &e);
    for (uint32_t n = 0; n < 10; n++)
        put(w, 0, n, 100);
    struct bus_lag lag;
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    struct bus_record rec[16];
    assert_int_equal(w->flush(w, &e), 0);
    assert_int_equal(r->read(r, 0, 0, rec, 16, 0), 10);
    r->lag(r, 0, &lag);
    uint64_t end = rec[9].next;
    r->free(r);
    w->free(w);
    char path[SPOOL_PATH_MAX];
    spool_segment_path(path, dir, 0, 0);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "\x50\0\0\0garbage!", 12, (off_t)end), 12);
    close(fd);
    w = spool_writer_new(&c, &e);
    struct spool_totals t;
    spool_writer_totals(w, &t);
    assert_int_equal(t.repaired, 1);
    put(w, 0, 10, 100);
    assert_int_equal(w->flush(w, &e), 0);
    assert_int_equal(count_in_order(), 11);
    w->free(w);
}

static uint64_t told_of(const struct bus_record *rec)
{
    struct str notes = {(const char *)rec->d.data, rec->d.len};
    uint64_t n = 0;
    for (struct bus_note note; rec->kind == BUS_TICK && bus_note_next(&notes, &note);)
        n += note.kind == BUS_NOTE_SHED ? note.datagrams : 0;
    return n;
}

/* All there is from `offset` on: datagrams read, datagrams told as shed. */
static void read_all(struct bus_reader *r, uint64_t *offset, uint64_t *read, uint64_t *told)
{
    struct bus_record rec[64];
    for (size_t got; (got = r->read(r, 0, *offset, rec, 64, 0)) > 0; *offset = rec[got - 1].next)
        for (size_t i = 0; i < got; i++) {
            *read += rec[i].kind == BUS_DGRAM;
            *told += told_of(&rec[i]);
        }
}

/* A machine that stopped may have lost records that were committed: what comes next must lie behind the commit. */
static void never_behind_the_commit(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(0);
    struct bus_writer *w = spool_writer_new(&c, &e);
    for (uint32_t n = 0; n < 10; n++)
        put(w, 0, n, 1400);
    w->free(w);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    for (uint64_t ahead = 40000; ahead < 2000000; ahead *= 7) {
        uint64_t offset = ahead / 8 * 8, read = 0, told = 0;
        assert_true(r->commit(r, 0, offset, STR(""), &e));
        w = spool_writer_new(&c, &e);
        assert_non_null(w);
        put(w, 0, 30, 1400);
        assert_int_equal(w->flush(w, &e), 0);
        read_all(r, &offset, &read, &told);
        assert_int_equal(read, 1);
        w->free(w);
    }
    r->free(r);
}

enum { THREADS = 4, EACH = 4000 };

struct feeder {
    struct bus_writer *w;
    pthread_t thread;
    uint32_t first;
    bool *stop;
};

static void *feed(void *arg)
{
    struct feeder *f = arg;
    uint8_t data[8][300];
    struct dgram d[8];
    struct err e;
    for (uint32_t n = 0; n < EACH; n += 8) {
        for (uint32_t k = 0; k < 8; k++)
            d[k] = dgram_of(f->first + n + k, data[k], 300);
        if (f->w->append(f->w, n / 8 % 2, d, 8, &e) || f->w->flush(f->w, &e))
            abort();
    }
    return NULL;
}

static void *tick_on(void *arg)
{
    struct feeder *f = arg;
    for (uint64_t second = 1800000000; !__atomic_load_n(f->stop, __ATOMIC_RELAXED); second++) {
        f->w->tick(f->w, second);
        usleep(2000);
    }
    return NULL;
}

/* Threads that write to the same partitions, ticks and a reader at once: all arrive, those of a thread in their order. */
static void many_threads(void **state)
{
    struct err e;
    bool stop = false;
    struct spool_conf c = conf_of(0);
    struct bus_writer *w = spool_writer_new(&c, &e);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    struct feeder f[THREADS + 1];
    for (uint32_t i = 0; i <= THREADS; i++) {
        f[i] = (struct feeder){.w = w, .first = i * EACH, .stop = &stop};
        pthread_create(&f[i].thread, NULL, i < THREADS ? feed : tick_on, &f[i]);
    }
    uint64_t offset[2] = {0};
    uint32_t total = 0, last[2][THREADS] = {{0}};
    struct bus_record rec[64];
    for (unsigned quiet = 0; quiet < 100 && total < THREADS * EACH;) {
        for (unsigned p = 0; p < 2; p++) {
            size_t got = r->read(r, p, offset[p], rec, 64, 10);
            quiet = got ? 0 : quiet + 1;
            for (size_t i = 0; i < got; i++) {
                offset[p] = rec[i].next;
                if (rec[i].kind != BUS_DGRAM)
                    continue;
                uint32_t n, *before;
                memcpy(&n, rec[i].d.data, sizeof n);
                before = &last[p][n / EACH];
                assert_true(n % EACH + 1 > *before);
                *before = n % EACH + 1;
                total++;
            }
            r->release(r, p, offset[p]);
            if (got && total % 5 == 0)
                assert_true(r->commit(r, p, offset[p], STR("x"), &e));
        }
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i <= THREADS; i++)
        pthread_join(f[i].thread, NULL);
    assert_int_equal(total, THREADS * EACH);
    r->free(r);
    w->free(w);
}

/* The check does not depend on the processor. */
static void check_is_the_same(void **state)
{
    uint8_t bytes[2000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 7);
    for (size_t len = 0; len <= sizeof bytes; len += 13)
        if (check_of(bytes, len) != check_plain(bytes, len))
            fail_msg("%zu bytes", len);
    assert_int_equal(check_plain("weir", 4), check_of("weir", 4));
}

/* A reader that is behind and the bound at once: each datagram is read or told as shed, never both, never neither. */
static void slow_reader_and_bound_are_exact(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(8 * (256 << 10));
    struct bus_writer *w = spool_writer_new(&c, &e);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    struct bus_record rec[16];
    uint64_t offset = 0, read = 0, told = 0, put_in = 0;
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned k = 0; k < 100; k++)
            put(w, 0, (uint32_t)put_in++, 1400);
        assert_int_equal(w->flush(w, &e), 0);
        w->tick(w, 1800000000 + round);
        /* reads less than comes, and commits what it has read only now and then */
        for (unsigned k = 0; k < 3; k++) {
            size_t got = r->read(r, 0, offset, rec, 16, 0);
            for (size_t i = 0; i < got; i++) {
                read += rec[i].kind == BUS_DGRAM;
                told += told_of(&rec[i]);
            }
            if (got)
                offset = rec[got - 1].next;
            r->release(r, 0, offset);
        }
        if (round % 7 == 6)
            assert_true(r->commit(r, 0, offset, STR(""), &e));
    }
    w->tick(w, 1800000100);
    read_all(r, &offset, &read, &told);
    assert_true(told > 0);
    assert_int_equal(read + told, put_in);
    r->free(r);
    w->free(w);
}

/* What a reader had begun to read and not committed is there for the next one, whatever came meanwhile. */
static void what_was_read_is_kept(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(8 * (256 << 10));
    struct bus_writer *w = spool_writer_new(&c, &e);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    struct bus_record rec[400];
    uint64_t put_in = 0, offset = 0, read = 0, told = 0, kept;
    for (; put_in < 400; put_in++)
        put(w, 0, (uint32_t)put_in, 1400);
    assert_int_equal(w->flush(w, &e), 0);
    assert_int_equal(r->read(r, 0, 0, rec, 200, 0),
                     200); /* 180 of them fill a segment: it has come to the second */
    assert_int_equal(spool_mark(dir, 0), 2 * (256 << 10));
    r->free(r);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned k = 0; k < 100; k++)
            put(w, 0, (uint32_t)put_in++, 1400);
        assert_int_equal(w->flush(w, &e), 0);
        w->tick(w, 1800000000 + round);
    }
    r = spool_reader_new(dir, 0, &e);
    kept = r->read(r, 0, 0, rec, 400, 0);
    assert_in_range(kept, 360, 400);
    for (uint64_t k = 0; k < 360; k++)
        assert_int_equal(rec[k].seq, rec[0].seq + k);
    read_all(r, &offset, &read, &told);
    assert_true(told > 1000);
    assert_int_equal(read + told, put_in);
    /* once it is committed it goes first */
    assert_true(r->commit(r, 0, offset, STR(""), &e));
    r->free(r);
    for (unsigned k = 0; k < 2000; k++)
        put(w, 0, (uint32_t)put_in++, 1400);
    assert_int_equal(w->flush(w, &e), 0);
    w->tick(w, 1800000100);
    char path[SPOOL_PATH_MAX];
    spool_segment_path(path, dir, 0, 0);
    assert_int_equal(access(path, F_OK), -1);
    w->free(w);
}

/* A writer that died between renaming a segment, telling, and removing it: told once in either case. */
static void drops_are_finished(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(0);
    char path[SPOOL_PATH_MAX], gone[SPOOL_PATH_MAX + 8], cmd[3 * SPOOL_PATH_MAX];
    struct bus_writer *w = spool_writer_new(&c, &e);
    for (uint32_t n = 0; n < 500; n++)
        put(w, 0, n, 1400);
    w->free(w);
    spool_segment_path(path, dir, 0, 0);
    snprintf(gone, sizeof gone, "%s.gone", path);
    snprintf(cmd, sizeof cmd, "cp %s %s/kept", path, dir);
    assert_int_equal(system(cmd), 0);
    assert_int_equal(rename(path, gone), 0);
    w = spool_writer_new(&c, &e); /* tells and removes */
    assert_int_equal(access(gone, F_OK), -1);
    w->free(w);
    snprintf(cmd, sizeof cmd, "mv %s/kept %s", dir, gone);
    assert_int_equal(system(cmd), 0);
    w = spool_writer_new(&c, &e); /* finds that it was told, and only removes */
    assert_int_equal(access(gone, F_OK), -1);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    uint64_t offset = 0, read = 0, told = 0;
    read_all(r, &offset, &read, &told);
    assert_true(told > 0);
    assert_int_equal(read + told, 500);
    r->free(r);
    w->free(w);
}

/* Bytes that rot in an old segment cost the rest of that segment; the newest one's writer may mend it. */
static void rotten_bytes_are_skipped(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(0);
    struct bus_writer *w = spool_writer_new(&c, &e);
    for (uint32_t n = 0; n < 500; n++)
        put(w, 0, n, 1400);
    assert_int_equal(w->flush(w, &e), 0);
    char path[SPOOL_PATH_MAX];
    spool_segment_path(path, dir, 0, 0);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "!", 1, 50 * 1456 + 700), 1);
    close(fd);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    uint64_t offset = 0, read = 0, told = 0;
    read_all(r, &offset, &read, &told);
    assert_int_equal(spool_reader_skipped(r), 1);
    assert_int_equal(read, 500 - (180 - 50)); /* 180 of them fill a segment */
    r->free(r);
    w->free(w);
}

/* Where the segments are gone, offsets go on: the reader's commit must not lie in the future. */
static void offsets_go_on_without_segments(void **state)
{
    struct err e;
    struct spool_conf c = conf_of(0);
    char cmd[700];
    struct bus_writer *w = spool_writer_new(&c, &e);
    for (uint32_t n = 0; n < 300; n++)
        put(w, 0, n, 1400);
    w->free(w);
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    uint64_t offset = 0, read = 0, told = 0;
    read_all(r, &offset, &read, &told);
    assert_int_equal(read, 300);
    assert_true(r->commit(r, 0, offset, STR(""), &e));
    r->free(r);
    snprintf(cmd, sizeof cmd, "rm %s/0/*.seg %s/0/tail", dir, dir);
    assert_int_equal(system(cmd), 0);
    w = spool_writer_new(&c, &e);
    put(w, 0, 300, 1400);
    assert_int_equal(w->flush(w, &e), 0);
    r = spool_reader_new(dir, 0, &e);
    struct buf checkpoint;
    buf_init(&checkpoint, 0);
    assert_true(r->committed(r, 0, &offset, &checkpoint, &e));
    read_all(r, &offset, &read, &told);
    assert_int_equal(read, 301);
    buf_fini(&checkpoint);
    r->free(r);
    w->free(w);
}

/* A disk without room: told as an error, counted, and over when there is room again. */
static void full_disk(void **state)
{
    struct err e = {""};
    char cmd[400];
    snprintf(cmd, sizeof cmd, "mount -t tmpfs -o size=2m weir-test %s 2>/dev/null", dir);
    if (system(cmd) != 0) {
        print_message("not root: SKIP\n");
        skip();
    }
    struct spool_conf c = conf_of(0);
    struct bus_writer *w = spool_writer_new(&c, &e);
    assert_non_null(w);
    uint8_t data[1400];
    uint64_t lost = 0, read = 0, told = 0, offset = 0;
    for (uint32_t n = 0; n < 2000; n++) {
        struct dgram d = dgram_of(n, data, sizeof data);
        lost += w->append(w, 0, &d, 1, &e) + w->flush(w, &e);
    }
    assert_non_null(strstr(e.msg, "No space left"));
    assert_true(lost > 0 && lost < 2000);
    w->tick(w, 1800000001); /* no room for it either */
    struct bus_reader *r = spool_reader_new(dir, 0, &e);
    read_all(r, &offset, &read, &told);
    assert_int_equal(read, 2000 - lost);
    r->release(r, 0, offset);
    assert_true(r->commit(r, 0, offset, STR(""), &e)); /* what is committed makes room */
    w->tick(w, 1800000002);
    w->tick(w, 1800000003);
    struct dgram d = dgram_of(1, data, sizeof data);
    assert_int_equal(w->append(w, 0, &d, 1, &e) + w->flush(w, &e), 0);
    read_all(r, &offset, &read, &told);
    assert_int_equal(told, lost);
    assert_int_equal(read, 2000 - lost + 1);
    r->free(r);
    w->free(w);
    snprintf(cmd, sizeof cmd, "umount %s", dir);
    assert_int_equal(system(cmd), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(gives_back_what_was_put),
                                       TEST(commit_is_kept),
                                       TEST(partitions_cannot_change),
                                       TEST(bound_sheds_and_tells),
                                       TEST(survives_kill),
                                       TEST(torn_tail_is_mended),
                                       TEST(slow_reader_and_bound_are_exact),
                                       TEST(what_was_read_is_kept),
                                       TEST(drops_are_finished),
                                       TEST(rotten_bytes_are_skipped),
                                       TEST(offsets_go_on_without_segments),
                                       TEST(check_is_the_same),
                                       TEST(many_threads),
                                       TEST(never_behind_the_commit),
                                       TEST(full_disk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
