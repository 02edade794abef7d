/*
 * The Kafka bus against librdkafka's own mock cluster: the protocol is real, the brokers are in this process. With
 * WEIR_KAFKA=HOST:PORT, against a real and fresh cluster instead, where topics are made too (test/blackbox/test_kafka.py).
 */
#include "base/arena.h"
#include "bus/kafka.h"
#include "bus/rawflow.h"
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static const char *brokers[1];

static int setup(void **state)
{
    char why[256];
    brokers[0] = getenv("WEIR_KAFKA");
    if (brokers[0])
        return 0;
    host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    cluster = rd_kafka_mock_cluster_new(host, 3);
    brokers[0] = rd_kafka_mock_cluster_bootstraps(cluster);
    /* the mock knows no CreateTopics: topics are made here, as a real cluster's administrator may */
    rd_kafka_mock_topic_create(cluster, "unit-v5", 8, 1);
    rd_kafka_mock_topic_create(cluster, "unit-v5-state", 1, 1);
    return cluster ? 0 : -1;
}

static int teardown(void **state)
{
    if (cluster)
        rd_kafka_mock_cluster_destroy(cluster);
    if (host)
        rd_kafka_destroy(host);
    return 0;
}

static struct conf_kafka connection(void)
{
    return (struct conf_kafka){.topic = "unit",
                               .brokers = {1, brokers},
                               .tls = {.ca_file = "", .cert_file = "", .key_file = ""},
                               .sasl = {.username = "", .password = "", .oauth_token_url = ""}};
}

static void rawflow_keeps_everything(void **state)
{
    struct dgram d = {.src = ip_v4("\xc0\0\2\1"),
                      .src_port = 4739,
                      .decoder = DECODER_NETFLOW,
                      .time = TIME_NETFLOW_PACKET,
                      .decap = DECAP_GRE,
                      .use_src = true,
                      .rate_limit = 99,
                      .rx_ns = 1800000000123456789u,
                      .data = (const uint8_t *)"payload",
                      .len = 7};
    struct bus_record rec;
    struct buf b;
    buf_init(&b, 0);
    rawflow_put(&b, BUS_DGRAM, 0, &d);
    /* field 1, a varint: what a reader that only knows the common fields begins with */
    assert_int_equal(b.p[0], 0x08);
    assert_true(rawflow_get(buf_str(&b), &rec));
    assert_int_equal(rec.kind, BUS_DGRAM);
    assert_int_equal(rec.second, 1800000000);
    assert_true(rec.d.rx_ns == d.rx_ns && rec.d.src_port == 4739 && rec.d.use_src &&
                rec.d.decap == DECAP_GRE);
    assert_true(rec.d.rate_limit == 99 && rec.d.time == TIME_NETFLOW_PACKET && ip_eq(rec.d.src, d.src));
    assert_memory_equal(rec.d.data, "payload", 7);
    buf_reset(&b);
    rawflow_put(&b, BUS_TICK, 1800000001, &(struct dgram){0});
    assert_true(rawflow_get(buf_str(&b), &rec) && rec.kind == BUS_TICK && rec.second == 1800000001);
    assert_false(rawflow_get(STR("\x12\x7f"), &rec));
    buf_fini(&b);
}

static void datagrams_ticks_and_commits(void **state)
{
    struct err e = {""};
    struct bus_kafka_producer_conf out = {
        .kafka = connection(), .compression = BUS_COMPRESS_LZ4, .queue_size = 4096};
    struct bus_kafka_consumer_conf in = {.kafka = connection(),
                                         .consumer_group = "weir-test",
                                         .fetch_min_bytes = 1,
                                         .fetch_max_wait_ns = 100000000};
    struct bus_writer *w = kafka_writer_new(&out, &e);
    assert_string_equal(e.msg, "");
    assert_non_null(w);
    assert_int_equal(w->partitions, 8);
    uint8_t data[100] = {0};
    struct dgram d[50];
    for (uint32_t i = 0; i < 50; i++)
        d[i] = (struct dgram){.src = ip_v4("\xc0\0\2\1"),
                              .decoder = DECODER_NETFLOW,
                              .rx_ns = 1000000000ull * (i + 1),
                              .data = data,
                              .len = 50 + i};
    assert_int_equal(w->append(w, 2, d, 50, &e), 0);
    struct bus_note told = {.src = ip_v4("\xc0\0\2\7"), .minute = 3, .datagrams = 9, .kind = BUS_NOTE_SHED};
    w->note(w, 2, &told);
    w->tick(w, 77);
    w->free(w);

    struct bus_reader *r = kafka_reader_new(&in, &e);
    assert_non_null(r);
    uint64_t offset = 1;
    struct buf checkpoint;
    buf_init(&checkpoint, 0);
    assert_true(r->committed(r, 2, &offset, &checkpoint, &e));
    assert_int_equal(offset, 0);
    struct bus_record rec[64];
    unsigned dgrams = 0, ticks = 0;
    for (unsigned tries = 0; tries < 100 && !ticks; tries++) {
        size_t n = r->read(r, 2, offset, rec, 64, 100);
        for (size_t i = 0; i < n; i++) {
            struct str notes = {(const char *)rec[i].d.data, rec[i].d.len};
            struct bus_note note;
            if (rec[i].kind == BUS_DGRAM) {
                assert_int_equal(rec[i].d.len, 50 + dgrams++);
            } else {
                assert_int_equal(rec[i].second, 77);
                assert_true(bus_note_next(&notes, &note) && note.datagrams == 9 && ip_eq(note.src, told.src));
                ticks++;
            }
            offset = rec[i].next;
        }
    }
    assert_int_equal(dgrams, 50);
    assert_int_equal(ticks, 1);
    assert_true(r->commit(r, 2, 20, STR("old"), &e));
    assert_true(r->commit(r, 2, 30, STR("state"), &e));
    assert_true(r->commit(r, 1, 5, STR("other"), &e));
    r->release(r, 2, UINT64_MAX);
    r->free(r);

    r = kafka_reader_new(&in, &e);
    assert_true(r->committed(r, 2, &offset, &checkpoint, &e));
    assert_int_equal(offset, 30);
    assert_true(str_eq(buf_str(&checkpoint), STR("state")));
    size_t n = 0;
    for (unsigned tries = 0; tries < 100 && n == 0; tries++)
        n = r->read(r, 2, offset, rec, 64, 100);
    assert_true(n > 0);
    assert_int_equal(rec[0].offset, 30);
    r->free(r);
    buf_fini(&checkpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rawflow_keeps_everything),
                                       cmocka_unit_test(datagrams_ticks_and_commits)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
