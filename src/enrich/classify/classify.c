/* Two lists of rules, and what each is to do with one object. */
#include "enrich/classify/classify.h"
#include "base/counters.h"
#include "base/log.h"
#include "enrich/classify/internal.h"
#include <stdio.h>
#include <stdlib.h>

static struct rules *of(struct classifier *c, enum rule_scope scope)
{
    return scope == RULE_EXPORTER ? &c->exporter : &c->interface;
}

/* ---- compiling */

/* Of the regular expressions of both lists, as rule_regexps_size counts: a second to compile, some 100 MiB. */
enum { REGEXPS_MAX = 2 << 20 };

static bool refuse(const char *text, size_t i, const struct lang_error *le, struct err *e)
{
    struct buf b;
    buf_init(&b, 512);
    lexer_caret(str_from(text), le, &b);
    while (b.len && b.p[b.len - 1] == '\n')
        b.len--;
    err_set(e, "rule %zu, line %u, column %u: %s\n%.*s", i + 1, le->line, le->column, le->message, (int)b.len,
            b.p);
    buf_fini(&b);
    return false;
}

static bool compile(struct rules *l, struct arena *a, const struct opt_list *texts, enum rule_scope scope,
                    size_t *regexps, struct err *e)
{
    l->rules = arena_array(a, texts->n, sizeof *l->rules);
    l->texts = arena_array(a, texts->n, sizeof *l->texts);
    for (size_t i = 0; i < texts->n; i++) {
        struct lang_error le;
        const char *text = *OPT_ITEM(*texts, const char *, i);
        l->texts[i] = arena_strdup(a, text);
        l->rules[i] = rule_compile(str_from(l->texts[i]), scope, a, &le);
        if (!l->rules[i])
            return refuse(text, i, &le, e);
        l->n++;
        *regexps += rule_regexps_size(l->rules[i]);
        if (*regexps > REGEXPS_MAX)
            return err_set(e, "rule %zu: the regular expressions of all rules together are too large", i + 1);
        l->vlan |= rule_uses_vlan(l->rules[i]);
        l->reject |= rule_may_reject(l->rules[i]);
    }
    return true;
}

struct classifier *classify_new(const struct enrich_core_conf *core, const char **bad_key, struct err *e)
{
    static uint64_t ids;
    size_t regexps = 0;
    struct classifier *c = xcalloc(1, sizeof *c);
    c->id = __atomic_add_fetch(&ids, 1, __ATOMIC_RELAXED);
    arena_init(&c->arena);
    *bad_key = "exporter-classifiers";
    bool ok = compile(&c->exporter, &c->arena, &core->exporter_classifiers, RULE_EXPORTER, &regexps, e);
    if (ok) {
        *bad_key = "interface-classifiers";
        ok = compile(&c->interface, &c->arena, &core->interface_classifiers, RULE_INTERFACE, &regexps, e);
    }
    if (ok)
        return c;
    classify_free(c);
    return NULL;
}

static void rules_fini(struct rules *l)
{
    for (size_t i = 0; i < l->n; i++) {
        rule_fini(l->rules[i]);
        if (l->errors)
            counters_free(l->errors[i]);
    }
}

void classify_free(struct classifier *c)
{
    if (!c)
        return;
    rules_fini(&c->exporter);
    rules_fini(&c->interface);
    arena_fini(&c->arena);
    free(c);
}

bool classify_check(const struct enrich_core_conf *core, const char **bad_key, struct err *e)
{
    struct classifier *c = classify_new(core, bad_key, e);
    classify_free(c);
    return c != NULL;
}

/* ---- in the outlet */

static const struct counter_def counted[] = {
    {"outlet_core_classifier_errors_total", "Times a rule of a classifier failed, by its place in the list.",
     COUNTER}};

static void count_errors(struct classifier *c, enum rule_scope scope)
{
    struct rules *l = of(c, scope);
    l->errors = arena_array(&c->arena, l->n, sizeof *l->errors);
    for (size_t i = 0; i < l->n; i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "type=\"%s\",index=\"%zu\"",
                 scope == RULE_EXPORTER ? "exporter" : "interface", i);
        l->errors[i] = counters_new(counted, 1, labels);
    }
}

static void free_it(void *c)
{
    classify_free(c);
}

void classify_publish(struct snapshot *s, const struct enrich_core_conf *core)
{
    const char *key;
    struct err e;
    struct classifier *c = classify_new(core, &key, &e);
    if (!c) { /* only when it was not checked: tests, and the configuration's own code */
        log_error("outlet", "classifier rules are not used", "list", key, "error", e.msg, NULL);
        return;
    }
    count_errors(c, RULE_EXPORTER);
    count_errors(c, RULE_INTERFACE);
    snapshot_publish(s, c, free_it);
}

bool classify_by_vlan(const struct classifier *c)
{
    return c && c->interface.vlan;
}

bool classify_may_reject(const struct classifier *c)
{
    return c && (c->exporter.reject || c->interface.reject);
}

/* ---- running */

static bool complete(enum rule_scope scope, const struct rule_outcome *o)
{
    if (o->reject)
        return true;
    if (scope == RULE_INTERFACE)
        return o->text[RULE_CONNECTIVITY].len && o->text[RULE_PROVIDER].len && o->boundary;
    for (int a = RULE_GROUP; a <= RULE_TENANT; a++)
        if (!o->text[a].len)
            return false;
    return true;
}

/* The first time is said, with what the object was; after that, counters are enough. */
static void count_failure(const struct rules *l, enum rule_scope scope, const struct rule_subject *s,
                          const struct classify_failure *f)
{
    if (!l->errors)
        return;
    char ip[64];
    snprintf(ip, sizeof ip, "%.*s", STR_ARG(s->exporter_ip));
    if (counter_get(l->errors[f->rule], 0) == 0)
        log_warn("outlet", "a classifier rule fails", "type",
                 scope == RULE_EXPORTER ? "exporter" : "interface", "rule", LOG_U64((uint64_t)f->rule + 1),
                 "error", f->why, "exporter", ip, NULL);
    counter_add_shared(l->errors[f->rule], 0, 1);
}

void classify_run(const struct classifier *c, enum rule_scope scope, struct rule_vm *vm,
                  const struct rule_subject *s, struct rule_outcome *o, struct classify_failure *failed)
{
    const struct rules *l = scope == RULE_EXPORTER ? &c->exporter : &c->interface;
    rule_begin(vm, s, o);
    *failed = (struct classify_failure){.rule = -1};
    for (size_t i = 0; i < l->n; i++) {
        if (!rule_run(vm, l->rules[i], (int)i, &failed->why)) {
            failed->rule = (int)i;
            count_failure(l, scope, s, failed);
            return;
        }
        if (complete(scope, o))
            return;
    }
}

size_t classify_rules(const struct classifier *c, enum rule_scope scope)
{
    return scope == RULE_EXPORTER ? c->exporter.n : c->interface.n;
}

const char *classify_rule(const struct classifier *c, enum rule_scope scope, size_t i)
{
    return (scope == RULE_EXPORTER ? &c->exporter : &c->interface)->texts[i];
}
