/*
 * parse: the body of an answer of a remote source as a value of libjq. Pure; any thread.
 *
 * csv gives an array with an object for each record (RFC 4180), its fields "f1", "f2"...: a header, where there is one, is
 * the first. plain gives an array of the lines. Bytes that are no UTF-8 become U+FFFD.
 */
#pragma once
#include "base/err.h"
#include "base/buf.h"
#include "enrich/enrich_conf.h"
#include <jv.h>

/* What a body may hold at most; each costs some 500 bytes while it is read. */
enum { PARSE_CONTAINERS = 1000000, PARSE_VALUES = 8000000 };

/* An invalid jv with the reason in *e when it is no such text, or too much of it. */
jv parse_body(enum enrich_parser parser, struct str body, struct err *e);
