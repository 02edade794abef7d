/* The client against a server that answers what the test says. */
#include "net/encoding.h"
#include "net/http_server.h"
#include "store/ch.h"
#include "store/exception.h"
#include "store/insert.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* What the server is to answer, and what it saw. */
static struct {
    int status;
    const char *code, *body, *tag;
    bool cut; /* the answer breaks off at its end */
    char user[32], key[32], args[2000], sent[200], encoding[16];
    struct buf bytes; /* of a compressed body */
    unsigned calls;
} fake;

static void note(void *arg, const char *name, struct str value)
{
    size_t at = strlen(fake.args);
    snprintf(fake.args + at, sizeof fake.args - at, "%s=%.*s\n", name, STR_ARG(value));
}

static long serve_cut(void *arg, char *to, size_t room)
{
    size_t n = strlen(fake.body);
    n = n < room ? n : room;
    memcpy(to, fake.body, n);
    fake.body += n;
    return n ? (long)n : -1;
}

static void serve(struct http_call *c)
{
    const char *user = http_header(c, "x-clickhouse-user"), *key = http_header(c, "x-clickhouse-key");
    fake.calls++;
    fake.args[0] = '\0';
    http_query_each(c, note, NULL);
    snprintf(fake.user, sizeof fake.user, "%s", user ? user : "-");
    snprintf(fake.key, sizeof fake.key, "%s", key ? key : "-");
    snprintf(fake.sent, sizeof fake.sent, "%.*s", STR_ARG(c->body));
    const char *encoding = http_header(c, "content-encoding");
    snprintf(fake.encoding, sizeof fake.encoding, "%s", encoding ? encoding : "");
    buf_reset(&fake.bytes);
    if (encoding)
        buf_str_add(&fake.bytes, c->body);
    if (fake.code)
        http_reply_header(c, "X-ClickHouse-Exception-Code", fake.code);
    if (fake.tag)
        http_reply_header(c, "X-ClickHouse-Exception-Tag", fake.tag);
    if (fake.cut)
        http_reply_stream(c, fake.status, "text/plain", serve_cut, NULL, NULL);
    else
        http_reply(c, fake.status, "text/plain", str_from(fake.body));
}

static const struct http_route rows[] = {{"*", "/", serve, ""}};
static const struct http_routes tables[] = {{rows, 1, NULL}};
static struct http_server *server;

static int up(void **state)
{
    struct err e;
    server = http_server_new("127.0.0.1:0", tables, 1, &e);
    return server ? 0 : -1;
}

static int down(void **state)
{
    http_server_free(server);
    return 0;
}

static struct ch *client(const char *first, struct ch_conf conf)
{
    static char here[64];
    static const char *servers[2];
    snprintf(here, sizeof here, "127.0.0.1:%u", http_server_port(server));
    servers[0] = first ? first : here;
    servers[1] = here;
    conf.servers = (struct opt_list){first ? 2 : 1, servers};
    return ch_new(&conf);
}

static bool never(void *arg)
{
    return false;
}

static void answer(int status, const char *code, const char *body)
{
    memset(&fake, 0, sizeof fake);
    fake.status = status;
    fake.code = code;
    fake.body = body;
}

static void a_query_arrives_and_its_answer_returns(void **state)
{
    struct ch *c = client(NULL, (struct ch_conf){.database = "d b", .username = "owner", .password = "s&c"});
    struct buf out, settings;
    struct err e;
    buf_init(&out, 0);
    buf_init(&settings, 0);
    ch_param(&settings, "max_threads", STR("1"));
    ch_param(&settings, "param_x", STR("a'b&=\xc3\xa4 "));
    buf_u8(&settings, 0);
    answer(200, NULL, "1\n");
    assert_int_equal(
        ch_query(c, &(struct ch_query){.sql = "SELECT 1", .settings = (char *)settings.p, .query_id = "q7"},
                 &out, &e),
        CH_OK);
    assert_int_equal(out.len, 2);
    assert_string_equal(fake.sent, "SELECT 1");
    assert_string_equal(fake.user, "owner");
    assert_string_equal(fake.key, "s&c");
    assert_string_equal(fake.args, "database=d b\nquery_id=q7\nwait_end_of_query=1\nmax_threads=1\n"
                                   "param_x=a'b&=\xc3\xa4 \n");
    assert_int_equal(ch_code(c), 0);
    buf_fini(&out);
    buf_fini(&settings);
    ch_free(c);
}

static void an_insert_carries_its_token(void **state)
{
    struct ch *c = client(NULL, (struct ch_conf){0});
    struct err e;
    answer(200, NULL, "");
    assert_int_equal(ch_insert(c, "flows (Bytes)", "t-3-100-200", STR("BLOCK"), &e), CH_OK);
    assert_string_equal(fake.sent, "BLOCK");
    assert_string_equal(fake.user, "default");
    assert_string_equal(fake.key, "-");
    assert_non_null(strstr(fake.args, "query=INSERT INTO flows (Bytes) FORMAT Native\n"));
    assert_non_null(strstr(fake.args, "insert_deduplication_token=t-3-100-200\n"));
    assert_non_null(strstr(fake.args, "deduplicate_blocks_in_dependent_materialized_views=1\n"));
    assert_non_null(strstr(fake.args, "optimize_on_insert=0\n"));
    assert_non_null(strstr(fake.args, "max_partitions_per_insert_block=0\n"));
    assert_non_null(strstr(fake.args, "insert_distributed_sync=1\n"));
    ch_free(c);
}

/* A block must find its way into the coarser tables too: none goes before all tables and views are made. */
static void no_block_before_the_tables_are_made(void **state)
{
    struct err e;
    const char *who, *here[1];
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%u", http_server_port(server));
    here[0] = address;
    const struct ch_conf conf = {.servers = {1, here}};
    struct insert_way way = insert_way_ch(&conf);
    void *w = way.open(way.arg, never, NULL);
    answer(404, "60", "Code: 60. DB::Exception: Unknown table");
    assert_int_equal(way.insert(w, "flows_1m0s", "t", STR("BLOCK"), &who, &e), CH_BUSY);
    assert_int_equal(fake.calls, 1);
    assert_non_null(strstr(fake.sent, "ledger"));
    answer(200, NULL, "");
    assert_int_equal(way.insert(w, "flows_1m0s", "t", STR("BLOCK"), &who, &e), CH_OK);
    assert_int_equal(fake.calls, 2);
    assert_string_equal(fake.sent, "BLOCK");
    assert_int_equal(way.insert(w, "flows_1m0s", "t", STR("BLOCK"), &who, &e), CH_OK);
    assert_int_equal(fake.calls, 3);
    way.close(w);
}

/* A way that looks at the inserter from within a try, as health does while a store hangs. */
static struct {
    struct inserter *inserter;
    enum ch_failure next;
    uint64_t since;
    char why[256];
} hanging;

static void *hanging_open(void *arg, bool (*abandon)(void *), void *abandon_arg)
{
    return arg;
}

static void hanging_close(void *way)
{
}

static enum ch_failure hanging_insert(void *way, const char *table, const char *token, struct str data,
                                      const char **who, struct err *e)
{
    hanging.since = inserter_stuck_since(hanging.inserter, hanging.why);
    if (hanging.next == CH_AWAY)
        err_set(e, "connection refused");
    return hanging.next;
}

static void a_store_that_hangs_is_told_before_it_fails(void **state)
{
    const struct insert_conf conf = {.way = {hanging_open, hanging_close, hanging_insert, NULL}};
    struct insert_job job = {.table = "flows", .token = "t"};
    char why[256];
    buf_init(&job.data, 0);
    hanging.inserter = inserter_new(&conf);
    assert_int_equal(inserter_stuck_since(hanging.inserter, why), 0);
    inserter_push(hanging.inserter, &job);
    hanging.next = CH_AWAY;
    inserter_do(hanging.inserter, 0);
    uint64_t first = hanging.since;
    assert_true(first > 0);
    assert_string_equal(hanging.why, "");
    assert_int_equal(inserter_stuck_since(hanging.inserter, why), first);
    assert_string_equal(why, "connection refused");
    hanging.next = CH_OK;
    inserter_do(hanging.inserter, 0);
    assert_int_equal(hanging.since, first);
    assert_int_equal(inserter_stuck_since(hanging.inserter, why), 0);
    assert_string_equal(why, "");
    assert_int_equal(insert_settled(&job), INSERT_STORED);
    inserter_free(hanging.inserter);
    buf_fini(&job.data);
}

static void blocks_for_other_machines_are_compressed(void **state)
{
    struct err e;
    struct buf out;
    char far[64], data[2000];
    memset(data, 'x', sizeof data);
    fake.status = 200;
    fake.code = NULL;
    fake.body = "";
    snprintf(far, sizeof far, "[::ffff:127.0.0.1]:%u",
             http_server_port(server)); /* this one, by another name */
    struct ch *c = client(far, (struct ch_conf){0});
    assert_int_equal(ch_insert(c, "flows", "t", (struct str){data, sizeof data}, &e), CH_OK);
    assert_string_equal(fake.encoding, "lz4");
    buf_init(&out, 1 << 20);
    assert_true(encoding_unpack(ENCODING_LZ4, buf_str(&fake.bytes), &out, &e));
    assert_true(str_eq(buf_str(&out), (struct str){data, sizeof data}));
    buf_fini(&out);
    buf_fini(&fake.bytes);
    ch_free(c);
}

static void failures_are_told_apart(void **state)
{
    static const struct {
        int status;
        const char *code, *body;
        enum ch_failure want;
        int want_code;
    } rows_[] = {
        {500, "241", "Code: 241. DB::Exception: Memory limit", CH_BUSY, 241},
        {404, "60", "Code: 60. DB::Exception: no table", CH_BUSY, 60},
        {400, "62", "Code: 62. DB::Exception: Syntax error", CH_PERMANENT, 62},
        {500, NULL, "Code: 27. DB::Exception: Cannot parse", CH_PERMANENT, 27},
        {403, "516", "Code: 516. DB::Exception: Authentication failed", CH_BUSY, 516},
        {200, "159", "half a row Code: 159. DB::Exception: Timeout", CH_BUSY, 159},
        {503, NULL, "<html>no server is available</html>", CH_AWAY, 0},
        {404, NULL, "not a ClickHouse", CH_BUSY, 0},
        {413, NULL, "too large", CH_PERMANENT, 0},
    };
    struct ch *c = client(NULL, (struct ch_conf){0});
    struct err e;
    for (size_t i = 0; i < sizeof rows_ / sizeof *rows_; i++) {
        answer(rows_[i].status, rows_[i].code, rows_[i].body);
        assert_int_equal(ch_query(c, &(struct ch_query){.sql = "x"}, NULL, &e), rows_[i].want);
        assert_int_equal(ch_code(c), rows_[i].want_code);
        assert_non_null(strstr(e.msg, rows_[i].body));
    }
    ch_free(c);
}

static void a_dead_server_is_passed_over(void **state)
{
    struct err e;
    struct ch *c = client("127.0.0.1:1", (struct ch_conf){0});
    answer(200, NULL, "");
    for (int i = 0; i < 4; i++)
        assert_int_equal(ch_query(c, &(struct ch_query){.sql = "x"}, NULL, &e), CH_OK);
    assert_int_equal(fake.calls, 4);
    ch_free(c);
    static const char *dead = "127.0.0.1:1";
    c = ch_new(&(struct ch_conf){.servers = {1, &dead}});
    assert_int_equal(ch_insert(c, "flows", "t", STR("b"), &e), CH_AWAY);
    assert_non_null(strstr(e.msg, "127.0.0.1"));
    assert_null(strstr(e.msg, "INSERT"));
    ch_free(c);
}

static void servers_are_urls(void **state)
{
    static const struct {
        const char *server;
        bool tls;
        const char *url;
    } rows_[] = {
        {"ch1:8443", false, "https://ch1:8443"},
        {"ch1", false, "http://ch1:8123"},
        {"ch1", true, "https://ch1:8443"},
        {"[2001:db8::1]:8124", false, "http://[2001:db8::1]:8124"},
        {"[2001:db8::1]", false, "http://[2001:db8::1]:8123"},
        {"http://ch1:81/", false, "http://ch1:81"},
        {"ch1:8124", true, "https://ch1:8124"},
    };
    for (size_t i = 0; i < sizeof rows_ / sizeof *rows_; i++) {
        struct ch *c = ch_new(
            &(struct ch_conf){.servers = {1, (void *)(uintptr_t)&rows_[i].server}, .tls = {rows_[i].tls}});
        assert_string_equal(ch_server(c), rows_[i].url);
        ch_free(c);
    }
}

static bool gather(void *arg, struct str piece)
{
    buf_str_add(arg, piece);
    return true;
}

/* Rows, then an exception as servers of all ages write it. */
static void an_exception_at_the_end_is_the_error(void **state)
{
    static const char tag[] = "abcdefghijklmnop";
    static const char rows_[] = "1\n2\n", why[] = "Code: 395. DB::Exception: x. (Y) (version 26.7.2.1)";
    struct ch *c = client(NULL, (struct ch_conf){0});
    struct buf texts[4], got;
    struct err e;
    for (int i = 0; i < 4; i++)
        buf_init(&texts[i], 0);
    buf_z(&texts[0], rows_);
    exception_add(&texts[0], tag, str_from(why));
    buf_printf(&texts[1], "%s\r\n__exception__\r\n%s\n", rows_, why);
    buf_printf(&texts[2], "%s%s\n", rows_, why);
    for (int i = 0; i < 20000; i++) /* more than is held back */
        buf_z(&texts[3], rows_);
    size_t many = texts[3].len;
    exception_add(&texts[3], tag, str_from(why));
    for (int i = 0; i < 8; i++) {
        struct buf *text = &texts[i / 2];
        if (i % 2 == 0)
            buf_u8(text, 0);
        answer(200, NULL, (char *)text->p);
        fake.tag = i / 2 == 0 || i / 2 == 3 ? tag : NULL;
        fake.cut = i % 2;
        buf_init(&got, 0);
        e.msg[0] = '\0';
        assert_int_equal(
            ch_query(c, &(struct ch_query){.sql = "x", .sink = gather, .sink_arg = &got}, NULL, &e),
            CH_PERMANENT);
        assert_string_equal(e.msg, why);
        assert_int_equal(ch_code(c), 395);
        assert_true(ch_answered(c));
        assert_int_equal(got.len, i / 2 == 3 ? many : strlen(rows_));
        assert_memory_equal(got.p, rows_, strlen(rows_));
        buf_fini(&got);
    }
    for (int i = 0; i < 4; i++)
        buf_fini(&texts[i]);
    ch_free(c);
}

/* A row may look like an exception of old; with a tag it is none. Nor is an answer that was waited for and came whole. */
static void a_row_that_looks_like_an_exception(void **state)
{
    static const char row[] = "Code: 60. DB::Exception: no. (UNKNOWN_TABLE) (version 26.7.2.1)\n";
    struct ch *c = client(NULL, (struct ch_conf){0});
    struct buf got;
    struct err e;
    buf_init(&got, 0);
    answer(200, NULL, row);
    fake.tag = "abcdefghijklmnop";
    assert_int_equal(ch_query(c, &(struct ch_query){.sql = "x", .sink = gather, .sink_arg = &got}, NULL, &e),
                     CH_OK);
    assert_int_equal(got.len, strlen(row));
    buf_reset(&got);
    answer(200, NULL, row);
    assert_int_equal(ch_query(c, &(struct ch_query){.sql = "x"}, &got, &e), CH_OK);
    assert_int_equal(got.len, strlen(row));
    /* rows that come twice would be worse than none of another server */
    buf_reset(&got);
    answer(200, NULL, row);
    fake.tag = "abcdefghijklmnop";
    fake.cut = true;
    char here[64];
    snprintf(here, sizeof here, "127.0.0.1:%u", http_server_port(server));
    struct ch *two = client(here, (struct ch_conf){0});
    assert_int_equal(
        ch_query(two, &(struct ch_query){.sql = "x", .sink = gather, .sink_arg = &got}, NULL, &e), CH_AWAY);
    assert_true(ch_answered(two));
    assert_int_equal(got.len, strlen(row));
    assert_int_equal(fake.calls, 1);
    buf_fini(&got);
    ch_free(two);
    ch_free(c);
}

static void literals_are_quoted(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    ch_quote(&b, STR("a'b\\c"));
    buf_u8(&b, 0);
    assert_string_equal((char *)b.p, "'a\\'b\\\\c'");
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_arrives_and_its_answer_returns),
        cmocka_unit_test(an_insert_carries_its_token),
        cmocka_unit_test(no_block_before_the_tables_are_made),
        cmocka_unit_test(a_store_that_hangs_is_told_before_it_fails),
        cmocka_unit_test(blocks_for_other_machines_are_compressed),
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(a_dead_server_is_passed_over),
        cmocka_unit_test(servers_are_urls),
        cmocka_unit_test(an_exception_at_the_end_is_the_error),
        cmocka_unit_test(a_row_that_looks_like_an_exception),
        cmocka_unit_test(literals_are_quoted),
    };
    return cmocka_run_group_tests(tests, up, down);
}
