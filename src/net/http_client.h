/*
 * http_client: one blocking request after another over kept-alive connections (libcurl).
 *
 * One thread per client. Bodies are bounded by max_reply.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "net/tls.h"

struct http_client;

struct http_request {
    const char *method; /* NULL: GET, or POST when there is a body */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    struct str body;
    const char *user, *password; /* basic authentication; NULL: none */
    uint64_t connect_timeout_ns; /* 0: 5 s */
    uint64_t timeout_ns;         /* 0: 30 s */
    size_t max_reply;            /* 0: 64 MiB */
    bool packed;                 /* let the server compress the answer; it arrives unpacked */
    const char *proxy;           /* URL of one; NULL: none, whatever the environment says */
    bool environ_proxy;          /* as the environment says (http_proxy, no_proxy...), when `proxy` is NULL */
    /* when set, gets the answer's headers; name and value are borrowed */
    void (*header)(void *arg, struct str name, struct str value);
    void *header_arg;
    /* polled about each 200 ms when set: true abandons the request */
    bool (*abandon)(void *arg);
    void *abandon_arg;
    /* when set, an answer of status 200 goes here piece by piece instead of into the answer; false abandons it */
    bool (*sink)(void *arg, struct str piece);
    void *sink_arg;
};

struct http_answer {
    int status;
    struct buf body; /* the caller's to free with buf_fini, also after a failure */
    char content_type[128];
    char exception_code[16]; /* X-ClickHouse-Exception-Code, when given */
    char exception_tag[24];  /* X-ClickHouse-Exception-Tag, when given */
    char summary[512];       /* X-ClickHouse-Summary, when given */
};

struct http_client *http_client_new(const struct tls_conf *tls);
void http_client_free(struct http_client *c);
/* False when no answer came (connection, time, size, abandoned); any HTTP status is true. */
bool http_client_do(struct http_client *c, const struct http_request *req, struct http_answer *ans,
                    struct err *e);
