/*
 * engine: what the embedded store needs of a database engine, as a small table of functions, so that everything above it
 * runs in tests (and under sanitizers) with an engine that answers from a script.
 *
 * A session is one statement at a time, on any one thread at a time; sessions are independent of each other. Settings
 * live and die with their session.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct engine_session; /* the engine's own */

struct engine_param {
    const char *name;
    struct str value;
};

struct engine_statement {
    struct str sql;
    const char *format; /* of the answer (unless the statement names one), or of the rows to insert */
    const struct engine_param *params;
    size_t n_params;
};

/* ok: data and numbers are there. Else `error` is the engine's text, "Code: 62. DB::Exception: ...". */
struct engine_result {
    bool ok;
    char *error;     /* heap */
    struct str data; /* borrowed from `own` until engine_result_fini */
    void *own;       /* the engine's */
    uint64_t read_rows, read_bytes, written_rows, written_bytes, elapsed_ns;
};

/* What a text is made of, by the engine's own parser. */
enum engine_class { ENGINE_READS, ENGINE_WRITES, ENGINE_WRITES_GLOBAL, ENGINE_CONTROLS, ENGINE_UNKNOWN };
struct engine_analysis {
    unsigned statements; /* 0: does not parse, or empty */
    enum engine_class class;
};

struct engine {
    struct engine_session *(*open)(const struct engine *en, struct err *e);
    void (*close)(const struct engine *en, struct engine_session *s);
    bool (*analyse)(const struct engine *en, struct engine_session *s, struct str sql,
                    struct engine_analysis *out);
    /* The whole answer at once. */
    void (*run)(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                struct engine_result *out);
    /* Piece by piece: begin, then next until it fails or gives no data, then end. */
    void *(*begin)(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                   struct engine_result *out); /* NULL with out->error set */
    void (*next)(const struct engine *en, struct engine_session *s, void *stream, struct engine_result *out);
    void (*end)(const struct engine *en, struct engine_session *s, void *stream);
    /* The INSERT without its FORMAT and rows; the rows apart, in st->format. */
    void (*insert)(const struct engine *en, struct engine_session *s, const struct engine_statement *st,
                   struct str rows, struct engine_result *out);
    void (*result_fini)(const struct engine *en, struct engine_result *r);
    void *impl;
};

/* The number in "Code: N. ..."; 0 when there is none. */
int engine_code(const char *error);
