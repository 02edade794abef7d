/* SNMPv3 messages as far as this needs them: RFC 3412 6, RFC 3414 2.4. */
#include "enrich/meta/discover.h"
#include "base/ber.h"

enum { VERSION_3 = 3, MSG_SIZE = 65507, REPORTABLE = 4, MODEL_USM = 3, ENGINE_MIN = 5, ENGINE_MAX = 32 };

void discover_question(struct buf *out, uint32_t msg_id)
{
    size_t message = ber_begin(out, BER_SEQUENCE);
    ber_put_int(out, BER_INTEGER, VERSION_3);
    size_t header = ber_begin(out, BER_SEQUENCE);
    ber_put_int(out, BER_INTEGER, msg_id);
    ber_put_int(out, BER_INTEGER, MSG_SIZE);
    ber_put_octets(out, (struct str){(const char[]){REPORTABLE}, 1});
    ber_put_int(out, BER_INTEGER, MODEL_USM);
    ber_end(out, header);
    /* security parameters, an octet string that holds a sequence: no engine, no user, no keys */
    size_t octets = ber_begin(out, BER_OCTETS), usm = ber_begin(out, BER_SEQUENCE);
    ber_put_octets(out, STR(""));
    ber_put_int(out, BER_INTEGER, 0);
    ber_put_int(out, BER_INTEGER, 0);
    for (int i = 0; i < 3; i++)
        ber_put_octets(out, STR(""));
    ber_end(out, usm);
    ber_end(out, octets);
    size_t scoped = ber_begin(out, BER_SEQUENCE);
    ber_put_octets(out, STR(""));
    ber_put_octets(out, STR(""));
    size_t pdu = ber_begin(out, BER_GET);
    ber_put_int(out, BER_INTEGER, msg_id);
    ber_put_int(out, BER_INTEGER, 0);
    ber_put_int(out, BER_INTEGER, 0);
    ber_end(out, ber_begin(out, BER_SEQUENCE));
    ber_end(out, pdu);
    ber_end(out, scoped);
    ber_end(out, message);
}

bool discover_answer(struct str packet, uint32_t msg_id, struct discover_engine *e)
{
    struct cursor c = cursor_init(packet.p, packet.len), message = ber_want(&c, BER_SEQUENCE);
    int64_t version = ber_int(&message);
    struct cursor header = ber_want(&message, BER_SEQUENCE);
    int64_t id = ber_int(&header);
    struct str security = ber_octets(&message);
    if (message.bad || header.bad)
        return false;
    struct cursor sc = cursor_init(security.p, security.len), usm = ber_want(&sc, BER_SEQUENCE);
    e->id = ber_octets(&usm);
    int64_t boots = ber_int(&usm), time_s = ber_int(&usm);
    e->boots = (uint32_t)boots;
    e->time_s = (uint32_t)time_s;
    return !usm.bad && version == VERSION_3 && id == msg_id && e->id.len >= ENGINE_MIN &&
           e->id.len <= ENGINE_MAX && boots >= 0 && boots <= INT32_MAX && time_s >= 0 && time_s <= INT32_MAX;
}
