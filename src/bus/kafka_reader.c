/*
 * Partitions are read with librdkafka's simple consumer, from the offset the caller asks for. A commit is one record in
 * the compacted state topic, so that offset and checkpoint cannot part; the group's offset follows, for others to see.
 */
#include "base/arena.h"
#include "base/counters.h"
#include "base/log.h"
#include "bus/kafka.h"
#include "bus/rawflow.h"
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 10000, BATCH = 1024 };

enum {
#define X(id, name, kind, help) id,
#include "bus/kafka_input_counters.def"
#undef X
    N_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "bus/kafka_input_counters.def"
#undef X
};

struct part {
    bool started;
    uint64_t pos;              /* where the consumer reads on */
    rd_kafka_message_t **held; /* handed out and not released */
    size_t n_held, room;
};

struct kafka_reader {
    struct bus_reader r;
    rd_kafka_t *consumer, *producer;
    rd_kafka_topic_t *topic;
    char group[256], name[256], state_name[280];
    struct part *parts;
    struct counters *counters;
};

static struct kafka_reader *self(struct bus_reader *r)
{
    return (struct kafka_reader *)r;
}

static void hold(struct part *p, rd_kafka_message_t *m)
{
    if (p->n_held == p->room) {
        p->room = p->room ? p->room * 2 : 256;
        p->held = xrealloc(p->held, p->room * sizeof *p->held);
    }
    p->held[p->n_held++] = m;
}

static bool seek(struct kafka_reader *k, unsigned i, uint64_t offset)
{
    struct part *p = &k->parts[i];
    if (p->started && p->pos == offset)
        return true;
    if (p->started)
        rd_kafka_consume_stop(k->topic, (int32_t)i);
    int64_t low = 0, high = 0;
    if (rd_kafka_query_watermark_offsets(k->consumer, k->name, (int32_t)i, &low, &high, WAIT_MS) == 0 &&
        (int64_t)offset < low)
        offset = (uint64_t)low; /* the cluster's retention has dropped what was there */
    p->started = rd_kafka_consume_start(k->topic, (int32_t)i, (int64_t)offset) == 0;
    p->pos = offset;
    return p->started;
}

static size_t reader_read(struct bus_reader *r, unsigned i, uint64_t offset, struct bus_record *rec, size_t n,
                          unsigned wait_ms)
{
    struct kafka_reader *k = self(r);
    struct part *p = &k->parts[i];
    rd_kafka_message_t *m[BATCH];
    size_t got = 0, bytes = 0;
    if (!seek(k, i, offset))
        return 0;
    ssize_t have = rd_kafka_consume_batch(k->topic, (int32_t)i, (int)wait_ms, m, n < BATCH ? n : BATCH);
    for (ssize_t j = 0; j < have; j++) {
        struct str value = {m[j]->payload, m[j]->len};
        uint64_t at = (uint64_t)m[j]->offset;
        if (m[j]->err != RD_KAFKA_RESP_ERR_NO_ERROR || !m[j]->payload || !rawflow_get(value, &rec[got])) {
            if (m[j]->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
                counter_add_shared(k->counters, KAFKA_READ_ERRORS, 1);
            if (m[j]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
                p->pos = at + 1;
            else if (m[j]->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
                log_warn("kafka", "reading", "error", rd_kafka_err2str(m[j]->err), NULL);
            rd_kafka_message_destroy(m[j]);
            continue;
        }
        bytes += m[j]->len;
        rec[got].offset = rec[got].seq = at;
        rec[got].next = p->pos = at + 1;
        hold(p, m[j]);
        got++;
    }
    counter_add_shared(k->counters, KAFKA_RECEIVED, got);
    counter_add_shared(k->counters, KAFKA_RECEIVED_BYTES, bytes);
    return got;
}

static void release(struct bus_reader *r, unsigned i, uint64_t offset)
{
    struct part *p = &self(r)->parts[i];
    size_t kept = 0;
    for (size_t j = 0; j < p->n_held; j++) {
        if ((uint64_t)p->held[j]->offset < offset)
            rd_kafka_message_destroy(p->held[j]);
        else
            p->held[kept++] = p->held[j];
    }
    p->n_held = kept;
}

static void commit_group(struct kafka_reader *k, unsigned i, uint64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, k->name, (int32_t)i)->offset = (int64_t)offset;
    rd_kafka_commit(k->consumer, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Waits until the brokers have the record: what was committed must be found again. */
static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    int *outcome = m->_private;
    *outcome = (int)m->err;
}

static bool commit(struct bus_reader *r, unsigned i, uint64_t offset, struct str checkpoint, struct err *e)
{
    enum { PENDING = 1 << 30 };
    struct kafka_reader *k = self(r);
    char key[300];
    int outcome = PENDING;
    struct buf value;
    snprintf(key, sizeof key, "%s/%u", k->group, i);
    buf_init(&value, 0);
    buf_le64(&value, offset);
    buf_str_add(&value, checkpoint);
    rd_kafka_resp_err_t rc =
        rd_kafka_producev(k->producer, RD_KAFKA_V_TOPIC(k->state_name), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value.p, value.len),
                          RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_OPAQUE(&outcome), RD_KAFKA_V_END);
    buf_fini(&value);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(e, "kafka: commit: %s", rd_kafka_err2str(rc));
    while (outcome == PENDING) /* message.timeout.ms bounds it */
        rd_kafka_poll(k->producer, 50);
    if (outcome != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(e, "kafka: commit: %s", rd_kafka_err2str((rd_kafka_resp_err_t)outcome));
    commit_group(k, i, offset);
    return true;
}

/* The state topic is read from its beginning; the last record of the key counts. */
static bool reader_committed(struct bus_reader *r, unsigned i, uint64_t *offset, struct buf *checkpoint,
                             struct err *e)
{
    struct kafka_reader *k = self(r);
    char key[300];
    int64_t low = 0, high = 0;
    snprintf(key, sizeof key, "%s/%u", k->group, i);
    *offset = 0;
    buf_reset(checkpoint);
    rd_kafka_resp_err_t rc =
        rd_kafka_query_watermark_offsets(k->consumer, k->state_name, 0, &low, &high, WAIT_MS);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(e, "kafka: %s: %s", k->state_name, rd_kafka_err2str(rc));
    if (low >= high)
        return true;
    rd_kafka_topic_t *t = rd_kafka_topic_new(k->consumer, k->state_name, NULL);
    rd_kafka_consume_start(t, 0, low);
    for (int64_t at = low; at < high;) {
        rd_kafka_message_t *m = rd_kafka_consume(t, 0, WAIT_MS);
        if (!m)
            break;
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            at = m->offset + 1;
            if (m->key_len == strlen(key) && memcmp(m->key, key, m->key_len) == 0 && m->len >= 8) {
                memcpy(offset, m->payload, 8);
                buf_reset(checkpoint);
                buf_add(checkpoint, (const uint8_t *)m->payload + 8, m->len - 8);
            }
        } else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            at = high; /* compaction took the last ones */
        }
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consume_stop(t, 0);
    rd_kafka_topic_destroy(t);
    return true;
}

static void lag(struct bus_reader *r, unsigned i, struct bus_lag *l)
{
    struct kafka_reader *k = self(r);
    int64_t low = 0, high = 0;
    *l = (struct bus_lag){0};
    if (k->parts[i].started &&
        rd_kafka_get_watermark_offsets(k->consumer, k->name, (int32_t)i, &low, &high) == 0 &&
        high > (int64_t)k->parts[i].pos) {
        l->records = (uint64_t)high - k->parts[i].pos;
        l->end = (uint64_t)high;
    }
}

static void reader_free(struct bus_reader *r)
{
    struct kafka_reader *k = self(r);
    for (unsigned i = 0; k->parts && i < r->partitions; i++) {
        if (k->parts[i].started)
            rd_kafka_consume_stop(k->topic, (int32_t)i);
        release(r, i, UINT64_MAX);
        free(k->parts[i].held);
    }
    free(k->parts);
    counters_free(k->counters);
    if (k->topic)
        rd_kafka_topic_destroy(k->topic);
    if (k->consumer)
        rd_kafka_destroy(k->consumer);
    if (k->producer)
        rd_kafka_destroy(k->producer);
    free(k);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *rk, struct err *e)
{
    char why[512];
    rd_kafka_t *made = rd_kafka_new(type, rk, why, sizeof why);
    if (!made) {
        rd_kafka_conf_destroy(rk);
        err_set(e, "kafka: %s", why);
    }
    return made;
}

static bool open_clients(struct kafka_reader *k, const struct bus_kafka_consumer_conf *conf, struct err *e)
{
    rd_kafka_conf_t *in = kafka_settings(&conf->kafka, e), *out = kafka_settings(&conf->kafka, e);
    char min[32], wait[32];
    snprintf(min, sizeof min, "%llu",
             (unsigned long long)(conf->fetch_min_bytes > 100000000 ? 100000000 : conf->fetch_min_bytes));
    snprintf(wait, sizeof wait, "%llu", (unsigned long long)(conf->fetch_max_wait_ns / 1000000));
    if (!in || !out || !kafka_set(in, "group.id", k->group, e) || !kafka_set(in, "fetch.min.bytes", min, e) ||
        !kafka_set(in, "fetch.wait.max.ms", wait, e) || !kafka_set(in, "enable.auto.commit", "false", e) ||
        !kafka_set(in, "enable.auto.offset.store", "false", e) ||
        !kafka_set(in, "auto.offset.reset", "earliest", e) ||
        !kafka_set(out, "enable.idempotence", "true", e) ||
        !kafka_set(out, "message.timeout.ms", "30000", e) ||
        !kafka_set(out, "message.max.bytes", "10000000", e)) {
        if (in)
            rd_kafka_conf_destroy(in);
        if (out)
            rd_kafka_conf_destroy(out);
        return false;
    }
    rd_kafka_conf_set_dr_msg_cb(out, delivered);
    k->consumer = client(RD_KAFKA_CONSUMER, in, e);
    k->producer = client(RD_KAFKA_PRODUCER, out, e);
    return k->consumer && k->producer;
}

struct bus_reader *kafka_reader_new(const struct bus_kafka_consumer_conf *conf, struct err *e)
{
    enum { PARTITIONS = 8 };
    struct kafka_reader *k = xcalloc(1, sizeof *k);
    k->r = (struct bus_reader){.read = reader_read,
                               .release = release,
                               .commit = commit,
                               .committed = reader_committed,
                               .lag = lag,
                               .free = reader_free};
    k->counters = counters_new(counter_defs, N_COUNTERS, "");
    snprintf(k->group, sizeof k->group, "%s", conf->consumer_group);
    kafka_topic_name(k->name, sizeof k->name, &conf->kafka, "");
    kafka_topic_name(k->state_name, sizeof k->state_name, &conf->kafka, "-state");
    if (!open_clients(k, conf, e) ||
        !(k->r.partitions = kafka_topic_make(k->producer, k->name, PARTITIONS, false, e)) ||
        !kafka_topic_make(k->producer, k->state_name, 1, true, e)) {
        reader_free(&k->r);
        return NULL;
    }
    k->topic = rd_kafka_topic_new(k->consumer, k->name, NULL);
    k->parts = xcalloc(k->r.partitions, sizeof *k->parts);
    return &k->r;
}
