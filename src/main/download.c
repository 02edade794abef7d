/* Whole files in memory: they are some 100 MB at most, and checked before they replace anything. */
#include "main/download.h"
#include "net/encoding.h"
#include "net/http_follow.h"
#include "net/url.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TIMEOUT_S = 600,
    SHA256_LEN = 32,
    SHRINKS = 40, /* databases and tables to a tenth at best; what is made to burst memory, to a thousandth */
    SMALL = 1 << 20
};

bool download_gunzip(struct str body, size_t most, struct buf *out, struct err *e)
{
    if (body.len < 2 || (uint8_t)body.p[0] != 0x1f || (uint8_t)body.p[1] != 0x8b) {
        buf_str_add(out, body);
        return true;
    }
    struct buf plain;
    size_t likely = SMALL + body.len * SHRINKS;
    buf_init(&plain, likely < most ? likely : most);
    bool ok = encoding_unpack(ENCODING_GZIP, body, &plain, e);
    if (ok && out->len == 0) { /* the bytes themselves: a database is large */
        buf_fini(out);
        *out = plain;
        return true;
    }
    if (ok)
        buf_str_add(out, buf_str(&plain));
    buf_fini(&plain);
    return ok;
}

bool download(const struct download *d, size_t most, struct buf *out, struct err *e)
{
    struct http_client *c = http_client_new(NULL);
    struct http_answer ans = {0};
    char *url = NULL, bare[URL_BARE];
    const struct http_request req = {.url = d->url,
                                     .user = d->user,
                                     .password = d->password,
                                     .timeout_ns = TIMEOUT_S * 1000000000ull,
                                     .max_reply = most,
                                     .environ_proxy = true};
    bool ok = http_follow(c, &req, NULL, &ans, &url, e) == FOLLOW_OK;
    if (ok && (ans.status == 401 || ans.status == 403))
        ok =
            err_set(e, "%s: HTTP status %d: the account is not accepted", url_bare(d->url, bare), ans.status);
    else if (ok && ans.status != 200)
        ok = err_set(e, "%s: HTTP status %d", url_bare(d->url, bare), ans.status);
    *out = ans.body;
    free(url);
    http_client_free(c);
    return ok;
}

void download_sum(struct str body, char sum[DOWNLOAD_SUM])
{
    uint8_t raw[SHA256_LEN] = {0};
    if (!EVP_Digest(body.p, body.len, raw, NULL, EVP_sha256(), NULL))
        abort();
    for (size_t i = 0; i < SHA256_LEN; i++)
        snprintf(sum + 2 * i, 3, "%02x", raw[i]);
}
