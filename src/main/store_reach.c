/* From a configuration, or the embedded store's own place. */
#include "main/store_reach.h"
#include "main/datadir.h"
#include <stdlib.h>

extern char **environ;

static bool find_password(struct ch_conf *db, const char *data_dir, struct arena *a, struct err *e)
{
    struct buf text;
    if (db->password && db->password[0])
        return true;
    buf_init(&text, 4096);
    db->password = "";
    if (datadir_read(data_dir, "store.password", &text, e))
        db->password = arena_z(a, str_trim(buf_str(&text)));
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
        return !r->loaded.embedded_store || find_password(&r->db, data_dir, a, e);
    }
    const char **here = arena_array(a, 1, sizeof *here);
    here[0] = config_reach(a, config_roles[ROLE_STORE].http_listen);
    r->db = (struct ch_conf){.servers = {1, here}, .database = "default"};
    return find_password(&r->db, data_dir, a, e);
}

void store_reach_fini(struct store_reach *r)
{
    if (r->has_loaded)
        config_fini(&r->loaded);
}
