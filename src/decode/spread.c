/* Shares by largest remainder: each piece gets the whole units due to it, what is left goes to those that were cut most. */
#include "decode/spread.h"

void spread_cut(struct spread *s, uint64_t start_ms, uint64_t end_ms, uint32_t step_s)
{
    /* times before 1970, which a shift can bring about, wrap to beyond INT64_MAX */
    bool lasts = start_ms < end_ms && end_ms <= INT64_MAX;
    uint64_t step = (uint64_t)step_s * 1000, cells = lasts ? (end_ms - 1) / step - start_ms / step + 1 : 1;
    s->n = 0;
    if (cells <= 1) {
        s->time_s[0] = (uint32_t)(start_ms / 1000);
        s->weight[0] = 1;
        s->n = 1;
        return;
    }
    /* a multiple of the grid, so that coarse pieces begin where fine ones do; one piece more may arise from where it lies */
    step *= (cells + SPREAD_PIECES - 2) / (SPREAD_PIECES - 1);
    for (uint64_t at = start_ms; at < end_ms;) {
        uint64_t next = (at / step + 1) * step;
        next = next < end_ms ? next : end_ms;
        s->time_s[s->n] = (uint32_t)(at / 1000);
        s->weight[s->n++] = next - at;
        at = next;
    }
}

uint32_t spread_most(uint64_t start_ms, uint64_t end_ms, uint32_t step_s)
{
    uint64_t cells = end_ms <= start_ms ? 1 : (end_ms - start_ms) / ((uint64_t)step_s * 1000) + 2;
    return cells < SPREAD_PIECES ? (uint32_t)cells : SPREAD_PIECES;
}

void spread_share(const struct spread *s, uint64_t total, uint64_t share[SPREAD_PIECES])
{
    unsigned __int128 whole = 0;
    uint64_t rest[SPREAD_PIECES], left = total;
    for (uint32_t i = 0; i < s->n; i++)
        whole += s->weight[i];
    for (uint32_t i = 0; i < s->n; i++) {
        unsigned __int128 due = (unsigned __int128)total * s->weight[i];
        share[i] = (uint64_t)(due / whole);
        rest[i] = (uint64_t)(due % whole);
        left -= share[i];
    }
    for (; left > 0; left--) { /* fewer than pieces */
        uint32_t most = 0;
        for (uint32_t i = 1; i < s->n; i++)
            if (rest[i] > rest[most])
                most = i;
        share[most]++;
        rest[most] = 0;
    }
}

/*
 * Where a flow lies on the time axis of its rows. With timestamp-source `input` that is the receiver's clock: the exporter's
 * serves only to tell how long before the message the flow began and ended. An exporter whose times are nowhere near its
 * own message's has them taken as a length alone, which ended as the message was sent.
 */
static uint64_t shift_of(const struct plan_run *r, uint64_t end_ms)
{
    enum { AHEAD_MS = 60000, BEHIND_MS = 86400000 };
    uint64_t sent_ms = r->d->time == TIME_INPUT ? r->d->rx_ns / 1000000 : r->export_ms;
    bool near = end_ms <= r->export_ms + AHEAD_MS && end_ms + BEHIND_MS >= r->export_ms;
    return sent_ms - (near ? r->export_ms : end_ms);
}

static void spread_row(struct plan_run *r, uint32_t i, uint64_t *bytes, uint64_t *packets, uint32_t *time)
{
    uint64_t start = r->times->start_ms[i], end = r->times->end_ms[i], by_time[SPREAD_PIECES],
             octets[SPREAD_PIECES];
    if (end <= start || !(bytes[r->row + i] | packets[r->row + i]))
        return;
    uint64_t shift = shift_of(r, end);
    struct spread s;
    uint32_t row = r->row + i;
    spread_cut(&s, start + shift, end + shift, r->spread_s);
    if (s.n == 1)
        return;
    spread_share(&s, packets[row], by_time);
    if (packets[row]) /* bytes go with their packets */
        for (uint32_t k = 0; k < s.n; k++)
            s.weight[k] = by_time[k];
    spread_share(&s, bytes[row], octets);
    bool first = true;
    uint32_t whole = row;
    for (uint32_t k = 0; k < s.n; k++) {
        if (!by_time[k] && !octets[k])
            continue;
        uint32_t to = first ? whole : batch_copy_row(r->b, whole);
        time[to] = s.time_s[k];
        packets[to] = by_time[k];
        bytes[to] = octets[k];
        if (!first)
            BATCH_U8(r->b, Piece)[to] = 1;
        r->stats->spread += !first;
        first = false;
    }
}

void spread_rows(struct plan_run *r)
{
    uint64_t *bytes = BATCH_U64(r->b, Bytes), *packets = BATCH_U64(r->b, Packets);
    uint32_t *time = BATCH_U32(r->b, TimeReceived);
    for (uint32_t i = 0; i < r->n; i++)
        spread_row(r, i, bytes, packets, time);
}
