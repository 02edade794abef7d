/* commands: entry points of the subcommands; argv[0] is the subcommand's name, the result the process's exit status. */
#pragma once
#include <stdbool.h>

struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
};

int cmd_decode(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_demo_exporter(int argc, char **argv);
int cmd_asns(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_classify(int argc, char **argv);
int cmd_console(int argc, char **argv);
int cmd_filter(int argc, char **argv);
int cmd_geoip(int argc, char **argv);
int cmd_healthcheck(int argc, char **argv);
int cmd_inlet(int argc, char **argv);
int cmd_manual(int argc, char **argv);
int cmd_orchestrator(int argc, char **argv);
int cmd_outlet(int argc, char **argv);
int cmd_rewind(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_sql(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_version(int argc, char **argv);
