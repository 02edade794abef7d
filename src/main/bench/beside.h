/*
 * bench_beside: what another collector takes for the same datagrams, so that numbers of one machine and one hour stand beside each
 * other. The collector runs as a child with its files in a folder of its own, and gets the datagrams over loopback.
 */
#pragma once
#include "schema/dgram.h"
#include <stddef.h>

/*
 * CPU time, ns, user and system, that nfcapd, sfcapd, nfacctd or sfacctd (found in PATH) needs for `rounds` times all n datagrams, less what it
 * needs for none. 0: it is not installed, or ended badly.
 */
uint64_t bench_beside(const char *program, const struct dgram *d, size_t n, unsigned rounds);
