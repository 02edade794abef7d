/* The table of subcommands. */
#include "main/commands.h"
#include "base/str.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int cmd_help(int argc, char **argv);

/* A row without a function begins a group. */
static const struct command commands[] = {
    {NULL, "On one machine:", NULL},
    {"run", "run all roles on this machine", cmd_run},
    {"demo", "end the demonstration of a running weir, or begin it again", cmd_demo},

    {NULL, "Roles, each a process of its own:", NULL},
    {"inlet", "receive datagrams and put them on the bus", cmd_inlet},
    {"outlet", "decode, complete and store flows", cmd_outlet},
    {"orchestrator", "serve the configuration, make tables and dictionaries", cmd_orchestrator},
    {"store", "keep flows: ClickHouse in a process of its own", cmd_store},
    {"console", "serve the API and the page", cmd_console},
    {"demo-exporter", "send made-up flows", cmd_demo_exporter},

    {NULL, "Tools:", NULL},
    {"asns", "fetch names of autonomous systems", cmd_asns},
    {"bench", "measure a part of weir on this machine", cmd_bench},
    {"classify", "try classifier rules, on one object or on all that was seen", cmd_classify},
    {"decode", "print the flows of captures", cmd_decode},
    {"filter", "what a filter of the console means in SQL", cmd_filter},
    {"geoip", "fetch GeoIP databases with your own account", cmd_geoip},
    {"healthcheck", "ask a role how it is", cmd_healthcheck},
    {"help", "say more about a command", cmd_help},
    {"manual", "print the manual of the configuration, or its JSON schema", cmd_manual},
    {"rewind", "decode and complete stored flows again, with today's configuration", cmd_rewind},
    {"sql", "ask the store in SQL", cmd_sql},
    {"version", "print the version", cmd_version},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *f)
{
    fprintf(f, "usage: weir COMMAND [ARGUMENTS]\n");
    for (int i = 0; i < N_COMMANDS; i++)
        if (commands[i].run)
            fprintf(f, "  %-16s %s\n", commands[i].name, commands[i].summary);
        else
            fprintf(f, "\n%s\n", commands[i].summary);
    fprintf(f, "\nweir COMMAND --help says more about one.\n");
}

static const struct command *find(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (commands[i].run && strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *near = NULL;
    unsigned least = strlen(name) < 4 ? 1 : strlen(name) < 9 ? 2 : 3;
    for (int i = 0; i < N_COMMANDS; i++) {
        unsigned d =
            commands[i].run ? str_distance(str_from(name), str_from(commands[i].name), least) : least + 1;
        if (d < least || (d == least && !near)) {
            near = commands[i].name;
            least = d;
        }
    }
    if (near)
        fprintf(stderr, "weir: there is no command \"%s\"; did you mean \"%s\"?\n\n", name, near);
    else
        fprintf(stderr, "weir: there is no command \"%s\"\n\n", name);
    usage(stderr);
    return 2;
}

static int cmd_help(int argc, char **argv)
{
    const struct command *c = argc > 1 ? find(argv[1]) : NULL;
    if (argc > 1 && strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "help") != 0) {
        char *asked[] = {argv[1], (char[]){"--help"}, NULL};
        return c ? c->run(2, asked) : unknown(argv[1]);
    }
    usage(stdout);
    return 0;
}

/* Output that could not be written makes a failure of a success. A reader who had enough (EPIPE) is none. */
static int written(int status)
{
    int why = errno; /* of a write before, when the last thing that failed was one */
    if (fflush(stdout) != 0)
        why = errno;
    else if (!ferror(stdout))
        return status;
    else if (why != ENOSPC && why != EDQUOT && why != EFBIG && why != EBADF && why != EPIPE)
        why = EIO;
    if (why == EPIPE)
        return status;
    fprintf(stderr, "weir: standard output: %s\n", strerror(why));
    return status ? status : 1;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        usage(stderr);
        return 2;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    const struct command *c = find(name);
    return c ? written(c->run(argc - 1, argv + 1)) : unknown(name);
}
