/*
 * weir geoip update: fetches the databases that the configuration names, with the operator's own account. What a file is
 * called says what it is: GeoLite2-*.mmdb and GeoIP2-*.mmdb are editions of MaxMind, others databases of IPinfo.
 */
#include "base/file.h"
#include "enrich/nets/geofiles.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/download.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int usage(FILE *f)
{
    fputs(
        "usage: weir geoip update [--config] CONFIG\n"
        "       weir geoip update --to FOLDER NAME...\n\n"
        "Fetches GeoIP databases, checks them, and puts each in its place at once: those whose files CONFIG "
        "lists\n"
        "below `geoip`, or the named ones as FOLDER/NAME.mmdb. A running outlet notices. Files called "
        "GeoLite2-...\n"
        "or GeoIP2-... are editions of MaxMind, others databases of IPinfo (ipinfo_lite, country_asn...).\n\n"
        "The account is `geoip.update` of the configuration, or in the environment:\n"
        "  MAXMIND_ACCOUNT_ID, MAXMIND_LICENSE_KEY    of MaxMind\n"
        "  IPINFO_TOKEN                               of IPinfo\n",
        f);
    return f == stdout ? 0 : 2;
}

struct update {
    struct arena arena;
    struct enrich_geoip_update account;
    unsigned done, failed;
};

static const char *first_of(const char *a, const char *b)
{
    return a && *a ? a : b && *b ? b : "";
}

/* The environment wins over the file. */
static void read_environment(struct enrich_geoip_update *u)
{
    u->account_id = first_of(getenv("MAXMIND_ACCOUNT_ID"), u->account_id);
    u->license_key = first_of(getenv("MAXMIND_LICENSE_KEY"), u->license_key);
    u->token = first_of(getenv("IPINFO_TOKEN"), u->token);
}

static bool is_maxmind(const char *name)
{
    return strncasecmp(name, "GeoLite2-", 9) == 0 || strncasecmp(name, "GeoIP2-", 7) == 0;
}

static bool fetch(struct update *u, const char *name, struct buf *whole, struct str *mmdb, struct err *e)
{
    struct arena *a = &u->arena;
    const struct enrich_geoip_update *c = &u->account;
    struct download d = {0};
    if (is_maxmind(name)) {
        if (!*c->account_id || !*c->license_key)
            return err_set(e, "%s: MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY are needed", name);
        d = (struct download){
            arena_printf(a, "%s/geoip/databases/%s/download?suffix=tar.gz", c->maxmind_url, name),
            c->account_id, c->license_key};
    } else {
        if (!*c->token)
            return err_set(e, "%s: IPINFO_TOKEN is needed", name);
        /* the token is the user of basic authentication, so that it is in no log of a proxy */
        d = (struct download){arena_printf(a, "%s/data/%s.mmdb", c->ipinfo_url, name), c->token, ""};
    }
    if (!download(&d, (size_t)GEOFILES_MOST << 20, whole, e))
        return false;
    *mmdb = buf_str(whole);
    return !is_maxmind(name) || download_untar(*mmdb, ".mmdb", mmdb) ||
           err_set(e, "%s: there is no database in the archive", d.url);
}

/* Checked beside its place, then renamed. */
static bool put(const char *path, struct str mmdb, bool is_asn, bool is_geo, struct err *e)
{
    char fresh[4096];
    snprintf(fresh, sizeof fresh, "%s.%d.checked", path, (int)getpid());
    if (!file_replace(fresh, mmdb, e))
        return false;
    e->msg[0] = 0;
    bool ok =
        (!is_asn || geofiles_check(fresh, true, NULL, e)) &&
        (!is_geo || geofiles_check(fresh, false, NULL, e)) &&
        (is_asn || is_geo || geofiles_check(fresh, true, NULL, e) || geofiles_check(fresh, false, NULL, e));
    if (!ok)
        err_wrap(e, "%s", path);
    if (ok && (chmod(fresh, 0644) != 0 || rename(fresh, path) != 0))
        ok = err_errno(e, "cannot put %s in its place", path);
    if (!ok)
        unlink(fresh);
    return ok;
}

static void update(struct update *u, const char *path, bool is_asn, bool is_geo)
{
    struct err e;
    struct buf whole;
    struct str mmdb;
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    struct str name = str_from(base);
    if (!str_ends(name, STR(".mmdb")) || strpbrk(base, "?&#%")) {
        fprintf(stderr, "weir geoip: %s: not a name of a database; left out\n", path);
        return;
    }
    name.len -= 5;
    buf_init(&whole, 0);
    bool ok = fetch(u, arena_z(&u->arena, name), &whole, &mmdb, &e) && put(path, mmdb, is_asn, is_geo, &e);
    if (ok)
        printf("%s: %zu bytes\n", path, mmdb.len);
    else
        fprintf(stderr, "weir geoip: %s\n", e.msg);
    buf_fini(&whole);
    u->done += ok;
    u->failed += !ok;
}

static bool listed(const struct opt_list *l, const char *path)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(*OPT_ITEM(*l, const char *, i), path) == 0)
            return true;
    return false;
}

static int update_configured(struct update *u, const char *file)
{
    struct config c;
    struct err e;
    if (!config_load(&c, file, environ, &e)) {
        fprintf(stderr, "weir geoip: %s\n", e.msg);
        config_fini(&c);
        return 1;
    }
    for (size_t k = 0; k < config_count(&c, ROLE_OUTLET); k++) {
        const struct config_outlet *o = config_own(&c, ROLE_OUTLET, k);
        const struct enrich_geoip_conf *g = &o->geoip;
        u->account = g->update;
        read_environment(&u->account);
        for (size_t i = 0; i < g->asn_database.n; i++) {
            const char *path = *OPT_ITEM(g->asn_database, const char *, i);
            update(u, path, true, listed(&g->geo_database, path));
        }
        for (size_t i = 0; i < g->geo_database.n; i++) {
            const char *path = *OPT_ITEM(g->geo_database, const char *, i);
            if (!listed(&g->asn_database, path))
                update(u, path, false, true);
        }
    }
    config_fini(&c);
    if (!u->done && !u->failed)
        fprintf(stderr, "weir geoip: the configuration names no database that could be updated\n");
    return u->done && !u->failed ? 0 : 1;
}

static int update_named(struct update *u, const char *folder, char **names, int n)
{
    u->account = (struct enrich_geoip_update){"", "", "", ENRICH_MAXMIND_URL, ENRICH_IPINFO_URL};
    read_environment(&u->account);
    for (int i = 0; i < n; i++)
        update(u, arena_printf(&u->arena, "%s/%s.mmdb", folder, names[i]), false, false);
    return u->failed ? 1 : 0;
}

int cmd_geoip(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"to", required_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *config = NULL, *folder = NULL;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        switch (c) {
        case 'c':
            config = optarg;
            break;
        case 't':
            folder = optarg;
            break;
        case 'h':
            return usage(stdout);
        default:
            return usage(stderr);
        }
    if (optind == argc || strcmp(argv[optind], "update") != 0)
        return usage(stderr);
    optind++;
    if (!folder && !config && optind < argc)
        config = argv[optind++];
    if (!folder == !config || (folder && optind == argc) || (config && optind < argc))
        return usage(stderr);
    struct update u = {0};
    arena_init(&u.arena);
    int rc = folder ? update_named(&u, folder, argv + optind, argc - optind) : update_configured(&u, config);
    arena_fini(&u.arena);
    return rc;
}
