/*
 * Exactly once on a spool at its bound: the outlet dies thousands of times, the inlet now and then, and between and during
 * its lives the spool drops what it may. Whatever was read in any life must be in the store once, and what was not must be
 * told as shed, once. The same must fail when the spool forgets how far it was read.
 */
#include "bus/spool.h"
#include "bus/spool_dir.h"
#include "main/outlet/expect.h"
#include <unistd.h>

enum { SHED_RUNS = 6, BOUND = 8 * (256 << 10), DGRAM_LEN = 1400 };

struct shed_sim {
    struct bus_reader r; /* what the outlet sees: the spool's, watched */
    struct bus_reader *in;
    struct bus_writer *w;
    struct sim *s;
    char dir[64];
    uint64_t second, seconds; /* of traffic: appended, in all */
    uint64_t sent[FAKE_SOURCES], shed_segments;
    uint64_t last[FAKE_PARTS]; /* offset of the newest record that was read */
};

/* ---- the watched reader */

/* Records that were read in any life, by number, become what the store is compared with. */
static void see(struct sim *s, unsigned part, const struct bus_record *r)
{
    while (s->bus.part[part].n <= r->seq)
        fake_append(&s->bus, part, BUS_DGRAM, 0);
    struct fake_record *f = &s->bus.part[part].rec[r->seq];
    assert_true(r->second > 0);
    if (f->second) {
        assert_int_equal(f->second, r->second);
        assert_int_equal(f->d.len, r->d.len);
        return;
    }
    size_t keep = r->kind == BUS_TICK ? r->d.len : 4; /* the rest of a datagram is padding */
    assert_in_range(keep, 0, FAKE_DATA);
    *f = (struct fake_record){.kind = r->kind, .second = r->second, .d = r->d};
    if (keep)
        memcpy(f->data, r->d.data, keep);
}

static size_t watched_read(struct bus_reader *r, unsigned i, uint64_t offset, struct bus_record *rec,
                           size_t n, unsigned wait_ms)
{
    struct shed_sim *h = (struct shed_sim *)r;
    size_t want = 1 + fake_rnd(&h->s->bus.seed) % 50,
           got = h->in->read(h->in, i, offset, rec, n < want ? n : want, 0);
    for (size_t k = 0; k < got; k++) {
        see(h->s, i, &rec[k]);
        h->last[i] = rec[k].offset > h->last[i] ? rec[k].offset : h->last[i];
    }
    return got;
}

static void watched_release(struct bus_reader *r, unsigned i, uint64_t offset)
{
    struct shed_sim *h = (struct shed_sim *)r;
    h->in->release(h->in, i, offset);
}

static bool watched_commit(struct bus_reader *r, unsigned i, uint64_t offset, struct str checkpoint,
                           struct err *e)
{
    struct shed_sim *h = (struct shed_sim *)r;
    return fake_commit(&h->s->bus.r, i, offset, checkpoint, e) &&
           h->in->commit(h->in, i, offset, checkpoint, e);
}

static bool watched_committed(struct bus_reader *r, unsigned i, uint64_t *offset, struct buf *checkpoint,
                              struct err *e)
{
    struct shed_sim *h = (struct shed_sim *)r;
    return h->in->committed(h->in, i, offset, checkpoint, e);
}

/* ---- the inlet */

static void open_writer(struct shed_sim *h)
{
    struct err e;
    struct spool_conf c = {.dir = h->dir, .partitions = FAKE_PARTS, .max_size = BOUND};
    h->w = spool_writer_new(&c, &e);
    if (!h->w)
        fail_msg("%s", e.msg);
}

static void close_writer(struct shed_sim *h)
{
    struct spool_totals t;
    spool_writer_totals(h->w, &t);
    h->shed_segments += t.shed_segments;
    h->w->free(h->w);
}

static void feed(struct shed_sim *h)
{
    struct err e;
    uint8_t data[DGRAM_LEN] = {0};
    for (unsigned part = 0; part < FAKE_PARTS && h->second < h->seconds; part++)
        for (unsigned n = fake_rnd(&h->s->seed) % 12; n-- > 0;) {
            struct fake_record f = {0};
            make_dgram(h->s, part, h->second, &f);
            memcpy(data, f.data, 4);
            f.d.data = data;
            f.d.len = sizeof data;
            h->sent[f.d.src.b[15]]++;
            assert_int_equal(h->w->append(h->w, part, &f.d, 1, &e) + h->w->flush(h->w, &e), 0);
        }
    h->w->tick(h->w, BASE_S + h->second);
    h->second++;
}

/* ---- lives */

static void shed_live(struct shed_sim *h, unsigned steps)
{
    struct sim *s = h->s;
    struct err e;
    unsigned quick = 1 + fake_rnd(&s->seed) % 4; /* steps to a second */
    h->in = spool_reader_new(h->dir, 0, &e);
    assert_non_null(h->in);
    begin_life(s);
    for (unsigned i = 0; i < steps; i++) {
        if (i % quick == 0 && h->second < h->seconds)
            feed(h);
        worker_step(&s->worker);
        for (unsigned k = fake_rnd(&s->seed) % 4; k-- > 0;)
            inserter_do(s->env.inserter, fake_rnd(&s->seed) % 6);
    }
    end_life(s);
    h->in->free(h->in);
}

static bool settled(const struct shed_sim *h)
{
    for (unsigned i = 0; i < FAKE_PARTS; i++)
        if (h->s->bus.part[i].commit < h->last[i])
            return false;
    return true;
}

/* A last tick behind which nothing is dropped any more closes all minutes; then all is read and committed. */
static void shed_finish(struct shed_sim *h)
{
    struct sim *s = h->s;
    struct spool_totals before, after;
    do {
        spool_writer_totals(h->w, &before);
        h->second += 100;
        h->w->tick(h->w, BASE_S + h->second);
        spool_writer_totals(h->w, &after);
    } while (after.shed_segments > before.shed_segments);
    struct err e;
    h->in = spool_reader_new(h->dir, 0, &e);
    assert_non_null(h->in);
    begin_life(s);
    for (unsigned i = 0; i < 100000 && !(i > 2000 && settled(h)); i++) {
        worker_step(&s->worker);
        inserter_do(s->env.inserter, 0);
    }
    assert_true(settled(h));
    end_life(s);
    h->in->free(h->in);
}

/* Every datagram is in the ledger: as one that was on the bus, or as one that was shed. */
static bool all_accounted_for(const struct shed_sim *h)
{
    for (int who = 0; who < FAKE_SOURCES; who++) {
        uint64_t known = 0;
        for (int m = 0; m < FAKE_MINUTES; m++)
            known += h->s->store.ledger[who][m].datagrams + h->s->store.ledger[who][m].shed;
        if (known != h->sent[who])
            return false;
    }
    return true;
}

static void forget_marks(const struct shed_sim *h)
{
    for (unsigned i = 0; i < FAKE_PARTS; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%u/read", h->dir, i);
        unlink(path);
    }
}

static bool shed_simulate(uint64_t seed, bool marks, uint64_t *shed, unsigned *deaths)
{
    struct shed_sim h = {.r = {.partitions = FAKE_PARTS,
                               .read = watched_read,
                               .release = watched_release,
                               .commit = watched_commit,
                               .committed = watched_committed},
                         .seconds = 600};
    struct sim *s = h.s = sim_new(seed, true);
    snprintf(h.dir, sizeof h.dir, "%s/weir-shed-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(h.dir));
    for (unsigned i = 0; i < FAKE_PARTS; i++)
        s->bus.part[i].n = 0; /* filled by what is read */
    s->env.bus = &h.r;
    open_writer(&h);
    while (h.second < h.seconds) {
        shed_live(&h, fake_rnd(&s->seed) % 60);
        (*deaths)++;
        if (!marks)
            forget_marks(&h);
        for (unsigned away = fake_rnd(&s->seed) % 3 ? 0 : fake_rnd(&s->seed) % 60;
             away-- > 0 && h.second < h.seconds;)
            feed(&h);
        if (fake_rnd(&s->seed) % 8 == 0) {
            close_writer(&h);
            open_writer(&h);
        }
    }
    shed_finish(&h);
    close_writer(&h);
    struct fake_store *want = xcalloc(1, sizeof *want);
    expect(s, want);
    bool ok = equal(&s->store, want) && all_accounted_for(&h);
    *shed += h.shed_segments;
    free(want);
    sim_free(s);
    char cmd[100];
    snprintf(cmd, sizeof cmd, "rm -rf %s", h.dir);
    assert_int_equal(system(cmd), 0);
    return ok;
}

static void exactly_once_when_the_spool_sheds(void **state)
{
    unsigned deaths = 0;
    uint64_t shed = 0;
    const char *more = getenv("WEIR_TEST_RUNS");
    uint64_t runs = more ? strtoull(more, NULL, 10) : SHED_RUNS;
    for (uint64_t seed = 1; seed <= runs; seed++)
        if (!shed_simulate(seed, true, &shed, &deaths))
            fail_msg("seed %llu: not each once, or not all accounted for", (unsigned long long)seed);
    print_message("%llu segments dropped, %u deaths\n", (unsigned long long)shed, deaths);
    assert_true(shed > runs && deaths > 10 * runs);
}

static void without_marks_it_fails(void **state)
{
    unsigned deaths = 0, wrong = 0;
    uint64_t shed = 0;
    for (uint64_t seed = 1; seed <= SHED_RUNS; seed++)
        wrong += !shed_simulate(seed, false, &shed, &deaths);
    assert_true(wrong > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exactly_once_when_the_spool_sheds),
                                       cmocka_unit_test(without_marks_it_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
