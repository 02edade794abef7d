/* Messages to the demo's SNMP agent: whatever is asked, the answer is a whole message that is not too long. */
#include "base/ber.h"
#include "demo/agent.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *keys[] = {"10", "11", "300", "70000"},
                      *texts[] = {"Transit: Cogent", "", "IX", "core"};
    static const struct demo_snmp_conf conf = {"r1", ":161", {4, keys, texts}};
    static struct agent_mib *mib;
    mib = mib ? mib : agent_mib_new(&conf);
    struct buf out;
    buf_init(&out, 0);
    if (agent_answer(mib, (struct str){(const char *)data, size}, 1234, &out)) {
        struct cursor c = cursor_init(out.p, out.len), message = ber_want(&c, BER_SEQUENCE);
        if (message.bad || cursor_left(&c) || out.len > 1400 + 200 || ber_int(&message) != 1)
            abort();
    }
    buf_fini(&out);
    return 0;
}
