/*
 * One handler takes a request through: places taken (gate), a session with its settings, a reader's statement judged,
 * then insert, stream or whole answer. A watcher ends queries whose client went away, and all of them when the server stops.
 */
#include "store/embedded/server.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/thread.h"
#include "net/encoding.h"
#include "store/ch.h"
#include "store/embedded/frame.h"
#include "store/embedded/gate.h"
#include "store/embedded/guard.h"
#include "store/embedded/request.h"
#include "store/embedded/settings.h"
#include "store/embedded/status.h"
#include "store/exception.h"
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WATCH_MS = 100, COPY_MAX = 1 << 20 };
/* Stopping: inserts under way have a while; what still runs is told to end again and again. */
enum { NO_SPACE_S = 300 }; /* so long an insert that failed is remembered when no other comes */
enum { INSERT_GRACE_MS = 2000, KILL_AGAIN_MS = 500 };

enum { QUERIES, INSERTS, ERRORS, CANCELLED, REFUSED, ROWS_INSERTED, RUNNING, COUNTERS };
static const struct counter_def counter_defs[COUNTERS] = {
    {"store_queries_total", "Statements other than inserts.", COUNTER},
    {"store_inserts_total", "Inserts.", COUNTER},
    {"store_errors_total", "Statements that ended with an exception.", COUNTER},
    {"store_cancelled_total", "Queries ended because their client went away, or the store stopped.", COUNTER},
    {"store_refused_total", "Statements of readers that are not for readers.", COUNTER},
    {"store_inserted_rows_total", "Rows written, those of views included.", COUNTER},
    {"store_running", "Statements running now.", GAUGE},
};

struct work {
    struct server *sv;
    struct request rq;
    struct engine_session *session;
    struct gate *gate;
    void *stream;
    struct engine_result piece; /* of the stream, or the whole answer */
    size_t piece_at;
    struct buf framed; /* the piece in frames, when those are asked for */
    char tag[EXCEPTION_TAG + 1];
    struct buf exception; /* the end of a stream that failed half-way */
    char id[64];          /* in log_comment, for KILL QUERY */
    bool watched;
    uint64_t killed_ns; /* when it was last told to end */
    struct work *next;
};

struct server {
    const struct engine *en;
    const struct store_conf *conf;
    const char *password;
    struct http_server *http;
    struct http_routes tables[4];
    struct guard guard;
    char *table_functions, *version, *timezone;
    char hostname[256];
    struct gate queries, inserts;
    struct counters *counters;
    pthread_mutex_t lock; /* of what follows */
    struct work *works;
    uint64_t no_space_ns; /* when an insert failed for want of space; 0: those since do not */
    char no_space[400];
    pthread_t watcher;
    bool stop;
    uint64_t stopping_ns; /* atomic; since when nothing new is begun, 0: not */
    uint64_t last_id;     /* atomic */
};

/* ---- errors */

static const char *error_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {{36, "BAD_ARGUMENTS"},   {48, "NOT_IMPLEMENTED"}, {62, "SYNTAX_ERROR"},
                 {117, "INCORRECT_DATA"}, {164, "READONLY"},       {202, "TOO_MANY_SIMULTANEOUS_QUERIES"},
                 {236, "ABORTED"},        {497, "ACCESS_DENIED"},  {516, "AUTHENTICATION_FAILED"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return names[i].name;
    return "UNKNOWN_EXCEPTION";
}

static void common_headers(struct server *sv, struct http_call *c)
{
    http_reply_header(c, "X-ClickHouse-Server-Display-Name", sv->hostname);
    http_reply_header(c, "X-ClickHouse-Timezone", sv->timezone);
}

/*
 * `text` is the engine's: "Code: 62. DB::Exception: ... (SYNTAX_ERROR)". Clients that ask for frames take them off whatever
 * comes, but ClickHouse tells a stranger in plain text that he is one.
 */
static void reply_exception(struct server *sv, struct http_call *c, const char *text)
{
    int code = engine_code(text);
    counter_add_shared(sv->counters, ERRORS, 1);
    http_reply_header(c, "X-ClickHouse-Exception-Code", arena_printf(&c->arena, "%d", code ? code : 1002));
    common_headers(sv, c);
    const char *version =
        strstr(text, "(version ") ? "" : arena_printf(&c->arena, " (version %s)", sv->version);
    struct str whole = str_from(arena_printf(&c->arena, "%s%s\n", text, version));
    struct buf framed;
    buf_init(&framed, 0);
    if (request_frames(c) && code != 516)
        frame_pack(FRAME_LZ4, whole, &framed);
    http_reply(c, status_of(code), "text/plain; charset=UTF-8", framed.len ? buf_str(&framed) : whole);
    buf_fini(&framed);
}

static void reply_own(struct server *sv, struct http_call *c, int code, const char *why)
{
    reply_exception(
        sv, c, arena_printf(&c->arena, "Code: %d. DB::Exception: %s. (%s)", code, why, error_name(code)));
}

/* ---- users */

static bool same(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    return CRYPTO_memcmp(a, b, n < m ? n : m) == 0 && n == m;
}

static void authenticate(struct http_call *c)
{
    struct server *sv = c->arg;
    const char *user = http_header(c, "X-ClickHouse-User"), *password = http_header(c, "X-ClickHouse-Key");
    if (!user && !http_basic_auth(c, &user, &password)) {
        user = http_query(c, "user");
        password = http_query(c, "password");
    }
    user = user && user[0] ? user : "default";
    password = password ? password : "";
    if (strcmp(user, sv->conf->username) == 0 && same(sv->password, password))
        return;
    c->user = sv; /* a reader; see request_read */
    if (sv->conf->reader[0] && strcmp(user, sv->conf->reader) == 0 &&
        same(sv->conf->reader_password, password))
        return;
    http_reply_header(c, "WWW-Authenticate", "Basic realm=\"ClickHouse server HTTP API\"");
    reply_own(sv, c, 516,
              arena_printf(
                  &c->arena,
                  "%.64s: Authentication failed: password is incorrect, or there is no user with such name",
                  user));
}

/* ---- a session as the request wants it */

/* Runs a statement without an answer; false with the engine's text in w->piece.error. */
static bool obey(struct work *w, const char *sql)
{
    const struct engine *en = w->sv->en;
    struct engine_statement st = {.sql = str_from(sql), .format = "Null"};
    en->run(en, w->session, &st, &w->piece);
    if (!w->piece.ok)
        return false;
    en->result_fini(en, &w->piece);
    return true;
}

static bool settle(struct work *w)
{
    struct request *rq = &w->rq;
    struct buf sql;
    buf_init(&sql, 0);
    bool ok = true;
    if (rq->database && rq->database[0] && strcmp(rq->database, "default") != 0) {
        settings_use(rq->database, &sql);
        ok = obey(w, (const char *)sql.p);
        buf_reset(&sql);
    }
    settings_text(rq, w->sv->conf, w->id, &sql);
    buf_u8(&sql, 0);
    ok = ok && obey(w, (const char *)sql.p);
    buf_fini(&sql);
    return ok;
}

/* ---- judging */

static bool refuse(struct work *w, int code, const char *why)
{
    counter_add_shared(w->sv->counters, REFUSED, 1);
    reply_own(w->sv, w->rq.call, code, why);
    return false;
}

/* False after an answer was given. */
static bool judge_reader(struct work *w, const struct engine_analysis *a)
{
    struct request *rq = &w->rq;
    const struct engine *en = w->sv->en;
    struct err e;
    if (rq->st.kind == STATEMENT_INSERT || (a->statements && a->class != ENGINE_READS))
        return refuse(w, 497, "this user may only read");
    for (size_t i = 0; i < rq->n_settings; i++)
        if (!guard_setting(str_from(rq->settings[i].name)))
            return refuse(w, 164,
                          arena_printf(&rq->call->arena, "Cannot modify '%.64s' setting in readonly mode",
                                       rq->settings[i].name));
    /* a FORMAT of the statement belongs to its tree, not to EXPLAIN */
    struct engine_statement st = {
        .sql = str_from(arena_printf(&rq->call->arena, "EXPLAIN AST %.*s", STR_ARG(rq->st.head))),
        .format = "TSVRaw",
        .params = rq->params,
        .n_params = rq->n_params};
    struct engine_result tree;
    en->run(en, w->session, &st, &tree);
    bool ok = tree.ok;
    if (!ok)
        reply_exception(w->sv, rq->call, tree.error);
    else if (!(ok = guard_tree(&w->sv->guard, tree.data, &e)))
        refuse(w, 497, e.msg);
    en->result_fini(en, &tree);
    return ok;
}

static bool judge(struct work *w)
{
    struct request *rq = &w->rq;
    const struct engine *en = w->sv->en;
    struct engine_analysis a = {.class = ENGINE_UNKNOWN};
    if (rq->st.kind == STATEMENT_QUERY) {
        if (!en->analyse(en, w->session, rq->st.head, &a))
            a.statements = 0;
        if (a.statements > 1) {
            reply_own(w->sv, rq->call, 62, "Multi-statements are not allowed");
            return false;
        }
        /* the engine takes a text that begins with a control byte for an empty one, and says nothing */
        if (rq->st.head.len && (unsigned char)rq->st.head.p[0] < ' ') {
            reply_own(w->sv, rq->call, 62, "Syntax error: the text begins with a control character");
            return false;
        }
        if (rq->st.head.len == 0) {
            reply_own(w->sv, rq->call, 62, "Empty query");
            return false;
        }
    }
    return !rq->reader || judge_reader(w, &a);
}

/* ---- the end of a request */

static void watch(struct work *w)
{
    struct server *sv = w->sv;
    pthread_mutex_lock(&sv->lock);
    w->next = sv->works;
    sv->works = w;
    w->watched = true;
    pthread_mutex_unlock(&sv->lock);
}

static void unwatch(struct work *w)
{
    struct server *sv = w->sv;
    if (!w->watched)
        return;
    pthread_mutex_lock(&sv->lock);
    for (struct work **at = &sv->works; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            break;
        }
    pthread_mutex_unlock(&sv->lock);
    w->watched = false;
}

/* Also the end of a streamed answer, on whichever thread that comes to pass. */
static void finish(void *arg)
{
    struct work *w = arg;
    const struct engine *en = w->sv->en;
    unwatch(w);
    en->result_fini(en, &w->piece);
    buf_fini(&w->framed);
    buf_fini(&w->exception);
    if (w->stream)
        en->end(en, w->session, w->stream);
    if (w->session)
        en->close(en, w->session);
    if (w->gate) {
        gate_leave(w->gate);
        __atomic_sub_fetch(&w->sv->counters->v[RUNNING], 1, __ATOMIC_RELAXED);
    }
    request_fini(&w->rq);
}

/* ---- answers */

static struct str answer_format(const struct request *rq)
{
    if (rq->st.format.len)
        return rq->st.format;
    return str_from(rq->format && rq->format[0] ? rq->format : "TabSeparated");
}

static void answer_headers(struct work *w, const struct engine_result *r)
{
    struct http_call *c = w->rq.call;
    http_reply_header(c, "X-ClickHouse-Summary",
                      arena_printf(&c->arena,
                                   "{\"read_rows\":\"%llu\",\"read_bytes\":\"%llu\",\"written_rows\":\"%"
                                   "llu\",\"written_bytes\":\"%llu\","
                                   "\"total_rows_to_read\":\"0\",\"result_rows\":\"0\",\"result_bytes\":\"%"
                                   "zu\",\"elapsed_ns\":\"%llu\"}",
                                   (unsigned long long)r->read_rows, (unsigned long long)r->read_bytes,
                                   (unsigned long long)r->written_rows, (unsigned long long)r->written_bytes,
                                   r->data.len, (unsigned long long)r->elapsed_ns));
    http_reply_header(c, "X-ClickHouse-Query-Id",
                      w->rq.query_id && w->rq.query_id[0] ? w->rq.query_id : w->id);
    exception_tag(w->tag);
    http_reply_header(c, "X-ClickHouse-Exception-Tag", w->tag);
    struct str format = answer_format(&w->rq);
    http_reply_header(c, "X-ClickHouse-Format", arena_z(&c->arena, format));
    common_headers(w->sv, c);
}

/* The piece as the client gets it. */
static struct str given(struct work *w)
{
    return w->rq.frames ? buf_str(&w->framed) : w->piece.data;
}

static void frame_piece(struct work *w)
{
    buf_reset(&w->framed);
    if (w->rq.frames)
        frame_pack(FRAME_LZ4, w->piece.data, &w->framed);
    w->piece_at = 0;
}

/* Status and headers are out: the engine's text becomes the last piece. */
static void exception_piece(struct work *w)
{
    exception_add(&w->exception, w->tag, str_from(w->piece.error));
    w->piece.data = buf_str(&w->exception);
    frame_piece(w);
    counter_add_shared(w->sv->counters, ERRORS, 1);
}

/* Next bytes of a streamed or large answer. The engine's text ends a stream that fails half-way, then it breaks off. */
static long read_answer(void *arg, char *to, size_t room)
{
    struct work *w = arg;
    const struct engine *en = w->sv->en;
    if (w->piece_at == given(w).len) {
        if (!w->stream)
            return 0;
        if (w->exception.len)
            return -1;
        en->result_fini(en, &w->piece);
        en->next(en, w->session, w->stream, &w->piece);
        if (w->piece.ok && w->piece.data.len == 0)
            return 0;
        if (w->piece.ok)
            frame_piece(w);
        else
            exception_piece(w);
    }
    struct str piece = given(w);
    size_t n = piece.len - w->piece_at;
    n = n < room ? n : room;
    memcpy(to, piece.p + w->piece_at, n);
    w->piece_at += n;
    return (long)n;
}

/* True when the answer goes on after the handler, and finish() with it. */
static bool reply_data(struct work *w)
{
    struct http_call *c = w->rq.call;
    const char *type = statement_content_type(answer_format(&w->rq));
    answer_headers(w, &w->piece);
    enum encoding enc =
        w->rq.packed_answer ? encoding_accepted(http_header(c, "Accept-Encoding")) : ENCODING_NONE;
    struct buf packed;
    buf_init(&packed, 0);
    frame_piece(w);
    struct str data = given(w);
    if (enc != ENCODING_NONE && data.len && encoding_pack(enc, data, &packed)) {
        http_reply_header(c, "Content-Encoding", encoding_name(enc));
        http_reply_take(c, 200, type, &packed);
        return false;
    }
    if (!w->stream && data.len <= COPY_MAX) {
        http_reply(c, 200, type, data);
        return false;
    }
    http_reply_stream(c, 200, type, read_answer, finish, w);
    return true;
}

static void note_space(struct server *sv, const struct engine_result *r)
{
    bool failed = !r->ok && (engine_code(r->error) == 243 || strstr(r->error, "No space left on device"));
    if (!failed && !r->ok)
        return;
    pthread_mutex_lock(&sv->lock);
    sv->no_space_ns = failed ? clock_mono_ns() : 0;
    if (failed)
        snprintf(sv->no_space, sizeof sv->no_space, "inserts fail: %s", r->error);
    pthread_mutex_unlock(&sv->lock);
}

static bool do_insert(struct work *w)
{
    struct request *rq = &w->rq;
    const struct engine *en = w->sv->en;
    struct arena *a = &rq->call->arena;
    const char *format = rq->st.format.len             ? arena_z(a, rq->st.format)
                         : rq->format && rq->format[0] ? rq->format
                                                       : "Values";
    struct engine_statement st = {
        .sql = rq->st.head, .format = format, .params = rq->params, .n_params = rq->n_params};
    counter_add_shared(w->sv->counters, INSERTS, 1);
    watch(w);
    if (rq->get) {
        reply_own(
            w->sv, rq->call, 164,
            "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly");
        return false;
    }
    en->insert(en, w->session, &st, rq->rows, &w->piece);
    note_space(w->sv, &w->piece);
    if (!w->piece.ok) {
        reply_exception(w->sv, rq->call, w->piece.error);
        return false;
    }
    counter_add_shared(w->sv->counters, ROWS_INSERTED, w->piece.written_rows);
    w->piece.data = STR("");
    return reply_data(w);
}

static bool do_query(struct work *w)
{
    struct request *rq = &w->rq;
    const struct engine *en = w->sv->en;
    struct str format = answer_format(rq);
    struct engine_statement st = {.sql = rq->st.head,
                                  .format = arena_z(&rq->call->arena, format),
                                  .params = rq->params,
                                  .n_params = rq->n_params};
    counter_add_shared(w->sv->counters, QUERIES, 1);
    watch(w);
    if (rq->st.selects && !rq->whole && !rq->packed_answer && statement_streamable(format)) {
        w->stream = en->begin(en, w->session, &st, &w->piece);
        if (w->stream) {
            en->result_fini(en, &w->piece);
            en->next(en, w->session, w->stream, &w->piece);
        }
    } else {
        en->run(en, w->session, &st, &w->piece);
    }
    if (!w->piece.ok) {
        reply_exception(w->sv, rq->call, w->piece.error);
        return false;
    }
    return reply_data(w);
}

static bool enter(struct work *w)
{
    struct server *sv = w->sv;
    struct gate *gate = w->rq.st.kind == STATEMENT_INSERT ? &sv->inserts : &sv->queries;
    struct err e;
    if (!gate_enter(gate)) {
        if (__atomic_load_n(&sv->stopping_ns, __ATOMIC_RELAXED))
            reply_own(sv, w->rq.call, 236, "The store is stopping");
        else
            reply_own(sv, w->rq.call, 202, "Too many simultaneous queries; those before did not end in time");
        return false;
    }
    w->gate = gate;
    __atomic_add_fetch(&sv->counters->v[RUNNING], 1, __ATOMIC_RELAXED);
    w->session = sv->en->open(sv->en, &e);
    if (!w->session)
        reply_own(sv, w->rq.call, 1002, e.msg);
    return w->session != NULL;
}

static void handle(struct http_call *c)
{
    struct server *sv = c->arg;
    struct work *w = ARENA_NEW(&c->arena, struct work);
    struct err e;
    int code;
    w->sv = sv;
    snprintf(w->id, sizeof w->id, "weir-%d-%llu", (int)getpid(),
             (unsigned long long)__atomic_add_fetch(&sv->last_id, 1, __ATOMIC_RELAXED));
    if (!request_read(&w->rq, c, sv->conf->max_body, &code, &e)) {
        reply_own(sv, c, code, e.msg);
    } else if (w->rq.get && w->rq.st.head.len == 0) {
        common_headers(sv, c);
        http_reply(c, 200, "text/html; charset=UTF-8", STR("Ok.\n"));
    } else if (enter(w) && judge(w)) {
        if (!settle(w))
            reply_exception(sv, c, w->piece.error);
        else if (w->rq.st.kind == STATEMENT_INSERT ? do_insert(w) : do_query(w))
            return; /* the answer's end will finish */
    }
    finish(w);
}

static void ping(struct http_call *c)
{
    http_reply(c, 200, "text/html; charset=UTF-8", STR("Ok.\n"));
}

/* ---- the watcher */

/*
 * Whether it has to end: its client is gone, or the server stops. Then it is told again, as KILL finds only what the engine
 * has begun. An insert has a while to end by itself: of one that is killed its sender cannot know what was stored.
 */
static bool is_doomed(const struct work *w, uint64_t now)
{
    uint64_t since = __atomic_load_n(&w->sv->stopping_ns, __ATOMIC_RELAXED);
    bool insert = w->rq.st.kind == STATEMENT_INSERT;
    if (since == 0)
        return !insert && !w->killed_ns && http_gone(w->rq.call);
    uint64_t grace = insert ? INSERT_GRACE_MS * UINT64_C(1000000) : 0;
    return now >= since + grace && now >= w->killed_ns + KILL_AGAIN_MS * UINT64_C(1000000);
}

/* The next statement to end; false when there is none. */
static bool next_doomed(struct server *sv, char *id, size_t room)
{
    bool found = false;
    pthread_mutex_lock(&sv->lock);
    uint64_t now = clock_mono_ns();
    for (struct work *w = sv->works; w && !found; w = w->next)
        if (is_doomed(w, now)) {
            found = true;
            counter_add_shared(sv->counters, CANCELLED, w->killed_ns == 0);
            w->killed_ns = now;
            snprintf(id, room, "%s", w->id);
        }
    pthread_mutex_unlock(&sv->lock);
    return found;
}

static void kill_query(struct server *sv, const char *id)
{
    const struct engine *en = sv->en;
    struct err e;
    char sql[256];
    struct engine_session *s = en->open(en, &e);
    if (!s)
        return;
    int n = snprintf(
        sql, sizeof sql,
        "KILL QUERY WHERE Settings['log_comment'] = '%s' OR startsWith(Settings['log_comment'], '%s ') ASYNC",
        id, id);
    struct engine_statement st = {.sql = {sql, (size_t)n}, .format = "Null"};
    struct engine_result r;
    en->run(en, s, &st, &r);
    if (!r.ok)
        log_warn("store", "a query could not be ended", "id", id, "reason", r.error, NULL);
    en->result_fini(en, &r);
    en->close(en, s);
}

static void *watcher(void *arg)
{
    struct server *sv = arg;
    char id[64];
    while (!__atomic_load_n(&sv->stop, __ATOMIC_RELAXED)) {
        while (next_doomed(sv, id, sizeof id))
            kill_query(sv, id);
        poll(NULL, 0, WATCH_MS);
    }
    return NULL;
}

/* ---- the server */

static const struct http_route rows[] = {
    {"GET", "/ping", ping, "Whether the store answers."},
    {"*", "/", handle, "ClickHouse's HTTP interface.", (size_t)2 << 30, authenticate},
};

/* One value of the engine as text; heap. */
static char *ask(const struct engine *en, struct engine_session *s, const char *sql, const char *otherwise)
{
    struct engine_statement st = {.sql = str_from(sql), .format = "TSVRaw"};
    struct engine_result r;
    en->run(en, s, &st, &r);
    struct str text = r.ok ? str_trim(r.data) : str_from(otherwise);
    char *z = xmalloc(text.len + 1);
    memcpy(z, text.p, text.len);
    z[text.len] = '\0';
    en->result_fini(en, &r);
    return z;
}

static bool learn(struct server *sv, struct err *e)
{
    struct engine_session *s = sv->en->open(sv->en, e);
    if (!s)
        return false;
    sv->version = ask(sv->en, s, "SELECT version()", "unknown");
    sv->timezone = ask(sv->en, s, "SELECT timezone()", "UTC");
    sv->table_functions = ask(sv->en, s, "SELECT name FROM system.table_functions ORDER BY name", "");
    sv->guard = (struct guard){str_from(sv->table_functions), "default"};
    sv->en->close(sv->en, s);
    return sv->table_functions[0] || err_set(e, "the engine does not name its table functions");
}

struct server *server_new(const struct engine *en, const struct store_conf *conf, const char *listen,
                          const char *password, const struct http_routes *more, size_t n_more, struct err *e)
{
    struct server *sv = xcalloc(1, sizeof *sv);
    sv->en = en;
    sv->conf = conf;
    sv->password = password;
    sv->counters = counters_new(counter_defs, COUNTERS, NULL);
    gate_init(&sv->queries, (unsigned)conf->max_queries);
    gate_init(&sv->inserts, (unsigned)conf->max_inserts);
    pthread_mutex_init(&sv->lock, NULL);
    gethostname(sv->hostname, sizeof sv->hostname - 1);
    sv->tables[0] = (struct http_routes){rows, sizeof rows / sizeof *rows, sv};
    for (size_t i = 0; i < n_more && i < 3; i++)
        sv->tables[1 + i] = more[i];
    const struct http_limits limits = {.bodies = conf->max_body + conf->max_body / 2,
                                       .connections = 256,
                                       .stack = (size_t)8 << 20}; /* the engine parses on it */
    if (learn(sv, e) && thread_start(&sv->watcher, watcher, sv, "store watch")) {
        sv->http = http_server_new_limited(listen, sv->tables, 1 + (n_more < 3 ? n_more : 3), &limits, e);
        if (sv->http)
            return sv;
        __atomic_store_n(&sv->stop, true, __ATOMIC_RELAXED);
        pthread_join(sv->watcher, NULL);
    }
    sv->watcher = 0;
    server_free(sv);
    return NULL;
}

uint16_t server_port(const struct server *sv)
{
    return http_server_port(sv->http);
}

bool server_trouble(struct server *sv, char *why, size_t room)
{
    pthread_mutex_lock(&sv->lock);
    bool is = sv->no_space_ns && clock_mono_ns() - sv->no_space_ns < NO_SPACE_S * UINT64_C(1000000000);
    if (is)
        snprintf(why, room, "%s", sv->no_space);
    pthread_mutex_unlock(&sv->lock);
    return is;
}

void server_free(struct server *sv)
{
    if (!sv)
        return;
    __atomic_store_n(&sv->stopping_ns, clock_mono_ns(), __ATOMIC_RELAXED);
    gate_close(&sv->queries);
    gate_close(&sv->inserts);
    http_server_free(sv->http);
    if (sv->watcher) {
        __atomic_store_n(&sv->stop, true, __ATOMIC_RELAXED);
        pthread_join(sv->watcher, NULL);
    }
    gate_fini(&sv->queries);
    gate_fini(&sv->inserts);
    pthread_mutex_destroy(&sv->lock);
    counters_free(sv->counters);
    free(sv->table_functions);
    free(sv->version);
    free(sv->timezone);
    free(sv);
}
