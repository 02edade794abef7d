/* Any bytes as the body of a remote source, by each parser, and as a Link header: no crash, and rows that can be kept. */
#include "enrich/remote/fetch.h"
#include "enrich/remote/parse.h"
#include "enrich/remote/transform.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct transform *whole;
    struct err e;
    struct str target;
    if (!whole && !(whole = transform_new(".", &e)))
        abort();
    if (len == 0)
        return 0;
    struct str body = {(const char *)data + 1, len - 1};
    fetch_link_next(body, &target);
    jv v = parse_body((enum enrich_parser)(data[0] % 5), body, &e);
    if (!jv_is_valid(v)) {
        jv_free(v);
        return 0;
    }
    json_t *rows = json_array();
    struct transform_limits limits = {0};
    if (transform_run(whole, v, &limits, rows, &e)) {
        char *text = json_dumps(rows, JSON_COMPACT);
        if (!text)
            abort();
        free(text);
    } else {
        transform_free(whole);
        whole = NULL;
    }
    json_decref(rows);
    return 0;
}
