/* weir asns: names of autonomous systems, newer than those the program carries, for the orchestrator to serve. */
#include "orch/asns.h"
#include "base/clock.h"
#include "base/file.h"
#include "enrich/nets/mmdb.h"
#include "main/commands.h"
#include "main/datadir.h"
#include "main/download.h"
#include "net/url.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* DB-IP's IP to ASN Lite, by month (CC BY 4.0: whoever shows the names names DB-IP.com). */
#define DB_IP "https://download.db-ip.com/free/dbip-asn-lite-%Y-%m.csv.gz"
enum { MOST = 256 << 20 }; /* DB-IP's table is 40 MB, a database with names of AS 10 to 60 */

static int usage(FILE *f)
{
    fputs("usage: weir asns update [--data-dir DIR] [--url URL | FILE...]\n"
          "       weir asns clean FILE...\n\n"
          "update: fetches names of autonomous systems, cleans them, and keeps them in DIR, where the "
          "orchestrator\n"
          "serves them from; they come before those weir carries and after `clickhouse.asns` of the "
          "configuration.\n"
          "DIR (var) is the data directory of the orchestrator; one that is not there yet is made.\n"
          "Without URL and FILE they are those of DB-IP's IP to ASN Lite of this month (CC BY 4.0, "
          "DB-IP.com).\n"
          "clean: prints them instead.\n\n"
          "A file is CSV (number and name; or first address, last address, number and name), packed with "
          "gzip or not,\n"
          "or an MMDB database with names of AS, such as GeoLite2-ASN.\n",
          f);
    return f == stdout ? 0 : 2;
}

static int misuse(const char *why)
{
    fprintf(stderr, "weir asns: %s\n\n", why);
    return usage(stderr);
}

/* ---- reading */

static struct str name_at(MMDB_entry_s *at)
{
    static const char *const keys[] = {"autonomous_system_organization", "as_name", "name"};
    MMDB_entry_data_s d;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (MMDB_get_value(at, &d, keys[i], NULL) == MMDB_SUCCESS && d.has_data &&
            d.type == MMDB_DATA_TYPE_UTF8_STRING)
            return (struct str){d.utf8_string, d.data_size};
    return STR("");
}

static void take_name(struct asns *t, uint32_t number, struct str name)
{
    char text[ASNS_NAME_MOST + 4];
    name.len = name.len < ASNS_NAME_MOST ? name.len : ASNS_NAME_MOST;
    name.len = str_utf8(name);
    if (!number || name.len == 0 || memchr(name.p, 0, name.len))
        return;
    memcpy(text, name.p, name.len);
    asns_add(t, number, (struct str){text, asns_clean(text, name.len)});
}

static bool read_mmdb(struct asns *t, const char *path, struct err *e)
{
    struct mmdb m;
    if (!mmdb_open(&m, path, e))
        return false;
    bool bad = false;
    for (int v4 = 1; v4 >= 0; v4--) {
        struct mmdb_walk w;
        struct prefix p;
        struct mmdb_fields f;
        uint32_t data;
        mmdb_walk_init(&w, &m, v4);
        while (mmdb_walk_next(&w, &p, &data))
            if (mmdb_read(&m, data, &f) && f.asn)
                take_name(t, f.asn, name_at(&(MMDB_entry_s){&m.file, data}));
        bad |= w.bad;
    }
    mmdb_close(&m);
    return !bad || err_set(e, "%s: the file is damaged", path);
}

static bool read_file(struct asns *t, const char *path, struct err *e)
{
    struct buf text, plain;
    buf_init(&text, 0);
    buf_init(&plain, 0);
    bool ok = file_read(path, MOST, &text, e);
    if (!ok && !e->msg[0])
        err_set(e, "%s: there is no such file", path);
    if (ok && memmem(text.p, text.len, "\xab\xcd\xefMaxMind.com", 14))
        ok = read_mmdb(t, path, e);
    else if (ok)
        ok = (download_gunzip(buf_str(&text), MOST, &plain, e) && asns_read(t, buf_str(&plain), true, e)) ||
             err_wrap(e, "%s", path);
    buf_fini(&text);
    buf_fini(&plain);
    return ok;
}

static bool read_url(struct asns *t, const char *url, struct err *e)
{
    struct buf body, text;
    const struct download d = {.url = url};
    char bare[URL_BARE];
    buf_init(&text, 0);
    bool ok = download(&d, MOST, &body, e) &&
              ((download_gunzip(buf_str(&body), MOST, &text, e) && asns_read(t, buf_str(&text), true, e)) ||
               err_wrap(e, "%s", url_bare(url, bare)));
    buf_fini(&body);
    buf_fini(&text);
    return ok;
}

/* This month's, or the last one's where that is not there yet. */
static bool read_default(struct asns *t, struct err *e)
{
    time_t now = (time_t)(clock_wall_ns() / 1000000000u);
    char url[200];
    for (int k = 0; k < 2; k++) {
        struct tm tm;
        gmtime_r(&now, &tm);
        strftime(url, sizeof url, DB_IP, &tm);
        if (read_url(t, url, e))
            return true;
        now -= (time_t)tm.tm_mday * 86400; /* the last day of the month before */
    }
    return false;
}

/* ---- */

struct request {
    bool update;
    const char *data_dir, *url;
    char **files;
    int n_files;
};

static bool read_all(struct asns *t, const struct request *r, struct err *e)
{
    for (int i = 0; i < r->n_files; i++)
        if (!read_file(t, r->files[i], e))
            return false;
    if (r->n_files == 0 && !(r->url ? read_url(t, r->url, e) : read_default(t, e)))
        return false;
    return t->n > 0 || err_set(e, "there is no name of an AS");
}

static int run(const struct request *r)
{
    struct asns t;
    struct buf out;
    struct err e;
    asns_init(&t);
    buf_init(&out, 0);
    bool made = false, ok = (!r->update || datadir_claim(r->data_dir, &made, &e)) && read_all(&t, r, &e);
    if (made)
        fprintf(stderr, "weir asns: %s is a data directory of weir's now\n", r->data_dir);
    if (ok)
        asns_write(&t, false, &out);
    if (ok && !r->update)
        fwrite(out.p, 1, out.len, stdout);
    else if (ok && datadir_write(r->data_dir, ASNS_FILE, buf_str(&out), &e))
        printf("%s/%s: %u names\n", r->data_dir, ASNS_FILE, t.n);
    else {
        ok = false;
        fprintf(stderr, "weir asns: %s\n", e.msg);
    }
    buf_fini(&out);
    asns_fini(&t);
    return ok ? 0 : 1;
}

int cmd_asns(int argc, char **argv)
{
    static const struct option options[] = {{"data-dir", required_argument, NULL, 'd'},
                                            {"url", required_argument, NULL, 'u'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct request r = {.data_dir = "var"};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        switch (c) {
        case 'd':
            r.data_dir = optarg;
            break;
        case 'u':
            r.url = optarg;
            break;
        case 'h':
            return usage(stdout);
        default:
            return usage(stderr);
        }
    if (optind == argc)
        return misuse("expected update or clean");
    r.update = strcmp(argv[optind], "update") == 0;
    r.files = argv + optind + 1;
    r.n_files = argc - optind - 1;
    if (!r.update && strcmp(argv[optind], "clean") != 0)
        return misuse("expected update or clean");
    if (!r.update && (r.url || !r.n_files))
        return misuse("clean takes files, and no URL");
    if (r.url && r.n_files)
        return misuse("expected a URL or files, not both");
    return run(&r);
}
