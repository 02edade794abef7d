/* libjq's values stop here: what goes on is jansson's. */
#include "enrich/remote/transform.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/thread.h"
#include <jq.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WATCH_MS = 50 };

/* What is wrong and in which line; jq adds the line as it stands, with what is put in front of the program. */
static void keep_first(void *arg, jv msg)
{
    struct err *e = arg;
    if (!e->msg[0] && jv_get_kind(msg) == JV_KIND_STRING) {
        const char *text = jv_string_value(msg);
        size_t n = strcspn(text, "\n");
        err_set(e, "%.*s", (int)(n && text[n - 1] == ':' ? n - 1 : n), text);
    }
    jv_free(msg);
}

/* What ends jq itself must only end the program: the watcher may not halt what is halted (an assertion in libjq). */
#define WITHOUT_HALT "def halt: error(\"halt\"); def halt_error: error; def halt_error(code): error; "

static jq_state *compile(const char *program, struct err *e)
{
    jq_state *jq = jq_init();
    struct buf text;
    if (!jq) {
        err_set(e, "jq cannot be started");
        return NULL;
    }
    e->msg[0] = 0;
    jq_set_error_cb(jq, keep_first, e);
    buf_init(&text, 0);
    buf_printf(&text, "%s%s", WITHOUT_HALT, program);
    buf_u8(&text, 0);
    bool ok = jq_compile(jq, (const char *)text.p);
    buf_fini(&text);
    if (ok)
        return jq;
    if (!e->msg[0])
        err_set(e, "this is no jq program");
    jq_teardown(&jq);
    return NULL;
}

struct transform {
    jq_state *jq;
    size_t bytes; /* of results so far */
};

struct transform *transform_new(const char *program, struct err *e)
{
    jq_state *jq = compile(program, e);
    if (!jq)
        return NULL;
    struct transform *t = xcalloc(1, sizeof *t);
    t->jq = jq;
    return t;
}

void transform_free(struct transform *t)
{
    if (!t)
        return;
    jq_teardown(&t->jq);
    free(t);
}

/* ---- the watcher */

struct watch {
    jq_state *jq;
    const struct transform_limits *limits;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done, halted;
};

static bool over(const struct transform_limits *l)
{
    return (l->stop && __atomic_load_n(l->stop, __ATOMIC_RELAXED)) ||
           (l->deadline_ns && clock_mono_ns() >= l->deadline_ns);
}

static void *watch_run(void *arg)
{
    struct watch *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->done && !w->halted) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += WATCH_MS * 1000000l;
        t.tv_sec += t.tv_nsec / 1000000000l;
        t.tv_nsec %= 1000000000l;
        pthread_cond_timedwait(&w->changed, &w->lock, &t);
        if (!w->done && over(w->limits)) {
            w->halted = true;
            jq_halt(w->jq, jv_invalid(), jv_invalid());
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- out of libjq */

struct taking {
    json_t *rows;
    size_t bytes;
};

static json_t *taken(jv v, unsigned depth, struct taking *t, struct err *e);

static json_t *taken_string(jv v, struct taking *t)
{
    int len = jv_string_length_bytes(jv_copy(v));
    t->bytes += (size_t)len;
    return json_stringn(jv_string_value(v), (size_t)len);
}

static json_t *taken_array(jv v, unsigned depth, struct taking *t, struct err *e)
{
    json_t *out = json_array();
    int n = jv_array_length(jv_copy(v));
    for (int i = 0; out && i < n; i++) {
        json_t *item = taken(jv_array_get(jv_copy(v), i), depth + 1, t, e);
        if (item && json_array_append_new(out, item) == 0)
            continue;
        json_decref(out);
        out = NULL;
    }
    return out;
}

static json_t *taken_object(jv v, unsigned depth, struct taking *t, struct err *e)
{
    json_t *out = json_object();
    for (int i = jv_object_iter(v); out && jv_object_iter_valid(v, i); i = jv_object_iter_next(v, i)) {
        jv key = jv_object_iter_key(v, i);
        json_t *item = taken(jv_object_iter_value(v, i), depth + 1, t, e);
        t->bytes += (size_t)jv_string_length_bytes(jv_copy(key));
        bool ok = item && json_object_set_new(out, jv_string_value(key), item) == 0;
        jv_free(key);
        if (!ok) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

/* A number without a fraction stays one. */
static json_t *taken_number(double d)
{
    const double exact = 9007199254740992.0; /* 2^53 */
    if (d > -exact && d < exact && d == (double)(json_int_t)d)
        return json_integer((json_int_t)d);
    return json_real(d);
}

static json_t *taken(jv v, unsigned depth, struct taking *t, struct err *e)
{
    json_t *out = NULL;
    t->bytes += 16;
    if (depth > TRANSFORM_DEPTH)
        err_set(e, "a result is nested more than %d deep", TRANSFORM_DEPTH);
    else if (t->bytes > TRANSFORM_BYTES)
        err_set(e, "more than %d MiB of results", TRANSFORM_BYTES >> 20);
    else
        switch (jv_get_kind(v)) {
        case JV_KIND_INVALID:
        case JV_KIND_NULL:
            out = json_null();
            break;
        case JV_KIND_FALSE:
        case JV_KIND_TRUE:
            out = json_boolean(jv_get_kind(v) == JV_KIND_TRUE);
            break;
        case JV_KIND_NUMBER:
            out = taken_number(jv_number_value(v));
            break;
        case JV_KIND_STRING:
            out = taken_string(v, t);
            break;
        case JV_KIND_ARRAY:
            out = taken_array(v, depth, t, e);
            break;
        case JV_KIND_OBJECT:
            out = taken_object(v, depth, t, e);
            break;
        }
    if (!out && !e->msg[0])
        err_set(e, "a result cannot be kept"); /* such as a number that is none */
    jv_free(v);
    return out;
}

static bool take_one(struct taking *t, jv v, struct err *e)
{
    if (jv_get_kind(v) == JV_KIND_NULL)
        return true;
    if (json_array_size(t->rows) >= TRANSFORM_ROWS) {
        jv_free(v);
        return err_set(e, "more than %d results", TRANSFORM_ROWS);
    }
    json_t *row = taken(v, 0, t, e);
    return row && json_array_append_new(t->rows, row) == 0;
}

/* An array stands for its elements: "." is enough where the page is a list. */
static bool take(struct taking *t, jv v, struct err *e)
{
    if (jv_get_kind(v) != JV_KIND_ARRAY)
        return take_one(t, v, e);
    int n = jv_array_length(jv_copy(v));
    bool ok = true;
    for (int i = 0; i < n && ok; i++)
        ok = take_one(t, jv_array_get(jv_copy(v), i), e);
    jv_free(v);
    return ok;
}

static bool take_all(struct watch *w, struct taking *t, struct err *e)
{
    jv v;
    while (jv_is_valid(v = jq_next(w->jq)))
        if (!take(t, v, e))
            return false;
    jv msg = jv_invalid_get_msg(v);
    bool bad = jv_get_kind(msg) != JV_KIND_NULL;
    if (bad) {
        msg = jq_format_error(msg);
        err_set(e, "%s", jv_get_kind(msg) == JV_KIND_STRING ? jv_string_value(msg) : "the program failed");
    }
    jv_free(msg);
    return !bad;
}

bool transform_run(struct transform *tr, jv input, const struct transform_limits *limits, json_t *rows,
                   struct err *e)
{
    struct watch w = {.jq = tr->jq,
                      .limits = limits,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    struct taking t = {.rows = rows, .bytes = tr->bytes};
    pthread_t watcher;
    if (!thread_start(&watcher, watch_run, &w, "jq watch")) {
        jv_free(input);
        return err_set(e, "cannot make a thread");
    }
    e->msg[0] = 0;
    jq_start(w.jq, input, 0);
    bool ok = take_all(&w, &t, e);
    tr->bytes = t.bytes;
    pthread_mutex_lock(&w.lock);
    w.done = true;
    pthread_cond_signal(&w.changed);
    pthread_mutex_unlock(&w.lock);
    pthread_join(watcher, NULL);
    return w.halted ? err_set(e, "the program did not end in time") : ok;
}
