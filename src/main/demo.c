/* weir demo: ends the demonstration, or begins it again, in a `weir run` that goes on running. */
#include "main/commands.h"
#include "main/datadir.h"
#include "main/run/run.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int usage(FILE *f, int status)
{
    fprintf(f, "usage: weir demo stop [--purge] [--data-dir DIR]\n"
               "       weir demo start [--data-dir DIR]\n\n"
               "`stop` ends the demo exporters of the running weir and keeps them from coming back; with "
               "--purge their\n"
               "flows are deleted as well, from all tables. Everything else goes on running.\n");
    return status;
}

/* Without a running weir: the marker is all there is to change. */
static int mark(const char *data_dir, bool stop, bool purge, const struct err *why)
{
    struct err e = {""};
    char path[4096];
    snprintf(path, sizeof path, "%s/" RUN_DEMO_STOPPED, data_dir);
    if (purge || access(data_dir, W_OK) != 0) {
        fprintf(stderr, "weir demo: %s%s\n", why->msg,
                purge ? "; start it first: rows are deleted by the store" : "");
        return 1;
    }
    if (!stop)
        unlink(path);
    else if (!datadir_write(data_dir, RUN_DEMO_STOPPED, STR("weir demo start brings them back\n"), &e)) {
        fprintf(stderr, "weir demo: %s\n", e.msg);
        return 1;
    }
    printf("weir is not running; the demo exporters %s the next time\n", stop ? "stay away" : "start");
    return 0;
}

int cmd_demo(int argc, char **argv)
{
    static const struct option options[] = {{"purge", no_argument, NULL, 'p'},
                                            {"data-dir", required_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *data_dir = "var";
    bool purge = false;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        if (c == 'p')
            purge = true;
        else if (c == 'd')
            data_dir = optarg;
        else
            return usage(c == 'h' ? stdout : stderr, c == 'h' ? 0 : 2);
    const char *what = optind + 1 == argc ? argv[optind] : "";
    bool stop = strcmp(what, "stop") == 0;
    if (!stop && (strcmp(what, "start") != 0 || purge))
        return usage(stderr, 2);
    struct err e = {""};
    struct buf answer;
    if (!datadir_known(data_dir, &e)) {
        fprintf(stderr, "weir demo: %s\n", e.msg);
        return 1;
    }
    buf_init(&answer, 1 << 20);
    int status = 0;
    if (run_control_ask(data_dir,
                        !stop   ? "demo start\n"
                        : purge ? "demo stop purge\n"
                                : "demo stop\n",
                        &answer, &e)) {
        fwrite(answer.p, 1, answer.len, stdout);
        status = str_starts(buf_str(&answer), STR("ok")) ? 0 : 1;
    } else {
        status = mark(data_dir, stop, purge, &e);
    }
    buf_fini(&answer);
    return status;
}
