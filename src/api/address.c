/* address: what is known about one address: its name, and what its latest flow says of it. */
#include "api/answer.h"
#include "api/names.h"
#include "base/ip.h"
#include "query/render.h"
#include "query/rows.h"

#define SECOND_NS UINT64_C(1000000000)
enum { LOOK_BACK_S = 3600, WAIT_S = 2, KEPT_S = 60 };

/* ---- from flows */

/* Both sides of a flow have these; which of them are there is the schema's matter. */
static const struct {
    const char *key;
    enum column src, dst;
} known[] = {{"network", COL_SrcNetPrefix, COL_DstNetPrefix},
             {"net-name", COL_SrcNetName, COL_DstNetName},
             {"country", COL_SrcCountry, COL_DstCountry},
             {"city", COL_SrcGeoCity, COL_DstGeoCity}};
enum { KNOWN = sizeof known / sizeof *known };

static void side(struct buf *sql, const struct api *api, const struct query_tables *t, struct ip a, bool src)
{
    char text[IP_TEXT_MAX];
    const char *as = src ? "SrcAS" : "DstAS", *address = src ? "SrcAddr" : "DstAddr";
    bool has_as = api->schema.enabled[src ? COL_SrcAS : COL_DstAS];
    uint32_t from = t->t[0].newest > LOOK_BACK_S ? t->t[0].newest - LOOK_BACK_S : 0;
    buf_printf(sql, "(SELECT toUInt32(TimeReceived) AS at, toUInt32(%s) AS n", has_as ? as : "0");
    if (has_as && t->asns)
        buf_z(sql, ", dictGetOrDefault('asns', 'name', n, '') AS name");
    else
        buf_z(sql, ", '' AS name");
    for (size_t i = 0; i < KNOWN; i++) {
        enum column c = src ? known[i].src : known[i].dst;
        buf_printf(sql, ", replaceAll(toString(%s), '\\0', '') AS k%zu",
                   api->schema.enabled[c] ? column_defs[c].name : "''", i);
    }
    buf_printf(sql,
               " FROM flows WHERE TimeReceived > toDateTime(%u) AND %s = toIPv6('%s%s') ORDER BY "
               "TimeReceived DESC LIMIT 1)",
               from, address, ip_is_v4(a) ? "::ffff:" : "", ip_format(a, text));
}

static enum query_result look(struct http_call *c, struct ip a, struct query_answer *out, struct err *e)
{
    struct api *api = api_of(c);
    struct query_asker asker = answer_asker(c);
    struct query_tables t;
    struct buf data;
    enum query_result r = catalog_get(api->catalog, &asker, &t, e);
    if (r != QUERY_OK)
        return r;
    buf_z(&out->sql, "SELECT * FROM (");
    side(&out->sql, api, &t, a, true);
    buf_z(&out->sql, " UNION ALL ");
    side(&out->sql, api, &t, a, false);
    buf_z(&out->sql, ") ORDER BY at DESC LIMIT 1 FORMAT RowBinary");
    buf_u8(&out->sql, 0);
    buf_init(&data, 0);
    r = query_pool_ask(api->pool, &asker, (char *)out->sql.p, 0, &data, e);
    out->sql.len--;
    struct rows rows = rows_init(buf_str(&data));
    if (r == QUERY_OK && rows_more(&rows)) {
        json_object_set_new(out->json, "seen", render_time(rows_u32(&rows)));
        json_object_set_new(out->json, "as", json_integer(rows_u32(&rows)));
        json_object_set_new(out->json, "as-name", render_text(rows_text(&rows)));
        for (size_t i = 0; i < KNOWN; i++)
            json_object_set_new(out->json, known[i].key, render_text(rows_text(&rows)));
    }
    buf_fini(&data);
    return r;
}

/* ---- the answer */

/* How long the answer stays as it is. */
static uint64_t put_name(const struct api *api, struct ip a, json_t *answer)
{
    static const char *const words[] = {
        [NAMES_FOUND] = "found", [NAMES_NONE] = "none", [NAMES_PENDING] = "pending", [NAMES_BUSY] = "busy"};
    char name[NAMES_TEXT] = "";
    const char *status = "off";
    uint64_t good = KEPT_S * SECOND_NS;
    if (api->conf->reverse_dns) {
        enum names_answer r = names_ask(api->names, a, WAIT_S * SECOND_NS, name);
        status = words[r];
        good = r == NAMES_FOUND || r == NAMES_NONE ? good : 0;
    }
    json_object_set_new(answer, "name", render_text(str_from(name)));
    json_object_set_new(answer, "name-status", json_string(status));
    return good;
}

void address_get(struct http_call *c)
{
    struct api *api = api_of(c);
    struct query_answer out = {0};
    struct err e = {0};
    struct ip a;
    char text[IP_TEXT_MAX];
    if (!answer_user(c))
        return;
    if (!ip_parse(str_from(http_param(c, "address")), &a)) {
        http_reply_error(c, 400, "\"%s\" is no address", http_param(c, "address"));
        return;
    }
    if (answer_cached(c))
        return;
    buf_init(&out.sql, 0);
    out.json = json_pack("{s:s}", "address", ip_format(a, text));
    enum query_result r = QUERY_OK;
    if (api->schema.enabled[COL_SrcAddr] && api->schema.enabled[COL_DstAddr])
        r = look(c, a, &out, &e);
    if (r != QUERY_OK) {
        json_decref(out.json);
        answer_failed(c, r, &e, &out);
        return;
    }
    uint64_t good = put_name(api, a, out.json);
    answer_send(c, &out, good);
}
