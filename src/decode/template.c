/* A hash table by content. Chains are bounded by the byte budget of the sessions that hold the templates. */
#include "decode/template.h"
#include "decode/plan.h"
#include "base/arena.h"
#include <stdlib.h>
#include <xxhash.h>

static size_t size_of(const struct template *t)
{
    return sizeof *t + t->n_fields * sizeof *t->fields + t->plan->bytes;
}

static uint32_t hash_of(const struct template_table *tt, const struct template_def *def)
{
    uint64_t head = (uint64_t)def->proto << 32 | (uint64_t)def->options << 31 | def->n_scope;
    return (uint32_t)XXH3_64bits_withSeed(def->fields, def->n_fields * sizeof *def->fields, tt->seed ^ head);
}

static bool same(const struct template *t, uint32_t hash, const struct template_def *def)
{
    return t->hash == hash && t->n_fields == def->n_fields && t->n_scope == def->n_scope &&
           t->proto == def->proto && t->options == def->options &&
           memcmp(t->fields, def->fields, def->n_fields * sizeof *def->fields) == 0;
}

/* Shortest record; 0 when none can exist within a set, whose length has 16 bits (RFC 7011 3.3.2, RFC 3954 5.3). */
static uint16_t shortest(const struct template_def *def, bool *variable)
{
    uint32_t len = 0;
    *variable = false;
    for (unsigned i = 0; i < def->n_fields; i++) {
        bool var = def->fields[i].len == FIELD_VARIABLE;
        *variable |= var;
        len += var ? 1 : def->fields[i].len;
        if (len > UINT16_MAX - 4)
            return 0;
    }
    return (uint16_t)len;
}

struct template *template_intern(struct template_table *tt, const struct template_def *def)
{
    bool variable;
    uint16_t len = shortest(def, &variable);
    if (len == 0)
        return NULL;
    uint32_t hash = hash_of(tt, def);
    struct template **bucket = &tt->buckets[hash % TEMPLATE_BUCKETS];
    for (struct template *t = *bucket; t; t = t->next)
        if (same(t, hash, def)) {
            t->refs++;
            return t;
        }
    struct template *t = xcalloc(1, sizeof *t + def->n_fields * sizeof *t->fields);
    t->hash = hash;
    t->refs = 1;
    t->min_len = len;
    t->variable = variable;
    t->n_fields = def->n_fields;
    t->n_scope = def->n_scope;
    t->proto = def->proto;
    t->options = def->options;
    memcpy(t->fields, def->fields, def->n_fields * sizeof *t->fields);
    t->plan = plan_new(tt->schema, tt->registry, def, NULL);
    t->next = *bucket;
    *bucket = t;
    tt->bytes += size_of(t);
    return t;
}

void template_release(struct template_table *tt, struct template *t)
{
    if (!t || --t->refs > 0)
        return;
    struct template **at = &tt->buckets[t->hash % TEMPLATE_BUCKETS];
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    tt->bytes -= size_of(t);
    plan_free(t->plan);
    free(t);
}
