/*
 * classify: rules of outlet.core that give exporters and interfaces their group, site, provider, boundary and so on.
 *
 * A struct classifier is compiled from the configuration and constant then. The source evaluates it for edges that are
 * new (schema/edge.h), behind the sources of metadata, whose names it reads; each of its workers keeps what came out for
 * an exporter and for an interface, so that a rule runs once for each of them until rules or names change. Attributes
 * that metadata has set keep all rules from that exporter or interface. Column Verdict says so, and whether
 * Reject() was called.
 */
#pragma once
#include "base/snapshot.h"
#include "enrich/enrich_conf.h"
#include "enrich/source.h"
#include "lang/rule.h"

extern const struct source enrich_classify;

struct classifier;

/* False with rule, line, column and the place marked; *bad_key is the list that has the rule. */
bool classify_check(const struct enrich_core_conf *core, const char **bad_key, struct err *e);
/* NULL with the same. */
struct classifier *classify_new(const struct enrich_core_conf *core, const char **bad_key, struct err *e);
void classify_free(struct classifier *c);
/* The rules of a configuration that was checked, with counters of errors by rule. */
void classify_publish(struct snapshot *s, const struct enrich_core_conf *core);

/* For snapshots of the source (may be NULL): does a rule look at VLANs, may one reject? */
bool classify_by_vlan(const struct classifier *c);
bool classify_may_reject(const struct classifier *c);

/* ---- evaluation of one object */

struct classify_failure {
    int rule; /* -1: none */
    const char *why;
};

/* All rules of one scope, as far as they are needed: until everything is set, one rejects or one fails. */
void classify_run(const struct classifier *c, enum rule_scope scope, struct rule_vm *vm,
                  const struct rule_subject *s, struct rule_outcome *o, struct classify_failure *failed);
/* Number of rules; text of one. */
size_t classify_rules(const struct classifier *c, enum rule_scope scope);
const char *classify_rule(const struct classifier *c, enum rule_scope scope, size_t i);
