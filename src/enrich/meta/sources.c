/*
 * What a source hands over is made into the same structures as the configuration, in an arena of its own, and all of it
 * or nothing replaces what the source gave before. Keys match as in the configuration, without case and dashes.
 */
#include "enrich/meta/sources.h"
#include "enrich/remote/remote.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROVIDERS = 8, EXPORTERS_MOST = 100000 };

struct fetched {
    struct fetched *next;
    struct arena arena;
    const char *name;               /* of the source */
    struct opt_subnetmap exporters; /* struct enrich_exporter_conf; in the order they came in */
};

struct provider {
    struct meta_sources *of;
    struct remotes *remotes; /* NULL: it has no sources; set once, by the control thread */
    struct fetched *fetched;
};

struct meta_sources {
    pthread_mutex_t lock; /* of fetched */
    struct provider providers[PROVIDERS];
    char *dir;
    void (*changed)(void *arg);
    void *arg;
};

/* ---- reading rows */

static const json_t *get(const json_t *object, const char *key)
{
    const char *k;
    json_t *v;
    json_t *o = json_incref((json_t *)(uintptr_t)object); /* iterating takes no const */
    json_t *found = NULL;
    json_object_foreach(o, k, v)
    {
        const char *a = k, *b = key;
        while (*a || *b) {
            if (*a == '-' || *a == '_')
                a++;
            else if (*b == '-')
                b++;
            else if (*a && *b && (*a | 0x20) == (*b | 0x20))
                a++, b++;
            else
                break;
        }
        if (!*a && !*b)
            found = v;
    }
    json_decref(o);
    return found;
}

static bool text(const json_t *o, const char *key, struct arena *a, const char **out, struct err *e)
{
    const json_t *v = get(o, key);
    *out = "";
    if (!v || json_is_null(v))
        return true;
    if (!json_is_string(v))
        return err_set(e, "%s is no text", key);
    *out = arena_strdup(a, json_string_value(v));
    return true;
}

static bool number(const json_t *o, const char *key, uint64_t *out, struct err *e)
{
    const json_t *v = get(o, key);
    *out = 0;
    if (!v || json_is_null(v))
        return true;
    if (json_is_string(v) && str_u64(str_from(json_string_value(v)), out)) /* as csv has them */
        return true;
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return err_set(e, "%s is no number", key);
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool boundary(const json_t *o, int *out, struct err *e)
{
    static const char *const names[] = {"undefined", "external", "internal"};
    const json_t *v = get(o, "boundary");
    *out = BOUNDARY_UNDEFINED;
    for (int i = 0; json_is_string(v) && i < 3; i++)
        if (str_eq_nocase(str_from(json_string_value(v)), str_from(names[i]))) {
            *out = i;
            return true;
        }
    return !v || json_is_null(v) || err_set(e, "boundary is none of undefined, external, internal");
}

static bool read_iface(const json_t *o, struct arena *a, struct enrich_interface_conf *i, struct err *e)
{
    return text(o, "name", a, &i->name, e) && text(o, "description", a, &i->description, e) &&
           number(o, "speed", &i->speed, e) && text(o, "provider", a, &i->provider, e) &&
           text(o, "connectivity", a, &i->connectivity, e) && boundary(o, &i->boundary, e);
}

/* A list of objects with ifindex, as remote sources have it. */
static bool read_ifaces(const json_t *list, struct arena *a, struct opt_map *out, struct err *e)
{
    *out = (struct opt_map){0};
    if (!list || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return err_set(e, "interfaces is no list");
    size_t n = json_array_size(list);
    struct enrich_interface_conf *items = arena_array(a, n, sizeof *items);
    out->keys = arena_array(a, n, sizeof *out->keys);
    out->items = items;
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i);
        uint64_t index;
        if (!json_is_object(o) || !get(o, "ifindex"))
            return err_set(e, "an interface has no ifindex");
        if (!number(o, "ifindex", &index, e) || !read_iface(o, a, &items[i], e))
            return false;
        if (index > UINT32_MAX)
            return err_set(e, "%llu is no ifindex", (unsigned long long)index);
        out->keys[out->n++] = arena_printf(a, "%llu", (unsigned long long)index);
    }
    return true;
}

static bool read_exporter(const json_t *o, struct arena *a, struct prefix *prefix,
                          struct enrich_exporter_conf *x, struct err *e)
{
    const char *subnet;
    if (!json_is_object(o))
        return err_set(e, "is no object");
    if (!text(o, "exporter-subnet", a, &subnet, e))
        return false;
    if (!prefix_parse(str_from(subnet), prefix))
        return err_set(e, "exporter-subnet \"%s\" is no address or prefix", subnet);
    const json_t *fallback = get(o, "default"), *skip = get(o, "skip-missing-interfaces");
    x->skip_missing_interfaces = json_is_true(skip);
    x->fallback = (struct enrich_interface_conf){"", "", "", "", 0, 0};
    if (json_is_object(fallback) && !read_iface(fallback, a, &x->fallback, e))
        return false;
    return text(o, "name", a, &x->name, e) && text(o, "group", a, &x->group, e) &&
           text(o, "role", a, &x->role, e) && text(o, "site", a, &x->site, e) &&
           text(o, "region", a, &x->region, e) && text(o, "tenant", a, &x->tenant, e) &&
           read_ifaces(get(o, "interfaces"), a, &x->ifindexes, e);
}

static void fetched_free(struct fetched *f)
{
    arena_fini(&f->arena);
    free(f);
}

static struct fetched *read_rows(const char *name, const json_t *rows, struct err *e)
{
    struct fetched *f = xcalloc(1, sizeof *f);
    size_t n = json_array_size(rows);
    arena_init(&f->arena);
    f->name = arena_strdup(&f->arena, name);
    if (n > EXPORTERS_MOST) {
        err_set(e, "%zu exporters, at most %d", n, EXPORTERS_MOST);
        fetched_free(f);
        return NULL;
    }
    struct enrich_exporter_conf *items = arena_array(&f->arena, n, sizeof *items);
    f->exporters = (struct opt_subnetmap){n, arena_array(&f->arena, n, sizeof(struct prefix)), items};
    for (size_t i = 0; i < n; i++)
        if (!read_exporter(json_array_get(rows, i), &f->arena, &f->exporters.prefixes[i], &items[i], e)) {
            err_wrap(e, "row %zu", i + 1);
            fetched_free(f);
            return NULL;
        }
    return f;
}

/* ---- what sources say */

static struct fetched **place_of(struct provider *p, const char *name)
{
    struct fetched **at = &p->fetched;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static bool take(void *arg, const char *name, json_t *rows, struct err *e)
{
    struct provider *p = arg;
    struct fetched *now = read_rows(name, rows, e);
    if (!now)
        return false;
    pthread_mutex_lock(&p->of->lock);
    struct fetched **at = place_of(p, name), *old = *at;
    now->next = old ? old->next : NULL;
    *at = now;
    pthread_mutex_unlock(&p->of->lock);
    if (old)
        fetched_free(old);
    p->of->changed(p->of->arg);
    return true;
}

static void gone(void *arg, const char *name)
{
    struct provider *p = arg;
    pthread_mutex_lock(&p->of->lock);
    struct fetched **at = place_of(p, name), *old = *at;
    if (old)
        *at = old->next;
    pthread_mutex_unlock(&p->of->lock);
    if (old)
        fetched_free(old);
    p->of->changed(p->of->arg);
}

/* ---- life */

struct meta_sources *meta_sources_new(const char *dir, void (*changed)(void *arg), void *arg)
{
    struct meta_sources *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->dir = xstrdup(dir);
    s->changed = changed;
    s->arg = arg;
    for (unsigned i = 0; i < PROVIDERS; i++)
        s->providers[i].of = s;
    return s;
}

void meta_sources_free(struct meta_sources *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < PROVIDERS; i++) {
        if (s->providers[i].remotes)
            remotes_free(s->providers[i].remotes);
        for (struct fetched *f = s->providers[i].fetched, *next; f; f = next) {
            next = f->next;
            fetched_free(f);
        }
    }
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

void meta_sources_configure(struct meta_sources *s, const struct enrich_metadata_conf *conf)
{
    static const struct opt_map none;
    const struct opt_map *wanted[PROVIDERS] = {NULL};
    unsigned n = 0;
    for (size_t i = 0; i < conf->providers.n && n < PROVIDERS; i++) {
        const struct enrich_metadata_provider *p =
            OPT_ITEM(conf->providers, struct enrich_metadata_provider, i);
        if (p->type == METADATA_STATIC)
            wanted[n++] = &p->exporter_sources;
    }
    for (unsigned i = 0; i < PROVIDERS; i++) {
        struct provider *p = &s->providers[i];
        char kind[32] = "exporters";
        if (i)
            snprintf(kind, sizeof kind, "exporters-%u", i);
        if (!p->remotes && wanted[i] && wanted[i]->n)
            __atomic_store_n(&p->remotes,
                             remotes_new(&(struct remotes_how){
                                 .kind = kind, .dir = s->dir, .take = take, .gone = gone, .arg = p}),
                             __ATOMIC_RELEASE);
        if (p->remotes)
            remotes_configure(p->remotes, wanted[i] ? wanted[i] : &none);
    }
}

size_t meta_sources_failing(struct meta_sources *s, char *why, size_t room)
{
    char other[1];
    size_t n = 0;
    for (unsigned i = 0; s && i < PROVIDERS; i++) {
        struct remotes *r = __atomic_load_n(&s->providers[i].remotes, __ATOMIC_ACQUIRE);
        if (r)
            n += remotes_failing(r, n ? other : why, n ? sizeof other : room);
    }
    return n;
}

void meta_sources_wait(struct meta_sources *s, const struct enrich_metadata_conf *conf, const bool *stop)
{
    unsigned n = 0;
    for (size_t i = 0; i < conf->providers.n && n < PROVIDERS; i++) {
        const struct enrich_metadata_provider *p =
            OPT_ITEM(conf->providers, struct enrich_metadata_provider, i);
        if (p->type != METADATA_STATIC)
            continue;
        if (s->providers[n].remotes)
            remotes_wait(s->providers[n].remotes, p->exporter_sources_timeout_ns, stop);
        n++;
    }
}

struct static_table *meta_sources_table(struct meta_sources *s, unsigned ordinal,
                                        const struct opt_subnetmap *own)
{
    const struct opt_subnetmap **maps = xcalloc(1, sizeof *maps);
    size_t n = 0;
    maps[n++] = own;
    if (s)
        pthread_mutex_lock(&s->lock);
    for (struct fetched *f = s && ordinal < PROVIDERS ? s->providers[ordinal].fetched : NULL; f;
         f = f->next) {
        maps = xrealloc(maps, (n + 1) * sizeof *maps);
        maps[n++] = &f->exporters;
    }
    struct static_table *t = static_table_new(maps, n);
    if (s)
        pthread_mutex_unlock(&s->lock);
    free(maps);
    return t;
}
