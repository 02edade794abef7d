/* An open-addressing table, found again from row to row by the index looked up last. */
#include "main/outlet/ledger.h"
#include "base/arena.h"
#include "schema/tables.def"
#include "store/native.h"
#include <stdlib.h>
#include <xxhash.h>

enum { FIRST_SLOTS = 64 };

void ledger_init(struct ledger *l)
{
    *l = (struct ledger){.mask = FIRST_SLOTS - 1};
    l->slots = xcalloc(FIRST_SLOTS, sizeof *l->slots);
}

void ledger_fini(struct ledger *l)
{
    free(l->rows);
    free(l->slots);
    *l = (struct ledger){0};
}

static uint32_t *find(const struct ledger *l, struct ip src, uint64_t minute)
{
    uint32_t i = (uint32_t)XXH3_64bits_withSeed(src.b, 16, minute) & l->mask;
    while (l->slots[i] &&
           !(l->rows[l->slots[i] - 1].minute == minute && ip_eq(l->rows[l->slots[i] - 1].src, src)))
        i = (i + 1) & l->mask;
    return &l->slots[i];
}

static void widen(struct ledger *l)
{
    free(l->slots);
    l->mask = l->mask * 2 + 1;
    l->slots = xcalloc((size_t)l->mask + 1, sizeof *l->slots);
    for (uint32_t i = 0; i < l->n; i++)
        *find(l, l->rows[i].src, l->rows[i].minute) = i + 1;
}

uint32_t ledger_row(struct ledger *l, struct ip src, uint64_t minute)
{
    if (l->last < l->n && l->rows[l->last].minute == minute && ip_eq(l->rows[l->last].src, src))
        return l->last;
    uint32_t *slot = find(l, src, minute);
    if (*slot)
        return l->last = *slot - 1;
    if (l->n == l->room) {
        l->room = l->room ? l->room * 2 : 16;
        l->rows = xrealloc(l->rows, l->room * sizeof *l->rows);
    }
    l->rows[l->n] = (struct ledger_row){.src = src, .minute = minute};
    l->last = l->n;
    *slot = ++l->n;
    if (l->n > l->mask / 2)
        widen(l);
    return l->last;
}

void ledger_count(struct ledger_row *r, const struct decode_stats *s)
{
    r->datagrams++;
    r->flows += s->flows;
    r->lost += s->lost;
    for (unsigned i = 0; i < REASON_COUNT; i++)
        r->rejected[i] += s->rejected[i];
}

/* ---- output */

static const char *const reason_names[LEDGER_REASONS + 1] = {
#define X(id, name, help) [REASON_##id] = name,
#include "decode/reasons.def"
#undef X
    [LEDGER_REFUSED] = "refused by the store",
    [LEDGER_RATE_LIMIT] = "rate limit",
    [LEDGER_CLASSIFIER] = "rejected by a classifier",
    [LEDGER_REASONS] = ""};

/* One row of the table: the account of an exporter and minute, or what was rejected of it for one reason. */
struct line {
    const struct ledger_row *row;
    unsigned reason; /* LEDGER_REASONS: none */
};

static uint64_t rejected(const struct ledger_row *r)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < LEDGER_REASONS; i++)
        n += r->rejected[i];
    return n;
}

enum {
    L_TimeReceived,
    L_ExporterAddress,
    L_Reason,
    L_Datagrams,
    L_Shed,
    L_Decoded,
    L_Stored,
    L_Rejected,
    L_SequenceLost,
    L_KernelDropped
};

static uint64_t number(const struct line *l, int column)
{
    const struct ledger_row *r = l->row;
    if (l->reason < LEDGER_REASONS)
        return column == L_Rejected ? r->rejected[l->reason] : 0;
    switch (column) {
    case L_Datagrams:
        return r->datagrams;
    case L_Shed:
        return r->shed;
    case L_Decoded:
        return r->flows + rejected(r);
    case L_Stored:
        return r->flows;
    case L_SequenceLost:
        return r->lost;
    case L_KernelDropped:
        return r->kernel;
    default:
        return 0;
    }
}

static void column(struct buf *out, int c, const struct line *lines, uint32_t n)
{
    switch (c) {
    case L_TimeReceived:
        for (uint32_t i = 0; i < n; i++)
            buf_le32(out, (uint32_t)(lines[i].row->minute * 60));
        break;
    case L_ExporterAddress: /* a dictionary with a key per line is no larger than the addresses */
        native_keys(out, n);
        for (uint32_t i = 0; i < n; i++)
            buf_add(out, lines[i].row->src.b, 16);
        buf_le64(out, n);
        for (uint32_t i = 0; i < n; i++)
            buf_add(out, &i, native_index_width(n));
        break;
    case L_Reason:
        native_keys(out, LEDGER_REASONS + 1);
        for (unsigned i = 0; i <= LEDGER_REASONS; i++)
            native_string(out, str_from(reason_names[i]));
        buf_le64(out, n);
        for (uint32_t i = 0; i < n; i++)
            buf_u8(out, (uint8_t)lines[i].reason);
        break;
    default:
        for (uint32_t i = 0; i < n; i++)
            buf_le64(out, number(&lines[i], c));
    }
}

static uint32_t make_lines(const struct ledger *l, struct line *lines)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        const struct ledger_row *r = &l->rows[i];
        lines[n++] = (struct line){r, LEDGER_REASONS};
        for (unsigned k = 0; k < LEDGER_REASONS; k++)
            if (r->rejected[k])
                lines[n++] = (struct line){r, k};
    }
    return n;
}

uint32_t ledger_native(const struct ledger *l, struct buf *out)
{
    static const struct {
        const char *name, *type;
    } columns[] = {
#define X(name, type, role, doc) {#name, type},
        LEDGER_COLUMNS
#undef X
    };
    enum { N = sizeof columns / sizeof *columns };
    if (l->n == 0)
        return 0;
    struct line *lines = xcalloc((size_t)l->n * (LEDGER_REASONS + 1), sizeof *lines);
    uint32_t n = make_lines(l, lines);
    native_head(out, N, n);
    for (int c = 0; c < N; c++) {
        native_column(out, columns[c].name, columns[c].type);
        column(out, c, lines, n);
    }
    free(lines);
    return n;
}

/* ---- tallies */

void ledger_tally_add(struct tally *t, uint32_t row, uint64_t flows)
{
    if (flows == 0)
        return;
    if (row >= t->n) {
        uint32_t n = row + 1 > 2 * t->n ? row + 1 : 2 * t->n;
        t->flows = xrealloc(t->flows, n * sizeof *t->flows);
        memset(t->flows + t->n, 0, (n - t->n) * sizeof *t->flows);
        t->n = n;
    }
    t->flows[row] += flows;
}

void ledger_refuse(struct ledger *l, const struct tally *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->flows[i] == 0)
            continue;
        l->rows[i].flows -= t->flows[i];
        l->rows[i].rejected[LEDGER_REFUSED] += t->flows[i];
    }
}

void ledger_tally_fini(struct tally *t)
{
    free(t->flows);
    *t = (struct tally){0};
}
