/* The first line is the tag, the rest the end of an answer: what is found lies within it; what was added is found again. */
#include "store/exception.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str tail = {(const char *)data, len}, text, line = {0};
    char tag[EXCEPTION_TAG + 1] = "";
    size_t before;
    if (str_split(&tail, '\n', &line) && line.len < sizeof tag)
        memcpy(tag, line.p, line.len);
    if (exception_find(tail, tag, &text, &before))
        assert(before < tail.len && text.p >= tail.p + before && text.p + text.len <= tail.p + tail.len);
    struct buf b;
    buf_init(&b, 0);
    exception_tag(tag);
    buf_str_add(&b, tail);
    exception_add(&b, tag, str_trim(tail).len ? tail : STR("x"));
    assert(b.len - tail.len <= EXCEPTION_MAX);
    bool found = exception_find(buf_str(&b), tag, &text, &before);
    assert(found && before == tail.len);
    buf_fini(&b);
    return 0;
}
