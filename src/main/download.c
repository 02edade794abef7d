/* Whole files in memory: they are some 100 MB at most, and checked before they replace anything. */
#include "main/download.h"
#include "net/encoding.h"
#include "net/http_follow.h"
#include <stdlib.h>

enum { TIMEOUT_S = 600, TAR_BLOCK = 512 };

bool download_gunzip(const struct buf *body, size_t most, struct buf *out, struct err *e)
{
    if (body->len < 2 || body->p[0] != 0x1f || body->p[1] != 0x8b) {
        buf_str_add(out, buf_str(body));
        return true;
    }
    struct buf plain;
    buf_init(&plain, most);
    bool ok = encoding_unpack(ENCODING_GZIP, buf_str(body), &plain, e);
    if (ok)
        buf_str_add(out, buf_str(&plain));
    buf_fini(&plain);
    return ok;
}

bool download(const struct download *d, size_t most, struct buf *out, struct err *e)
{
    struct http_client *c = http_client_new(NULL);
    struct http_answer ans = {0};
    char *url = NULL;
    const struct http_request req = {.url = d->url,
                                     .user = d->user,
                                     .password = d->password,
                                     .timeout_ns = TIMEOUT_S * 1000000000ull,
                                     .max_reply = most,
                                     .environ_proxy = true};
    bool ok = http_follow(c, &req, NULL, &ans, &url, e) == FOLLOW_OK;
    if (ok && (ans.status == 401 || ans.status == 403))
        ok = err_set(e, "%s: HTTP status %d: the account is not accepted", d->url, ans.status);
    else if (ok && ans.status != 200)
        ok = err_set(e, "%s: HTTP status %d", d->url, ans.status);
    ok = ok && (download_gunzip(&ans.body, most, out, e) || err_wrap(e, "%s", d->url));
    buf_fini(&ans.body);
    free(url);
    http_client_free(c);
    return ok;
}

/* A number of octal digits; false on anything else. */
static bool octal(const char *p, size_t len, uint64_t *out)
{
    size_t i = 0;
    *out = 0;
    while (i < len && p[i] == ' ')
        i++;
    for (; i < len && p[i] >= '0' && p[i] <= '7'; i++)
        *out = *out << 3 | (uint64_t)(p[i] - '0');
    return i == len || p[i] == 0 || p[i] == ' ';
}

bool download_untar(struct str tar, const char *ending, struct str *file)
{
    while (tar.len >= TAR_BLOCK && tar.p[0]) {
        struct str name = {tar.p, strnlen(tar.p, 100)};
        uint64_t size;
        char type = tar.p[156];
        if (!octal(tar.p + 124, 12, &size) || size > tar.len - TAR_BLOCK)
            return false;
        if ((type == '0' || type == 0) && str_ends(name, str_from(ending))) {
            *file = (struct str){tar.p + TAR_BLOCK, size};
            return true;
        }
        size_t step = TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
        if (step > tar.len)
            return false;
        tar = (struct str){tar.p + step, tar.len - step};
    }
    return false;
}
