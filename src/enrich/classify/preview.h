/*
 * classify/preview: what rules make of an object given as JSON, and what they would change of what the store has seen.
 * For `weir classify` and the API; any thread.
 */
#pragma once
#include <jansson.h>
#include "enrich/classify/classify.h"

/*
 * The object has the names of the language: {"Exporter": {"IP", "Name"}, "Interface": {"Index", "Name", "Description",
 * "Speed", "VLAN"}}; an exporter may stand without its wrapping. The answer has the attributes that were set, each with
 * value, number and text of the rule, "reject", and "error" with the rule that failed. NULL: no such object.
 */
json_t *classify_show(const struct classifier *c, enum rule_scope scope, const json_t *object, struct err *e);

/* Exporters and interfaces of the last day, one row a line; each line goes to preview_line. */
extern const char preview_sql[];

struct preview;

/* The rules are borrowed. */
struct preview *preview_new(const struct classifier *c);
void preview_free(struct preview *p);
/* False when this is no such line. */
bool preview_line(struct preview *p, struct str line);
/*
 * {"exporters", "interfaces": how many were looked at, "more": there are others, "changed": how many values, "changes":
 * [{"exporter", "address", "interface", "attribute", "before", "after", "rule"}] (a thousand at most), "kinds":
 * [{"attribute", "before", "after", "rule", "times"}] (the same change, wherever it is; the most frequent first, a thousand
 * at most), "failures": [{"type", "rule", "message", "times"}]}
 */
json_t *preview_result(struct preview *p);
