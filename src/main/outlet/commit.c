/* "WEIRCKPT", version, lineage, the rule's numbers, rate limits, then the decoder's own bytes. */
#include "main/outlet/commit.h"
#include "base/log.h"
#include <sys/random.h>

/* Version 2 had no oldest_s; it was a week. Version 3 had no spread_s, version 4 no shares of rate limits. */
enum { VERSION = 5, HEAD = 8 + 4 + 8 + 3 * 4 + 2 * 8, OLDEST_OF_2 = 7 * 86400 };
static const char magic[] = "WEIRCKPT";

void commit_save(struct buf *out, const struct part *p)
{
    buf_add(out, magic, 8);
    buf_le32(out, VERSION);
    buf_le64(out, p->lineage);
    buf_le32(out, p->cut.rule.slot_s);
    buf_le32(out, p->cut.rule.slot_datagrams);
    buf_le32(out, p->cut.rule.minute_datagrams);
    buf_le64(out, p->cut.rule.slot_bytes);
    buf_le64(out, p->cut.rule.minute_bytes);
    buf_le32(out, p->cut.rule.oldest_s);
    buf_le32(out, p->cut.rule.spread_s);
    limit_save(&p->limit, out);
    p->w->env->decoder.save(p->decoder, out);
}

static bool take_u32(struct str *in, uint32_t *out)
{
    if (in->len < sizeof *out)
        return false;
    memcpy(out, in->p, sizeof *out);
    *in = (struct str){in->p + sizeof *out, in->len - sizeof *out};
    return true;
}

static bool parse(struct part *p, struct str in, struct err *e)
{
    uint32_t version;
    struct cut_rule *r = &p->cut.rule;
    if (in.len < HEAD || memcmp(in.p, magic, 8) != 0)
        return err_set(e, "not a commit of weir's");
    memcpy(&version, in.p + 8, 4);
    if (version < 2 || version > VERSION)
        return err_set(e, "a commit of version %u, this program knows %d", version, VERSION);
    memcpy(&p->lineage, in.p + 12, 8);
    memcpy(&r->slot_s, in.p + 20, 4);
    memcpy(&r->slot_datagrams, in.p + 24, 4);
    memcpy(&r->minute_datagrams, in.p + 28, 4);
    memcpy(&r->slot_bytes, in.p + 32, 8);
    memcpy(&r->minute_bytes, in.p + 40, 8);
    if (r->slot_s == 0)
        return err_set(e, "a commit with slots of no length");
    struct str rest = {in.p + HEAD, in.len - HEAD};
    r->oldest_s = OLDEST_OF_2;
    r->spread_s = 0;
    if ((version > 2 && !take_u32(&rest, &r->oldest_s)) || (version > 3 && !take_u32(&rest, &r->spread_s)))
        return err_set(e, "a commit that is cut short");
    if (!limit_load(&p->limit, &rest, version < 5))
        return err_set(e, "a commit that is cut short");
    struct err why;
    /* templates come again; without them records are rejected, and counted */
    if (!p->w->env->decoder.load(p->decoder, rest, &why))
        log_error("outlet", "the decoder's state in the commit cannot be used; it begins without templates",
                  "partition", log_u64(p->index), "error", why.msg, NULL);
    return true;
}

bool commit_load(struct part *p, struct err *e)
{
    struct bus_reader *bus = p->w->env->bus;
    struct buf b;
    buf_init(&b, 0);
    bool ok = bus->committed(bus, p->index, &p->offset, &b, e);
    if (ok && b.len == 0) {
        /* before anything is inserted, so that a second start cuts alike, whatever the configuration says by then */
        p->cut.rule = *__atomic_load_n(&p->w->env->rule, __ATOMIC_ACQUIRE);
        ok = getrandom(&p->lineage, sizeof p->lineage, 0) == sizeof p->lineage;
        commit_save(&b, p);
        ok = ok && bus->commit(bus, p->index, p->offset, buf_str(&b), e);
    } else if (ok) {
        ok = parse(p, buf_str(&b), e);
    }
    buf_fini(&b);
    return ok || err_wrap(e, "partition %u", p->index);
}
