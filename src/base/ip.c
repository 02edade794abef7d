/* Text forms of addresses through inet_pton/ntop; everything else is byte moves. */
#include "base/ip.h"
#include <arpa/inet.h>
#include <stdio.h>

bool ip_parse(struct str s, struct ip *out)
{
    char z[IP_TEXT_MAX];
    if (s.len == 0 || s.len >= sizeof z || memchr(s.p, 0, s.len))
        return false;
    memcpy(z, s.p, s.len);
    z[s.len] = 0;
    uint8_t four[4];
    if (inet_pton(AF_INET, z, four) == 1) {
        *out = ip_v4(four);
        return true;
    }
    return inet_pton(AF_INET6, z, out->b) == 1;
}

const char *ip_format(struct ip a, char *buf)
{
    if (ip_is_v4(a))
        inet_ntop(AF_INET, a.b + 12, buf, IP_TEXT_MAX);
    else
        inet_ntop(AF_INET6, a.b, buf, IP_TEXT_MAX);
    return buf;
}

struct ip ip_mask(struct ip a, unsigned bits)
{
    if (bits >= 128)
        return a;
    unsigned whole = bits / 8;
    if (bits % 8) {
        a.b[whole] &= (uint8_t)(0xff00 >> (bits % 8));
        whole++;
    }
    memset(a.b + whole, 0, 16 - whole);
    return a;
}

bool prefix_parse(struct str s, struct prefix *out)
{
    struct str host = s, bits = {0};
    const char *slash = s.len ? memchr(s.p, '/', s.len) : NULL;
    if (slash) {
        host.len = (size_t)(slash - s.p);
        bits = (struct str){slash + 1, s.len - host.len - 1};
    }
    struct ip a;
    if (!ip_parse(host, &a))
        return false;
    /* "::ffff:10.0.0.0/104" is IPv6 notation, its length counts from the left of all 128 bits */
    bool v4 = ip_is_v4(a) && !memchr(host.p, ':', host.len);
    uint64_t n = v4 ? 32 : 128;
    if (slash && (!str_u64(bits, &n) || n > (v4 ? 32 : 128)))
        return false;
    out->len = (uint8_t)(n + (v4 ? 96 : 0));
    out->ip = ip_mask(a, out->len);
    return true;
}

const char *prefix_format(struct prefix p, char *buf)
{
    bool v4 = ip_is_v4(p.ip) && p.len >= 96;
    ip_format(p.ip, buf);
    size_t n = strlen(buf);
    snprintf(buf + n, IP_TEXT_MAX - n, "/%u", v4 ? p.len - 96u : p.len);
    return buf;
}

bool prefix_contains(struct prefix p, struct ip a)
{
    return ip_eq(ip_mask(a, p.len), p.ip);
}

struct ip ip_from_sockaddr(const struct sockaddr *sa, uint16_t *port)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;
        *port = ntohs(in->sin_port);
        return ip_v4(&in->sin_addr);
    }
    const struct sockaddr_in6 *in6 = (const void *)sa;
    *port = ntohs(in6->sin6_port);
    return ip_v6(&in6->sin6_addr);
}
