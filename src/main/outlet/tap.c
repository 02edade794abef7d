/* One reader at a time is served; others are told to come again. */
#include "main/outlet/tap.h"
#include "base/arena.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 4 << 20, WAIT_S = 10, LIMIT_MAX = 100000 };

struct outlet_tap {
    const struct schema *schema;
    pthread_mutex_t lock;
    pthread_cond_t more;
    uint64_t wanted; /* flows */
    struct buf text;
};

struct outlet_tap *tap_new(const struct schema *schema)
{
    struct outlet_tap *t = xcalloc(1, sizeof *t);
    t->schema = schema;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    buf_init(&t->text, TEXT_MAX);
    return t;
}

void tap_free(struct outlet_tap *t)
{
    if (!t)
        return;
    buf_fini(&t->text);
    pthread_cond_destroy(&t->more);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

bool tap_wanted(const struct outlet_tap *t)
{
    return __atomic_load_n(&t->wanted, __ATOMIC_RELAXED) > 0;
}

/* ---- rows as JSON */

static void put_string(struct buf *out, struct str s)
{
    buf_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else {
            if (c == '"' || c == '\\')
                buf_u8(out, '\\');
            buf_u8(out, c);
        }
    }
    buf_u8(out, '"');
}

static void put_ip(struct buf *out, struct ip a)
{
    char text[IP_TEXT_MAX];
    buf_printf(out, "\"%s\"", ip_format(a, text));
}

static void put_array(struct buf *out, const struct batch *b, enum column c, struct span s)
{
    buf_u8(out, '[');
    for (uint32_t i = 0; i < s.n; i++) {
        buf_z(out, i ? "," : "");
        if (column_defs[c].store == STORE_A32)
            buf_printf(out, "%u", b->pool32[s.at + i]);
        else
            buf_printf(out, "\"%llx%016llx\"", (unsigned long long)b->pool128[s.at + i].hi,
                       (unsigned long long)b->pool128[s.at + i].lo);
    }
    buf_u8(out, ']');
}

static void put_value(struct buf *out, const struct batch *b, enum column c, uint32_t row,
                      const struct enricher *r)
{
    const void *col = b->col[c];
    switch (column_defs[c].store) {
    case STORE_U8:
        buf_printf(out, "%u", ((const uint8_t *)col)[row]);
        break;
    case STORE_U16:
        buf_printf(out, "%u", ((const uint16_t *)col)[row]);
        break;
    case STORE_U32:
        buf_printf(out, "%u", ((const uint32_t *)col)[row]);
        break;
    case STORE_U64:
        buf_printf(out, "%llu", (unsigned long long)((const uint64_t *)col)[row]);
        break;
    case STORE_IP:
        put_ip(out, ((const struct ip *)col)[row]);
        break;
    case STORE_STR:
        put_string(out, intern_str(&r->strings, ((const uint32_t *)col)[row]));
        break;
    case STORE_CC: {
        const char *cc = (const char *)col + 2 * (size_t)row;
        put_string(out, (struct str){cc, strnlen(cc, 2)});
        break;
    }
    case STORE_A32:
    case STORE_A128:
        put_array(out, b, c, ((const struct span *)col)[row]);
        break;
    case STORE_NONE:
        buf_z(out, "null");
    }
}

static void put_edge(struct buf *out, enum column c, const struct edge *e, const struct enricher *r)
{
    if (c == COL_ExporterAddress)
        put_ip(out, e->exporter);
    else if (column_defs[c].store == STORE_STR)
        put_string(out, intern_str(&r->strings, e->v[edge_value(c)]));
    else
        buf_printf(out, "%u", e->v[edge_value(c)]);
}

static void put_row(struct buf *out, const struct schema *s, const struct batch *b, uint32_t row,
                    const struct enricher *r)
{
    const struct edge *e = &r->edges.rows[((const uint32_t *)b->col[COL_Edge])[row]];
    const char *sep = "{";
    for (unsigned i = 0; i < COL_COUNT; i++) {
        enum column c = (enum column)i;
        if (!schema_stored(s, c) || (!edge_column(c) && !batch_live(b, c)))
            continue;
        buf_printf(out, "%s\"%s\":", sep, column_defs[c].name);
        if (edge_column(c))
            put_edge(out, c, e, r);
        else
            put_value(out, b, c, row, r);
        sep = ",";
    }
    buf_z(out, "}\n");
}

void tap_put(struct outlet_tap *t, const struct batch *b, const struct enricher *r)
{
    if (pthread_mutex_trylock(&t->lock) != 0)
        return;
    uint64_t wanted = t->wanted;
    for (uint32_t row = 0; row < b->n && wanted; row++) {
        size_t before = t->text.len;
        put_row(&t->text, t->schema, b, row, r);
        if (t->text.full) {
            t->text.len = before;
            t->text.full = false;
            break;
        }
        wanted--;
    }
    __atomic_store_n(&t->wanted, wanted, __ATOMIC_RELAXED);
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
}

/* ---- the endpoint */

struct stream {
    struct outlet_tap *tap;
    struct http_call *call;
    time_t last; /* when something came last */
};

static long pull(void *arg, char *to, size_t room)
{
    struct stream *s = arg;
    struct outlet_tap *t = s->tap;
    pthread_mutex_lock(&t->lock);
    while (t->text.len == 0 && t->wanted && time(NULL) < s->last + WAIT_S) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&t->more, &t->lock, &until);
    }
    size_t n = t->text.len < room ? t->text.len : room;
    if (n) {
        memcpy(to, t->text.p, n);
        memmove(t->text.p, t->text.p + n, t->text.len - n);
        t->text.len -= n;
        s->last = time(NULL);
    }
    pthread_mutex_unlock(&t->lock);
    return (long)n;
}

static void finished(void *arg)
{
    struct stream *s = arg;
    pthread_mutex_lock(&s->tap->lock);
    __atomic_store_n(&s->tap->wanted, 0, __ATOMIC_RELAXED);
    buf_reset(&s->tap->text);
    pthread_mutex_unlock(&s->tap->lock);
    free(s);
}

void tap_flows(struct http_call *call, struct outlet_tap *t)
{
    const char *text = http_query(call, "limit");
    uint64_t limit = 10;
    if (!t)
        return http_reply_error(call, 503, "the outlet is starting");
    if (text && (!str_u64(str_from(text), &limit) || limit == 0 || limit > LIMIT_MAX))
        return http_reply_error(call, 400, "limit: a number from 1 to %d", LIMIT_MAX);
    pthread_mutex_lock(&t->lock);
    bool taken = t->wanted > 0;
    if (!taken)
        __atomic_store_n(&t->wanted, limit, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&t->lock);
    if (taken)
        return http_reply_error(call, 503, "somebody else is looking at flows; try again in a moment");
    struct stream *s = xcalloc(1, sizeof *s);
    *s = (struct stream){t, call, time(NULL)};
    http_reply_stream(call, 200, "application/ndjson", pull, finished, s);
}
