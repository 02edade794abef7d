/*
 * bench: what `weir bench NAME` measures; each prints lines "name value unit" with the names of doc/performance.md.
 *
 * Nanoseconds are CPU time of the process that does the work.
 */
#pragma once
#include <stdint.h>

void bench_print(const char *name, double value, const char *unit);
/* "--rate 1000" among the arguments, or what is given here; anything that is no number ends the program. */
uint64_t bench_number(int argc, char **argv, const char *name, uint64_t otherwise);
const char *bench_text(int argc, char **argv, const char *name, const char *otherwise);

/* Folder of the captures nf5-var.pcap and so on: --captures, or where a checkout has them. */
const char *bench_captures(int argc, char **argv);

/* argv[0] is the benchmark's name; the result is the exit status. */
int bench_decode(int argc, char **argv);
int bench_enrich(int argc, char **argv);
int bench_inlet(int argc, char **argv);
int bench_path(int argc, char **argv);
int bench_e2e(int argc, char **argv);
int bench_store(int argc, char **argv);
int bench_console(int argc, char **argv);
int bench_nets(int argc, char **argv);
int bench_rib(int argc, char **argv);
