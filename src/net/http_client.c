/* A multi handle with one easy handle in it: it keeps the connections, and its poll lets us look up every 200 ms. */
#include "net/http_client.h"
#include "base/arena.h"
#include "net/url.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 200, DEFAULT_CONNECT_MS = 5000, DEFAULT_MS = 30000 };

struct http_client {
    CURLM *multi;
    CURL *easy;
    struct tls_conf tls;
    char why[CURL_ERROR_SIZE];
};

struct transfer {
    const struct http_request *req;
    struct http_answer *ans;
    CURL *easy;
    bool unwanted; /* the sink had enough */
};

static void init_once(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_new(const struct tls_conf *tls)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
    struct http_client *c = xcalloc(1, sizeof *c);
    if (tls)
        c->tls = *tls;
    c->multi = curl_multi_init();
    c->easy = curl_easy_init();
    if (!c->multi || !c->easy)
        abort();
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    free(c);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct str piece = {p, size * n};
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (t->req->sink && status == 200) {
        t->unwanted = !t->req->sink(t->req->sink_arg, piece);
        return t->unwanted ? 0 : piece.len;
    }
    buf_str_add(&t->ans->body, piece);
    return t->ans->body.full ? 0 : piece.len;
}

static void keep_header(struct str value, char *to, size_t room)
{
    value = str_trim(value);
    snprintf(to, room, "%.*s", STR_ARG(value));
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct str value = {p, size * n}, name;
    if (!str_split(&value, ':', &name))
        return size * n;
    while (value.len && (value.p[value.len - 1] == '\n' || value.p[value.len - 1] == '\r'))
        value.len--;
    if (str_eq_nocase(name, STR("Content-Type")))
        keep_header(value, t->ans->content_type, sizeof t->ans->content_type);
    else if (str_eq_nocase(name, STR("X-ClickHouse-Exception-Code")))
        keep_header(value, t->ans->exception_code, sizeof t->ans->exception_code);
    else if (str_eq_nocase(name, STR("X-ClickHouse-Exception-Tag")))
        keep_header(value, t->ans->exception_tag, sizeof t->ans->exception_tag);
    else if (str_eq_nocase(name, STR("X-ClickHouse-Summary")))
        keep_header(value, t->ans->summary, sizeof t->ans->summary);
    if (t->req->header)
        t->req->header(t->req->header_arg, name, str_trim(value));
    return size * n;
}

static void set_tls(CURL *easy, const struct tls_conf *tls)
{
    if (tls->skip_verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (tls->ca_file && tls->ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca_file);
    if (tls->cert_file && tls->cert_file[0])
        curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert_file);
    if (tls->key_file && tls->key_file[0])
        curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key_file);
}

static long to_ms(uint64_t ns, long otherwise)
{
    return ns ? (long)(ns / 1000000 ? ns / 1000000 : 1) : otherwise;
}

static void set_method(CURL *easy, const struct http_request *req)
{
    if (req->body.len || (req->method && strcmp(req->method, "POST") == 0)) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body.len ? req->body.p : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
    }
    if (req->method && strcmp(req->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (req->method)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, req->method);
}

static struct curl_slist *set_up(struct http_client *c, const struct http_request *req, struct transfer *t)
{
    CURL *easy = c->easy;
    curl_easy_reset(easy);
    c->why[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_URL, req->url);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->why);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                     1L); /* a look-up of a name ends by itself; nobody waits for it */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, to_ms(req->connect_timeout_ns, DEFAULT_CONNECT_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, to_ms(req->timeout_ns, DEFAULT_MS));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    /* weir's roles and its store are where the configuration says: a proxy of the environment knows nothing of them */
    if (req->proxy || !req->environ_proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, req->proxy ? req->proxy : "");
    if (req->proxy)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* the environment has no say in this one */
    if (req->packed)
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    if (req->user) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, req->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, req->password ? req->password : "");
    }
    set_method(easy, req);
    set_tls(easy, &c->tls);
    /* no "Expect: 100-continue", which costs a second where the server ignores it */
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; req->headers && req->headers[i]; i++)
        headers = curl_slist_append(headers, req->headers[i]);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    return headers;
}

static bool run(struct http_client *c, const struct http_request *req, CURLcode *rc)
{
    int running = 1, left;
    while (running) {
        if (curl_multi_perform(c->multi, &running) != CURLM_OK)
            return false;
        if (running && req->abandon && req->abandon(req->abandon_arg))
            return false;
        if (running)
            curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL);
    }
    CURLMsg *msg = curl_multi_info_read(c->multi, &left);
    *rc = msg ? msg->data.result : CURLE_FAILED_INIT;
    return true;
}

bool http_client_do(struct http_client *c, const struct http_request *req, struct http_answer *ans,
                    struct err *e)
{
    struct transfer t = {.req = req, .ans = ans, .easy = c->easy};
    CURLcode rc = CURLE_OK;
    *ans = (struct http_answer){0};
    buf_init(&ans->body, req->max_reply ? req->max_reply : (size_t)64 << 20);
    struct curl_slist *headers = set_up(c, req, &t);
    curl_multi_add_handle(c->multi, c->easy);
    bool finished = run(c, req, &rc);
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(c->multi, c->easy);
    curl_slist_free_all(headers);
    ans->status = (int)status;
    char bare[URL_BARE];
    if (!finished || t.unwanted)
        return err_set(e, "%s: abandoned", url_bare(req->url, bare));
    if (ans->body.full)
        return err_set(e, "%s: the answer is larger than %zu bytes", url_bare(req->url, bare), ans->body.cap);
    if (rc != CURLE_OK)
        return err_set(e, "%s: %s", url_bare(req->url, bare), c->why[0] ? c->why : curl_easy_strerror(rc));
    return true;
}
