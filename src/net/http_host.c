/*
 * DNS rebinding needs a name: the attacker's, that resolves to the victim's own machine. So any literal address is harmless, and
 * of names only those that are known to be ours.
 */
#include "net/http_host.h"
#include "base/ip.h"
#include <string.h>

static struct str without_port(struct str host)
{
    if (host.len && host.p[0] == '[') {
        const char *end = memchr(host.p, ']', host.len);
        return end ? (struct str){host.p + 1, (size_t)(end - host.p - 1)} : host;
    }
    const char *colon = memchr(host.p, ':', host.len);
    return colon ? (struct str){host.p, (size_t)(colon - host.p)} : host;
}

static bool ends_with(struct str s, struct str end)
{
    return s.len >= end.len && str_eq_nocase((struct str){s.p + s.len - end.len, end.len}, end);
}

bool http_host_known(const char *host, const char *const *names, size_t n)
{
    struct str name = without_port(str_from(host));
    struct ip ip;
    while (name.len && name.p[name.len - 1] == '.')
        name.len--;
    if (ip_parse(name, &ip) || str_eq_nocase(name, STR("localhost")) || ends_with(name, STR(".localhost")))
        return true;
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(name, str_from(names[i])))
            return true;
    return false;
}
