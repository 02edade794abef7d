/*
 * Datagrams go into librdkafka's queue, which batches and compresses them; its delivery reports tell what the brokers
 * took. What they did not take is noted as shed by exporter and minute, like everything that is lost.
 */
#include "base/arena.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/thread.h"
#include "bus/kafka.h"
#include "bus/rawflow.h"
#include "bus/shed.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <stdlib.h>

enum { PARTITIONS = 8, QUEUE_WAIT_MS = 100, FLUSH_MS = 8000 };

struct kafka_writer {
    struct bus_writer w;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    pthread_t poller;
    bool stop, polling;
    pthread_mutex_t lock;
    struct counters *counters; /* delivery reports come on one thread */
    struct shed *shed;         /* by partition */
};

enum {
#define X(id, name, kind, help) id,
#include "bus/kafka_counters.def"
#undef X
    N_COUNTERS
};
static const struct counter_def counter_defs[] = {
#define X(id, name, kind, help) {name, help, kind},
#include "bus/kafka_counters.def"
#undef X
};

static struct kafka_writer *self(struct bus_writer *w)
{
    return (struct kafka_writer *)w;
}

static void add_shed(struct kafka_writer *k, unsigned partition, const struct bus_note *n)
{
    pthread_mutex_lock(&k->lock);
    shed_add(&k->shed[partition], n);
    pthread_mutex_unlock(&k->lock);
}

static void note_dgram(struct kafka_writer *k, unsigned partition, const struct dgram *d)
{
    struct bus_note n = {
        .src = d->src, .minute = d->rx_ns / 60000000000u, .datagrams = 1, .kind = BUS_NOTE_SHED};
    add_shed(k, partition, &n);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_writer *k = opaque;
    struct bus_record rec;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        counter_add(k->counters, KAFKA_SENT, 1);
        counter_add(k->counters, KAFKA_SENT_BYTES, m->len);
        return;
    }
    counter_add(k->counters, KAFKA_ERRORS, 1);
    log_error("kafka", "the brokers did not take a record", "error", rd_kafka_err2str(m->err), NULL);
    if (!rawflow_get((struct str){m->payload, m->len}, &rec) || m->partition < 0)
        return;
    if (rec.kind == BUS_DGRAM) {
        note_dgram(k, (unsigned)m->partition, &rec.d);
        return;
    }
    struct str notes = {(const char *)rec.d.data, rec.d.len};
    for (struct bus_note n; bus_note_next(&notes, &n);)
        add_shed(k, (unsigned)m->partition, &n); /* what the lost tick would have told */
}

static bool produce(struct kafka_writer *k, unsigned partition, enum bus_kind kind, uint64_t second,
                    const struct dgram *d, struct err *e)
{
    struct buf b;
    buf_init(&b, 0);
    rawflow_put(&b, kind, second, d);
    int rc = -1;
    rd_kafka_resp_err_t why = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (unsigned waited = 0; rc != 0 && waited <= QUEUE_WAIT_MS; waited++) {
        rc = rd_kafka_produce(k->topic, (int32_t)partition, RD_KAFKA_MSG_F_COPY, b.p, b.len,
                              kind == BUS_TICK ? NULL : d->src.b, kind == BUS_TICK ? 0 : 16, NULL);
        why = rd_kafka_last_error();
        if (rc == 0 || why != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    buf_fini(&b);
    return rc == 0 || err_set(e, "kafka: %s", rd_kafka_err2str(why));
}

static size_t append(struct bus_writer *w, unsigned partition, const struct dgram *d, size_t n, struct err *e)
{
    struct kafka_writer *k = self(w);
    size_t taken = 0;
    while (taken < n && produce(k, partition, BUS_DGRAM, 0, &d[taken], e))
        taken++;
    for (size_t i = taken; i < n; i++)
        note_dgram(k, partition, &d[i]);
    return n - taken;
}

/* librdkafka sends by itself, within linger.ms. */
static size_t flush(struct bus_writer *w, struct err *e)
{
    return 0;
}

static void note(struct bus_writer *w, unsigned partition, const struct bus_note *n)
{
    add_shed(self(w), partition, n);
}

static void tick(struct bus_writer *w, uint64_t second)
{
    struct kafka_writer *k = self(w);
    for (unsigned p = 0; p < w->partitions; p++) {
        struct buf notes;
        struct err e;
        buf_init(&notes, 0);
        pthread_mutex_lock(&k->lock);
        shed_put(&k->shed[p], &notes);
        shed_fini(&k->shed[p]);
        pthread_mutex_unlock(&k->lock);
        struct dgram d = {.data = notes.p, .len = (uint32_t)notes.len};
        if (!produce(k, p, BUS_TICK, second, &d, &e)) {
            struct str again = buf_str(&notes);
            for (struct bus_note n; bus_note_next(&again, &n);)
                add_shed(k, p, &n);
        }
        buf_fini(&notes);
    }
}

static void *poll_thread(void *arg)
{
    struct kafka_writer *k = arg;
    while (!__atomic_load_n(&k->stop, __ATOMIC_RELAXED))
        rd_kafka_poll(k->rk, 100);
    return NULL;
}

static void writer_free(struct bus_writer *w)
{
    struct kafka_writer *k = self(w);
    if (k->polling) {
        rd_kafka_flush(k->rk, FLUSH_MS);
        __atomic_store_n(&k->stop, true, __ATOMIC_RELAXED);
        pthread_join(k->poller, NULL);
    }
    if (k->topic)
        rd_kafka_topic_destroy(k->topic);
    if (k->rk)
        rd_kafka_destroy(k->rk);
    for (unsigned p = 0; k->shed && p < w->partitions; p++)
        shed_fini(&k->shed[p]);
    free(k->shed);
    counters_free(k->counters);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static bool connect_to(struct kafka_writer *k, const struct bus_kafka_producer_conf *conf, struct err *e)
{
    static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    char queue[32], why[512], name[256];
    snprintf(queue, sizeof queue, "%llu",
             (unsigned long long)(conf->queue_size < 4096 ? 4096 : conf->queue_size));
    rd_kafka_conf_t *rk = kafka_settings(&conf->kafka, e);
    if (!rk)
        return false;
    if (!kafka_set(rk, "enable.idempotence", "true", e) ||
        !kafka_set(rk, "compression.codec", codecs[conf->compression], e) ||
        !kafka_set(rk, "queue.buffering.max.messages", queue, e) || !kafka_set(rk, "linger.ms", "5", e)) {
        rd_kafka_conf_destroy(rk);
        return false;
    }
    rd_kafka_conf_set_opaque(rk, k);
    rd_kafka_conf_set_dr_msg_cb(rk, delivered);
    k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, rk, why, sizeof why);
    if (!k->rk) {
        rd_kafka_conf_destroy(rk);
        return err_set(e, "kafka: %s", why);
    }
    kafka_topic_name(name, sizeof name, &conf->kafka, "");
    k->w.partitions = kafka_topic_make(k->rk, name, PARTITIONS, false, e);
    if (k->w.partitions == 0)
        return false;
    k->topic = rd_kafka_topic_new(k->rk, name, NULL);
    return true;
}

struct bus_writer *kafka_writer_new(const struct bus_kafka_producer_conf *conf, struct err *e)
{
    struct kafka_writer *k = xcalloc(1, sizeof *k);
    k->w = (struct bus_writer){
        .append = append, .flush = flush, .tick = tick, .note = note, .free = writer_free};
    pthread_mutex_init(&k->lock, NULL);
    k->counters = counters_new(counter_defs, N_COUNTERS, "");
    if (!connect_to(k, conf, e)) {
        writer_free(&k->w);
        return NULL;
    }
    k->shed = xcalloc(k->w.partitions, sizeof *k->shed);
    thread_start(&k->poller, poll_thread, k, "kafka poll");
    k->polling = true;
    return &k->w;
}
