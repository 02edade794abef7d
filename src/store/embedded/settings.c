/* Text of a request that becomes part of a statement: names are reduced to what a name may have, values are quoted. */
#include "store/embedded/settings.h"
#include "base/arena.h"
#include "store/ch.h"
#include <stdio.h>
#include <string.h>

static void add_setting(struct buf *sql, const char *name, struct str value)
{
    buf_z(sql, sql->len == 0 ? "SET " : ", ");
    /* names come from outside: anything that is not a name would be another statement */
    for (const char *p = name; *p; p++)
        if (*p == '_' || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9'))
            buf_u8(sql, (uint8_t)*p);
    buf_z(sql, " = ");
    ch_quote(sql, value);
}

static void add_number(struct buf *sql, const char *name, uint64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    if (v)
        add_setting(sql, name, (struct str){text, (size_t)n});
}

void settings_text(const struct request *rq, const struct store_conf *conf, const char *id, struct buf *sql)
{
    add_setting(sql, "log_comment",
                str_from(arena_printf(&rq->call->arena, "%s%s%s", id, rq->log_comment ? " " : "",
                                      rq->log_comment ? rq->log_comment : "")));
    add_number(sql, "max_threads", conf->query_threads);
    add_number(sql, "max_memory_usage",
               conf->max_query_memory ? conf->max_query_memory : conf->max_memory / 2);
    for (size_t i = 0; i < rq->n_settings; i++)
        if (!rq->reader || strcmp(rq->settings[i].name, "readonly") != 0)
            add_setting(sql, rq->settings[i].name, rq->settings[i].value);
    if (rq->reader) {
        add_number(sql, "max_execution_time", (conf->max_query_ns + 999999999) / 1000000000);
        add_number(sql, "max_result_rows", conf->max_result_rows);
        add_setting(sql, "readonly", STR("1"));
    } else if (rq->get) {
        add_setting(sql, "readonly", STR("2"));
    }
}

void settings_use(const char *database, struct buf *sql)
{
    buf_z(sql, "USE `");
    for (const char *p = database; *p; p++)
        buf_add(sql, *p == '`' || *p == '\\' ? (char[]){'\\', *p} : p, *p == '`' || *p == '\\' ? 2 : 1);
    buf_add(sql, "`", 2); /* with its end */
}
