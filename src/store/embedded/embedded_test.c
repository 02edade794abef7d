/* The store's HTTP interface over an engine that answers from a script: what reaches it, and what comes back. */
#include "base/clock.h"
#include "net/encoding.h"
#include "net/http_client.h"
#include "store/embedded/budget.h"
#include "store/embedded/embedded.h"
#include "store/embedded/frame.h"
#include "store/embedded/guard.h"
#include "store/embedded/server.h"
#include "store/embedded/statement.h"
#include "store/embedded/status.h"
#include "store/exception.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* ---- statements */

static void inserts_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *head, *format, *rows;
    } rows[] = {
        {"INSERT INTO t VALUES (1, 'a;b')", "INSERT INTO t", "Values", " (1, 'a;b')"},
        {"insert into t (a, `format`) format CSV\n1,2\n", "insert into t (a, `format`)", "CSV", "1,2\n"},
        {"/* FORMAT */ INSERT INTO t FORMAT Native  \r\n\x01\x02", "INSERT INTO t", "Native", "\x01\x02"},
        {"INSERT INTO t SETTINGS a='FORMAT x', b=1 FORMAT TSV\n\n",
         "INSERT INTO t SETTINGS a='FORMAT x', b=1", "TSV", "\n"},
        {"INSERT INTO t (\"VALUES\", a) -- VALUES\n VALUES(1)", "INSERT INTO t (\"VALUES\", a)", "Values",
         "(1)"},
        {"INSERT INTO t", "INSERT INTO t", "", ""},
        {"INSERT INTO FUNCTION file('x', 'FORMAT CSV') FORMAT CSV\n1",
         "INSERT INTO FUNCTION file('x', 'FORMAT CSV')", "CSV", "1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct statement st;
        statement_parse(str_from(rows[i].text), &st);
        assert_int_equal(st.kind, STATEMENT_INSERT);
        assert_true(str_eq(st.head, str_from(rows[i].head)));
        assert_true(str_eq(st.format, str_from(rows[i].format)));
        assert_true(str_eq(st.rows, str_from(rows[i].rows)));
    }
}

static void queries_name_their_format(void **state)
{
    static const struct {
        const char *text, *format;
        bool selects;
    } rows[] = {
        {"SELECT 1", "", true},
        {"SELECT 1 FORMAT JSON", "JSON", true},
        {"SELECT 1 format JSON;", "JSON", true},
        {"SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "JSON", true},
        {"SELECT 1 SETTINGS max_threads = 1 FORMAT CSV", "CSV", true},
        {"SELECT a AS format FROM t", "", true},
        {"SELECT 'FORMAT JSON'", "", true},
        {"SELECT 1 -- FORMAT JSON", "", true},
        {"SELECT (SELECT format FROM t) FORMAT TSV", "TSV", true},
        {"WITH 1 AS x SELECT x FORMAT Vertical", "Vertical", true},
        {"INSERT INTO t SELECT 1", "", false},
        {"SHOW TABLES FORMAT CSV", "CSV", false},
        {"(SELECT 1)", "", true},
        {"", "", false},
        {"'unterminated", "", false},
        {"/* unterminated", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct statement st;
        statement_parse(str_from(rows[i].text), &st);
        assert_int_equal(st.kind, STATEMENT_QUERY);
        assert_true(str_eq(st.format, str_from(rows[i].format)));
        assert_int_equal(st.selects, rows[i].selects);
    }
}

static void formats_and_statuses(void **state)
{
    assert_true(statement_streamable(STR("TabSeparated")) && statement_streamable(STR("native")));
    assert_false(statement_streamable(STR("JSON")) || statement_streamable(STR("CSVWithNames")));
    assert_string_equal(statement_content_type(STR("JSONCompact")), "application/json; charset=UTF-8");
    assert_string_equal(statement_content_type(STR("CSVWithNames")),
                        "text/csv; charset=UTF-8; header=present");
    assert_string_equal(statement_content_type(STR("Native")), "application/octet-stream");
    assert_int_equal(status_of(62), 400);
    assert_int_equal(status_of(60), 404);
    assert_int_equal(status_of(516), 403);
    assert_int_equal(status_of(159), 408);
    assert_int_equal(status_of(241), 500);
    assert_int_equal(status_of(0), 500);
}

/* ---- the guard, on trees as the engine writes them */

static const struct guard guard = {{"file\nformat\nmerge\nnumbers\nremote\nurl\n", 36}, "default"};

static bool allowed(const char *tree)
{
    struct err e;
    return guard_tree(&guard, str_from(tree), &e);
}

#define SELECT_FROM(table)                                                                                   \
    "SelectWithUnionQuery (children 1)\n ExpressionList (children 1)\n  SelectQuery (children 2)\n"          \
    "   ExpressionList (children 1)\n    Asterisk\n   TablesInSelectQuery (children 1)\n"                    \
    "    TablesInSelectQueryElement (children 1)\n     TableExpression (children 1)\n      " table "\n"

static void the_guard_lets_readers_read(void **state)
{
    assert_true(allowed(SELECT_FROM("TableIdentifier flows")));
    assert_true(allowed(SELECT_FROM("TableIdentifier default.flows (alias file)")));
    assert_true(allowed(SELECT_FROM("TableIdentifier system.tables")));
    assert_true(allowed(SELECT_FROM(
        "Function numbers (children 1)\n       ExpressionList (children 1)\n        Literal UInt64_1")));
    assert_true(allowed(SELECT_FROM("TableIdentifier flows") " Identifier JSON\n"));
    assert_true(allowed("ShowTables\n"));
    assert_true(allowed("ShowCreateTableQuery  flows (children 1)\n Identifier flows\n"));
    assert_true(allowed("Explain EXPLAIN (children 2)\n Set\n SelectWithUnionQuery (children 1)\n"));
    assert_true(
        allowed("DescribeQuery (children 1)\n TableExpression (children 1)\n  TableIdentifier flows\n"));
}

static void the_guard_refuses_the_rest(void **state)
{
    assert_false(allowed(""));
    assert_false(allowed(SELECT_FROM("Function file (children 1)")));
    assert_false(allowed(SELECT_FROM("Function FILE (children 1)")));
    assert_false(allowed(SELECT_FROM("Function url (alias x) (children 1)")));
    assert_false(allowed(SELECT_FROM("Function format (children 1)")));
    assert_false(allowed(SELECT_FROM("TableIdentifier system.processes")));
    assert_false(allowed(SELECT_FROM("TableIdentifier other.t")));
    assert_false(allowed(SELECT_FROM("TableIdentifier /etc/passwd")));
    assert_false(allowed(SELECT_FROM("TableIdentifier a b/../../etc/passwd")));
    assert_false(allowed(SELECT_FROM("TableIdentifier flows") " Literal \\'out\\'\n"));
    assert_false(allowed(SELECT_FROM("TableIdentifier flows") "   Set\n"));
    assert_false(allowed(SELECT_FROM("ColumnsApplyTransformer")));
    assert_false(allowed("InsertQuery   (children 1)\n"));
    assert_false(allowed("Explain EXPLAIN (children 1)\n InsertQuery\n"));
    assert_false(allowed("CreateQuery  t (children 1)\n"));
    assert_false(allowed("Identifier x\n"));
    /* a name with a line break that plays the root */
    assert_false(
        allowed("SelectWithUnionQuery (children 1)\n ExpressionList (alias x\nExplain EXPLAIN)\n Set\n"));
    assert_true(guard_setting(STR("output_format_json_quote_64bit_integers")));
    assert_true(guard_setting(STR("max_result_rows")));
    assert_false(guard_setting(STR("max_memory_usage")));
    assert_false(guard_setting(STR("output_format")));
}

static void a_tree_too_deep_is_refused(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    buf_z(&b, "SelectWithUnionQuery\n");
    for (int i = 1; i < 600; i++)
        buf_printf(&b, "%*sSubquery\n", i, "");
    buf_u8(&b, 0);
    assert_false(allowed((char *)b.p));
    buf_fini(&b);
}

/* ---- the engine of the script */

static struct {
    pthread_mutex_t lock;
    int open, opened;
    char ran[8000];     /* what was executed, line by line */
    char inserted[300]; /* head|format|rows */
    bool slow, slow_insert, killed, fail_late, full_disk;
    const char *tree;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void fake_reset(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.ran[0] = fake.inserted[0] = '\0';
    fake.slow = fake.slow_insert = fake.killed = fake.fail_late = fake.full_disk = false;
    fake.opened = 0;
    fake.tree = SELECT_FROM("TableIdentifier flows");
    pthread_mutex_unlock(&fake.lock);
}

static const char no_space[] = "Code: 243. DB::Exception: Cannot reserve 1.00 MiB. (NOT_ENOUGH_SPACE)";

static struct engine_session *fake_open(const struct engine *en, struct err *e)
{
    pthread_mutex_lock(&fake.lock);
    fake.open++;
    fake.opened++;
    pthread_mutex_unlock(&fake.lock);
    return malloc(1);
}

static void fake_close(const struct engine *en, struct engine_session *s)
{
    pthread_mutex_lock(&fake.lock);
    fake.open--;
    pthread_mutex_unlock(&fake.lock);
    free(s);
}

static bool fake_analyse(const struct engine *en, struct engine_session *s, struct str sql,
                         struct engine_analysis *out)
{
    out->statements = memchr(sql.p, ';', sql.len) ? 2 : 1;
    out->class = str_starts(sql, STR("SELECT")) ? ENGINE_READS : ENGINE_WRITES;
    return true;
}

static void answer(struct engine_result *out, const char *text)
{
    *out = (struct engine_result){.ok = true, .own = strdup(text), .read_rows = 7};
    out->data = str_from(out->own);
}

static void note(struct str sql)
{
    pthread_mutex_lock(&fake.lock);
    size_t at = strlen(fake.ran);
    snprintf(fake.ran + at, sizeof fake.ran - at, "%.*s\n", STR_ARG(sql));
    pthread_mutex_unlock(&fake.lock);
}

static bool peek(bool *flag)
{
    pthread_mutex_lock(&fake.lock);
    bool v = *flag;
    pthread_mutex_unlock(&fake.lock);
    return v;
}

static void fake_run(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                     struct engine_result *out)
{
    note(st->sql);
    if (str_starts(st->sql, STR("KILL"))) {
        pthread_mutex_lock(&fake.lock);
        fake.killed = true;
        pthread_mutex_unlock(&fake.lock);
        answer(out, "");
    } else if (str_starts(st->sql, STR("SELECT version()"))) {
        answer(out, "1.2.3\n");
    } else if (str_starts(st->sql, STR("SELECT timezone()"))) {
        answer(out, "UTC\n");
    } else if (str_starts(st->sql, STR("SELECT name FROM system.table_functions"))) {
        answer(out, "file\nnumbers\nurl\n");
    } else if (str_starts(st->sql, STR("SELECT sum(bytes_on_disk)")) && peek(&fake.full_disk)) {
        *out = (struct engine_result){.error = strdup(no_space)};
    } else if (str_starts(st->sql, STR("SELECT sum(bytes_on_disk)"))) {
        answer(out, "1000\n");
    } else if (str_starts(st->sql, STR("SELECT database, table, partition_id"))) {
        answer(out, "");
    } else if (str_starts(st->sql, STR("EXPLAIN AST"))) {
        answer(out, fake.tree);
    } else if (memmem(st->sql.p, st->sql.len, "nothing", 7)) {
        *out = (struct engine_result){
            .error = strdup("Code: 60. DB::Exception: There is nothing. (UNKNOWN_TABLE)")};
    } else if (str_starts(st->sql, STR("SELECT 1")) && peek(&fake.slow)) {
        for (int i = 0; i < 6000 && !peek(&fake.killed); i++)
            poll(NULL, 0, 10);
        *out = (struct engine_result){
            .error = strdup("Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)")};
    } else if (st->n_params) {
        struct buf b;
        buf_init(&b, 0);
        buf_printf(&b, "%s=%.*s %s", st->params[0].name, STR_ARG(st->params[0].value), st->format);
        buf_u8(&b, 0);
        answer(out, (char *)b.p);
        buf_fini(&b);
    } else {
        answer(out, "whole\n");
    }
}

static void *fake_begin(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                        struct engine_result *out)
{
    note(st->sql);
    *out = (struct engine_result){.ok = true};
    if (memmem(st->sql.p, st->sql.len, "nothing", 7)) {
        *out = (struct engine_result){
            .error = strdup("Code: 60. DB::Exception: There is nothing. (UNKNOWN_TABLE)")};
        return NULL;
    }
    return calloc(1, sizeof(int));
}

static void fake_next(const struct engine *en, struct engine_session *s, void *stream,
                      struct engine_result *out)
{
    int *n = stream;
    if (++*n == 3 && fake.fail_late)
        *out = (struct engine_result){
            .error = strdup("Code: 241. DB::Exception: Memory. (MEMORY_LIMIT_EXCEEDED)")};
    else
        answer(out, *n <= 3 ? "piece\n" : "");
}

static void fake_end(const struct engine *en, struct engine_session *s, void *stream)
{
    free(stream);
}

static void fake_insert(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                        struct str rows, struct engine_result *out)
{
    pthread_mutex_lock(&fake.lock);
    snprintf(fake.inserted, sizeof fake.inserted, "%.*s|%s|%.*s", STR_ARG(st->sql), st->format,
             STR_ARG(rows));
    pthread_mutex_unlock(&fake.lock);
    if (peek(&fake.slow_insert))
        poll(NULL, 0, 700);
    if (peek(&fake.full_disk)) {
        *out = (struct engine_result){.error = strdup(no_space)};
        return;
    }
    answer(out, "");
    out->written_rows = 2;
}

static bool fake_has_insert(void)
{
    pthread_mutex_lock(&fake.lock);
    bool has = fake.inserted[0];
    pthread_mutex_unlock(&fake.lock);
    return has;
}

static void fake_fini(const struct engine *en, struct engine_result *r)
{
    free(r->own);
    free(r->error);
    *r = (struct engine_result){0};
}

static const struct engine engine = {fake_open, fake_close, fake_analyse, fake_run, fake_begin,
                                     fake_next, fake_end,   fake_insert,  fake_fini};
static const struct store_conf conf = {.username = "owner",
                                       .reader = "reader",
                                       .reader_password = "r",
                                       .max_memory = 1000,
                                       .max_query_ns = 1500000000,
                                       .max_result_rows = 10,
                                       .max_queries = 4,
                                       .max_inserts = 2,
                                       .max_body = 1 << 20,
                                       .query_threads = 3};

struct both {
    struct server *sv;
    struct http_client *c;
};

static int up(void **state)
{
    static struct both b;
    struct err e;
    b.sv = server_new(&engine, &conf, "127.0.0.1:0", "o", NULL, 0, &e);
    b.c = http_client_new(NULL);
    *state = &b;
    return b.sv ? 0 : -1;
}

static int down(void **state)
{
    struct both *b = *state;
    http_client_free(b->c);
    server_free(b->sv);
    return fake.open; /* sessions left open */
}

static const char *const owner[] = {"X-ClickHouse-User: owner", "X-ClickHouse-Key: o", NULL};
static const char *const reader[] = {"X-ClickHouse-User: reader", "X-ClickHouse-Key: r", NULL};

/* The answer's text; its status, or -1. */
static const char *ask(void **state, const char *const *who, const char *args, struct str body, int *status)
{
    static char text[4000];
    struct both *b = *state;
    struct http_answer ans;
    struct err e;
    char url[600];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", server_port(b->sv), args);
    struct http_request req = {.url = url, .headers = who, .body = body};
    bool ok = http_client_do(b->c, &req, &ans, &e);
    *status = ok ? ans.status : -1;
    snprintf(text, sizeof text, "%s%.*s", ans.exception_code, STR_ARG(buf_str(&ans.body)));
    buf_fini(&ans.body);
    return text;
}

static void statements_reach_the_engine(void **state)
{
    int status;
    fake_reset();
    assert_string_equal(ask(state, owner, "?query=SELECT+1", STR(""), &status), "piece\npiece\npiece\n");
    assert_string_equal(ask(state, owner, "", STR("SELECT 1 FORMAT JSON"), &status), "whole\n");
    assert_string_equal(ask(state, owner, "?wait_end_of_query=1", STR("SELECT 1"), &status), "whole\n");
    assert_string_equal(
        ask(state, owner, "?param_x=a%27b&default_format=JSON", STR("SELECT {x:String}"), &status),
        "x=a'b JSON");
    assert_int_equal(status, 200);
    assert_string_equal(ask(state, owner, "", STR("ALTER x"), &status), "whole\n");
    assert_string_equal(ask(state, owner, "", STR("SELECT nothing"), &status),
                        "60Code: 60. DB::Exception: There is nothing. (UNKNOWN_TABLE) (version 1.2.3)\n");
    assert_int_equal(status, 404);
    ask(state, owner, "", STR("SELECT 1; SELECT 2"), &status);
    assert_int_equal(status, 400);
    ask(state, owner, "", STR(" \n"), &status);
    assert_int_equal(status, 400);
}

static void settings_are_the_session_s(void **state)
{
    int status;
    fake_reset();
    ask(state, owner, "?max_threads=1%27,readonly=%270&a%27b%20c=2&database=d%60b&log_comment=mine",
        STR("SELECT 1"), &status);
    assert_int_equal(status, 200);
    assert_non_null(strstr(fake.ran, "USE `d\\`b`\nSET log_comment = 'weir-"));
    assert_non_null(strstr(fake.ran, " mine', max_threads = '3', max_memory_usage = '500', max_threads = "
                                     "'1\\',readonly=\\'0', abc = '2'\n"));
    fake_reset();
    ask(state, owner, "?query=SELECT+1", STR(""), &status);
    assert_non_null(strstr(fake.ran, "readonly = '2'\nSELECT 1"));
}

static void users_are_known(void **state)
{
    static const char *const wrong[] = {"X-ClickHouse-User: owner", "X-ClickHouse-Key: oo", NULL};
    static const char *const none[] = {NULL};
    int status;
    fake_reset();
    assert_non_null(strstr(ask(state, wrong, "", STR("SELECT 1"), &status), "516Code: 516"));
    assert_int_equal(status, 403);
    ask(state, none, "", STR("SELECT 1"), &status);
    assert_int_equal(status, 403);
    ask(state, none, "?user=owner&password=", STR("SELECT 1"), &status);
    assert_int_equal(status, 403);
    assert_int_equal(fake.opened, 0);
    ask(state, none, "?user=owner&password=o", STR("SELECT 1"), &status);
    assert_int_equal(status, 200);
}

static void readers_are_held_back(void **state)
{
    int status;
    fake_reset();
    ask(state, reader, "?output_format_json_x=1", STR("SELECT 1"), &status);
    assert_int_equal(status, 200);
    assert_non_null(strstr(fake.ran, "EXPLAIN AST SELECT 1\n"));
    assert_non_null(
        strstr(fake.ran, "max_execution_time = '2', max_result_rows = '10', readonly = '1'\nSELECT 1"));
    fake_reset();
    assert_non_null(strstr(ask(state, reader, "?max_memory_usage=0", STR("SELECT 1"), &status), "164Code"));
    assert_non_null(strstr(ask(state, reader, "", STR("ALTER x"), &status), "497Code"));
    assert_non_null(strstr(ask(state, reader, "", STR("INSERT INTO t VALUES (1)"), &status), "497Code"));
    fake.tree = SELECT_FROM("Function url (children 1)");
    assert_non_null(strstr(ask(state, reader, "", STR("SELECT 2"), &status), "497Code"));
    assert_null(strstr(fake.ran, "\nSELECT 2"));
    assert_string_equal(fake.inserted, "");
}

static void rows_reach_the_engine(void **state)
{
    int status;
    fake_reset();
    ask(state, owner, "?query=INSERT+INTO+t+FORMAT+CSV", STR("1,a\n"), &status);
    assert_int_equal(status, 200);
    assert_string_equal(fake.inserted, "INSERT INTO t|CSV|1,a\n");
    ask(state, owner, "", STR("INSERT INTO t VALUES (1)"), &status);
    assert_string_equal(fake.inserted, "INSERT INTO t|Values| (1)");
    ask(state, owner, "?query=INSERT+INTO+t&default_format=TSV", STR("7"), &status);
    assert_string_equal(fake.inserted, "INSERT INTO t|TSV|7");
    fake_reset();
    assert_non_null(
        strstr(ask(state, owner, "?query=INSERT+INTO+t+VALUES+(1)", STR(""), &status), "164Code"));
    assert_string_equal(fake.inserted, "");
}

static void bodies_are_unpacked_or_refused(void **state)
{
    static const char *const gzip[] = {"X-ClickHouse-User: owner", "X-ClickHouse-Key: o",
                                       "Content-Encoding: gzip", NULL};
    static const char *const brotli[] = {"X-ClickHouse-User: owner", "X-ClickHouse-Key: o",
                                         "Content-Encoding: br", NULL};
    int status;
    struct buf b;
    fake_reset();
    buf_init(&b, 0);
    assert_true(encoding_pack(ENCODING_GZIP, STR("1,a\n"), &b));
    ask(state, gzip, "?query=INSERT+INTO+t+FORMAT+CSV", buf_str(&b), &status);
    assert_string_equal(fake.inserted, "INSERT INTO t|CSV|1,a\n");
    fake_reset();
    assert_non_null(
        strstr(ask(state, gzip, "?query=INSERT+INTO+t+FORMAT+CSV", STR("1,a\n"), &status), "117Code"));
    assert_non_null(
        strstr(ask(state, brotli, "?query=INSERT+INTO+t+FORMAT+CSV", STR("1,a\n"), &status), "48Code"));
    /* packed, but not said to be */
    assert_int_equal(buf_str(&b).p[0], 0x1f);
    ask(state, owner, "", buf_str(&b), &status);
    assert_int_equal(status, 400);
    /* a small body that would fill the memory */
    static char zeros[2 << 20];
    buf_reset(&b);
    assert_true(encoding_pack(ENCODING_GZIP, (struct str){zeros, sizeof zeros}, &b));
    assert_non_null(
        strstr(ask(state, gzip, "?query=INSERT+INTO+t+FORMAT+CSV", buf_str(&b), &status), "117Code"));
    assert_string_equal(fake.inserted, "");
    buf_fini(&b);
}

/* The answer without its frames, behind its status. */
static const char *ask_framed(void **state, const char *args, struct str body)
{
    static char text[4000];
    struct both *b = *state;
    struct http_answer ans;
    struct buf out;
    struct err e;
    char url[600];
    buf_init(&out, sizeof text - 8);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", server_port(b->sv), args);
    struct http_request req = {.url = url, .headers = owner, .body = body};
    assert_true(http_client_do(b->c, &req, &ans, &e));
    assert_true(frame_unpack(buf_str(&ans.body), &out, &e));
    snprintf(text, sizeof text, "%d %.*s", ans.status, STR_ARG(buf_str(&out)));
    buf_fini(&ans.body);
    buf_fini(&out);
    return text;
}

static void clickhouses_frames_both_ways(void **state)
{
    int status;
    struct buf b;
    fake_reset();
    buf_init(&b, 0);
    frame_pack(FRAME_LZ4, STR("1,a\n"), &b);
    frame_pack(FRAME_ZSTD, STR("2,b\n"), &b);
    ask(state, owner, "?query=INSERT+INTO+t+FORMAT+CSV&decompress=1", buf_str(&b), &status);
    assert_string_equal(fake.inserted, "INSERT INTO t|CSV|1,a\n2,b\n");
    fake_reset();
    b.p[3] ^= 1;
    assert_non_null(strstr(
        ask(state, owner, "?query=INSERT+INTO+t+FORMAT+CSV&decompress=1", buf_str(&b), &status), "117Code"));
    static char zeros[2 << 20]; /* more than a body may hold */
    buf_reset(&b);
    frame_pack(FRAME_LZ4, (struct str){zeros, sizeof zeros}, &b);
    assert_non_null(strstr(
        ask(state, owner, "?query=INSERT+INTO+t+FORMAT+CSV&decompress=1", buf_str(&b), &status), "117Code"));
    assert_string_equal(fake.inserted, "");
    buf_fini(&b);
    assert_string_equal(ask_framed(state, "?compress=1&query=SELECT+1", STR("")),
                        "200 piece\npiece\npiece\n");
    assert_string_equal(ask_framed(state, "?compress=1", STR("SELECT 1 FORMAT JSON")), "200 whole\n");
    assert_string_equal(ask_framed(state, "?compress=1", STR("SELECT nothing")),
                        "404 Code: 60. DB::Exception: There is nothing. (UNKNOWN_TABLE) (version 1.2.3)\n");
    fake.fail_late = true;
    ask(state, owner, "?compress=1&query=SELECT+1", STR(""), &status);
    assert_int_equal(status, -1);
}

static void a_stream_that_fails_ends_with_the_reason(void **state)
{
    struct both *b = *state;
    struct http_answer ans;
    struct str text;
    struct err e;
    size_t before;
    char url[100];
    fake_reset();
    fake.fail_late = true;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/?query=SELECT+1", server_port(b->sv));
    struct http_request req = {.url = url, .headers = owner};
    assert_false(http_client_do(b->c, &req, &ans, &e)); /* cut off, so that nobody takes it for whole */
    assert_int_equal(ans.status, 200);
    assert_int_equal(strlen(ans.exception_tag), EXCEPTION_TAG);
    assert_true(exception_find(buf_str(&ans.body), ans.exception_tag, &text, &before));
    assert_true(str_eq(text, STR("Code: 241. DB::Exception: Memory. (MEMORY_LIMIT_EXCEEDED)")));
    assert_int_equal(before, strlen("piece\npiece\n"));
    buf_fini(&ans.body);
}

static bool at_once(void *arg)
{
    return ++*(int *)arg > 2;
}

static void a_query_dies_with_its_client(void **state)
{
    struct both *b = *state;
    struct http_answer ans;
    struct err e;
    char url[100];
    int polls = 0;
    fake_reset();
    fake.slow = true;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_port(b->sv));
    struct http_request req = {.url = url,
                               .headers = owner,
                               .body = STR("SELECT 1 FORMAT JSON"),
                               .abandon = at_once,
                               .abandon_arg = &polls};
    assert_false(http_client_do(b->c, &req, &ans, &e));
    buf_fini(&ans.body);
    for (int i = 0; i < 6000 && !peek(&fake.killed); i++)
        poll(NULL, 0, 10);
    assert_true(peek(&fake.killed));
    assert_non_null(strstr(fake.ran, "KILL QUERY WHERE Settings['log_comment'] = 'weir-"));
}

/* ---- a full disk */

static void set(bool *flag, bool v)
{
    pthread_mutex_lock(&fake.lock);
    *flag = v;
    pthread_mutex_unlock(&fake.lock);
}

static void inserts_without_space_are_told(void **state)
{
    struct both *b = *state;
    char why[256];
    int status;
    fake_reset();
    assert_false(server_trouble(b->sv, why, sizeof why));
    set(&fake.full_disk, true);
    assert_non_null(strstr(ask(state, owner, "", STR("INSERT INTO t VALUES (1)"), &status), "243Code"));
    assert_true(server_trouble(b->sv, why, sizeof why));
    assert_non_null(strstr(why, "inserts fail: Code: 243. DB::Exception: Cannot reserve"));
    set(&fake.full_disk, false);
    ask(state, owner, "", STR("INSERT INTO t VALUES (1)"), &status);
    assert_int_equal(status, 200);
    assert_false(server_trouble(b->sv, why, sizeof why));
}

/* What the budget warns of after a look. */
static const char *warning_of(struct budget *b)
{
    static char why[256];
    assert_int_equal(budget_look(b), 0);
    return budget_warning(b, why, sizeof why) ? why : "";
}

static void a_budget_that_cannot_be_kept_is_told(void **state)
{
    struct err e;
    fake_reset();
    fake.full_disk = true;
    struct budget *b = budget_new(&engine, "/nowhere", 1 << 20, &e);
    assert_non_null(b);
    assert_non_null(strstr(warning_of(b), "the disk budget cannot be kept: Code: 243"));
    set(&fake.full_disk, false);
    assert_string_equal(warning_of(b), "");
    budget_set(b, 10);
    assert_non_null(strstr(warning_of(b), "no partition left to drop"));
    budget_set(b, 1 << 20);
    assert_string_equal(warning_of(b), "");
    budget_free(b);
}

static void health_is_told_while_it_opens(void **state)
{
    (void)state;
    char why[100] = "";
    assert_string_equal(embedded_health(NULL, why, sizeof why), "warning");
    assert_string_equal(why, "it is being opened");
}

/* ---- stopping */

struct asker {
    pthread_t thread;
    char url[100];
    const char *statement;
    int status;
    char code[16];
};

static void *asker_run(void *arg)
{
    struct asker *a = arg;
    struct http_client *c = http_client_new(NULL);
    struct http_answer ans;
    struct err e;
    struct http_request req = {.url = a->url, .headers = owner, .body = str_from(a->statement)};
    a->status = http_client_do(c, &req, &ans, &e) ? ans.status : -1;
    snprintf(a->code, sizeof a->code, "%s", ans.exception_code);
    buf_fini(&ans.body);
    http_client_free(c);
    return NULL;
}

static unsigned ran(const char *what)
{
    unsigned n = 0;
    pthread_mutex_lock(&fake.lock);
    for (const char *at = fake.ran; (at = strstr(at, what)); at++)
        n++;
    pthread_mutex_unlock(&fake.lock);
    return n;
}

static void stopping_ends_what_runs(void **state)
{
    enum { N = 6 }; /* four queries that run, one that waits for a place, an insert */
    struct asker askers[N];
    struct err e;
    fake_reset();
    fake.slow = fake.slow_insert = true;
    struct server *sv = server_new(&engine, &conf, "127.0.0.1:0", "o", NULL, 0, &e);
    assert_non_null(sv);
    for (int i = 0; i < N; i++) {
        struct asker *a = &askers[i];
        a->statement = i < N - 1 ? "SELECT 1 FORMAT JSON" : "INSERT INTO t VALUES (1)";
        snprintf(a->url, sizeof a->url, "http://127.0.0.1:%u/", server_port(sv));
        if (i == N - 1) { /* all the others have come by then */
            for (int k = 0; k < 6000 && ran("SELECT 1 FORMAT JSON") < 4; k++)
                poll(NULL, 0, 10);
            poll(NULL, 0, 1000);
        }
        assert_int_equal(pthread_create(&a->thread, NULL, asker_run, a), 0);
    }
    for (int k = 0; k < 6000 && !fake_has_insert(); k++)
        poll(NULL, 0, 10);
    uint64_t start = clock_mono_ns();
    server_free(sv);
    assert_true(clock_mono_ns() - start < UINT64_C(20000000000));
    int ended = 0, refused = 0;
    for (int i = 0; i < N; i++) {
        pthread_join(askers[i].thread, NULL);
        ended += strcmp(askers[i].code, "394") == 0;
        refused += strcmp(askers[i].code, "236") == 0;
    }
    assert_int_equal(ended, 4);
    assert_int_equal(refused, 1);
    assert_int_equal(askers[N - 1].status, 200);
    assert_in_range(ran("KILL QUERY"), 1, 4); /* the insert ended by itself */
}

int main(void)
{
    const struct CMUnitTest pure[] = {
        cmocka_unit_test(inserts_are_taken_apart),    cmocka_unit_test(queries_name_their_format),
        cmocka_unit_test(formats_and_statuses),       cmocka_unit_test(the_guard_lets_readers_read),
        cmocka_unit_test(the_guard_refuses_the_rest), cmocka_unit_test(a_tree_too_deep_is_refused),
    };
    const struct CMUnitTest served[] = {
        cmocka_unit_test(statements_reach_the_engine),
        cmocka_unit_test(settings_are_the_session_s),
        cmocka_unit_test(users_are_known),
        cmocka_unit_test(readers_are_held_back),
        cmocka_unit_test(rows_reach_the_engine),
        cmocka_unit_test(bodies_are_unpacked_or_refused),
        cmocka_unit_test(clickhouses_frames_both_ways),
        cmocka_unit_test(a_stream_that_fails_ends_with_the_reason),
        cmocka_unit_test(a_query_dies_with_its_client),
        cmocka_unit_test(inserts_without_space_are_told),
        cmocka_unit_test(a_budget_that_cannot_be_kept_is_told),
        cmocka_unit_test(health_is_told_while_it_opens),
        cmocka_unit_test(stopping_ends_what_runs),
    };
    return cmocka_run_group_tests(pure, NULL, NULL) + cmocka_run_group_tests(served, up, down);
}
