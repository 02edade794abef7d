/* What the two sides of the Kafka bus share: connection settings and topics. */
#include "bus/kafka.h"
#include "base/buf.h"
#include "base/log.h"
#include "bus/rawflow.h"
#include <stdio.h>
#include <time.h>

enum { WAIT_MS = 10000, NAME = 512 };

bool kafka_set(rd_kafka_conf_t *rk, const char *name, const char *value, struct err *e)
{
    char why[NAME];
    if (rd_kafka_conf_set(rk, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return true;
    return err_set(e, "kafka: %s", why);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    if (level <= 4)
        log_warn("kafka", text, "facility", facility, NULL);
    else
        log_debug("kafka", text, "facility", facility, NULL);
}

static bool set_scopes(rd_kafka_conf_t *rk, const struct conf_sasl *c, struct err *e)
{
    struct buf all;
    buf_init(&all, 0);
    for (size_t i = 0; i < c->oauth_scopes.n; i++)
        buf_printf(&all, "%s%s", i ? " " : "", *OPT_ITEM(c->oauth_scopes, const char *, i));
    buf_u8(&all, 0);
    bool ok = c->oauth_scopes.n == 0 || kafka_set(rk, "sasl.oauthbearer.scope", (const char *)all.p, e);
    buf_fini(&all);
    return ok;
}

static bool set_security(rd_kafka_conf_t *rk, const struct conf_kafka *c, struct err *e)
{
    static const char *const mechanisms[] = {"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"};
    bool sasl = c->sasl.mechanism != SASL_NONE;
    const char *protocol =
        c->tls.enable ? (sasl ? "sasl_ssl" : "ssl") : (sasl ? "sasl_plaintext" : "plaintext");
    if (!kafka_set(rk, "security.protocol", protocol, e))
        return false;
    if (c->tls.enable &&
        ((c->tls.ca_file[0] && !kafka_set(rk, "ssl.ca.location", c->tls.ca_file, e)) ||
         (c->tls.cert_file[0] && !kafka_set(rk, "ssl.certificate.location", c->tls.cert_file, e)) ||
         (c->tls.key_file[0] && !kafka_set(rk, "ssl.key.location", c->tls.key_file, e)) ||
         (c->tls.skip_verify && !kafka_set(rk, "enable.ssl.certificate.verification", "false", e))))
        return false;
    if (!sasl)
        return true;
    if (!kafka_set(rk, "sasl.mechanism", mechanisms[c->sasl.mechanism], e))
        return false;
    if (c->sasl.mechanism == SASL_OAUTH)
        return set_scopes(rk, &c->sasl, e) && kafka_set(rk, "sasl.oauthbearer.method", "oidc", e) &&
               kafka_set(rk, "sasl.oauthbearer.client.id", c->sasl.username, e) &&
               kafka_set(rk, "sasl.oauthbearer.client.secret", c->sasl.password, e) &&
               kafka_set(rk, "sasl.oauthbearer.token.endpoint.url", c->sasl.oauth_token_url, e);
    return kafka_set(rk, "sasl.username", c->sasl.username, e) &&
           kafka_set(rk, "sasl.password", c->sasl.password, e);
}

rd_kafka_conf_t *kafka_settings(const struct conf_kafka *c, struct err *e)
{
    rd_kafka_conf_t *rk = rd_kafka_conf_new();
    struct buf brokers;
    buf_init(&brokers, 0);
    for (size_t i = 0; i < c->brokers.n; i++)
        buf_printf(&brokers, "%s%s", i ? "," : "", *OPT_ITEM(c->brokers, const char *, i));
    buf_u8(&brokers, 0);
    rd_kafka_conf_set_log_cb(rk, on_log);
    bool ok = kafka_set(rk, "bootstrap.servers", (const char *)brokers.p, e) &&
              kafka_set(rk, "client.id", "weir", e) && set_security(rk, c, e);
    buf_fini(&brokers);
    if (ok)
        return rk;
    rd_kafka_conf_destroy(rk);
    return NULL;
}

void kafka_topic_name(char *name, size_t room, const struct conf_kafka *conf, const char *suffix)
{
    snprintf(name, room, "%s-v%d%s", conf->topic, RAWFLOW_VERSION, suffix);
}

/* 0: not there; e is set only when the cluster could not be asked. */
static unsigned count_partitions(rd_kafka_t *rk, const char *topic, bool *asked, struct err *e)
{
    const rd_kafka_metadata_t *meta = NULL;
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_resp_err_t rc = rd_kafka_metadata(rk, 0, t, &meta, WAIT_MS);
    unsigned n = 0;
    *asked = rc == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!*asked)
        err_set(e, "kafka: %s: %s", topic, rd_kafka_err2str(rc));
    else if (meta->topic_cnt == 1 && meta->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
        n = (unsigned)meta->topics[0].partition_cnt;
    if (meta)
        rd_kafka_metadata_destroy(meta);
    rd_kafka_topic_destroy(t);
    return n;
}

static bool create(rd_kafka_t *rk, const char *topic, unsigned partitions, bool compacted, struct err *e)
{
    char why[NAME];
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(topic, (int)partitions, -1, why, sizeof why);
    if (!t)
        return err_set(e, "kafka: %s", why);
    if (compacted)
        rd_kafka_NewTopic_set_config(t, "cleanup.policy", "compact");
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &t, 1, NULL, q);
    rd_kafka_event_t *ev = rd_kafka_queue_poll(q, WAIT_MS);
    bool ok = false;
    size_t n = 0;
    const rd_kafka_topic_result_t **results =
        ev ? rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &n) : NULL;
    if (!results || n != 1) {
        err_set(e, "kafka: cannot create topic %s: no answer", topic);
    } else {
        rd_kafka_resp_err_t rc = rd_kafka_topic_result_error(results[0]);
        ok = rc == RD_KAFKA_RESP_ERR_NO_ERROR || rc == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
        if (!ok)
            err_set(e, "kafka: cannot create topic %s: %s", topic, rd_kafka_err2str(rc));
    }
    if (ev)
        rd_kafka_event_destroy(ev);
    rd_kafka_queue_destroy(q);
    rd_kafka_NewTopic_destroy(t);
    return ok;
}

unsigned kafka_topic_make(rd_kafka_t *rk, const char *topic, unsigned partitions, bool compacted,
                          struct err *e)
{
    bool asked, made = false;
    for (unsigned tries = 0; tries < 20; tries++) {
        unsigned n = count_partitions(rk, topic, &asked, e);
        if (n || !asked)
            return n;
        if (!made && !create(rk, topic, partitions, compacted, e))
            return 0;
        made = true; /* it takes a moment until all brokers know */
        nanosleep(&(struct timespec){0, 200000000}, NULL);
    }
    err_set(e, "kafka: topic %s was created and is still not there", topic);
    return 0;
}
