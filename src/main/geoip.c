/*
 * weir geoip update: fetches the databases that the configuration names, with the operator's own account. What a file is
 * called says what it is: GeoLite2-*.mmdb and GeoIP2-*.mmdb are editions of MaxMind, others databases of IPinfo.
 */
#include "base/file.h"
#include "enrich/nets/geofiles.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/download.h"
#include "main/tar.h"
#include "net/url.h"
#include <ctype.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUM_MOST = 4096 };

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

static int misuse(const char *why)
{
    fprintf(stderr, "weir geoip: %s\n\n", why);
    return usage(stderr);
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

/* A database at its provider. */
struct offer {
    const char *url, *sum_url; /* of the file, and of what says its SHA-256 */
    const char *user, *password;
    bool is_maxmind; /* the file is an archive */
};

static bool offer_of(struct update *u, const char *name, struct offer *o, struct err *e)
{
    struct arena *a = &u->arena;
    const struct enrich_geoip_update *c = &u->account;
    o->is_maxmind = is_maxmind(name);
    if (o->is_maxmind) {
        if (!*c->account_id || !*c->license_key)
            return err_set(e, "%s: MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY are needed", name);
        o->user = c->account_id;
        o->password = c->license_key;
        o->url = arena_printf(a, "%s/geoip/databases/%s/download?suffix=tar.gz", c->maxmind_url, name);
        o->sum_url = arena_printf(a, "%s.sha256", o->url);
    } else {
        if (!*c->token)
            return err_set(e, "%s: IPINFO_TOKEN is needed", name);
        /* the token is the user of basic authentication, so that it is in no log of a proxy */
        o->user = c->token;
        o->password = "";
        o->url = arena_printf(a, "%s/data/%s.mmdb", c->ipinfo_url, name);
        o->sum_url = arena_printf(a, "%s/checksums", o->url);
    }
    return true;
}

/* "SUM  NAME" by MaxMind, {"checksums": {"sha256": SUM}} by IPinfo. */
static bool read_sum(const struct offer *o, struct str text, char sum[DOWNLOAD_SUM])
{
    json_t *whole = o->is_maxmind ? NULL : json_loadb(text.p, text.len, 0, NULL);
    const char *member = NULL;
    if (json_unpack(whole, "{s:{s:s}}", "checksums", "sha256", &member) == 0)
        text = str_from(member);
    size_t n = 0;
    while (n < text.len && n < DOWNLOAD_SUM - 1 && isxdigit((unsigned char)text.p[n])) {
        sum[n] = (char)tolower((unsigned char)text.p[n]);
        n++;
    }
    sum[n] = 0;
    bool ok = n == DOWNLOAD_SUM - 1 && (n == text.len || isspace((unsigned char)text.p[n]));
    json_decref(whole);
    return ok;
}

static bool fetch_sum(const struct offer *o, char sum[DOWNLOAD_SUM], struct err *e)
{
    const struct download d = {o->sum_url, o->user, o->password};
    struct buf body;
    char bare[URL_BARE];
    bool ok =
        download(&d, SUM_MOST, &body, e) &&
        (read_sum(o, buf_str(&body), sum) || err_set(e, "%s: this is no SHA-256", url_bare(d.url, bare)));
    buf_fini(&body);
    return ok;
}

/* The database as it is to be in its file. */
static bool fetch(const struct offer *o, const char *want, struct buf *whole, struct str *mmdb, struct err *e)
{
    const size_t most = (size_t)GEOFILES_MOST << 20;
    const struct download d = {o->url, o->user, o->password};
    struct buf body;
    char sum[DOWNLOAD_SUM], bare[URL_BARE];
    bool ok = download(&d, most, &body, e);
    if (ok) {
        download_sum(buf_str(&body), sum);
        ok = strcmp(sum, want) == 0 || err_set(e, "this is not the file whose SHA-256 the server says");
        ok = ok && download_gunzip(buf_str(&body), most, whole, e);
        *mmdb = buf_str(whole);
        ok = ok && (!o->is_maxmind || tar_find(*mmdb, ".mmdb", mmdb, e));
        if (!ok)
            err_wrap(e, "%s", url_bare(o->url, bare));
    }
    buf_fini(&body);
    return ok;
}

/* Whether what is there has this sum: IPinfo lets a file be fetched three times a day. */
static bool is_current(const char *path, const char *sum)
{
    struct buf b;
    struct err e;
    char now[DOWNLOAD_SUM];
    buf_init(&b, 0);
    bool ok = file_read(path, (size_t)GEOFILES_MOST << 20, &b, &e);
    if (ok)
        download_sum(buf_str(&b), now);
    buf_fini(&b);
    return ok && strcmp(now, sum) == 0;
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

static bool renew(struct update *u, const char *path, const char *name, bool is_asn, bool is_geo,
                  struct err *e)
{
    struct offer o = {0};
    struct buf whole;
    struct str mmdb;
    char sum[DOWNLOAD_SUM];
    if (!offer_of(u, name, &o, e) || !fetch_sum(&o, sum, e))
        return false;
    if (!o.is_maxmind && is_current(path, sum)) {
        printf("%s: there is no newer one\n", path);
        return true;
    }
    buf_init(&whole, 0);
    bool ok = fetch(&o, sum, &whole, &mmdb, e) && put(path, mmdb, is_asn, is_geo, e);
    if (ok)
        printf("%s: %zu bytes\n", path, mmdb.len);
    buf_fini(&whole);
    return ok;
}

static void update(struct update *u, const char *path, bool is_asn, bool is_geo)
{
    struct err e;
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    struct str name = str_from(base);
    if (!str_ends(name, STR(".mmdb")) || strpbrk(base, "?&#%")) {
        fprintf(stderr, "weir geoip: %s: not a name of a database; left out\n", path);
        return;
    }
    name.len -= 5;
    bool ok = renew(u, path, arena_z(&u->arena, name), is_asn, is_geo, &e);
    if (!ok)
        fprintf(stderr, "weir geoip: %s\n", e.msg);
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
        return misuse("expected update");
    optind++;
    if (!folder && !config && optind < argc)
        config = argv[optind++];
    if (!folder == !config)
        return misuse("expected a configuration, or --to and names of databases");
    if (folder && optind == argc)
        return misuse("expected names of databases, such as GeoLite2-City");
    if (config && optind < argc)
        return misuse("with a configuration, its files say which databases; names want --to");
    struct update u = {0};
    arena_init(&u.arena);
    int rc = folder ? update_named(&u, folder, argv + optind, argc - optind) : update_configured(&u, config);
    arena_fini(&u.arena);
    return rc;
}
