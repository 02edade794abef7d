/*
 * request: a question of the console, from its JSON to checked values. Lives in the request's arena; one thread.
 */
#pragma once
#include "lang/filter.h"
#include "base/err.h"
#include <jansson.h>

enum query_units { UNITS_L3BPS, UNITS_L2BPS, UNITS_PPS, UNITS_FPS, UNITS_INL2, UNITS_OUTL2 };
enum query_limit { LIMIT_AVG, LIMIT_MAX, LIMIT_LAST };

/* What of a question needs columns (or rows) that only `flows` has. */
enum request_detail {
    DETAIL_NONE,
    DETAIL_SHOWN, /* dimensions alone: where the detail is gone, the traffic itself is still known */
    DETAIL_NEEDED /* filter or units */
};

enum { REQUEST_DIMENSIONS_MAX = 16, REQUEST_POINTS_MAX = 2000 };

struct query_request {
    uint32_t start, end; /* seconds; end > start */
    unsigned points;
    enum column dims[REQUEST_DIMENSIONS_MAX];
    size_t n_dims;
    unsigned limit;
    enum query_limit limit_type;
    unsigned truncate_v4, truncate_v6; /* bits kept; 32 and 128: all */
    enum query_units units;
    bool bidirectional, previous;
    bool error_band; /* how far off sampled numbers may be */
    struct filter filter;
    const char *raw;  /* a further condition, in SQL, of the configuration; NULL: none */
    uint32_t now;     /* when it was asked */
    bool coarse;      /* a quick first look, from a part of the data */
    bool approximate; /* choose the rows with little memory, perhaps not quite the largest */
};

/* What a question may take. */
struct request_limits {
    unsigned rows;   /* dimensions-limit */
    unsigned points; /* when the question says none */
    unsigned min_dimensions;
    unsigned usual_rows; /* when the question says none; 0: 10 */
};

/* Times as RFC 3339 ("2026-11-21T10:00:00Z", with fraction or offset) or seconds since 1970. */
bool request_parse(struct query_request *q, json_t *json, const struct schema *s,
                   const struct request_limits *limits, uint32_t now, struct arena *a, struct err *e);
bool request_time(struct str text, uint32_t *seconds);
/* True when the column may be a dimension here. */
bool request_dimension(const struct schema *s, enum column c);
enum request_detail request_detail(const struct query_request *q);
