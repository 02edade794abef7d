/*
 * lists: structured data in IPFIX records (RFC 6313): lists of values and of records within a field.
 *
 * What a list holds fills columns that the record itself leaves empty, the first value first; lists of BGP communities and
 * AS paths (RFC 8549) fill the columns of that kind. One thread.
 */
#pragma once
#include "decode/plan.h"

enum { LISTS_DEPTH = 8 /* lists within lists; what is deeper is passed over */ };

/* Who is told each value on the way; NULL functions are left out. */
struct lists_visitor {
    void (*begin)(struct lists_visitor *v, unsigned depth, const struct element *list, uint16_t template_id);
    void (*value)(struct lists_visitor *v, unsigned depth, uint16_t list, uint32_t pen, uint16_t id,
                  struct str bytes);
};

/* Why a list could not be walked to its end. */
enum lists_end { LISTS_WHOLE, LISTS_CUT, LISTS_NO_TEMPLATE, LISTS_DEEP };

/*
 * Walks the content of a field `list` (an element's id) of `type`: basicList, subTemplateList or subTemplateMultiList.
 * Takes time in proportion to its bytes, whatever they say.
 */
enum lists_end lists_walk(const struct session_table *tab, const struct session *s,
                          const struct registry *reg, uint16_t list, enum element_type type,
                          struct str content, struct lists_visitor *v);

/* After the operations of a run: what its lists hold. */
void lists_run(struct plan_run *r);
