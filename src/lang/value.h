/* value: literals of the filter language: a token becomes a value of a column's kind. One thread. */
#pragma once
#include "lang/filter.h"

/* What a value of this column looks like, for messages: "a number", "an address or a network". */
const char *value_expected(enum column_kind kind);
/* False with a positioned error. `net_only`: an address without length is refused. */
bool value_parse(struct lexer *l, const struct token *t, enum column c, bool net_only,
                 struct filter_value *v);
