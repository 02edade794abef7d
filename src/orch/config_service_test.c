/* Sections over HTTP: text, ETag, indexes, secrets only for those with the token. */
#include "orch/config_service.h"
#include "net/http_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct config_service *service;
static struct http_server *server;
static struct http_client *client;

static int status_of(const char *path, const char *header, struct http_answer *a)
{
    struct err e;
    char url[200];
    const char *headers[] = {header, NULL};
    snprintf(url, sizeof url, "http://127.0.0.1:%u/api/v0/orchestrator/configuration/%s",
             http_server_port(server), path);
    *a = (struct http_answer){0};
    struct http_request req = {.url = url, .headers = headers};
    if (!http_client_do(client, &req, a, &e))
        fail_msg("%s", e.msg);
    return a->status;
}

static bool answers(const char *path, const char *header, struct str want)
{
    struct http_answer a;
    bool ok = status_of(path, header, &a) == 200 && str_eq(buf_str(&a.body), want);
    buf_fini(&a.body);
    return ok;
}

static void start(const char *token)
{
    struct err e;
    service = config_service_new(token);
    struct http_routes table = {config_service_routes, 2, service};
    static struct http_routes kept;
    kept = table;
    server = http_server_new("127.0.0.1:0", &kept, 1, &e);
    assert_non_null(server);
    client = http_client_new(NULL);
    static const struct config_service_entry entries[] = {
        {"inlet", 0, {"a: 1\n", 5}, {"a: *\n", 5}},
        {"inlet", 1, {"a: 2\n", 5}, {"a: *\n", 5}},
        {"outlet", 0, {"b: 1\n", 5}, {"b: 1\n", 5}},
    };
    config_service_publish(service, entries, 3);
}

static void stop(void)
{
    http_client_free(client);
    http_server_free(server);
    config_service_free(service);
}

static void sections_are_served_by_name_and_index(void **state)
{
    struct http_answer a;
    start(NULL);
    assert_true(answers("inlet", NULL, STR("a: 1\n")));
    assert_true(answers("inlet/1", NULL, STR("a: 2\n")));
    assert_true(answers("inlet/7", NULL, STR("a: 1\n")));
    assert_true(answers("outlet", NULL, STR("b: 1\n")));
    assert_int_equal(status_of("nobody", NULL, &a), 404);
    buf_fini(&a.body);
    assert_int_equal(status_of("inlet/x", NULL, &a), 404);
    buf_fini(&a.body);
    stop();
}

static void what_is_known_is_not_sent_again(void **state)
{
    struct http_answer a;
    char etag[CONFIG_ETAG_LEN], header[64];
    start(NULL);
    snprintf(header, sizeof header, "If-None-Match: %s", config_service_etag(STR("b: 1\n"), etag));
    assert_int_equal(status_of("outlet", header, &a), 304);
    buf_fini(&a.body);
    struct config_service_entry changed = {"outlet", 0, STR("b: 2\n"), STR("b: 2\n")};
    config_service_publish(service, &changed, 1);
    assert_true(answers("outlet", header, STR("b: 2\n")));
    stop();
}

static void secrets_need_the_token(void **state)
{
    start("sesame");
    assert_true(answers("inlet", NULL, STR("a: *\n")));
    assert_true(answers("inlet", "Authorization: Bearer sesamo", STR("a: *\n")));
    assert_true(answers("inlet", "Authorization: Bearer sesame", STR("a: 1\n")));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_served_by_name_and_index),
        cmocka_unit_test(what_is_known_is_not_sent_again),
        cmocka_unit_test(secrets_need_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
