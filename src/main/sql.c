/* weir sql: asks the store. With a terminal and no statement an interactive session, else one statement. */
#include "main/commands.h"
#include "main/config.h"
#include "main/datadir.h"
#include "main/store_reach.h"
#include <errno.h>
#include <getopt.h>
#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HISTORY_LINES = 2000, TIMEOUT_S = 3600, STATEMENT_MAX = 1 << 20 };

struct sql {
    struct arena arena;
    const char *config, *data_dir, *format;
    struct store_reach reach;
    struct ch *ch;
    char last; /* byte of the answer */
};

extern char **environ;
static volatile sig_atomic_t interrupted;

static void usage(FILE *f)
{
    fprintf(f, "usage: weir sql [--config FILE] [--data-dir DIR] [--format FORMAT] ['SELECT ...']\n\n"
               "Asks the store (or the servers of clickhousedb in FILE). Without a statement: an interactive "
               "session on a\n"
               "terminal, else the statement is read from standard input.\n\n"
               "      --config FILE    take servers, user and password from this configuration\n"
               "      --data-dir DIR   where the store's password is, and the history (default: var)\n"
               "      --format FORMAT  any output format of ClickHouse: JSON, CSVWithNames, Vertical ...\n");
}

/* ---- one statement */

static bool abandon(void *arg)
{
    return interrupted;
}

static bool print(void *arg, struct str piece)
{
    struct sql *s = arg;
    if (piece.len)
        s->last = piece.p[piece.len - 1];
    return fwrite(piece.p, 1, piece.len, stdout) == piece.len;
}

static bool ask(struct sql *s, const char *statement, const char *format)
{
    struct buf settings;
    struct err e = {""};
    buf_init(&settings, 0);
    ch_param(&settings, "default_format", str_from(format));
    ch_param(&settings, "output_format_pretty_color", str_from(isatty(STDOUT_FILENO) ? "1" : "0"));
    buf_u8(&settings, 0);
    interrupted = 0;
    s->last = '\n';
    const struct ch_query q = {.sql = statement,
                               .settings = (const char *)settings.p,
                               .timeout_ns = TIMEOUT_S * UINT64_C(1000000000),
                               .abandon = abandon,
                               .sink = print,
                               .sink_arg = s};
    enum ch_failure how = ch_query(s->ch, &q, NULL, &e);
    bool ok = how == CH_OK;
    buf_fini(&settings);
    if (isatty(STDOUT_FILENO) && s->last != '\n')
        putchar('\n');
    if (fflush(stdout) != 0 && ok)
        ok = err_errno(&e, "standard output");
    store_reach_explain(&s->reach, &e);
    if (!ok)
        fprintf(stderr, "weir sql: %s\n", interrupted ? "interrupted" : e.msg);
    if (how == CH_AWAY && !ch_answered(s->ch) && !interrupted)
        fprintf(stderr, "  does weir run? --config and --data-dir say where its store is\n");
    return ok;
}

/* ---- the session */

static void on_interrupt(int sig)
{
    interrupted = 1;
}

static char *prompt(EditLine *el)
{
    static char first[] = "weir> ", more[] = "   -> ";
    bool *inside;
    el_get(el, EL_CLIENTDATA, &inside);
    return *inside ? more : first;
}

/* Whether a statement is whole: it ends with ";" or stands on one line without a backslash behind it. */
static bool is_whole(struct buf *statement)
{
    struct str s = str_trim(buf_str(statement));
    if (s.len && s.p[s.len - 1] == '\\') {
        statement->len = (size_t)(s.p - (const char *)statement->p) + s.len - 1;
        buf_u8(statement, '\n');
        return false;
    }
    return true;
}

static bool is_end(struct str s)
{
    return str_eq_nocase(s, STR("exit")) || str_eq_nocase(s, STR("quit")) || str_eq_nocase(s, STR("\\q"));
}

static void serve(struct sql *s, EditLine *el, History *h, bool *inside)
{
    struct buf statement;
    HistEvent ev;
    const char *line;
    int n;
    buf_init(&statement, STATEMENT_MAX);
    while ((line = el_gets(el, &n)) && n > 0) {
        buf_add(&statement, line, (size_t)n);
        if ((*inside = !is_whole(&statement)))
            continue;
        struct str text = str_trim(buf_str(&statement));
        if (is_end(text))
            break;
        if (text.len) {
            char *z = arena_z(&s->arena, text);
            history(h, &ev, H_ENTER, z);
            ask(s, z, s->format ? s->format : "PrettyCompact");
        }
        buf_reset(&statement);
    }
    buf_fini(&statement);
}

static int session(struct sql *s)
{
    char file[PATH_MAX];
    bool inside = false;
    HistEvent ev;
    History *h = history_init();
    EditLine *el = el_init("weir", stdin, stdout, stderr);
    if (!h || !el)
        return 1;
    snprintf(file, sizeof file, "%s/sql.history", s->data_dir);
    signal(SIGINT, on_interrupt);
    history(h, &ev, H_SETSIZE, HISTORY_LINES);
    history(h, &ev, H_SETUNIQUE, 1);
    history(h, &ev, H_LOAD, file);
    el_set(el, EL_CLIENTDATA, &inside);
    el_set(el, EL_PROMPT, prompt);
    el_set(el, EL_EDITOR, "emacs");
    el_set(el, EL_SIGNAL, 0);
    el_set(el, EL_HIST, history, h);
    printf("%s. A statement is one line; a backslash at its end continues it. Ctrl-D leaves.\n",
           ch_server(s->ch));
    if (ask(s, "SHOW TABLES", "PrettyCompact"))
        serve(s, el, h, &inside);
    mode_t mask = umask(077);
    history(h, &ev, H_SAVE, file);
    umask(mask);
    el_end(el);
    history_end(h);
    return 0;
}

/* ---- arguments */

static char *read_statement(struct arena *a)
{
    struct buf b;
    char piece[4096];
    size_t n;
    buf_init(&b, STATEMENT_MAX);
    while ((n = fread(piece, 1, sizeof piece, stdin)) > 0)
        buf_add(&b, piece, n);
    char *z = arena_z(a, buf_str(&b));
    buf_fini(&b);
    return z;
}

static int arguments(struct sql *s, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"data-dir", required_argument, NULL, 'd'},
                                            {"format", required_argument, NULL, 'f'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    s->data_dir = "var";
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "c:f:h", options, NULL)) != -1;)
        switch (c) {
        case 'c':
            s->config = optarg;
            break;
        case 'd':
            s->data_dir = optarg;
            break;
        case 'f':
            s->format = optarg;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    if (argc - optind > 1) {
        usage(stderr);
        return 2;
    }
    return -1;
}

int cmd_sql(int argc, char **argv)
{
    struct sql s = {0};
    struct err e = {{0}};
    int rc = arguments(&s, argc, argv);
    if (rc >= 0)
        return rc;
    setlocale(LC_ALL, ""); /* the line editor wants to know what a character is */
    arena_init(&s.arena);
    bool found = store_reach(&s.reach, s.config, s.data_dir, &s.arena, &e);
    if (!found)
        fprintf(stderr, "weir sql: %s\n", e.msg);
    rc = 1;
    if (found) {
        s.ch = ch_new(&s.reach.db);
        if (optind == argc && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
            rc = session(&s);
        } else {
            const char *statement = optind < argc ? argv[optind] : read_statement(&s.arena);
            const char *otherwise = isatty(STDOUT_FILENO) ? "PrettyCompact" : "TabSeparated";
            rc = ask(&s, statement, s.format ? s.format : otherwise) ? 0 : 1;
        }
        ch_free(s.ch);
    }
    store_reach_fini(&s.reach);
    arena_fini(&s.arena);
    return rc;
}
