/*
 * An options record says something of its scope. Scopes in NetFlow v9 are kinds of things (RFC 3954 6.1), of which only the
 * interface matters here; in IPFIX they are elements like others, so it does not matter which of them are scope.
 */
#include "decode/options.h"
#include "decode/applications.h"
#include <math.h>

const struct options_fact options_facts[] = {
    {0, 50, FACT_RATE},
    {0, 34, FACT_RATE},
    {0, 48, FACT_SAMPLER},
    {0, 302, FACT_SAMPLER},
    {0, 305, FACT_INTERVAL},
    {0, 306, FACT_SPACE},
    {0, 309, FACT_SIZE},
    {0, 310, FACT_POPULATION},
    {0, 311, FACT_PROBABILITY},
    {0, 160, FACT_INIT_TIME},
    {0, 10, FACT_INTERFACE},
    {0, 14, FACT_INTERFACE},
    {0, 252, FACT_INTERFACE},
    {0, 253, FACT_INTERFACE},
    {0, 82, FACT_INTERFACE_NAME},
    {0, 83, FACT_INTERFACE_DESCRIPTION},
    {0, 95, FACT_APPLICATION},
    {0, 96, FACT_APPLICATION_NAME},
    {0, 372, FACT_APPLICATION_CATEGORY},
    {9, 12232, FACT_APPLICATION_CATEGORY},
    {0, 45000, FACT_APPLICATION_CATEGORY},
    {0, 373, FACT_APPLICATION_SUBCATEGORY},
    {9, 12233, FACT_APPLICATION_SUBCATEGORY},
    {0, 45001, FACT_APPLICATION_SUBCATEGORY},
    {0, 374, FACT_APPLICATION_GROUP},
    {9, 12234, FACT_APPLICATION_GROUP},
    {0, 45002, FACT_APPLICATION_GROUP},
    {0, 234, FACT_VRF},
    {0, 235, FACT_VRF},
    {0, 236, FACT_VRF_NAME},
    {0, 303, FACT_ELEMENT},
    {0, 346, FACT_ELEMENT_ENTERPRISE},
    {0, 339, FACT_ELEMENT_TYPE},
    {0, 341, FACT_ELEMENT_NAME},
};
const unsigned options_fact_count = sizeof options_facts / sizeof *options_facts;

static double as_double(uint64_t bits, size_t len)
{
    double d;
    float f;
    uint32_t half = (uint32_t)bits;
    memcpy(&d, &bits, sizeof d);
    memcpy(&f, &half, sizeof f);
    return len == 4 ? (double)f : d;
}

/*
 * 34 and 50 tell it outright; 305 packets taken and 306 left out (RFC 5477 8.2.2); 309 taken of 310 (8.2.5); 311 as a
 * probability (8.2.6).
 */
uint64_t options_rate(const struct plan_run *r, uint32_t i)
{
    const struct plan_place *f = r->plan->facts;
    uint64_t v[FACT_PROBABILITY + 1];
    for (unsigned k = 0; k <= FACT_PROBABILITY; k++)
        v[k] = f[k].len ? plan_value(r, &f[k], i) : 0;
    if (v[FACT_RATE])
        return v[FACT_RATE];
    if (v[FACT_INTERVAL] && f[FACT_SPACE].len && v[FACT_SPACE] <= UINT32_MAX)
        return v[FACT_INTERVAL] <= UINT32_MAX ? (v[FACT_INTERVAL] + v[FACT_SPACE]) / v[FACT_INTERVAL] : 0;
    if (v[FACT_SIZE] && v[FACT_POPULATION])
        return v[FACT_POPULATION] / v[FACT_SIZE];
    if (f[FACT_PROBABILITY].len == 8 || f[FACT_PROBABILITY].len == 4) {
        double p = as_double(v[FACT_PROBABILITY], f[FACT_PROBABILITY].len);
        return p >= 1e-9 && p <= 1 ? (uint64_t)(1 / p + 0.5) : 0;
    }
    return 0;
}

/* ---- names */

static void limit(struct decoding *x, bool ok)
{
    if (!ok)
        x->stats->rejected[REASON_LIMIT]++;
}

/* True when there is one. */
static bool learn_name(struct decoding *x, const struct plan_run *r, struct session *s, uint32_t i,
                       enum name_kind kind, uint64_t id, enum plan_fact fact)
{
    const struct plan_place *at = &r->plan->facts[fact];
    if (!at->len)
        return false;
    char room[LEARNT_TEXT];
    struct str text = learnt_text(plan_bytes(r, at, i), room);
    if (text.len)
        limit(x, session_name_set(&x->st->sessions, s, kind, id, 0, text));
    return text.len > 0;
}

static struct str name_of(const struct decoder_state *st, const struct session *s, enum name_kind kind,
                          uint64_t id)
{
    const struct name *n = names_find(&s->names, st->sessions.seed, kind, id);
    return n ? (struct str){n->text, n->len} : (struct str){"", 0};
}

static void tell_interface(const struct decoder_state *st, const struct session *s, uint32_t index)
{
    struct learnt what = {.exporter = s->key.src,
                          .second = s->last_s,
                          .if_index = index,
                          .if_name = name_of(st, s, NAME_INTERFACE, index),
                          .if_description = name_of(st, s, NAME_INTERFACE_DESCRIPTION, index)};
    if (st->learnt)
        st->learnt->tell(st->learnt, &what);
}

static void learn_names(struct decoding *x, const struct plan_run *r, struct session *s, uint32_t i)
{
    const struct plan_place *f = r->plan->facts;
    if (f[FACT_INTERFACE].len && (f[FACT_INTERFACE_NAME].len || f[FACT_INTERFACE_DESCRIPTION].len)) {
        uint32_t index = (uint32_t)plan_value(r, &f[FACT_INTERFACE], i);
        bool any = learn_name(x, r, s, i, NAME_INTERFACE, index, FACT_INTERFACE_NAME);
        any |= learn_name(x, r, s, i, NAME_INTERFACE_DESCRIPTION, index, FACT_INTERFACE_DESCRIPTION);
        if (any) /* also what is no news here: who was told may have forgotten it, or had no room for it */
            tell_interface(x->st, s, index);
    }
    if (f[FACT_APPLICATION].len) {
        uint64_t id = applications_key(plan_bytes(r, &f[FACT_APPLICATION], i));
        learn_name(x, r, s, i, NAME_APPLICATION, id, FACT_APPLICATION_NAME);
        learn_name(x, r, s, i, NAME_APPLICATION_CATEGORY, id, FACT_APPLICATION_CATEGORY);
        learn_name(x, r, s, i, NAME_APPLICATION_SUBCATEGORY, id, FACT_APPLICATION_SUBCATEGORY);
        learn_name(x, r, s, i, NAME_APPLICATION_GROUP, id, FACT_APPLICATION_GROUP);
    }
    if (f[FACT_VRF].len)
        learn_name(x, r, s, i, NAME_VRF, plan_value(r, &f[FACT_VRF], i), FACT_VRF_NAME);
}

/* RFC 5610 3: an element's name and type, told by whoever made it up. */
static void learn_element(struct decoding *x, const struct plan_run *r, struct session *s, uint32_t i)
{
    const struct plan_place *f = r->plan->facts;
    if (!f[FACT_ELEMENT].len || !f[FACT_ELEMENT_NAME].len)
        return;
    uint64_t pen = f[FACT_ELEMENT_ENTERPRISE].len ? plan_value(r, &f[FACT_ELEMENT_ENTERPRISE], i) : 0;
    uint64_t id = (pen & UINT32_MAX) << 16 | (plan_value(r, &f[FACT_ELEMENT], i) & 0x7fff);
    uint64_t type = f[FACT_ELEMENT_TYPE].len ? plan_value(r, &f[FACT_ELEMENT_TYPE], i) : ELEMENT_TYPES;
    char room[LEARNT_TEXT];
    struct str text = learnt_text(plan_bytes(r, &f[FACT_ELEMENT_NAME], i), room);
    uint8_t known = type < ELEMENT_TYPES ? (uint8_t)(type + 1) : 0;
    if (text.len)
        limit(x, session_name_set(&x->st->sessions, s, NAME_ELEMENT, id, known, text));
}

/* ---- rates */

/*
 * Without a sampler, a rate told for an interface is that interface's: some routers sample each port at a rate of its own
 * and put no sampler into their records.
 */
static uint64_t rate_id(const struct plan_run *r, uint32_t i)
{
    const struct plan_place *f = r->plan->facts;
    if (f[FACT_SAMPLER].len)
        return plan_value(r, &f[FACT_SAMPLER], i);
    uint64_t index = f[FACT_INTERFACE].len ? plan_value(r, &f[FACT_INTERFACE], i) & UINT32_MAX : 0;
    return index ? SESSION_INTERFACE | index : 0;
}

void options_learn(struct decoding *x, const struct plan_run *r, struct session *s, uint32_t i)
{
    const struct plan_place *f = r->plan->facts;
    uint64_t rate = options_rate(r, i);
    if (rate)
        limit(x, session_rate_set(&x->st->sessions, s, rate_id(r, i), rate));
    if (f[FACT_INIT_TIME].len)
        s->init_ms = plan_value(r, &f[FACT_INIT_TIME], i);
    learn_names(x, r, s, i);
    learn_element(x, r, s, i);
}

void options_tell(const struct decoder_state *st, const struct session *s)
{
    for (unsigned i = 0; i < s->names.n; i++) {
        const struct name *n = &s->names.rows[i];
        bool first =
            n->kind == NAME_INTERFACE || (n->kind == NAME_INTERFACE_DESCRIPTION &&
                                          !names_find(&s->names, st->sessions.seed, NAME_INTERFACE, n->id));
        if (first)
            tell_interface(st, s, (uint32_t)n->id);
    }
}
