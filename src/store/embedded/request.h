/* request: a call of ClickHouse's HTTP interface taken apart: who, which statement, which settings. Lives in the call's arena. */
#pragma once
#include "net/http_server.h"
#include "store/embedded/engine.h"
#include "store/embedded/statement.h"

enum { REQUEST_PARAMS = 64, REQUEST_SETTINGS = 128 };

struct request {
    struct http_call *call;
    bool reader; /* else the owner */
    const char *database, *format, *query_id, *log_comment;
    struct str query;    /* of the URL */
    struct statement st; /* of query and body together */
    struct str rows;     /* of an INSERT: inline, then the body */
    struct engine_param params[REQUEST_PARAMS];
    struct engine_param settings[REQUEST_SETTINGS];
    size_t n_params, n_settings;
    bool whole;         /* wait_end_of_query */
    bool packed_answer; /* enable_http_compression */
    bool frames;        /* compress=1: the answer in ClickHouse's own frames (frame.h) */
    bool get;           /* a GET may not change anything */
    bool too_many;
    struct buf body; /* unpacked; request_fini frees it */
};

/* False: *code and *e say why, in ClickHouse's terms. max_body bounds what unpacking may yield. */
bool request_read(struct request *r, struct http_call *c, size_t max_body, int *code, struct err *e);
void request_fini(struct request *r);
/* Whether the client asked for frames: answers and exceptions alike. */
bool request_frames(struct http_call *c);
