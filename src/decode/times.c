/*
 * Each form writes milliseconds since 1970 into the run's plan_times; when all have run, what is missing follows from
 * what is there (an end from a start and a duration), and the columns are written.
 */
#include "decode/times.h"
#include "base/cursor.h"

#define NTP_TO_UNIX 2208988800u                    /* RFC 5905 6: seconds from 1900 to 1970 */
#define MS_MAX ((uint64_t)UINT32_MAX * 1000 + 999) /* what a DateTime can hold: until 2106 */

/* Out of range, a time says nothing. */
static void put(const struct plan_op *op, struct plan_run *r, uint32_t i, uint64_t ms)
{
    if (ms < 1000 || ms > MS_MAX)
        return;
    struct plan_times *t = r->times;
    if (op->col == TIMES_START) {
        t->start_ms[i] = ms;
    } else if (op->col == TIMES_END) {
        t->end_ms[i] = ms;
    } else { /* the event or the packet itself */
        t->start_ms[i] = t->start_ms[i] ? t->start_ms[i] : ms;
        t->end_ms[i] = t->end_ms[i] ? t->end_ms[i] : ms;
    }
}

/*
 * 22 and 21: milliseconds since the exporter began, as is the header's sysUptime in NetFlow v1 to v9; their difference,
 * taken modulo 2^32, is right beyond the wrap after 49.7 days (RFC 3954 5.1, 8). IPFIX has no such header field but
 * element 160, in the record or told by options.
 */
static void uptime(const struct plan_op *op, struct plan_run *r)
{
    const struct plan_place *init = &r->plan->facts[FACT_INIT_TIME];
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t at = load_be32(plan_at(r, op->seg, op->off, i));
        uint64_t began = init->len ? plan_value(r, init, i) : r->session->init_ms;
        if (r->session->key.proto != TEMPLATE_IPFIX)
            put(op, r, i, r->export_ms - (uint64_t)(int64_t)(int32_t)(r->uptime_ms - at));
        else if (began)
            put(op, r, i, began + at);
    }
}

/* 158 and 159: so many microseconds before the message was exported */
static void delta_us(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        put(op, r, i, r->export_ms - load_be32(plan_at(r, op->seg, op->off, i)) / 1000);
}

static void seconds(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        put(op, r, i, (uint64_t)load_be32(plan_at(r, op->seg, op->off, i)) * 1000);
}

static void milliseconds(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        put(op, r, i, load_be64(plan_at(r, op->seg, op->off, i)));
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/*
 * Micro- and nanoseconds are written as in NTP: seconds since 1900 and a fraction of 2^32 (RFC 7011 6.1.9, 6.1.10). Some
 * exporters send a plain count since 1970 instead. The two are decades apart, so whichever lies nearer to the message's
 * own time is meant.
 */
static void ntp_or_count(const struct plan_op *op, struct plan_run *r, uint64_t per_ms)
{
    for (uint32_t i = 0; i < r->n; i++) {
        uint64_t v = load_be64(plan_at(r, op->seg, op->off, i));
        if (v == 0)
            continue;
        /* modulo 2^32: the era after 2036 follows the one before */
        uint64_t ntp = (uint64_t)((uint32_t)(v >> 32) - NTP_TO_UNIX) * 1000 + ((v & UINT32_MAX) * 1000 >> 32);
        uint64_t count = v / per_ms;
        put(op, r, i, distance(count, r->export_ms) < distance(ntp, r->export_ms) ? count : ntp);
    }
}

static void microseconds(const struct plan_op *op, struct plan_run *r)
{
    ntp_or_count(op, r, 1000);
}

static void nanoseconds(const struct plan_op *op, struct plan_run *r)
{
    ntp_or_count(op, r, 1000000);
}

/* 161, 162 */
static void duration_ms(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        r->times->duration_us[i] = (uint64_t)load_be32(plan_at(r, op->seg, op->off, i)) * 1000;
}

static void duration_us(const struct plan_op *op, struct plan_run *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        r->times->duration_us[i] = load_be32(plan_at(r, op->seg, op->off, i));
}

const struct times_form times_forms[] = {
    {22, 4, TIMES_START, uptime},           {21, 4, TIMES_END, uptime},
    {158, 4, TIMES_START, delta_us},        {159, 4, TIMES_END, delta_us},
    {150, 4, TIMES_START, seconds},         {151, 4, TIMES_END, seconds},
    {152, 8, TIMES_START, milliseconds},    {153, 8, TIMES_END, milliseconds},
    {154, 8, TIMES_START, microseconds},    {155, 8, TIMES_END, microseconds},
    {156, 8, TIMES_START, nanoseconds},     {157, 8, TIMES_END, nanoseconds},
    {161, 4, TIMES_DURATION, duration_ms},  {162, 4, TIMES_DURATION, duration_us},
    {322, 4, TIMES_OBSERVED, seconds},      {323, 8, TIMES_OBSERVED, milliseconds},
    {324, 8, TIMES_OBSERVED, microseconds}, {325, 8, TIMES_OBSERVED, nanoseconds},
};
const unsigned times_form_count = sizeof times_forms / sizeof *times_forms;

void times_begin(struct plan_run *r)
{
    memset(r->times->start_ms, 0, r->n * sizeof *r->times->start_ms);
    memset(r->times->end_ms, 0, r->n * sizeof *r->times->end_ms);
    memset(r->times->duration_us, 0, r->n * sizeof *r->times->duration_us);
}

/* What is missing follows from the rest; a flow that ends before it begins has lost one of the two on a wrap or a step. */
void times_complete(struct plan_run *r)
{
    struct plan_times *t = r->times;
    for (uint32_t i = 0; i < r->n; i++) {
        uint64_t ms = t->duration_us[i] / 1000;
        if (t->start_ms[i] && !t->end_ms[i] && t->duration_us[i])
            t->end_ms[i] = t->start_ms[i] + ms <= MS_MAX ? t->start_ms[i] + ms : 0;
        else if (t->end_ms[i] && !t->start_ms[i] && t->duration_us[i])
            t->start_ms[i] = t->end_ms[i] > ms + 1000 ? t->end_ms[i] - ms : 0;
        if (t->start_ms[i] && t->end_ms[i]) {
            t->end_ms[i] = t->end_ms[i] < t->start_ms[i] ? t->start_ms[i] : t->end_ms[i];
            t->duration_us[i] = (t->end_ms[i] - t->start_ms[i]) * 1000;
        }
    }
}

static void store(struct plan_run *r)
{
    const struct plan_times *t = r->times;
    const bool *on = r->schema->enabled;
    for (uint32_t i = 0; on[COL_FlowStart] && i < r->n; i++)
        BATCH_U64(r->b, FlowStart)[r->row + i] = t->start_ms[i];
    for (uint32_t i = 0; on[COL_FlowEnd] && i < r->n; i++)
        BATCH_U64(r->b, FlowEnd)[r->row + i] = t->end_ms[i];
    for (uint32_t i = 0; on[COL_FlowDuration] && i < r->n; i++) {
        uint64_t ms = t->duration_us[i] / 1000;
        BATCH_U32(r->b, FlowDuration)[r->row + i] = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
    }
}

void times_end(struct plan_run *r)
{
    times_complete(r);
    if (r->d->time == TIME_NETFLOW_FIRST_SWITCHED)
        for (uint32_t i = 0; i < r->n; i++)
            if (r->times->start_ms[i])
                ((uint32_t *)r->b->col[COL_TimeReceived])[r->row + i] =
                    (uint32_t)(r->times->start_ms[i] / 1000);
    store(r);
}
