/* Three types: two-byte AS and four-byte number, IPv4 address and two-byte number, four-byte AS and two-byte number. */
#include "enrich/route/rd.h"
#include "base/ip.h"
#include <stdio.h>

static bool parse(struct str s, uint64_t *type, uint64_t *value)
{
    struct str head;
    uint64_t left, right;
    struct ip a;
    const char *colon = memrchr(s.p, ':', s.len);
    if (!colon)
        return false;
    head = (struct str){s.p, (size_t)(colon - s.p)};
    struct str tail = {colon + 1, s.len - head.len - 1};
    if (!str_u64(tail, &right))
        return false;
    if (str_u64(head, &left)) {
        *type = left > UINT16_MAX ? 2 : 0;
        *value = *type == 0 ? left << 32 | right : left << 16 | right;
        return left <= UINT32_MAX && right <= (*type == 0 ? UINT32_MAX : UINT16_MAX);
    }
    *type = 1;
    if (!ip_parse(head, &a) || !ip_is_v4(a) || right > UINT16_MAX)
        return false;
    *value =
        ((uint64_t)a.b[12] << 24 | (uint64_t)a.b[13] << 16 | (uint64_t)a.b[14] << 8 | a.b[15]) << 16 | right;
    return true;
}

bool rd_parse(struct str s, uint64_t *out)
{
    uint64_t type, value;
    if (str_u64(s, out))
        return true;
    if (!parse(s, &type, &value))
        return false;
    *out = type << 48 | value;
    return true;
}

bool rd_parse_target(struct str s, uint64_t *out)
{
    uint64_t type, value;
    if (!parse(s, &type, &value))
        return false;
    *out = type << 56 | 2ull << 48 | value;
    return true;
}

const char *rd_format(uint64_t rd, char *buf)
{
    unsigned long long value = rd & 0xffffffffffffull;
    switch (rd >> 48) {
    case 0:
        snprintf(buf, RD_TEXT_MAX, "%llu:%llu", value >> 32, value & UINT32_MAX);
        break;
    case 1:
        snprintf(buf, RD_TEXT_MAX, "%llu.%llu.%llu.%llu:%llu", value >> 40, value >> 32 & 255,
                 value >> 24 & 255, value >> 16 & 255, value & UINT16_MAX);
        break;
    case 2:
        snprintf(buf, RD_TEXT_MAX, "%llu:%llu", value >> 16, value & UINT16_MAX);
        break;
    default:
        snprintf(buf, RD_TEXT_MAX, "%llu", (unsigned long long)rd);
    }
    return buf;
}
