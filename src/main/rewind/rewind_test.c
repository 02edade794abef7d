/* Which time may be repaired, how times are written, and what of the spool the outlet gets. */
#include "bus/spool.h"
#include "main/rewind/bus.h"
#include "main/rewind/span.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- spans */

static void steps(void **state)
{
    assert_int_equal(rewind_step(60, 3600), 3600);
    assert_int_equal(rewind_step(60, 90), 180);
    assert_int_equal(rewind_step(7, 7), 7);
    assert_int_equal(rewind_step(3600, 86400), 86400);
    assert_true(rewind_step(86399, 86398) > 86400);
}

static bool fit(uint64_t from, uint64_t to, struct rewind_bounds b, struct rewind_span *s)
{
    struct err e;
    return rewind_fit((struct rewind_span){from, to}, &b, s, &e);
}

static void spans(void **state)
{
    struct rewind_span s;
    struct rewind_bounds b = {.step_s = 3600, .oldest_s = 36000 + 600, .settled_s = 360000 + 3599};
    /* widened to whole steps */
    assert_true(fit(100000, 100001, b, &s));
    assert_int_equal(s.from, 97200);
    assert_int_equal(s.to, 100800);
    /* what lies on a step already stays */
    assert_true(fit(97200, 100800, b, &s));
    assert_int_equal(s.from, 97200);
    assert_int_equal(s.to, 100800);
    /* no further than what is settled, and not before the bus begins: its first step is not whole */
    assert_true(fit(3600, 400000, b, &s));
    assert_int_equal(s.from, 39600);
    assert_int_equal(s.to, 360000);
    /* unless nothing was stored of that step before */
    b.begins_there = true;
    assert_true(fit(3600, 400000, b, &s));
    assert_int_equal(s.from, 36000);
    /* nothing is left */
    assert_false(fit(361000, 362000, b, &s));
    assert_false(fit(3600, 7200, b, &s));
    assert_false(fit(100000, 100000, b, &s));
    assert_false(fit(100001, 100000, b, &s));
    b.settled_s = 0;
    assert_false(fit(100000, 200000, b, &s));
}

static uint64_t at(const char *text)
{
    uint64_t s = 0;
    return rewind_time(str_from(text), 1800000000, &s) ? s : 0;
}

static void times(void **state)
{
    char text[REWIND_TIME_MAX];
    setenv("TZ", "UTC-2", 1); /* two hours east */
    assert_int_equal(at("2026-11-29T14:00:30Z"), 1795960830);
    assert_int_equal(at("2026-11-29 14:00Z"), 1795960800);
    assert_int_equal(at("2026-11-29 14:00"), 1795960800 - 7200);
    assert_int_equal(at("2026-11-29"), 1795960800 - 16 * 3600);
    assert_int_equal(at("1795960830"), 1795960830);
    assert_int_equal(at("now"), 1800000000);
    assert_int_equal(at("2h"), 1800000000 - 7200);
    assert_int_equal(at(" -1h30m "), 1800000000 - 5400);
    static const char *const bad[] = {"",
                                      "-",
                                      "later",
                                      "2026-13-01",
                                      "2026-11-29 14:00 x",
                                      "5",
                                      "99999999999",
                                      "2026-11-29T14:00:00+01",
                                      "1000000h"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(at(bad[i]), 0);
    assert_string_equal(rewind_time_text(1795960800, text), "2026-11-29 16:00:00 +0200");
}

/* ---- the stretch of the spool */

enum { PARTS = 2, FIRST = 1000, SECONDS = 100, DONE = 90 };

struct spool {
    char dir[64];
    struct bus_writer *w;
    struct bus_reader *log, *outlet;
};

/* Each second a datagram into partition 0 or 1 and ticks into both; small segments, so that there are many. */
static int fill(void **state)
{
    struct spool *s = calloc(1, sizeof *s);
    struct err e;
    static uint8_t data[30000];
    snprintf(s->dir, sizeof s->dir, "/tmp/rewind_test-%d", (int)getpid());
    struct spool_conf conf = {.dir = s->dir, .partitions = PARTS, .segment_len = 1 << 20};
    s->w = spool_writer_new(&conf, &e);
    assert_non_null(s->w);
    for (uint64_t t = FIRST; t < FIRST + SECONDS; t++) {
        struct dgram d = {.rx_ns = t * 1000000000u, .data = data, .len = sizeof data};
        for (int k = 0; k < 3; k++)
            assert_int_equal(s->w->append(s->w, (unsigned)t % 2, &d, 1, &e), 0);
        s->w->flush(s->w, &e);
        s->w->tick(s->w, t);
    }
    s->log = spool_onlooker_new(s->dir, &e);
    s->outlet = spool_reader_new(s->dir, 0, &e);
    assert_non_null(s->log);
    assert_non_null(s->outlet);
    for (unsigned i = 0; i < PARTS; i++) {
        uint64_t offset, second;
        assert_true(spool_seek(s->log, i, FIRST + DONE, &offset, &second));
        assert_true(s->outlet->commit(s->outlet, i, offset, STR("x"), &e));
    }
    *state = s;
    return 0;
}

static int empty(void **state)
{
    struct spool *s = *state;
    char command[128];
    s->log->free(s->log);
    s->outlet->free(s->outlet);
    s->w->free(s->w);
    snprintf(command, sizeof command, "rm -r %s", s->dir);
    int status = system(command);
    free(s);
    return status;
}

static void seeks(void **state)
{
    struct spool *s = *state;
    uint64_t offset, second = 0, before = 0;
    struct bus_record rec;
    for (uint64_t t = 0; t < FIRST + SECONDS; t += t < FIRST ? 500 : 7) {
        assert_true(spool_seek(s->log, 0, t, &offset, &second));
        assert_int_equal(second, t < FIRST ? FIRST : t);
        assert_true(offset >= before);
        before = offset;
        assert_int_equal(s->log->read(s->log, 0, offset, &rec, 1, 0), 1);
        assert_int_equal(rec.offset, offset);
        assert_int_equal(rec.second, second);
    }
    assert_false(spool_seek(s->log, 0, FIRST + SECONDS, &offset, &second));
    assert_int_equal(s->log->read(s->log, 0, offset, &rec, 1, 0), 0);
    struct err e;
    assert_false(s->log->commit(s->log, 0, offset, STR(""), &e));
}

static bool is_held(const struct spool *s, uint64_t base)
{
    char path[128];
    snprintf(path, sizeof path, "%s/0/%020llu.seg", s->dir, (unsigned long long)base);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return held;
}

/* Who looks on keeps the writer from dropping what is being read, and nothing else. */
static void holds(void **state)
{
    struct spool *s = *state;
    struct bus_record rec[4];
    uint64_t at = 0;
    assert_int_equal(s->log->read(s->log, 0, at, rec, 4, 0), 4);
    assert_true(is_held(s, 0));
    while (at < 3 << 20) {
        size_t n = s->log->read(s->log, 0, at, rec, 4, 0);
        assert_true(n > 0);
        at = rec[n - 1].next;
    }
    s->log->release(s->log, 0, at);
    assert_false(is_held(s, 0));
    assert_true(is_held(s, at >> 20 << 20));
    s->log->release(s->log, 0, UINT64_MAX);
    assert_false(is_held(s, at >> 20 << 20));
}

/* Reads all of a partition as a worker does; returns the seconds of the first and last datagram. */
static unsigned read_all(struct rewind_bus *b, unsigned i, uint64_t *first, uint64_t *last, uint64_t *offset)
{
    struct bus_record rec[16];
    unsigned ticks_at_end = 0;
    *first = *last = 0;
    for (size_t n; (n = b->r.read(&b->r, i, *offset, rec, 16, 0)) > 0;) {
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(ticks_at_end, 0);
            ticks_at_end += rec[k].kind == BUS_TICK && rec[k].second >= FIRST + SECONDS;
            if (rec[k].kind != BUS_DGRAM)
                continue;
            *first = *first ? *first : rec[k].second;
            *last = rec[k].second;
        }
        *offset = rec[n - 1].next;
        b->r.release(&b->r, i, *offset);
    }
    return ticks_at_end;
}

static void stretch(void **state)
{
    struct spool *s = *state;
    struct rewind_bus b;
    struct err e;
    uint64_t first, last, at[PARTS];
    struct buf none;
    buf_init(&none, 0);
    assert_true(rewind_bus_init(&b, s->log, FIRST + 20, FIRST + 40, FIRST + 60, &e));
    for (unsigned i = 0; i < PARTS; i++) {
        assert_true(b.r.committed(&b.r, i, &at[i], &none, &e));
        assert_false(rewind_bus_held(&b));
        assert_int_equal(read_all(&b, i, &first, &last, &at[i]), 0);
        assert_int_equal(first, FIRST + 20 + (i ? 1 : 0));
        assert_int_equal(last, FIRST + 38 + (i ? 1 : 0));
        assert_true(rewind_bus_is_early(&b, i, at[i] - 1));
    }
    assert_true(rewind_bus_held(&b));
    assert_true(rewind_bus_progress(&b) > 0.45 && rewind_bus_progress(&b) < 0.55);
    rewind_bus_go_on(&b);
    for (unsigned i = 0; i < PARTS; i++) {
        uint64_t border = at[i];
        assert_int_equal(read_all(&b, i, &first, &last, &at[i]), 1);
        assert_int_equal(first, FIRST + 40 + (i ? 1 : 0));
        assert_int_equal(last, FIRST + 58 + (i ? 1 : 0));
        assert_true(rewind_bus_is_early(&b, i, border - 1));
        assert_false(rewind_bus_is_early(&b, i, border));
        assert_false(rewind_bus_done(&b));
        assert_true(b.r.commit(&b.r, i, b.parts[i].end, STR(""), &e));
    }
    assert_true(rewind_bus_done(&b));
    assert_true(rewind_bus_progress(&b) == 1);
    assert_int_equal(rewind_bus_lost(&b), 0);
    rewind_bus_fini(&b);
}

/* Nothing that the outlet has not committed is read, and a stretch without records ends as well. */
static void ends(void **state)
{
    struct spool *s = *state;
    struct rewind_bus b;
    struct err e;
    uint64_t first, last, at;
    assert_true(rewind_bus_init(&b, s->log, FIRST + 80, FIRST + 80, FIRST + 500, &e));
    rewind_bus_go_on(&b);
    at = b.parts[0].start;
    assert_int_equal(read_all(&b, 0, &first, &last, &at), 1);
    assert_int_equal(last, FIRST + DONE - 2);
    rewind_bus_fini(&b);
    assert_true(rewind_bus_init(&b, s->log, FIRST + 95, FIRST + 97, FIRST + 99, &e));
    for (unsigned i = 0; i < PARTS; i++) {
        at = b.parts[i].start;
        assert_int_equal(read_all(&b, i, &first, &last, &at), 1);
        assert_int_equal(last, 0);
        assert_true(rewind_bus_is_early(&b, i, at));
        assert_true(b.r.commit(&b.r, i, b.parts[i].end, STR(""), &e));
    }
    assert_true(rewind_bus_held(&b) && rewind_bus_done(&b));
    rewind_bus_fini(&b);
}

static void gone(void **state)
{
    struct spool *s = *state;
    struct rewind_bus b;
    struct err e;
    char path[128];
    uint64_t first, last, at;
    snprintf(path, sizeof path, "%s/0/%020llu.seg", s->dir, 1ull << 20);
    assert_int_equal(unlink(path), 0);
    assert_true(rewind_bus_init(&b, s->log, FIRST, FIRST, FIRST + DONE, &e));
    rewind_bus_go_on(&b);
    at = b.parts[0].start;
    assert_int_equal(read_all(&b, 0, &first, &last, &at), 1);
    assert_int_equal(last, FIRST + DONE - 2);
    assert_in_range(rewind_bus_lost(&b), 20,
                    80); /* a segment of 1 MiB has some 34 datagrams of 30,000 bytes, and ticks */
    rewind_bus_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(spans),
        cmocka_unit_test(times),
        cmocka_unit_test_setup_teardown(seeks, fill, empty),
        cmocka_unit_test_setup_teardown(holds, fill, empty),
        cmocka_unit_test_setup_teardown(stretch, fill, empty),
        cmocka_unit_test_setup_teardown(gone, fill, empty),
        cmocka_unit_test_setup_teardown(ends, fill, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
