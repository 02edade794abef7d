/* Any bytes as a RawFlow: no crash; what is accepted comes back the same when it is written and read again. */
#include "bus/rawflow.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bus_record a, b;
    struct buf out;
    if (!rawflow_get((struct str){(const char *)data, len}, &a))
        return 0;
    buf_init(&out, 0);
    rawflow_put(&out, a.kind, a.second, &a.d);
    if (a.kind == BUS_DGRAM) {
        assert(rawflow_get(buf_str(&out), &b));
        assert(b.d.len == a.d.len && memcmp(b.d.data, a.d.data, a.d.len) == 0 && ip_eq(a.d.src, b.d.src));
        assert(b.d.decoder == a.d.decoder && b.d.rx_ns == a.d.rx_ns && b.d.rate_limit == a.d.rate_limit);
    }
    buf_fini(&out);
    return 0;
}
