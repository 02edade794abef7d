/* From a configuration, or the embedded store's own place. */
#include "main/store_reach.h"
#include "main/datadir.h"
#include <stdlib.h>
#include <string.h>

extern char **environ;

static bool find_password(struct store_reach *r, const char *data_dir, struct arena *a, struct err *e)
{
    struct buf text;
    struct ch_conf *db = &r->db;
    if (db->password && db->password[0])
        return true;
    buf_init(&text, 4096);
    db->password = "";
    if (datadir_read(data_dir, "store.password", &text, e))
        db->password = arena_z(a, str_trim(buf_str(&text)));
    else
        r->no_password_in = arena_strdup(a, data_dir);
    buf_fini(&text);
    return e->msg[0] == '\0';
}

bool store_reach(struct store_reach *r, const char *config, const char *data_dir, struct arena *a,
                 struct err *e)
{
    *r = (struct store_reach){0};
    e->msg[0] = '\0';
    r->has_loaded = config != NULL;
    if (config) {
        if (!config_load(&r->loaded, config, environ, e))
            return false;
        const struct config_orchestrator *o = config_own(&r->loaded, ROLE_ORCHESTRATOR, 0);
        r->db = o->clickhousedb;
        return !r->loaded.embedded_store || find_password(r, data_dir, a, e);
    }
    const char **here = arena_array(a, 1, sizeof *here);
    here[0] = config_reach(a, config_roles[ROLE_STORE].http_listen);
    r->db = (struct ch_conf){.servers = {1, here}, .database = "default"};
    return find_password(r, data_dir, a, e);
}

void store_reach_explain(const struct store_reach *r, struct err *e)
{
    struct err why = *e;
    if (r->no_password_in && strstr(why.msg, "AUTHENTICATION_FAILED"))
        err_set(e, "%s\n  no password of the store was found in %s; --data-dir says where weir's data is",
                why.msg, r->no_password_in);
}

void store_reach_fini(struct store_reach *r)
{
    if (r->has_loaded)
        config_fini(&r->loaded);
}
