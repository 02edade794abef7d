/* operator: the table of operators (operators.def) and look-ups in it. Constant data; any thread. */
#pragma once
#include "schema/column.h"

enum operand { OPERAND_ONE, OPERAND_LIST, OPERAND_NET, OPERAND_COLUMN, OPERAND_NAME, OPERAND_NAMES };

struct operator_def {
    const char *text;
    unsigned kinds; /* bits of 1 << enum column_kind */
    enum operand operand;
    const char *sql, *doc;
};

extern const struct operator_def operator_defs[];
extern const size_t operator_count;

/* The row of this text and operand for a column of this kind; NULL when there is none. */
const struct operator_def *operator_find(struct str text, enum column_kind kind, enum operand operand);
/* True when some row has this text for this kind; any kind when `kind` is KIND_NONE. */
bool operator_known(struct str text, enum column_kind kind);
/* The first of the rows with its text for this kind: each operator once, for completion. */
bool operator_first(size_t row, enum column_kind kind);
