/* Server and client against each other over loopback, and the pure parts by themselves. */
#include "base/clock.h"
#include "base/counters.h"
#include "net/encoding.h"
#include "net/http_client.h"
#include "net/http_host.h"
#include "net/http_listen.h"
#include "net/http_route.h"
#include "net/http_server.h"
#include "net/url.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static bool seen_gone;

static void echo(struct http_call *c)
{
    const char *x = http_query(c, "x"), *user, *password;
    if (http_basic_auth(c, &user, &password)) {
        http_reply_header(c, "X-ClickHouse-Exception-Code", "42");
        http_reply(c, 200, "text/plain; charset=utf-8",
                   str_from(arena_printf(&c->arena, "%s/%s", user, password)));
        return;
    }
    http_reply_header(c, "X-ClickHouse-Exception-Code", "42");
    http_reply(
        c, 200, "text/plain; charset=utf-8",
        str_from(arena_printf(&c->arena, "%s %s [%.*s] x=%s p=%s arg=%s", c->method, c->path,
                              STR_ARG(c->body), x ? x : "-", http_param(c, "name"), (const char *)c->arg)));
}

static void big(struct http_call *c)
{
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 20000; i++)
        buf_printf(&b, "%d line of text\n", i);
    http_reply(c, 200, "text/plain", buf_str(&b));
    buf_fini(&b);
}

static void never(struct http_call *c)
{
    for (int i = 0; i < 6000 && !http_gone(c); i++)
        poll(NULL, 0, 10);
    __atomic_store_n(&seen_gone, http_gone(c), __ATOMIC_RELAXED);
    http_reply_error(c, 500, "too late");
}

static void forgetful(struct http_call *c)
{
}

struct count_down {
    int left;
    bool *done;
};

static long count_read(void *arg, char *to, size_t room)
{
    struct count_down *d = arg;
    return d->left-- > 0 ? snprintf(to, room, "%d\n", d->left) : 0;
}

static void count_done(void *arg)
{
    struct count_down *d = arg; /* of the call's arena, which must still be there */
    __atomic_store_n(d->done, true, __ATOMIC_RELAXED);
}

static bool streamed;

static void stream(struct http_call *c)
{
    struct count_down *d = ARENA_NEW(&c->arena, struct count_down);
    *d = (struct count_down){1000, &streamed};
    http_reply_stream(c, 200, "text/plain", count_read, count_done, d);
}

static void closed(struct http_call *c)
{
    const char *key = http_header(c, "x-key");
    if (!key)
        http_reply_error(c, 401, "no \"key\"");
    else
        c->user = arena_printf(&c->arena, "key %s", key);
}

static void opened(struct http_call *c)
{
    http_reply(c, 200, NULL, str_from(c->user));
}

static const struct http_route rows[] = {
    {"*", "/echo/{name}", echo, "", 100}, {"GET", "/big", big, ""},
    {"GET", "/never", never, ""},         {"GET", "/forgetful", forgetful, ""},
    {"GET", "/stream", stream, ""},       {"POST", "/closed", opened, "", 0, closed},
    {"GET", "/tail/*", echo, ""},
};
static const struct http_routes tables[] = {{rows, sizeof rows / sizeof *rows, "ARG"}};

struct both {
    struct http_server *s;
    struct http_client *c;
};

static int both_up(void **state)
{
    static struct both b;
    struct err e;
    const struct http_limits limits = {.bodies = 2 << 20, .connections = 8};
    b.s = http_server_new_limited("127.0.0.1:0", tables, 1, &limits, &e);
    b.c = http_client_new(NULL);
    *state = &b;
    return b.s ? 0 : -1;
}

static int both_down(void **state)
{
    struct both *b = *state;
    http_client_free(b->c);
    http_server_free(b->s);
    return 0;
}

/* The answer's body as a string that stays valid until the next call; *status set. */
static const char *ask(void **state, struct http_request req, const char *path, int *status)
{
    static char text[400000];
    struct both *b = *state;
    struct http_answer ans;
    struct err e;
    char url[200];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", http_server_port(b->s), path);
    req.url = url;
    bool ok = http_client_do(b->c, &req, &ans, &e);
    if (!ok)
        snprintf(text, sizeof text, "FAILED %s", e.msg);
    else
        snprintf(text, sizeof text, "%.*s", STR_ARG(buf_str(&ans.body)));
    *status = ok ? ans.status : -1;
    if (ok && strncmp(path, "/echo", 5) == 0 && ans.status == 200) {
        assert_string_equal(ans.exception_code, "42");
        assert_string_equal(ans.content_type, "text/plain; charset=utf-8");
    }
    buf_fini(&ans.body);
    return text;
}

static void requests_reach_their_handler(void **state)
{
    int status;
    assert_string_equal(ask(state, (struct http_request){0}, "/echo/na%20me?x=a%2Bb+c", &status),
                        "GET /echo/na me [] x=a+b c p=na me arg=ARG");
    assert_int_equal(status, 200);
    assert_string_equal(ask(state, (struct http_request){.body = STR("b;dy")}, "/echo/n?x=", &status),
                        "POST /echo/n [b;dy] x= p=n arg=ARG");
    assert_string_equal(ask(state, (struct http_request){.method = "DELETE"}, "/echo/n", &status),
                        "DELETE /echo/n [] x=- p=n arg=ARG");
    assert_string_equal(ask(state, (struct http_request){.method = "HEAD"}, "/big", &status), "");
    assert_int_equal(status, 200);
    assert_string_equal(ask(state, (struct http_request){.method = "HEAD"}, "/stream", &status), "");
    assert_int_equal(status, 200);
}

static void errors_are_json(void **state)
{
    int status;
    assert_string_equal(ask(state, (struct http_request){0}, "/nothing", &status),
                        "{\"message\":\"there is nothing at this path\"}");
    assert_int_equal(status, 404);
    assert_non_null(strstr(ask(state, (struct http_request){.body = STR("x")}, "/big", &status), "method"));
    assert_int_equal(status, 405);
    ask(state, (struct http_request){0}, "/forgetful", &status);
    assert_int_equal(status, 500);
}

static void bodies_are_bounded(void **state)
{
    static char body[4096];
    int status;
    memset(body, 'x', sizeof body);
    ask(state, (struct http_request){.body = {body, 100}}, "/echo/n", &status);
    assert_int_equal(status, 200);
    assert_non_null(
        strstr(ask(state, (struct http_request){.body = {body, 101}}, "/echo/n", &status), "larger"));
    assert_int_equal(status, 413);
    /* chunked, so that the size shows only on the way */
    static const char *const chunked[] = {"Transfer-Encoding: chunked", NULL};
    ask(state, (struct http_request){.body = {body, 150}, .headers = chunked}, "/echo/n", &status);
    assert_int_equal(status, 413);
}

static void before_runs_before_the_body(void **state)
{
    int status;
    static const char *const key[] = {"X-Key: 7", NULL};
    assert_string_equal(ask(state, (struct http_request){.body = STR("x")}, "/closed", &status),
                        "{\"message\":\"no \\\"key\\\"\"}");
    assert_int_equal(status, 401);
    assert_string_equal(
        ask(state, (struct http_request){.body = STR("x"), .headers = key}, "/closed", &status), "key 7");
}

static void answers_are_compressed(void **state)
{
    int status;
    size_t plain = strlen(ask(state, (struct http_request){0}, "/big", &status));
    assert_true(plain > 300000);
    assert_int_equal(strlen(ask(state, (struct http_request){.packed = true}, "/big", &status)), plain);
    static const char *const raw[] = {"Accept-Encoding: br;q=1, zstd;q=0, gzip", NULL};
    struct both *b = *state;
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/big", http_server_port(b->s));
    struct http_answer ans;
    struct err e;
    struct buf out;
    buf_init(&out, 0);
    assert_true(http_client_do(b->c, &(struct http_request){.url = url, .headers = raw}, &ans, &e));
    assert_true(ans.body.len < plain / 3);
    assert_true(encoding_unpack(ENCODING_GZIP, buf_str(&ans.body), &out, &e));
    assert_int_equal(out.len, plain);
    buf_fini(&out);
    buf_fini(&ans.body);
}

static bool abandon_now(void *arg)
{
    return ++*(int *)arg > 1;
}

static void a_client_that_leaves_is_seen(void **state)
{
    int status, polls = 0;
    struct http_request req = {.abandon = abandon_now, .abandon_arg = &polls};
    assert_non_null(strstr(ask(state, req, "/never", &status), "abandoned"));
    for (int i = 0; i < 6000 && !__atomic_load_n(&seen_gone, __ATOMIC_RELAXED); i++)
        poll(NULL, 0, 10);
    assert_true(__atomic_load_n(&seen_gone, __ATOMIC_RELAXED));
}

static void time_and_size_end_an_answer(void **state)
{
    int status;
    uint64_t start = clock_mono_ns();
    assert_non_null(
        strstr(ask(state, (struct http_request){.timeout_ns = 100000000}, "/never", &status), "FAILED"));
    assert_true(clock_mono_ns() - start < 30000000000u);
    assert_non_null(
        strstr(ask(state, (struct http_request){.max_reply = 1000}, "/big", &status), "larger than"));
}

static bool sum_pieces(void *arg, struct str piece)
{
    *(size_t *)arg += piece.len;
    return true;
}

static void streams_flow_and_are_released(void **state)
{
    int status;
    size_t sum = 0;
    const char *text = ask(state, (struct http_request){0}, "/stream", &status);
    assert_int_equal(strncmp(text, "999\n998\n", 8), 0);
    assert_int_equal(strlen(text), 3890);
    assert_string_equal(
        ask(state, (struct http_request){.sink = sum_pieces, .sink_arg = &sum}, "/stream", &status), "");
    assert_int_equal(sum, 3890);
    for (int i = 0; i < 6000 && !__atomic_load_n(&streamed, __ATOMIC_RELAXED); i++)
        poll(NULL, 0, 10);
    assert_true(__atomic_load_n(&streamed, __ATOMIC_RELAXED));
}

static void requests_are_counted(void **state)
{
    int status;
    struct buf out;
    ask(state, (struct http_request){0}, "/echo/n", &status);
    poll(NULL, 0, 50); /* the count follows the answer */
    buf_init(&out, 0);
    counters_render(&out);
    buf_u8(&out, 0);
    assert_non_null(strstr((char *)out.p,
                           "weir_http_requests_total{path=\"/echo/{name}\",method=\"*\",status=\"2xx\"} "));
    assert_non_null(strstr((char *)out.p, "path=\"none\",method=\"*\",status=\"4xx\"} "));
    buf_fini(&out);
}

static void credentials_are_read(void **state)
{
    int status;
    struct http_request req = {.user = "owner", .password = "p\xc3\xa4:ss"};
    assert_string_equal(ask(state, req, "/echo/n", &status), "owner/p\xc3\xa4:ss");
    static const char *const damaged[] = {"Authorization: Basic !!!", NULL};
    assert_non_null(strstr(ask(state, (struct http_request){.headers = damaged}, "/echo/n", &status), "GET"));
}

static void *one_call(void *arg)
{
    struct http_client *c = http_client_new(NULL);
    struct http_answer ans;
    struct err e;
    long good = 0;
    for (int i = 0; i < 20; i++) {
        good += http_client_do(c, &(struct http_request){.url = arg}, &ans, &e) && ans.status == 200;
        buf_fini(&ans.body);
    }
    http_client_free(c);
    return (void *)good;
}

static void many_clients_at_once(void **state)
{
    struct both *b = *state;
    char url[100];
    pthread_t t[6];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/echo/n", http_server_port(b->s));
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&t[i], NULL, one_call, url), 0);
    for (int i = 0; i < 6; i++) {
        void *good;
        pthread_join(t[i], &good);
        assert_int_equal((long)good, 20);
    }
}

static void a_port_in_use_is_said(void **state)
{
    struct both *b = *state;
    char listen[40];
    struct err e;
    uint16_t port;
    snprintf(listen, sizeof listen, "127.0.0.1:%u", http_server_port(b->s));
    assert_null(http_server_new(listen, tables, 1, &e));
    assert_non_null(strstr(e.msg, "another program"));
    snprintf(listen, sizeof listen, ":%u", http_server_port(b->s));
    assert_int_equal(http_listen("HTTP", listen, &port, &e), -1);
    assert_int_equal(http_listen("HTTP", "nonsense", &port, &e), -1);
    assert_int_equal(http_listen("HTTP", "::1:80", &port, &e), -1);
    int fd = http_listen("HTTP", ":0", &port, &e);
    assert_true(fd >= 0 && port != 0);
    close(fd);
}

static void nobody_there(void **state)
{
    struct http_client *c = http_client_new(NULL);
    struct http_answer ans;
    struct err e;
    assert_false(http_client_do(c, &(struct http_request){.url = "http://127.0.0.1:1/"}, &ans, &e));
    assert_non_null(strstr(e.msg, "127.0.0.1"));
    assert_false(http_client_do(c, &(struct http_request){.url = "file:///etc/passwd"}, &ans, &e));
    buf_fini(&ans.body);
    http_client_free(c);
}

static void a_proxy_of_the_environment_is_for_those_who_ask(void **state)
{
    int status;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    ask(state, (struct http_request){0}, "/echo/a", &status);
    assert_int_equal(status, 200);
    const char *why = ask(state, (struct http_request){.environ_proxy = true}, "/echo/a", &status);
    assert_int_equal(status, -1);
    assert_non_null(strstr(why, "port 1 "));
    ask(state, (struct http_request){.proxy = "http://127.0.0.1:2"}, "/echo/a", &status);
    assert_int_equal(status, -1);
    setenv("no_proxy", "127.0.0.1", 1);
    ask(state, (struct http_request){.environ_proxy = true}, "/echo/a", &status);
    assert_int_equal(status, 200);
    ask(state, (struct http_request){.proxy = "http://127.0.0.1:2"}, "/echo/a", &status);
    assert_int_equal(status, -1);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("no_proxy");
}

static void routes_match(void **state)
{
    struct arena a;
    arena_init(&a);
    assert_true(http_route_match("/a/{x}/b", "/a/1/b"));
    assert_false(http_route_match("/a/{x}/b", "/a//b"));
    assert_false(http_route_match("/a/{x}", "/a/1/2"));
    assert_true(http_route_match("/a/*", "/a/"));
    assert_true(http_route_match("/a/*", "/a/b/c"));
    assert_false(http_route_match("/a/*", "/a"));
    assert_false(http_route_match("/{x}.csv", "/.csv"));
    assert_false(http_route_match("/{x}.csv", "/a.json"));
    assert_string_equal(http_route_param("/{x}.csv", "/a.b.csv", "x", &a), "a.b");
    assert_string_equal(http_route_param("/{svc}/{i}", "/inlet/3", "i", &a), "3");
    assert_string_equal(http_route_param("/s/*", "/s/b/c", "*", &a), "b/c");
    assert_null(http_route_param("/{svc}", "/inlet", "i", &a));
    arena_fini(&a);
}

static void urls_lead_only_to_http(void **state)
{
    static const struct {
        const char *base, *to, *is; /* is: NULL: refused */
    } cases[] = {
        {"http://a/b/c?d", "e", "http://a/b/e"},   {"http://a/b", "?page=2", "http://a/b?page=2"},
        {"http://a/b", "//c/d", "http://c/d"},     {"http://a/b", "https://c:1/", "https://c:1/"},
        {"https://a/b", "http://a/b", NULL},       {"http://a/b", "file:///etc/passwd", NULL},
        {"http://a/b", "gopher://a/", NULL},       {"http://a/b", "http://[::1/", NULL},
        {"http://a/b", "http://a/\r\nX: y", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e;
        char *got = url_resolve(cases[i].base, str_from(cases[i].to), &e);
        assert_int_equal(got != NULL, cases[i].is != NULL);
        if (got)
            assert_string_equal(got, cases[i].is);
        free(got);
    }
    struct err e;
    assert_true(url_check("https://example.net:8443/x", &e));
    assert_false(url_check("example.net", &e));
    assert_false(url_check("ftp://example.net/", &e));
    assert_true(url_same_origin("http://a/x", "http://A:80/y"));
    assert_false(url_same_origin("http://a/x", "https://a/x"));
    assert_false(url_same_origin("http://a/x", "http://a:81/x"));
    assert_false(url_same_origin("http://a/x", "http://b/x"));
}

static void what_is_said_of_a_url_has_no_secrets(void **state)
{
    static const struct {
        const char *url, *is;
    } cases[] = {
        {"http://a:1/b/c?token=s", "http://a:1/b/c"},
        {"https://user:pass@a/b#c", "https://a/b"},
        {"http://user:p@ss@a?x@y", "http://a"},
        {"http://a/b@c", "http://a/b@c"},
        {"http://[::1]:8123/?query=SELECT", "http://[::1]:8123/"},
        {"a/b?http://c@d", "a/b"},
        {"nonsense", "nonsense"},
        {"", ""},
    };
    char out[URL_BARE], text[1000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(url_bare(cases[i].url, out), cases[i].is);
    snprintf(text, sizeof text, "http://a/%0900d", 0);
    assert_int_equal(strlen(url_bare(text, out)), URL_BARE - 1);
}

static void encodings_go_round(void **state)
{
    static const enum encoding all[] = {ENCODING_GZIP, ENCODING_DEFLATE, ENCODING_ZSTD, ENCODING_LZ4};
    static char text[300000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)("abcdefgh"[(i * 7 + i / 1000) & 7] + (i % 3));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t len = 0; len <= sizeof text; len += sizeof text / 2) {
            struct buf packed, out, cut;
            struct err e;
            buf_init(&packed, 0);
            buf_init(&out, sizeof text);
            buf_init(&cut, 0);
            assert_int_equal(encoding_parse(encoding_name(all[i])), all[i]);
            assert_true(encoding_pack(all[i], (struct str){text, len}, &packed));
            assert_true(encoding_unpack(all[i], buf_str(&packed), &out, &e));
            assert_int_equal(out.len, len);
            assert_true(len == 0 || memcmp(out.p, text, len) == 0);
            struct str head = buf_str(&packed);
            head.len--;
            assert_false(encoding_unpack(all[i], head, &cut, &e));
            assert_non_null(strstr(e.msg, "damaged"));
            buf_fini(&out);
            buf_init(&out, 1000);
            if (len)
                assert_false(encoding_unpack(all[i], buf_str(&packed), &out, &e));
            buf_fini(&cut);
            buf_fini(&out);
            buf_fini(&packed);
        }
    assert_int_equal(encoding_parse(" LZ4 "), ENCODING_LZ4);
    assert_int_equal(encoding_parse("br"), ENCODING_UNKNOWN);
    assert_int_equal(encoding_parse(NULL), ENCODING_NONE);
    assert_int_equal(encoding_accepted("gzip, deflate, br, zstd;q=0.5"), ENCODING_ZSTD);
    assert_int_equal(encoding_accepted("gzip;q=0.000, deflate"), ENCODING_DEFLATE);
    assert_int_equal(encoding_accepted("br"), ENCODING_NONE);
    assert_int_equal(encoding_accepted(NULL), ENCODING_NONE);
}

static void only_our_own_names_are_known(void **state)
{
    static const char *const names[] = {"flows.example"};
    static const char *const ours[] = {"127.0.0.1",     "127.0.0.1:8081",    "[::1]:8081",
                                       "[2001:db8::1]", "localhost",         "LocalHost:1",
                                       "a.localhost",   "flows.example:443", "FLOWS.EXAMPLE."};
    static const char *const others[] = {"",
                                         "evil.example",
                                         "127.0.0.1.evil.example",
                                         "localhost.evil.example",
                                         "flows.example.evil",
                                         "xflows.example",
                                         "[::1",
                                         "[x]",
                                         "1"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (!http_host_known(ours[i], names, 1))
            fail_msg("%s", ours[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (http_host_known(others[i], names, 1))
            fail_msg("%s", others[i]);
    assert_true(http_listen_is_local("127.0.0.1:80") && http_listen_is_local("[::1]:80") &&
                http_listen_is_local("localhost:80"));
    assert_true(!http_listen_is_local(":80") && !http_listen_is_local("192.0.2.1:80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_our_own_names_are_known),
        cmocka_unit_test(requests_reach_their_handler),
        cmocka_unit_test(errors_are_json),
        cmocka_unit_test(bodies_are_bounded),
        cmocka_unit_test(before_runs_before_the_body),
        cmocka_unit_test(answers_are_compressed),
        cmocka_unit_test(a_client_that_leaves_is_seen),
        cmocka_unit_test(time_and_size_end_an_answer),
        cmocka_unit_test(streams_flow_and_are_released),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(credentials_are_read),
        cmocka_unit_test(many_clients_at_once),
        cmocka_unit_test(a_port_in_use_is_said),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(a_proxy_of_the_environment_is_for_those_who_ask),
        cmocka_unit_test(routes_match),
        cmocka_unit_test(encodings_go_round),
        cmocka_unit_test(urls_lead_only_to_http),
        cmocka_unit_test(what_is_said_of_a_url_has_no_secrets),
    };
    return cmocka_run_group_tests(tests, both_up, both_down);
}
