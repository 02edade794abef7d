/* Sources of a real server over loopback: pages, formats, and servers that mean no good. */
#include "base/clock.h"
#include "base/file.h"
#include "enrich/remote/fetch.h"
#include "enrich/remote/parse.h"
#include "enrich/remote/remote.h"
#include "enrich/remote/transform.h"
#include "net/http_server.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- the server */

static struct http_server *server, *elsewhere;
static bool broken;      /* atomic: /switch answers 500 */
static unsigned fetched; /* atomic: how often /switch was asked */

static void say(struct http_call *c, const char *text)
{
    http_reply(c, 200, "application/json", str_from(text));
}

static const char *address(struct http_call *c, struct http_server *s, const char *path)
{
    return arena_printf(&c->arena, "http://127.0.0.1:%u%s", http_server_port(s), path);
}

static void page_by_body(struct http_call *c)
{
    const char *n = http_query(c, "page");
    if (!n)
        say(c, arena_printf(&c->arena, "{\"next\":\"%s\",\"results\":[{\"n\":1},{\"n\":2}]}",
                            address(c, server, "/body?page=2")));
    else if (strcmp(n, "2") == 0)
        say(c, "{\"next\":\"?page=3\",\"results\":[{\"n\":3}]}");
    else
        say(c, "{\"next\":null,\"results\":[{\"n\":4}]}");
}

static void page_by_header(struct http_call *c)
{
    const char *n = http_query(c, "page");
    if (!n)
        http_reply_header(c, "Link", "</header>; rel=\"first\", </header?page=2>; title=\"a, b\"; rel=next");
    /* "next" in the body is then none of our business */
    say(c, n ? "{\"next\":\"file:///etc/passwd\",\"results\":[{\"n\":2}]}" : "{\"results\":[{\"n\":1}]}");
}

static void page_again(struct http_call *c)
{
    say(c, "{\"next\":\"/again\",\"results\":[{\"n\":1}]}");
}

static void page_away(struct http_call *c)
{
    say(c, "{\"next\":\"file:///etc/passwd\",\"results\":[{\"n\":1}]}");
}

static void csv(struct http_call *c)
{
    http_reply(c, 200, "text/csv", STR("prefix,name\r\n192.0.2.0/24,\"one, \"\"two\"\"\"\r\n"));
}

static void lines(struct http_call *c)
{
    http_reply(c, 200, "text/plain", STR("192.0.2.0/24\n\n198.51.100.0/24"));
}

static void redirect(struct http_call *c)
{
    http_reply_header(c, "Location", http_query(c, "to"));
    http_reply(c, 302, "text/plain", STR(""));
}

static void redirect_elsewhere(struct http_call *c)
{
    http_reply_header(c, "Location", address(c, elsewhere, "/headers"));
    http_reply(c, 307, "text/plain", STR(""));
}

/* What came with the request, as a row. */
static void headers(struct http_call *c)
{
    const char *key = http_header(c, "X-Key");
    say(c, arena_printf(&c->arena, "[{\"key\":\"%s\",\"method\":\"%s\"}]", key ? key : "", c->method));
}

static long endless_read(void *arg, char *to, size_t room)
{
    memset(to, ' ', room);
    return (long)room;
}

static void endless(struct http_call *c)
{
    http_reply_stream(c, 200, "application/json", endless_read, NULL, NULL);
}

static long slow_read(void *arg, char *to, size_t room)
{
    poll(NULL, 0, 20);
    *to = ' ';
    return 1;
}

static void slow(struct http_call *c)
{
    http_reply_stream(c, 200, "application/json", slow_read, NULL, NULL);
}

static void text(struct http_call *c)
{
    http_reply(c, 200, "application/json", str_from(http_query(c, "say")));
}

static void switched(struct http_call *c)
{
    __atomic_add_fetch(&fetched, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&broken, __ATOMIC_RELAXED))
        http_reply_error(c, 500, "broken");
    else
        say(c, "[{\"n\":7}]");
}

static const struct http_route rows[] = {
    {"GET", "/body", page_by_body, ""},
    {"GET", "/header", page_by_header, ""},
    {"GET", "/again", page_again, ""},
    {"GET", "/away", page_away, ""},
    {"GET", "/csv", csv, ""},
    {"GET", "/lines", lines, ""},
    {"GET", "/redirect", redirect, ""},
    {"GET", "/elsewhere", redirect_elsewhere, ""},
    {"*", "/headers", headers, "", 100},
    {"GET", "/endless", endless, ""},
    {"GET", "/slow", slow, ""},
    {"GET", "/text", text, ""},
    {"GET", "/switch", switched, ""},
};
static const struct http_routes tables[] = {{rows, sizeof rows / sizeof *rows, NULL}};

static int up(void **state)
{
    struct err e;
    server = http_server_new("127.0.0.1:0", tables, 1, &e);
    elsewhere = http_server_new("127.0.0.1:0", tables, 1, &e);
    return server && elsewhere ? 0 : -1;
}

static int down(void **state)
{
    http_server_free(server);
    http_server_free(elsewhere);
    return 0;
}

/* ---- what is asked */

static struct enrich_remote_conf conf_of(const char *path)
{
    static char url[8][400];
    static unsigned turn;
    char *u = url[turn++ % 8];
    snprintf(u, 400, "http://127.0.0.1:%u%s", http_server_port(server), path);
    return (struct enrich_remote_conf){.url = u,
                                       .method = "GET",
                                       .transform = ".results[]",
                                       .proxy = "false",
                                       .timeout_ns = 10000000000u,
                                       .interval_ns = 60000000000u,
                                       .pagination = PAGES_AUTO,
                                       .tls = {.ca_file = "", .cert_file = "", .key_file = ""}};
}

/* The rows as text, or "FAILED <label>: <reason>". */
static const char *rows_of(const struct enrich_remote_conf *conf)
{
    static const char *const labels[] = {
#define X(id, text) text,
#include "enrich/remote/failures.def"
#undef X
    };
    static char out[4000];
    struct err e = {0};
    enum fetch_failure why;
    json_t *got = fetch_rows(conf, NULL, &why, &e);
    char *t = got ? json_dumps(got, JSON_COMPACT) : NULL;
    if (t)
        snprintf(out, sizeof out, "%s", t);
    else
        snprintf(out, sizeof out, "FAILED %s: %s", labels[why], e.msg);
    free(t);
    json_decref(got);
    return out;
}

static void assert_fails(const struct enrich_remote_conf *c, const char *label, const char *reason)
{
    const char *got = rows_of(c);
    if (strncmp(got, "FAILED ", 7) != 0 || !strstr(got, label) || !strstr(got, reason))
        fail_msg("wanted a failure of '%s' with '%s', got %s", label, reason, got);
}

static void pages_follow_body_or_header(void **state)
{
    struct enrich_remote_conf c = conf_of("/body");
    assert_string_equal(rows_of(&c), "[{\"n\":1},{\"n\":2},{\"n\":3},{\"n\":4}]");
    c.pagination = PAGES_LINK_NEXT;
    assert_string_equal(rows_of(&c), "[{\"n\":1},{\"n\":2},{\"n\":3},{\"n\":4}]");
    c.pagination = PAGES_NONE;
    assert_string_equal(rows_of(&c), "[{\"n\":1},{\"n\":2}]");
    c.pagination = PAGES_REL_NEXT;
    assert_string_equal(rows_of(&c), "[{\"n\":1},{\"n\":2}]");
    c = conf_of("/header");
    assert_string_equal(rows_of(&c), "[{\"n\":1},{\"n\":2}]");
    c.pagination = PAGES_REL_NEXT;
    assert_string_equal(rows_of(&c), "[{\"n\":1},{\"n\":2}]");
    c.pagination = PAGES_LINK_NEXT;
    assert_string_equal(rows_of(&c), "[{\"n\":1}]");
}

static void pages_end(void **state)
{
    struct enrich_remote_conf c = conf_of("/again");
    assert_fails(&c, "too many pages", "more than 1000 pages");
    c = conf_of("/away");
    assert_fails(&c, "unacceptable redirect or next page", "only http and https");
}

static void csv_and_lines_are_read(void **state)
{
    struct enrich_remote_conf c = conf_of("/csv");
    c.parser = PARSER_CSV_COMMA;
    c.transform = ".[1:][] | {prefix: .f1, name: .f2}";
    assert_string_equal(rows_of(&c), "[{\"prefix\":\"192.0.2.0/24\",\"name\":\"one, \\\"two\\\"\"}]");
    c = conf_of("/lines");
    c.parser = PARSER_PLAIN;
    c.transform = ".[] | select(. != \"\") | {prefix: .}";
    assert_string_equal(rows_of(&c), "[{\"prefix\":\"192.0.2.0/24\"},{\"prefix\":\"198.51.100.0/24\"}]");
}

static void redirects_stay_with_http(void **state)
{
    struct enrich_remote_conf c = conf_of("/redirect?to=/body");
    c.pagination = PAGES_NONE;
    assert_string_equal(rows_of(&c), "[{\"n\":1},{\"n\":2}]");
    c = conf_of("/redirect?to=file:///etc/passwd");
    assert_fails(&c, "unacceptable redirect", "only http and https");
    c = conf_of("/redirect?to=gopher://127.0.0.1/");
    assert_fails(&c, "unacceptable redirect", "only http and https");
    c = conf_of("/redirect?to=/redirect?to=/redirect");
    assert_fails(&c, "unexpected HTTP status code", "HTTP status");
    c = conf_of("/redirect?to=/elsewhere");
    c.transform = ".[]";
    assert_string_equal(rows_of(&c), "[{\"key\":\"\",\"method\":\"GET\"}]");
}

static void headers_stay_with_their_server(void **state)
{
    const char *keys[] = {"X-Key"}, *values[] = {"secret"};
    struct enrich_remote_conf c = conf_of("/headers");
    c.transform = ".";
    c.headers = (struct opt_map){1, keys, values};
    assert_string_equal(rows_of(&c), "[{\"key\":\"secret\",\"method\":\"GET\"}]");
    c.method = "POST";
    assert_string_equal(rows_of(&c), "[{\"key\":\"secret\",\"method\":\"POST\"}]");
    c.method = "GET";
    struct enrich_remote_conf away = conf_of("/elsewhere");
    away.transform = ".";
    away.headers = c.headers;
    assert_string_equal(rows_of(&away), "[{\"key\":\"\",\"method\":\"GET\"}]");
}

static void hostile_servers_are_left(void **state)
{
    struct enrich_remote_conf c = conf_of("/endless");
    assert_fails(&c, "too many pages or bytes", "larger than");
    c = conf_of("/slow");
    c.timeout_ns = 500000000;
    uint64_t start = clock_mono_ns();
    assert_fails(&c, "cannot fetch", "timed out");
    assert_true(clock_mono_ns() - start < 30000000000u);
    c = conf_of("/nothing");
    assert_fails(&c, "unexpected HTTP status code", "404");
    c.url = "http://127.0.0.1:1/";
    assert_fails(&c, "cannot fetch", "127.0.0.1:1");
}

static void wrong_types_are_errors(void **state)
{
    static const struct {
        const char *path, *transform, *label, *reason;
    } cases[] = {
        {"/text?say=7", ".results[]", "cannot execute jq filter", "Cannot index number"},
        {"/text?say={\"results\":null}", ".results[]", "cannot execute jq filter",
         "Cannot iterate over null"},
        {"/text?say={\"results\":[]}", ".results[]", "empty result", "empty"},
        {"/text?say={", ".", "cannot decode data", "expected near end of file"},
        {"/text?say=", ".", "cannot decode data", "the body is empty"},
        {"/text?say=1", "while(true; .) | empty", "cannot execute jq filter", "did not end in time"},
        {"/text?say=1", "[.,1] | until(false; .)", "cannot execute jq filter", "did not end in time"},
        {"/text?say=1", "halt", "cannot execute jq filter", "halt"},
        {"/text?say=1", "reduce range(40) as $i (0; {a: .})", "cannot execute jq filter", "nested"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct enrich_remote_conf c = conf_of(cases[i].path);
        c.transform = cases[i].transform;
        c.timeout_ns = 1000000000;
        assert_fails(&c, cases[i].label, cases[i].reason);
    }
}

static void too_much_is_refused_before_it_is_made(void **state)
{
    struct err e;
    const size_t n = PARSE_CONTAINERS + 2;
    char *text = malloc(n * 2);
    for (size_t i = 0; i < n; i++)
        memcpy(text + 2 * i, i ? "[]" : "[ ", 2);
    jv v = parse_body(PARSER_JSON, (struct str){text, n * 2}, &e);
    assert_false(jv_is_valid(v));
    assert_non_null(strstr(e.msg, "more than 1000000 objects and arrays"));
    jv_free(v);
    free(text);
}

static void programs_are_checked(void **state)
{
    struct err e;
    struct transform *t =
        transform_new(".prefixes[] | {prefix: .ip_prefix, role: .service|ascii_downcase}", &e);
    assert_non_null(t);
    transform_free(t);
    assert_null(transform_new("878778&&", &e));
    assert_non_null(strstr(e.msg, "syntax error"));
}

/* ---- the set */

struct seen {
    pthread_mutex_t lock;
    unsigned taken, gone;
    json_int_t n;
    bool refuse;
};

static bool take(void *arg, const char *name, json_t *got, struct err *e)
{
    struct seen *s = arg;
    pthread_mutex_lock(&s->lock);
    bool refuse = s->refuse;
    s->taken++;
    s->n = json_integer_value(json_object_get(json_array_get(got, 0), "n"));
    pthread_mutex_unlock(&s->lock);
    return refuse ? err_set(e, "no, thanks") : true;
}

static void gone(void *arg, const char *name)
{
    ((struct seen *)arg)->gone++;
}

static unsigned taken(struct seen *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned n = s->taken;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void rows_outlive_the_server(void **state)
{
    char dir[] = "/tmp/remote-test-XXXXXX", why[300];
    assert_non_null(mkdtemp(dir));
    struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct remotes_how how = {"test", dir, take, gone, &seen};
    struct enrich_remote_conf c = conf_of("/switch");
    c.transform = ".";
    const char *name = "a/../b";
    struct opt_map sources = {1, &name, &c};

    struct remotes *r = remotes_new(&how);
    remotes_configure(r, &sources);
    assert_true(remotes_wait(r, 10000000000u, NULL));
    assert_int_equal(seen.n, 7);
    assert_int_equal(remotes_failing(r, why, sizeof why), 0);
    unsigned before = __atomic_load_n(&fetched, __ATOMIC_RELAXED);
    remotes_configure(r, &sources); /* nothing changed: nothing is asked again */
    remotes_free(r);
    assert_int_equal(__atomic_load_n(&fetched, __ATOMIC_RELAXED), before);

    /* the server is broken after a restart: the rows are there, and it is asked again after a tenth of the interval */
    __atomic_store_n(&broken, true, __ATOMIC_RELAXED);
    seen.taken = 0;
    seen.n = 0;
    r = remotes_new(&how);
    c.interval_ns = 2000000000u;
    remotes_configure(r, &sources);
    assert_true(remotes_wait(r, 10000000000u, NULL));
    assert_int_equal(seen.n, 7);
    for (int i = 0; i < 6000 && remotes_failing(r, why, sizeof why) == 0; i++)
        poll(NULL, 0, 10);
    assert_non_null(strstr(why, "test source a/../b: "));
    assert_non_null(strstr(why, "HTTP status 500"));
    __atomic_store_n(&broken, false, __ATOMIC_RELAXED);
    for (int i = 0; i < 6000 && taken(&seen) < 2; i++)
        poll(NULL, 0, 10);
    assert_int_equal(remotes_failing(r, why, sizeof why), 0);

    /* the same source in a later configuration: the former may go */
    struct enrich_remote_conf later = c;
    remotes_configure(r, &(struct opt_map){1, &name, &later});
    memset(&c, 0, sizeof c);
    unsigned so_far = taken(&seen);
    for (int i = 0; i < 6000 && taken(&seen) <= so_far; i++)
        poll(NULL, 0, 10);
    assert_true(taken(&seen) > so_far);

    /* one that is no longer wanted goes, with what was kept of it */
    sources.n = 0;
    remotes_configure(r, &sources);
    assert_int_equal(seen.gone, 1);
    remotes_free(r);
    char command[200];
    snprintf(command, sizeof command, "find %s -type f | grep -q .", dir);
    assert_int_not_equal(system(command), 0);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void refused_rows_are_not_ready(void **state)
{
    char why[300];
    struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .refuse = true};
    struct remotes_how how = {"test", NULL, take, gone, &seen};
    struct enrich_remote_conf c = conf_of("/switch");
    c.transform = ".";
    const char *name = "x";
    struct opt_map sources = {1, &name, &c};
    struct remotes *r = remotes_new(&how);
    remotes_configure(r, &sources);
    assert_false(remotes_wait(r, 1000000000u, NULL));
    assert_int_equal(remotes_failing(r, why, sizeof why), 1);
    assert_non_null(strstr(why, "no, thanks"));
    remotes_free(r);
}

static void links_are_read(void **state)
{
    static const char *const cases[][2] = {
        {"<http://a/2>; rel=\"next\"", "http://a/2"},
        {"<http://a/2>; rel=next", "http://a/2"},
        {"<http://a/0>; rel=\"prev\", <http://a/2>;title=\"a; b, \\\"c\"; REL = \"last Next\"", "http://a/2"},
        {"</chapter2>; rel=\"previous\"; title*=UTF-8'de'letztes%20Kapitel, </chapter4>; rel=\"next\"",
         "/chapter4"},
        {"<http://a/0>; rel=\"prev\"", NULL},
        {"<http://a/0>; rel=\"nextish\"", NULL},
        {"<http://a/0", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str target;
        bool found = fetch_link_next(str_from(cases[i][0]), &target);
        assert_int_equal(found, cases[i][1] != NULL);
        if (found)
            assert_true(str_eq(target, str_from(cases[i][1])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_follow_body_or_header),
        cmocka_unit_test(pages_end),
        cmocka_unit_test(csv_and_lines_are_read),
        cmocka_unit_test(redirects_stay_with_http),
        cmocka_unit_test(headers_stay_with_their_server),
        cmocka_unit_test(hostile_servers_are_left),
        cmocka_unit_test(wrong_types_are_errors),
        cmocka_unit_test(too_much_is_refused_before_it_is_made),
        cmocka_unit_test(programs_are_checked),
        cmocka_unit_test(rows_outlive_the_server),
        cmocka_unit_test(refused_rows_are_not_ready),
        cmocka_unit_test(links_are_read),
    };
    return cmocka_run_group_tests(tests, up, down);
}
