/*
 * ch: client of ClickHouse's HTTP interface (a cluster's, or weir store's; they cannot be told apart).
 *
 * One thread per client. Servers are tried in turn, from a random one on, when they do not answer.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "conf/opt.h"
#include "net/http_client.h"

/* Section clickhousedb. */
struct ch_conf {
    struct opt_list servers; /* "127.0.0.1:8123" */
    const char *database, *username, *password, *cluster;
    uint64_t max_open_conns, dial_timeout_ns;
    struct tls_conf tls;
};
extern const struct opt_table ch_table;

struct ch;

/* Copies what it needs of the configuration. */
struct ch *ch_new(const struct ch_conf *conf);
void ch_free(struct ch *c);
/* Asked about each 200 ms while an insert waits: true gives it up (CH_AWAY). */
void ch_abandon(struct ch *c, bool (*abandon)(void *arg), void *arg);

enum ch_failure {
    CH_OK,
    CH_AWAY, /* no server answered, or it was cut off: try again */
    CH_BUSY, /* refused for now (memory, too many parts, read-only, tables not there yet, password): try again later */
    CH_PERMANENT, /* this statement or block will never be accepted */
};

/* What a statement read, as the server says. */
struct ch_cost {
    uint64_t rows, bytes;
};

/* Extra settings and {name:Type} parameters: "max_execution_time=5&param_x=1", URL-encoded (ch_param); NULL: none. */
struct ch_query {
    const char *sql;
    const char *settings;
    const char *query_id; /* NULL: none; for KILL QUERY */
    uint64_t timeout_ns;  /* 0: 60 s */
    bool (*abandon)(void *arg);
    void *abandon_arg;
    /* when set, the answer goes here as it comes (but its end at the end) instead of into `out`; false abandons the query */
    bool (*sink)(void *arg, struct str piece);
    void *sink_arg;
    struct ch_cost *cost; /* set when given; zeros when the server does not say */
};

/* The answer's body as the statement's FORMAT says. */
enum ch_failure ch_query(struct ch *c, const struct ch_query *q, struct buf *out, struct err *e);
/* INSERT INTO table (columns) FORMAT Native with a deduplication token; data is one encoded block. */
enum ch_failure ch_insert(struct ch *c, const char *into, const char *token, struct str data, struct err *e);
/* Code of the last exception of this client (60: no such table); 0 when the last call had none. */
int ch_code(const struct ch *c);
/* Whether any server had begun to answer the last call, whatever became of it. */
bool ch_answered(const struct ch *c);
/* Another database for what is asked from now on. */
void ch_use(struct ch *c, const char *database);
/* The URL of the server asked last; for messages. */
const char *ch_server(const struct ch *c);

/* Appends "&name=value", encoded, to a settings text ("&" only between). */
void ch_param(struct buf *settings, const char *name, struct str value);
/* 'text' as an SQL string literal. */
void ch_quote(struct buf *sql, struct str text);
