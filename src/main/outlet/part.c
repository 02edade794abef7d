/*
 * Records become rows in the worker's batch; when the batch is full, at a cut, or at the end of what was read, it is
 * completed and goes into the open block and aggregate. Counting that decides anything (parts of a block, parts of an
 * aggregate) is by datagram, never by batch, since batches depend on how much was there to be read.
 */
#include "main/outlet/part.h"
#include "base/arena.h"
#include "base/log.h"
#include "main/outlet/commit.h"
#include "main/outlet/exporters.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    PART_ROWS = BLOCK_MAX_ROWS - 400000, /* a datagram more still fits, with all the sets it may let loose */
    ROLLUP_PART_ROWS = 2 << 20,
    AHEAD_S = 3600,
    TABLE_PARTITION_S = 3 * 3600, /* about the narrowest partition of a table */
    COMMIT_PAUSE = 100,           /* rounds of some milliseconds */
    WEIGHT_MAX = 512,             /* tokens not committed: a share of the tables' window of 10,000 */
};

/* ---- jobs */

static void job_free(struct worker *w, struct part_job *j)
{
    if (j->job.block)
        worker_block_back(w, j->job.block);
    buf_fini(&j->job.data);
    ledger_tally_fini(&j->tally);
    free(j);
}

static void submit(struct part *p, struct part_job *j, struct minute *m, const char *table)
{
    struct worker *w = p->w;
    if (w->env->without_tokens)
        j->job.token[0] = '\0';
    j->job.table = table;
    j->minute = m;
    j->job.after = m->jobs ? &m->jobs->job : NULL;
    m->jobs = j;
    w->pending_rows += j->job.rows;
    w->pending_jobs++;
    inserter_push(w->env->inserter, &j->job);
}

static void name_token(const struct part *p, struct insert_job *j, uint64_t first, uint64_t last,
                       uint32_t number)
{
    int n = snprintf(j->token, sizeof j->token, "%016llx/%u/%llu-%llu", (unsigned long long)p->lineage,
                     p->index, (unsigned long long)first, (unsigned long long)last);
    if (number)
        snprintf(j->token + n, sizeof j->token - (size_t)n, "/%u", number);
}

bool part_token_read(const char *token, unsigned *partition, uint64_t *first, uint64_t *last)
{
    unsigned long long lineage, from, to;
    bool ok = sscanf(token, "%16llx/%u/%llu-%llu", &lineage, partition, &from, &to) == 4;
    *first = ok ? from : 0;
    *last = ok ? to : 0;
    return ok;
}

/* Table partitions a block touches, each of which takes a place in the deduplication window. */
static uint32_t weight_of(const struct block *b)
{
    const uint32_t *time = b->col[COL_TimeReceived];
    uint32_t low = UINT32_MAX, high = 0;
    for (uint32_t i = 0; time && i < b->n; i++) {
        low = time[i] < low ? time[i] : low;
        high = time[i] > high ? time[i] : high;
    }
    return high > low ? (high - low) / TABLE_PARTITION_S + 1 : 1;
}

static void submit_block(struct part *p, struct block *b, struct minute *m, const char *table, uint64_t first,
                         uint64_t last, uint32_t number, struct tally tally)
{
    struct part_job *j = xcalloc(1, sizeof *j);
    j->job.block = b;
    j->job.rows = b->n;
    j->tally = tally;
    name_token(p, &j->job, first, last, number);
    uint32_t weight = weight_of(b);
    m->weight += weight;
    p->weight += weight;
    submit(p, j, m, table);
}

/* The open block, as the slot's whole or (part_so_far) one of several. */
static void end_block(struct part *p)
{
    if (p->block->n == 0) {
        p->slot_parts += p->slot_rows > 0; /* numbers do not depend on what classifiers reject */
        p->slot_rows = 0;
        return;
    }
    uint32_t rows = p->block->n;
    submit_block(p, p->block, p->open, "flows", p->slot_first, p->slot_last, p->slot_parts, p->tally);
    p->tally = (struct tally){0};
    p->block = worker_block(p->w, &p->w->env->flows);
    block_reserve(p->block, rows + rows / 8); /* the next slot is much like this one */
    p->slot_parts++;
    p->slot_rows = 0;
}

/* The aggregate so far becomes blocks of the rollup. */
static void end_rollup(struct part *p, struct minute *m)
{
    struct worker *w = p->w;
    if (w->env->rollup_table)
        for (uint32_t at = 0; at < p->rollup->n;) {
            uint32_t left = p->rollup->n - at, n = left < BLOCK_MAX_ROWS ? left : BLOCK_MAX_ROWS;
            struct block *b = worker_block(w, &w->env->rolled);
            block_reserve(b, n);
            rollup_emit(p->rollup, at, at + n, w->desk.fresh, b, &p->enricher.strings, &p->enricher.edges);
            submit_block(p, b, m, w->env->rollup_table, m->first, m->last, m->rollup_parts++,
                         (struct tally){0});
            at += n;
        }
    counter_add(w->counters, OUTLET_ROLLED, p->rollup->n);
    batch_reset(w->desk.fresh);
    rollup_reset(p->rollup);
    p->minute_rows = 0;
}

/* Names of exporters and interfaces that are new. */
static void tell_exporters(struct part *p, struct minute *m)
{
    struct enricher *r = &p->enricher;
    if (r->listed >= r->edges.n)
        return;
    struct part_job *j = xcalloc(1, sizeof *j);
    j->job.rows = exporters_native(r, r->listed, (uint32_t)(p->cut.slot_from), &j->job.data);
    r->listed = r->edges.n;
    if (j->job.rows == 0) { /* all of them are rejected */
        job_free(p->w, j);
        return;
    }
    name_token(p, &j->job, p->slot_first, p->slot_last, 0);
    submit(p, j, m, "exporters");
}

/* ---- rows */

/* A flow's own time is believed within reason. */
static void mend_times(struct part *p, uint32_t from, uint32_t to)
{
    uint64_t rx = p->now->rx_ns / 1000000000u, oldest = p->cut.rule.oldest_s;
    uint32_t *time = BATCH_U32(p->w->batch, TimeReceived);
    for (uint32_t i = from; i < to; i++)
        if (__builtin_expect(time[i] + oldest < rx || time[i] > rx + AHEAD_S, 0)) {
            time[i] = (uint32_t)rx;
            counter_add(p->w->counters, OUTLET_CLAMPED, 1);
        }
}

/* First three AS numbers of the path, each once. */
static void head_of_paths(struct batch *b)
{
    if (!batch_live(b, COL_DstASPath))
        return;
    const struct span *path = BATCH_SPAN(b, DstASPath);
    uint32_t *heads[3] = {BATCH_U32(b, Dst1stAS), BATCH_U32(b, Dst2ndAS), BATCH_U32(b, Dst3rdAS)};
    for (uint32_t i = 0; i < b->n; i++) {
        const uint32_t *as = b->pool32 + path[i].at;
        for (uint32_t k = 0, n = 0; k < path[i].n && n < 3; k++)
            if (k == 0 || as[k] != as[k - 1])
                heads[n++][i] = as[k];
    }
}

/* Rows of a datagram that is not wanted leave no trace: new rows are expected to be zero. */
static void drop_rows(struct batch *b, uint32_t from)
{
    for (unsigned c = 0; c < COL_COUNT; c++)
        if (batch_live(b, (enum column)c)) {
            size_t width = column_width((enum column)c);
            memset((char *)b->col[c] + from * width, 0, (b->n - from) * width);
        }
    b->n = from;
}

/* What is to be done with the datagram's rows in the batch before they are anybody else's. */
static void end_rows(struct part *p)
{
    struct batch *b = p->w->batch;
    if (p->now_dropped) {
        drop_rows(b, p->now_from);
        return;
    }
    if (b->n == p->now_from)
        return;
    p->runs[p->n_runs++] = (struct row_run){b->n, p->now_row};
    mend_times(p, p->now_from, b->n);
    if (p->now_factor != LIMIT_ONE) {
        uint32_t *factor = BATCH_U32(b, RateFactor);
        for (uint32_t i = p->now_from; i < b->n; i++)
            factor[i] = p->now_factor;
    }
}

/*
 * Rows into the open block. One datagram may have more of them than a block holds, when it lets many sets loose and flows
 * are spread: blocks then end at a row that follows from the slot's rows alone.
 */
static void append(struct part *p, struct batch *b)
{
    for (uint32_t from = 0, n; from < b->n; from += n) {
        uint32_t room = BLOCK_MAX_ROWS - p->block->n;
        n = b->n - from < room ? b->n - from : room;
        block_append(p->block, b, from, from + n, &p->enricher.strings, &p->enricher.edges);
        if (p->block->n == BLOCK_MAX_ROWS)
            end_block(p);
    }
}

/* Rows that a classifier rejected were counted as flows and are now accounted for otherwise. */
static void count_dropped(struct part *p)
{
    const struct enricher *r = &p->enricher;
    const struct row_run *run = p->runs;
    for (uint32_t i = 0; i < r->n_dropped; i++) {
        while (run->end <= r->dropped[i])
            run++;
        struct ledger_row *row = &p->open->ledger.rows[run->ledger_row];
        row->flows--;
        row->rejected[LEDGER_CLASSIFIER]++;
        ledger_tally_add(&p->tally, run->ledger_row, (uint64_t)-1);
    }
    counter_add(p->w->counters, OUTLET_CLASSIFIED_OUT, r->n_dropped);
}

static void flush(struct part *p)
{
    struct worker *w = p->w;
    struct batch *b = w->batch;
    if (b->n == 0)
        return;
    enricher_fill(&p->enricher, b);
    if (p->enricher.n_dropped)
        count_dropped(p);
    p->n_runs = 0;
    if (b->n == 0) {
        batch_reset(b);
        return;
    }
    head_of_paths(b);
    append(p, b);
    if (w->env->rollup_table)
        rollup_add(p->rollup, b, 0, b->n);
    if (w->env->tap && tap_wanted(w->env->tap))
        tap_put(w->env->tap, b, &p->enricher);
    batch_reset(b);
}

struct sink {
    struct batch_sink base;
    struct part *p;
};

static void batch_full(struct batch_sink *s)
{
    struct part *p = ((struct sink *)s)->p;
    end_rows(p);
    flush(p);
    batch_reset(s->batch); /* flush leaves an empty one alone, though its columns may be live */
    p->now_from = 0;
}

/* Decodes a datagram into the batch; templates are learnt from those beyond the limit as well. */
static void decode_into(struct part *p, const struct dgram *d, struct decode_stats *stats)
{
    struct worker *w = p->w;
    struct sink sink = {{w->batch, batch_full}, p};
    struct limit_row *limit = d->rate_limit ? limit_row(&p->limit, d) : NULL;
    p->now = d;
    p->now_from = w->batch->n;
    p->now_dropped = limit && !limit_admits(limit, d);
    p->now_factor = limit ? limit->factor : LIMIT_ONE;
    w->env->decoder.decode(p->decoder, d, &sink.base, stats);
    end_rows(p);
    if (limit)
        limit_count(limit, stats->flows, !p->now_dropped);
}

static void take_dgram(struct part *p, const struct dgram *d)
{
    struct worker *w = p->w;
    struct decode_stats stats = {0};
    uint32_t row = ledger_row(&p->open->ledger, d->src, d->rx_ns / 60000000000u);
    p->now_row = row;
    decode_into(p, d, &stats);
    if (p->now_dropped) {
        p->open->ledger.rows[row].rejected[LEDGER_RATE_LIMIT] += stats.flows;
        counter_add(w->counters, OUTLET_RATE_LIMITED, stats.flows);
        stats.flows = 0;
    }
    ledger_count(&p->open->ledger.rows[row], &stats);
    ledger_tally_add(&p->tally, row, stats.flows);
    if (stats.abandoned) {
        uint32_t theirs = ledger_row(&p->open->ledger, stats.abandoned_src, d->rx_ns / 60000000000u);
        p->open->ledger.rows[theirs].rejected[REASON_NO_TEMPLATE] += stats.abandoned;
    }
    uint64_t rejected = stats.abandoned;
    for (unsigned i = 0; i < REASON_COUNT; i++)
        rejected += stats.rejected[i];
    counter_add(w->counters, OUTLET_DATAGRAMS, 1);
    counter_add(w->counters, OUTLET_BYTES, d->len);
    counter_add(w->counters, OUTLET_FLOWS, stats.flows);
    counter_add(w->counters, OUTLET_REJECTED, rejected);
    counter_add(w->counters, OUTLET_SEQUENCE_LOST, stats.lost);
    counter_add(w->counters, OUTLET_SEQUENCE_LATE, stats.late);
    counter_add(w->counters, OUTLET_EVICTED, stats.evicted);
    counter_add(w->counters, OUTLET_TEXTS, stats.texts);
    counter_add(w->counters, OUTLET_SPREAD, stats.spread);
    counter_add(w->counters, OUTLET_LISTS, stats.lists_cut + stats.lists_deep + stats.lists_without_template);
    counter_add(w->counters, OUTLET_KEPT, stats.kept);
    counter_add(w->counters, OUTLET_KEPT_DECODED, stats.kept_decoded);
    p->slot_rows += stats.flows + stats.spread;
    p->minute_rows += stats.flows + stats.spread;
    if (p->slot_rows >= PART_ROWS) {
        flush(p);
        end_block(p);
    }
    if (p->minute_rows >= ROLLUP_PART_ROWS) {
        flush(p);
        end_rollup(p, p->open);
    }
}

static void take_tick(struct part *p, const struct bus_record *r)
{
    struct str notes = {(const char *)r->d.data, r->d.len};
    struct bus_note n;
    while (bus_note_next(&notes, &n)) {
        uint32_t at = ledger_row(&p->open->ledger, n.src, n.minute);
        struct ledger_row *row = &p->open->ledger.rows[at];
        if (n.kind == BUS_NOTE_SHED) {
            row->shed += n.datagrams;
            counter_add(p->w->counters, OUTLET_SHED, n.datagrams);
        } else if (n.kind == BUS_NOTE_KERNEL) {
            row->kernel += n.datagrams;
        }
    }
}

/* ---- slots and minutes */

static void end_slot(struct part *p)
{
    flush(p);
    end_block(p);
    tell_exporters(p, p->open);
    p->slot_parts = 0;
    p->slot_rows = 0;
    counter_add(p->w->counters, OUTLET_SLOTS, 1);
}

static void begin_slot(struct part *p, const struct bus_record *r)
{
    p->slot_first = r->offset;
}

static void begin_minute(struct part *p, uint64_t offset)
{
    struct minute *m = xcalloc(1, sizeof *m);
    p->w->env->decoder.spread(p->decoder, p->cut.rule.spread_s);
    m->first = m->last = offset;
    p->enricher.raised = 0; /* so that flows which are read again are raised alike */
    buf_init(&m->checkpoint, 0);
    commit_save(&m->checkpoint, p);
    ledger_init(&m->ledger);
    *p->last_minute = m;
    p->last_minute = &m->next;
    p->open = m;
}

static void end_minute(struct part *p)
{
    end_rollup(p, p->open);
    p->open->closed = true;
    p->open = NULL;
    p->cut.open = false;
    enricher_tidy(&p->enricher);
}

/* False: the record must wait until all before it is committed, since another rule begins with it. */
static bool cross(struct part *p, enum cut_here here, const struct bus_record *r)
{
    if (p->open)
        end_slot(p);
    if (here == CUT_MINUTE) {
        if (p->open)
            end_minute(p);
        const struct cut_rule *wanted = __atomic_load_n(&p->w->env->rule, __ATOMIC_ACQUIRE);
        /* an earlier life may have cut what it read by the old rule, and inserted it */
        if (p->caught_up && !cut_rule_eq(wanted, &p->cut.rule)) {
            p->draining = true;
            return false;
        }
        begin_minute(p, r->offset);
    }
    begin_slot(p, r);
    return true;
}

static void note_gap(struct part *p, const struct bus_record *r)
{
    if (p->seq && r->seq > p->seq) {
        counter_add(p->w->counters, OUTLET_GAPS, r->seq - p->seq);
        log_warn("outlet", "records of the bus were gone before they were read", "partition",
                 LOG_U64(p->index), "records", LOG_U64(r->seq - p->seq), NULL);
    }
    p->seq = r->seq + 1;
}

size_t part_take(struct part *p, const struct bus_record *rec, size_t n)
{
    enricher_pin(&p->enricher, rec[0].second);
    size_t i = 0;
    for (; i < n && !p->draining; i++) {
        const struct bus_record *r = &rec[i];
        enum cut_here here = cut_before(&p->cut, r);
        if (here != CUT_NOT && !cross(p, here, r))
            break;
        note_gap(p, r);
        cut_take(&p->cut, here, r);
        p->slot_last = p->open->last = r->offset;
        p->offset = r->next;
        if (r->kind == BUS_DGRAM)
            take_dgram(p, &r->d);
        else
            take_tick(p, r);
    }
    flush(p);
    if (i)
        p->w->newest_s = rec[i - 1].second;
    return i;
}

bool part_ready(const struct part *p)
{
    bool something_to_wait_for = p->minutes && p->minutes != p->open;
    return !p->draining && !(p->weight > WEIGHT_MAX && something_to_wait_for);
}

/* ---- settling */

/* Takes the minute's settled jobs out of its list; true when there were any. */
static bool sweep(struct part *p, struct minute *m)
{
    bool any = false;
    struct part_job *keep = NULL;
    for (struct part_job *j = m->jobs, *next; j; j = next) {
        next = (struct part_job *)(void *)j->job.after;
        enum insert_state s = insert_settled(&j->job);
        if (s == INSERT_WAITING) {
            j->job.after = keep ? &keep->job : NULL;
            keep = j;
            continue;
        }
        if (s == INSERT_REFUSED)
            ledger_refuse(&m->ledger, &j->tally);
        p->w->pending_rows -= j->job.rows;
        p->w->pending_jobs--;
        job_free(p->w, j);
        any = true;
    }
    m->jobs = keep;
    return any;
}

static void tell_ledger(struct part *p, struct minute *m)
{
    struct part_job *j = xcalloc(1, sizeof *j);
    m->told = true;
    j->job.rows = ledger_native(&m->ledger, &j->job.data);
    if (j->job.rows == 0) {
        job_free(p->w, j);
        return;
    }
    name_token(p, &j->job, m->first, m->last, 0);
    submit(p, j, m, "ledger");
}

static void minute_free(struct part *p, struct minute *m)
{
    p->weight -= m->weight;
    buf_fini(&m->checkpoint);
    ledger_fini(&m->ledger);
    free(m);
}

static void try_commit(struct part *p, uint64_t offset, struct str checkpoint, bool *ok)
{
    struct err e;
    struct bus_reader *bus = p->w->env->bus;
    snapshot_reader_away();
    *ok = bus->commit(bus, p->index, offset, checkpoint, &e);
    snapshot_reader_back();
    if (!*ok) {
        p->commit_pause = COMMIT_PAUSE;
        counter_add(p->w->counters, OUTLET_COMMIT_ERRORS, 1);
        log_error("outlet", "cannot commit; trying on", "partition", LOG_U64(p->index), "error", e.msg, NULL);
    }
}

static bool done(const struct minute *m)
{
    return m->closed && m->told && !m->jobs;
}

/* The minutes done at the head go, once the commit that begins behind them is written. */
static bool commit_done(struct part *p)
{
    struct minute *next = p->minutes;
    uint64_t n = 0;
    bool ok = false;
    for (; next && done(next); next = next->next)
        n++;
    bool drained = !next && p->draining;
    if (!drained && (n == 0 || !next))
        return false;
    if (p->commit_pause) {
        p->commit_pause--;
        return false;
    }
    if (next) {
        try_commit(p, next->first, buf_str(&next->checkpoint), &ok);
    } else {
        struct cut_rule old = p->cut.rule;
        struct buf b;
        buf_init(&b, 0);
        p->cut.rule = *__atomic_load_n(&p->w->env->rule, __ATOMIC_ACQUIRE);
        commit_save(&b, p);
        try_commit(p, p->offset, buf_str(&b), &ok);
        buf_fini(&b);
        if (ok)
            p->draining = false;
        else
            p->cut.rule = old;
    }
    if (!ok)
        return false;
    while (p->minutes != next) {
        struct minute *m = p->minutes;
        p->minutes = m->next;
        minute_free(p, m);
    }
    if (!p->minutes)
        p->last_minute = &p->minutes;
    counter_add(p->w->counters, OUTLET_MINUTES, n);
    return true;
}

bool part_settle(struct part *p)
{
    bool any = false;
    for (struct minute *m = p->minutes; m; m = m->next) {
        any |= sweep(p, m);
        if (m->closed && !m->told && !m->jobs) {
            tell_ledger(p, m);
            any = true;
        }
    }
    return commit_done(p) || any;
}

/* ---- */

struct part *part_new(struct worker *w, unsigned index, struct err *e)
{
    struct part *p = xcalloc(1, sizeof *p);
    p->w = w;
    p->index = index;
    p->last_minute = &p->minutes;
    enricher_init(&p->enricher, w->env->enrich, &w->desk);
    p->decoder = w->env->decoder.make(w->env->schema, &w->env->limits);
    w->env->decoder.tell(p->decoder, w->env->learnt);
    w->env->decoder.wire(p->decoder, w->env->registry, &p->enricher.strings);
    p->block = worker_block(w, &w->env->flows);
    p->rollup = rollup_new(w->env->schema);
    p->runs = xcalloc(BATCH_ROWS, sizeof *p->runs);
    if (!commit_load(p, e)) {
        part_free(p);
        return NULL;
    }
    return p;
}

void part_free(struct part *p)
{
    if (!p)
        return;
    while (p->minutes) {
        struct minute *m = p->minutes;
        p->minutes = m->next;
        for (struct part_job *j = m->jobs, *next; j; j = next) {
            next = (struct part_job *)(void *)j->job.after;
            job_free(p->w, j);
        }
        minute_free(p, m);
    }
    ledger_tally_fini(&p->tally);
    limit_fini(&p->limit);
    free(p->runs);
    block_free(p->block);
    rollup_free(p->rollup);
    p->w->env->decoder.free(p->decoder);
    enricher_fini(&p->enricher);
    free(p);
}
