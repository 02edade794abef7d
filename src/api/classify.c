/* classify/try and classify/preview: rules in the request, tried on one object or on all that the store has seen. */
#include "enrich/classify/preview.h"
#include "api/answer.h"
#include "base/clock.h"

enum { RULES_MAX = 1000, PREVIEW_S = 20 /* of computing */, LOOK_EVERY = 256, PREVIEWS = 2 };

static bool take_rules(struct http_call *c, json_t *body, const char *key, struct opt_list *out)
{
    json_t *list = json_object_get(body, key), *rule;
    const char **texts = arena_array(&c->arena, json_array_size(list) + 1, sizeof *texts);
    size_t i;
    bool ok = (!list || json_is_array(list)) && json_array_size(list) <= RULES_MAX;
    json_array_foreach(list, i, rule)
    {
        ok &= json_is_string(rule);
        texts[i] = ok ? arena_strdup(&c->arena, json_string_value(rule)) : NULL;
    }
    *out = (struct opt_list){ok ? json_array_size(list) : 0, texts};
    if (!ok)
        http_reply_error(c, 400, "%s: expected a list of rules, %d at most", key, RULES_MAX);
    return ok;
}

/* The body's rules; NULL: answered. */
static struct classifier *compile(struct http_call *c, json_t *body)
{
    struct enrich_core_conf core = {0};
    const char *key = "";
    struct err e;
    if (!take_rules(c, body, "exporter-classifiers", &core.exporter_classifiers) ||
        !take_rules(c, body, "interface-classifiers", &core.interface_classifiers))
        return NULL;
    struct classifier *rules = classify_new(&core, &key, &e);
    if (!rules)
        http_reply_error(c, 400, "%s: %s", key, e.msg);
    return rules;
}

void classify_try(struct http_call *c)
{
    json_t *body, *shown = NULL;
    struct err e;
    if (!answer_user(c) || !(body = answer_body(c)))
        return;
    const char *type = json_string_value(json_object_get(body, "type"));
    bool interface = type && strcmp(type, "interface") == 0;
    if (!interface && (!type || strcmp(type, "exporter") != 0)) {
        http_reply_error(c, 400, "type: expected exporter or interface");
        json_decref(body);
        return;
    }
    struct classifier *rules = compile(c, body);
    if (rules) {
        shown = classify_show(rules, interface ? RULE_INTERFACE : RULE_EXPORTER,
                              json_object_get(body, "object"), &e);
        if (shown)
            http_reply_json(c, 200, shown);
        else
            http_reply_error(c, 400, "object: %s", e.msg);
    }
    classify_free(rules);
    json_decref(body);
}

/* Every row of the store's answer. What keeps it from that is in *e, and for QUERY_OK nothing but time. */
static enum query_result look_through(struct http_call *c, struct preview *p, struct str answer,
                                      struct err *e)
{
    uint64_t end = clock_mono_ns() + PREVIEW_S * 1000000000ull;
    struct str line;
    for (unsigned n = 1; str_split(&answer, '\n', &line); n++) {
        if (n % LOOK_EVERY == 0 && http_gone(c))
            return QUERY_GONE;
        if (clock_mono_ns() > end) {
            err_set(
                e,
                "These rules take more than %d s over all that was seen; weir classify --against-store has "
                "the time.",
                PREVIEW_S);
            return QUERY_OK;
        }
        if (!preview_line(p, line)) {
            err_set(e, "the store's answer cannot be read");
            return QUERY_FAILED;
        }
    }
    return QUERY_OK;
}

/* All that was seen may be 40 MB, and take a while: few at a time. */
static enum query_result look_at_all(struct http_call *c, struct preview *p, struct err *e)
{
    static unsigned under_way;
    struct query_asker asker = answer_asker(c);
    struct buf answer;
    enum query_result r = QUERY_BUSY;
    buf_init(&answer, 0);
    if (__atomic_add_fetch(&under_way, 1, __ATOMIC_RELAXED) > PREVIEWS)
        err_set(e, "others are trying rules on all that was seen");
    else
        r = query_pool_ask(api_of(c)->pool, &asker, preview_sql, 0, &answer, e);
    if (r == QUERY_OK)
        r = look_through(c, p, buf_str(&answer), e);
    __atomic_sub_fetch(&under_way, 1, __ATOMIC_RELAXED);
    buf_fini(&answer);
    return r;
}

void classify_preview(struct http_call *c)
{
    struct query_answer out = {0};
    struct err e = {0};
    json_t *body;
    if (!answer_user(c) || !(body = answer_body(c)))
        return;
    struct classifier *rules = compile(c, body);
    json_decref(body);
    if (!rules)
        return;
    struct preview *p = preview_new(rules);
    enum query_result r = look_at_all(c, p, &e);
    if (r == QUERY_OK && e.msg[0])
        answer_refused(c, &e);
    else if (r == QUERY_OK)
        http_reply_json(c, 200, preview_result(p));
    else
        answer_failed(c, r, &e, &out);
    preview_free(p);
    classify_free(rules);
}
