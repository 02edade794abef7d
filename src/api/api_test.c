/* The parts of the API that ask no store, over real HTTP: users, saved filters, documentation, the page. */
#include "api/answer.h"
#include "api/assets.h"
#include "api/cache.h"
#include "api/saved.h"
#include "net/http_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct console_saved_filter configured[] = {{"From Google", "SrcAS = AS15169"}};
static struct console_conf conf = {
    .url_prefix = "/flows",
    .auth = {.headers = {"Remote-User", "Remote-Name", "Remote-Email", "X-Logout-URL", "X-Avatar-URL"},
             .default_user = {"__default", "Default User", "", "", ""},
             .logout_url = "https://sso.example.com/out?{{ .Login }}",
             .avatar_url = ""},
    .database = {.saved_filters = {1, configured}},
};
static struct api api = {.conf = &conf};
static struct http_routes table;
static struct http_server *server;
static char db_path[64];

static int setup(void **state)
{
    struct err e;
    snprintf(db_path, sizeof db_path, "/tmp/weir-saved-XXXXXX");
    close(mkstemp(db_path));
    api.saved = saved_new(db_path, &conf, &e);
    table = (struct http_routes){api_routes, api_routes_n, &api};
    server = http_server_new("127.0.0.1:0", &table, 1, &e);
    return api.saved && server ? 0 : -1;
}

static int teardown(void **state)
{
    http_server_free(server);
    saved_free(api.saved);
    return unlink(db_path);
}

struct reply {
    int status;
    char text[300000];
    json_t *json;
};

static struct reply *ask(const char *method, const char *path, const char *header, const char *body)
{
    static struct reply r;
    char url[256];
    struct err e;
    const char *headers[] = {header, NULL};
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", http_server_port(server), path);
    struct http_request req = {
        .method = method, .url = url, .headers = header ? headers : NULL, .body = str_from(body)};
    struct http_answer ans = {0};
    struct http_client *c = http_client_new(NULL);
    json_decref(r.json);
    r = (struct reply){0};
    if (!http_client_do(c, &req, &ans, &e))
        fail_msg("%s", e.msg);
    r.status = ans.status;
    snprintf(r.text, sizeof r.text, "%.*s", (int)ans.body.len, ans.body.p ? (char *)ans.body.p : "");
    r.json = json_loads(r.text, 0, NULL);
    buf_fini(&ans.body);
    http_client_free(c);
    return &r;
}

static const char *field(struct reply *r, const char *name)
{
    const char *v = json_string_value(json_object_get(r->json, name));
    return v ? v : "";
}

static void user_comes_from_headers_or_default(void **state)
{
    struct reply *r = ask("GET", "/api/v0/console/user/info", NULL, NULL);
    assert_string_equal(field(r, "login"), "__default");
    r = ask("GET", "/api/v0/console/user/info", "Remote-User: alice", NULL);
    assert_string_equal(field(r, "login"), "alice");
    assert_string_equal(field(r, "logout-url"), "https://sso.example.com/out?alice");
    r = ask("GET", "/api/v0/console/user/avatar", "Remote-User: alice", NULL);
    assert_int_equal(r->status, 200);
    assert_non_null(strstr(r->text, "<svg"));
    conf.auth.default_user.login = "";
    assert_int_equal(ask("GET", "/api/v0/console/user/info", NULL, NULL)->status, 401);
    conf.auth.default_user.login = "__default";
}

static size_t filters_of(const char *who)
{
    return json_array_size(
        json_object_get(ask("GET", "/api/v0/console/filter/saved", who, NULL)->json, "filters"));
}

static void saved_filters_belong_to_their_users(void **state)
{
    static const char *const alice = "Remote-User: alice", *const bob = "Remote-User: bob";
    assert_int_equal(filters_of(alice), 1); /* the configured one */
    assert_int_equal(ask("POST", "/api/v0/console/filter/saved", alice,
                         "{\"description\":\"mine'; --\",\"content\":\"DstAS = 1\"}")
                         ->status,
                     204);
    assert_int_equal(ask("POST", "/api/v0/console/filter/saved", alice,
                         "{\"description\":\"ours\",\"content\":\"DstAS = 2\",\"shared\":true}")
                         ->status,
                     204);
    assert_int_equal(
        ask("POST", "/api/v0/console/filter/saved", alice, "{\"description\":\"\",\"content\":\"x\"}")
            ->status,
        400);
    assert_int_equal(ask("POST", "/api/v0/console/filter/saved", alice, "nonsense")->status, 400);
    assert_int_equal(filters_of(alice), 3);
    assert_int_equal(filters_of(bob), 2);
    struct reply *r = ask("GET", "/api/v0/console/filter/saved", alice, NULL);
    char path[64];
    json_t *f;
    size_t i;
    json_int_t id = 0;
    json_array_foreach(json_object_get(r->json, "filters"), i,
                       f) if (strcmp(json_string_value(json_object_get(f, "description")), "mine'; --") == 0)
        id = json_integer_value(json_object_get(f, "id"));
    snprintf(path, sizeof path, "/api/v0/console/filter/saved/%lld", (long long)id);
    assert_int_equal(ask("DELETE", path, bob, NULL)->status, 404);
    assert_int_equal(ask("DELETE", path, alice, NULL)->status, 204);
    assert_int_equal(ask("DELETE", path, alice, NULL)->status, 404);
    assert_int_equal(filters_of(alice), 2);
    struct err e;
    saved_free(api.saved); /* as after a restart */
    api.saved = saved_new(db_path, &conf, &e);
    assert_int_equal(filters_of(alice), 2);
}

static void documentation_for_people_and_programs(void **state)
{
    struct reply *r = ask("GET", "/api/v0/console/docs/configuration", "Accept: application/json", NULL);
    assert_int_equal(r->status, 200);
    assert_non_null(strstr(field(r, "markdown"), "<h1 id=\""));
    assert_true(json_array_size(json_object_get(r->json, "toc")) >= 3);
    r = ask("GET", "/docs/configuration", "Accept: text/markdown", NULL);
    assert_int_equal(r->text[0], '#');
    assert_int_equal(ask("GET", "/api/v0/console/docs/nothing", "Accept: application/json", NULL)->status,
                     404);
    assert_int_equal(ask("GET", "/api/v0/console/docs/..%2f..%2fetc%2fpasswd", NULL, NULL)->status, 404);
}

static void page_has_its_base(void **state)
{
    struct reply *r = ask("GET", "/visualize/v1-abc", "Accept: text/html", NULL);
    if (web_files_n == 0) {
        assert_int_equal(r->status, 503);
        assert_non_null(strstr(r->text, "script/build"));
        return;
    }
    assert_int_equal(r->status, 200);
    assert_non_null(strstr(r->text, "<base href=\"/flows/\""));
    assert_int_equal(ask("GET", "/assets/gone-123.js", NULL, NULL)->status, 404);
    assert_int_equal(ask("GET", "/api/v0/console/nothing", NULL, NULL)->status, 404);
}

static bool is_gone(void *arg)
{
    return *(bool *)arg;
}

static void a_question_has_one_finder(void **state)
{
    struct cache *c = cache_new(1 << 20);
    struct buf body, sql;
    bool here = false, gone = true, finds = false;
    buf_init(&body, 0);
    buf_init(&sql, 0);
    assert_false(cache_get(c, STR("q"), is_gone, &here, &body, &sql, &finds));
    assert_true(finds);
    /* who went away while waiting leaves the question to the one who is at it */
    assert_false(cache_get(c, STR("q"), is_gone, &gone, &body, &sql, &finds));
    assert_false(finds);
    cache_put(c, STR("q"), STR("{}"), STR("SELECT 1"), UINT64_C(60000000000));
    assert_true(cache_get(c, STR("q"), is_gone, &here, &body, &sql, &finds));
    assert_false(finds);
    assert_int_equal(body.len, 2);
    cache_free(c);
    buf_fini(&body);
    buf_fini(&sql);
}

/* Of the past: long; of now, or while more of it may be on the bus: ten seconds. */
static void answers_live_as_long_as_they_are_true(void **state)
{
    const uint64_t second = UINT64_C(1000000000), fresh = 10 * second;
    const uint64_t all = conf.cache_ttl_ns;
    json_t *whole = json_pack("{s:n}", "incomplete-from"),
           *part = json_pack("{s:s}", "incomplete-from", "2026-11-21T10:00:00Z");
    conf.cache_ttl_ns = 3600 * second;
    assert_int_equal(answer_life(&api, whole, 1000, 1301), 3600 * second);
    assert_int_equal(answer_life(&api, whole, 1000, 1300), fresh);
    assert_int_equal(answer_life(&api, part, 1000, 9999), fresh);
    conf.cache_ttl_ns = 5 * second;
    assert_int_equal(answer_life(&api, part, 1000, 1000), 5 * second);
    conf.cache_ttl_ns = all;
    json_decref(whole);
    json_decref(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(user_comes_from_headers_or_default),
                                       cmocka_unit_test(saved_filters_belong_to_their_users),
                                       cmocka_unit_test(documentation_for_people_and_programs),
                                       cmocka_unit_test(page_has_its_base),
                                       cmocka_unit_test(a_question_has_one_finder),
                                       cmocka_unit_test(answers_live_as_long_as_they_are_true)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
