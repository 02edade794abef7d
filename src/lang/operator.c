#include "lang/operator.h"

#define K(kind) (1u << KIND_##kind)
const struct operator_def operator_defs[] = {
#define OPERATOR(text, kinds, operand, sql, doc) {text, kinds, OPERAND_##operand, sql, doc},
#include "lang/operators.def"
#undef OPERATOR
};
const size_t operator_count = sizeof operator_defs / sizeof *operator_defs;

static bool applies(const struct operator_def *o, struct str text, enum column_kind kind)
{
    return (kind == KIND_NONE || o->kinds & 1u << kind) && str_eq_nocase(text, str_from(o->text));
}

const struct operator_def *operator_find(struct str text, enum column_kind kind, enum operand operand)
{
    for (size_t i = 0; i < operator_count; i++)
        if (operator_defs[i].operand == operand && applies(&operator_defs[i], text, kind))
            return &operator_defs[i];
    return NULL;
}

bool operator_known(struct str text, enum column_kind kind)
{
    for (size_t i = 0; i < operator_count; i++)
        if (applies(&operator_defs[i], text, kind))
            return true;
    return false;
}

bool operator_first(size_t row, enum column_kind kind)
{
    struct str text = str_from(operator_defs[row].text);
    for (size_t i = 0; i < row; i++)
        if (applies(&operator_defs[i], text, kind))
            return false;
    return applies(&operator_defs[row], text, kind);
}
