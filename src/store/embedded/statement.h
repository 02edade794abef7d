/*
 * statement: where the parts of an SQL text are: the rows behind an INSERT, the FORMAT a query asks for.
 *
 * Pure functions. Only as much of the language as it takes to find these; what the text means is the engine's business.
 */
#pragma once
#include "base/str.h"

enum statement_kind { STATEMENT_QUERY, STATEMENT_INSERT };

struct statement {
    enum statement_kind kind;
    struct str head;   /* INSERT: up to its FORMAT or VALUES; else the whole text without blanks around */
    struct str format; /* the one named, or empty */
    struct str rows;   /* INSERT: what follows */
    bool selects;      /* begins like a SELECT: the engine gives the answers of others only whole */
};

/* An INSERT ... SELECT is a query here. */
void statement_parse(struct str text, struct statement *out);
/* Whether an answer in this format may be made piece by piece: nothing in front, between or behind the rows. */
bool statement_streamable(struct str format);
/* For the Content-Type header. */
const char *statement_content_type(struct str format);
