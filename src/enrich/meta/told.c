/* Exporters repeat themselves every few minutes, most of it is known and costs two look-ups. */
#include "enrich/meta/told.h"

static uint32_t mbps(uint64_t bps)
{
    uint64_t m = (bps + 500000) / 1000000;
    return m > UINT32_MAX ? UINT32_MAX : (uint32_t)m;
}

static bool says(struct str told, struct str known)
{
    return !told.len || str_eq(told, known);
}

static bool is_known(const struct meta_answer *a, const struct learnt *l)
{
    if (!a || !says(l->sys_name, a->name))
        return false;
    if (!l->if_index)
        return true;
    const struct meta_iface *i = meta_answer_iface(a, l->if_index);
    return i && says(l->if_name, i->name) && says(l->if_description, i->description) &&
           (!mbps(l->if_speed_bps) || mbps(l->if_speed_bps) == i->speed);
}

static uint8_t copy(char *to, struct str s)
{
    size_t n = s.len < META_TOLD_TEXT ? s.len : META_TOLD_TEXT;
    if (n)
        memcpy(to, s.p, n);
    return (uint8_t)n;
}

void told_put(const struct meta_view *v, const struct learnt *l)
{
    if (!v || !v->wishes || v->chain->flow < 0)
        return;
    bool iface = l->if_index && (l->if_name.len || l->if_description.len || mbps(l->if_speed_bps));
    if (!iface && !l->sys_name.len)
        return;
    const struct meta_known *known = meta_view_find(v, l->exporter);
    if (known && is_known(known->answers[v->chain->flow], l))
        return;
    struct meta_told t = {
        .exporter = l->exporter, .index = iface ? l->if_index : 0, .speed = mbps(l->if_speed_bps)};
    t.name_len = copy(t.name, l->if_name);
    t.description_len = copy(t.description, l->if_description);
    t.sys_name_len = copy(t.sys_name, l->sys_name);
    meta_queue_put(&v->wishes->told, &t);
}

void told_begin(struct meta_draft *d, const struct meta_answer *a, uint32_t max_ifaces)
{
    meta_draft_init(d, max_ifaces);
    if (!a)
        return;
    d->name = arena_str(&d->arena, a->name);
    for (uint32_t i = 0; i < a->n; i++) {
        struct meta_iface *to = meta_draft_iface(d, a->ifaces[i].index);
        if (!to)
            continue;
        *to = a->ifaces[i];
        to->name = arena_str(&d->arena, to->name);
        to->description = arena_str(&d->arena, to->description);
    }
}

void told_take(struct meta_draft *d, const struct meta_told *t)
{
    if (t->sys_name_len)
        d->name = meta_draft_text(d, (struct str){t->sys_name, t->sys_name_len});
    struct meta_iface *to = t->index ? meta_draft_iface(d, t->index) : NULL;
    if (!to)
        return;
    if (t->name_len)
        to->name = meta_draft_text(d, (struct str){t->name, t->name_len});
    if (t->description_len)
        to->description = meta_draft_text(d, (struct str){t->description, t->description_len});
    to->speed = t->speed ? t->speed : to->speed;
}
