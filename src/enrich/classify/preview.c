/* Rows come ordered by exporter, the newest first; that one speaks for the exporter. */
#include "enrich/classify/preview.h"
#include "enrich/classify/internal.h"
#include <stdlib.h>

enum { CHANGES_MAX = 1000, KINDS_MAX = 1000, ROWS_MAX = 200000 };

/* ---- one object */

static json_t *text_json(struct str s)
{
    json_t *t = json_stringn(s.p ? s.p : "", s.len);
    return t ? t : json_string("\xef\xbf\xbd"); /* a rule may cut characters in two */
}

static json_t *set_by(const struct classifier *c, enum rule_scope scope, json_t *value, int rule)
{
    return json_pack("{s:o, s:i, s:s}", "value", value, "rule", rule + 1, "text",
                     classify_rule(c, scope, (size_t)rule));
}

static const char *boundary_word(uint64_t b)
{
    return b == RULE_EXTERNAL ? "external" : b == RULE_INTERNAL ? "internal" : "undefined";
}

static json_t *outcome_json(const struct classifier *c, enum rule_scope scope, const struct rule_outcome *o,
                            const struct classify_failure *f)
{
    json_t *all = json_object();
    for (int a = 0; a < RULE_ATTRIBUTES; a++) {
        if (o->by[a] < 0)
            continue;
        json_t *value = a < RULE_TEXTS       ? text_json(o->text[a])
                        : a == RULE_BOUNDARY ? json_string(boundary_word(o->boundary))
                                             : json_true();
        json_object_set_new(all, rule_attribute_names[a], set_by(c, scope, value, o->by[a]));
    }
    if (f->rule >= 0)
        json_object_set_new(all, "error",
                            json_pack("{s:s, s:i, s:s}", "message", f->why, "rule", f->rule + 1, "text",
                                      classify_rule(c, scope, (size_t)f->rule)));
    return all;
}

static bool take_text(const json_t *v, struct str *out)
{
    *out = (struct str){json_string_value(v), json_string_length(v)};
    return json_is_string(v);
}

static bool take_number(const json_t *v, uint64_t most, uint64_t *out)
{
    *out = (uint64_t)json_integer_value(v);
    return json_is_integer(v) && json_integer_value(v) >= 0 && *out <= most;
}

/* Whether the key's value was taken; else *wanted is what it should be, NULL when there is no such key. */
static bool exporter_key(const char *key, const json_t *v, struct rule_subject *s, const char **wanted)
{
    *wanted = "a text";
    if (strcasecmp(key, "IP") == 0)
        return take_text(v, &s->exporter_ip);
    if (strcasecmp(key, "Name") == 0)
        return take_text(v, &s->exporter_name);
    *wanted = NULL;
    return false;
}

static bool interface_key(const char *key, const json_t *v, struct rule_subject *s, const char **wanted)
{
    uint64_t n = 0;
    bool ok = false;
    *wanted = "a text";
    if (strcasecmp(key, "Name") == 0)
        return take_text(v, &s->name);
    if (strcasecmp(key, "Description") == 0)
        return take_text(v, &s->description);
    *wanted = "a whole number of 32 bits";
    if (strcasecmp(key, "Index") == 0) {
        ok = take_number(v, UINT32_MAX, &n);
        s->index = (uint32_t)n;
    } else if (strcasecmp(key, "Speed") == 0) {
        ok = take_number(v, UINT32_MAX, &n);
        s->speed = (uint32_t)n;
    } else if (strcasecmp(key, "VLAN") == 0) {
        *wanted = "a whole number of 16 bits";
        ok = take_number(v, UINT16_MAX, &n);
        s->vlan = (uint16_t)n;
    } else {
        *wanted = NULL;
    }
    return ok;
}

typedef bool take_key(const char *key, const json_t *v, struct rule_subject *s, const char **wanted);

static bool take_keys(const json_t *object, take_key *take, struct rule_subject *s, struct err *e)
{
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return err_set(e, "expected an object such as {\"Name\": \"...\"}");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        const char *wanted;
        if (!take(key, v, s, &wanted))
            return wanted ? err_set(e, "%s: expected %s", key, wanted)
                          : err_set(e, "%s: there is no such key", key);
    }
    return true;
}

static const json_t *member(const json_t *object, const char *name)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)object, key, v) if (strcasecmp(key, name) == 0) return v;
    return NULL;
}

static bool take_object(enum rule_scope scope, const json_t *object, struct rule_subject *s, struct err *e)
{
    const json_t *exporter = member(object, "Exporter"), *interface = member(object, "Interface");
    *s = (struct rule_subject){.exporter_ip = STR("")};
    if (!exporter && !interface && scope == RULE_EXPORTER)
        return take_keys(object, exporter_key, s, e);
    size_t n = (exporter != NULL) + (interface != NULL);
    if (!json_is_object(object) || json_object_size(object) != n || (scope == RULE_INTERFACE && !interface))
        return err_set(e, "expected {\"Exporter\": {\"IP\", \"Name\"}%s}",
                       scope == RULE_INTERFACE
                           ? ", \"Interface\": {\"Index\", \"Name\", \"Description\", \"Speed\", \"VLAN\"}"
                           : "");
    if (exporter && !take_keys(exporter, exporter_key, s, e))
        return err_wrap(e, "Exporter");
    if (interface && !take_keys(interface, interface_key, s, e))
        return err_wrap(e, "Interface");
    return true;
}

json_t *classify_show(const struct classifier *c, enum rule_scope scope, const json_t *object, struct err *e)
{
    struct rule_subject s;
    struct rule_outcome o;
    struct classify_failure f;
    if (!take_object(scope, object, &s, e))
        return NULL;
    struct rule_vm *vm = rule_vm_new();
    classify_run(c, scope, vm, &s, &o, &f);
    json_t *all = outcome_json(c, scope, &o, &f);
    rule_vm_free(vm);
    return all;
}

/* ---- all that was seen */

const char preview_sql[] =
    "SELECT toString(ExporterAddress), ExporterName, ExporterGroup, ExporterRole, ExporterSite, "
    "ExporterRegion, "
    "ExporterTenant, IfConnectivity, IfProvider, IfName, IfDescription, IfSpeed, toUInt8(IfBoundary), "
    "IfIndex, Given "
    "FROM (SELECT *, max(TimeReceived) OVER (PARTITION BY ExporterAddress, IfIndex) AS Newest FROM "
    "exporters FINAL "
    "WHERE TimeReceived > now() - INTERVAL 1 DAY) "
    /* what has another name by now, or had none at first: rows are written again each hour */
    "WHERE TimeReceived > Newest - INTERVAL 2 HOUR AND (IfName != toString(IfIndex) OR TimeReceived = "
    "Newest) "
    "ORDER BY ExporterAddress, TimeReceived DESC, IfIndex, IfName LIMIT 200000 FORMAT "
    "JSONCompactEachRow"; /* ROWS_MAX */

enum {
    P_ADDRESS,
    P_EXPORTER_NAME,
    P_GROUP, /* as the attributes of rules, from here... */
    P_CONNECTIVITY = P_GROUP + RULE_CONNECTIVITY,
    P_NAME = P_GROUP + RULE_NAME,
    P_DESCRIPTION = P_GROUP + RULE_DESCRIPTION, /* ...to here */
    P_SPEED,
    P_BOUNDARY,
    P_INDEX,
    P_GIVEN,
    P_COUNT
};

enum { GIVEN_EXPORTER = 1, GIVEN_INTERFACE = 2 }; /* column Given */

struct preview {
    const struct classifier *rules;
    struct rule_vm *vm;
    json_t *changes, *failures;
    json_t *kinds; /* an object: a kind's text -> what is told of it */
    uint64_t exporters, interfaces, changed;
    char last[IP_TEXT_MAX]; /* exporter looked at */
    bool rejected;          /* that one is */
};

struct preview *preview_new(const struct classifier *c)
{
    struct preview *p = xcalloc(1, sizeof *p);
    *p = (struct preview){.rules = c,
                          .vm = rule_vm_new(),
                          .changes = json_array(),
                          .failures = json_array(),
                          .kinds = json_object()};
    return p;
}

void preview_free(struct preview *p)
{
    rule_vm_free(p->vm);
    json_decref(p->changes);
    json_decref(p->failures);
    json_decref(p->kinds);
    free(p);
}

static struct str cell(json_t *row, int i)
{
    json_t *v = json_array_get(row, (size_t)i);
    return (struct str){json_is_string(v) ? json_string_value(v) : "", json_string_length(v)};
}

static uint32_t cell_number(json_t *row, int i)
{
    return (uint32_t)json_integer_value(json_array_get(row, (size_t)i));
}

/* The same change, wherever it is, is one kind. */
static void count_kind(struct preview *p, const json_t *change)
{
    json_t *kind = json_pack("{s:O, s:O, s:O}", "attribute", json_object_get(change, "attribute"), "before",
                             json_object_get(change, "before"), "after", json_object_get(change, "after"));
    json_object_set(kind, "rule", json_object_get(change, "rule")); /* fails when there is none */
    char *key = json_dumps(kind, JSON_COMPACT);
    json_t *seen = json_object_get(p->kinds, key), *times = json_object_get(seen, "times");
    if (seen) {
        json_integer_set(times, json_integer_value(times) + 1);
    } else if (json_object_size(p->kinds) < KINDS_MAX) {
        json_object_set_new(kind, "times", json_integer(1));
        json_object_set(p->kinds, key, kind);
    }
    json_decref(kind);
    free(key);
}

static void changed(struct preview *p, json_t *row, bool interface, enum rule_attribute a, json_t *before,
                    json_t *after, int rule)
{
    p->changed++;
    json_t *c =
        json_pack("{s:o, s:s, s:s, s:o, s:o}", "exporter", text_json(cell(row, P_EXPORTER_NAME)), "address",
                  p->last, "attribute", rule_attribute_names[a], "before", before, "after", after);
    if (interface)
        json_object_set_new(c, "interface", text_json(cell(row, P_NAME)));
    if (rule >= 0)
        json_object_set_new(c, "rule", json_integer(rule + 1));
    count_kind(p, c);
    if (json_array_size(p->changes) < CHANGES_MAX)
        json_array_append(p->changes, c);
    json_decref(c);
}

static void failed(struct preview *p, enum rule_scope scope, const struct classify_failure *f)
{
    const char *type = scope == RULE_EXPORTER ? "exporter" : "interface";
    size_t i;
    json_t *seen;
    if (f->rule < 0)
        return;
    json_array_foreach(p->failures, i,
                       seen) if (strcmp(json_string_value(json_object_get(seen, "type")), type) == 0 &&
                                 json_integer_value(json_object_get(seen, "rule")) == f->rule + 1)
    {
        json_t *times = json_object_get(seen, "times");
        json_integer_set(times, json_integer_value(times) + 1);
        return;
    }
    json_array_append_new(p->failures, json_pack("{s:s, s:i, s:s, s:i}", "type", type, "rule", f->rule + 1,
                                                 "message", f->why, "times", 1));
}

static void compare(struct preview *p, json_t *row, const struct rule_outcome *o, int from, int to)
{
    bool interface = from >= RULE_CONNECTIVITY;
    if (o->reject) {
        changed(p, row, interface, RULE_REJECT, json_false(), json_true(), o->by[RULE_REJECT]);
        return; /* what else it has does not matter any more */
    }
    for (int a = from; a <= to; a++) {
        struct str before = cell(row, P_GROUP + a), after = o->text[a];
        bool stays = (a == RULE_NAME || a == RULE_DESCRIPTION) && o->by[a] < 0;
        if (!stays && !str_eq(before, after))
            changed(p, row, interface, (enum rule_attribute)a, text_json(before), text_json(after), o->by[a]);
    }
    uint32_t boundary = cell_number(row, P_BOUNDARY);
    if (interface && boundary != o->boundary)
        changed(p, row, true, RULE_BOUNDARY, json_string(boundary_word(boundary)),
                json_string(boundary_word(o->boundary)), o->by[RULE_BOUNDARY]);
}

static void look_at(struct preview *p, json_t *row, enum rule_scope scope)
{
    struct rule_subject s = {.exporter_ip = str_from(p->last),
                             .exporter_name = cell(row, P_EXPORTER_NAME),
                             .name = cell(row, P_NAME),
                             .description = cell(row, P_DESCRIPTION),
                             .index = cell_number(row, P_INDEX),
                             .speed = cell_number(row, P_SPEED)};
    struct rule_outcome o;
    struct classify_failure f;
    if (cell_number(row, P_GIVEN) & (scope == RULE_EXPORTER ? GIVEN_EXPORTER : GIVEN_INTERFACE))
        return;
    classify_run(p->rules, scope, p->vm, &s, &o, &f);
    failed(p, scope, &f);
    if (scope == RULE_EXPORTER)
        compare(p, row, &o, RULE_GROUP, RULE_TENANT);
    else
        compare(p, row, &o, RULE_CONNECTIVITY, RULE_DESCRIPTION);
    p->rejected |= scope == RULE_EXPORTER && o.reject;
}

bool preview_line(struct preview *p, struct str line)
{
    struct ip address;
    json_t *row = json_loadb(line.p, line.len, 0, NULL);
    bool ok = json_array_size(row) == P_COUNT && ip_parse(cell(row, P_ADDRESS), &address);
    if (ok) {
        char text[IP_TEXT_MAX];
        ip_format(address, text);
        if (strcmp(text, p->last) != 0) {
            memcpy(p->last, text, sizeof text);
            p->rejected = false;
            p->exporters++;
            look_at(p, row, RULE_EXPORTER);
        }
        p->interfaces++;
        if (!p->rejected)
            look_at(p, row, RULE_INTERFACE);
    }
    json_decref(row);
    return ok;
}

static int by_times(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "times")),
               y = json_integer_value(json_object_get(*(json_t *const *)b, "times"));
    return (x < y) - (x > y);
}

/* The most frequent first. */
static json_t *kinds_json(const struct preview *p)
{
    json_t *all = json_array(), *kind, **sorted = xcalloc(KINDS_MAX, sizeof *sorted);
    const char *key;
    size_t n = 0;
    json_object_foreach(p->kinds, key, kind) sorted[n++] = kind;
    qsort(sorted, n, sizeof *sorted, by_times);
    for (size_t i = 0; i < n; i++)
        json_array_append(all, sorted[i]);
    free(sorted);
    return all;
}

json_t *preview_result(struct preview *p)
{
    return json_pack("{s:I, s:I, s:b, s:I, s:O, s:o, s:O}", "exporters", (json_int_t)p->exporters,
                     "interfaces", (json_int_t)p->interfaces, "more", p->interfaces >= ROWS_MAX, "changed",
                     (json_int_t)p->changed, "changes", p->changes, "kinds", kinds_json(p), "failures",
                     p->failures);
}
