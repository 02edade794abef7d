/*
 * mutate_templates: sound datagrams of NetFlow v9 and IPFIX for their fuzz targets: a template and records of it. In IPFIX also
 * elements of enterprises, fields of variable length, lists within lists and packets' first bytes.
 */
#pragma once
#include "decode/mutate.h"

enum {
    FIELDS_MAX = 24,
    VARIABLE = 65535,
    BASIC_LIST = 291,
    TEMPLATE_LIST,
    MULTI_LIST,
    FRAME = 315,
    LISTS_DEEP = 3,
    RECORD_MAX = 16384
};

/* Elements that are more than a copy, and lengths that some of them do not have. */
static const uint16_t elements[] = {1,   2,   4,   5,   6,   7,   8,   10,  11,  12,  14,  15,  16,  21,
                                    22,  27,  28,  32,  34,  48,  50,  54,  56,  58,  60,  61,  70,  71,
                                    82,  83,  85,  89,  95,  96,  136, 139, 148, 150, 152, 154, 156, 158,
                                    160, 176, 225, 227, 230, 231, 233, 236, 239, 252, 256, 291, 292, 293,
                                    302, 305, 306, 309, 310, 311, 315, 346, 352, 371};
static const uint16_t lengths[] = {1, 1, 2, 2, 3, 4, 4, 4, 6, 8, 8, 16, 0, 5, 50, VARIABLE};

struct made {
    uint16_t id, element[FIELDS_MAX], len[FIELDS_MAX]; /* element 0: an enterprise's */
    uint32_t n;
};

static uint16_t one_of(struct mutate *m, const uint16_t *list, size_t n)
{
    return list[mutate_draw(m, (uint32_t)n)];
}

static void make_fields(struct mutate *m, struct buf *b, struct made *t, bool enterprise)
{
    for (uint32_t i = 0; i < t->n; i++) {
        bool own = enterprise && mutate_draw(m, 6) == 0;
        uint16_t id = one_of(m, elements, sizeof elements / sizeof *elements);
        bool list = enterprise && id >= BASIC_LIST && id <= FRAME;
        t->element[i] = own ? 0 : id;
        t->len[i] = list ? VARIABLE : one_of(m, lengths, sizeof lengths / sizeof *lengths);
        buf_be16(b, own ? id | 0x8000 : id);
        buf_be16(b, t->len[i]);
        if (own)
            buf_be32(b, mutate_draw(m, 2) ? 29305 : mutate_draw(m, 2) ? 2636 : mutate_draw(m, 65536));
    }
}

static void make_record(struct mutate *m, struct buf *b, const struct made *t, unsigned depth);

/* Content of a list (RFC 6313 4.5): semantic, what it is a list of, items. Of templates, the one being made. */
static void make_list(struct mutate *m, struct buf *b, const struct made *t, uint16_t element, unsigned depth)
{
    buf_u8(b, (uint8_t)mutate_draw(m, 6));
    uint32_t n = mutate_draw(m, 4);
    if (element == BASIC_LIST) {
        uint16_t len = one_of(m, lengths, 12);
        buf_be16(b, one_of(m, elements, sizeof elements / sizeof *elements));
        buf_be16(b, len);
        mutate_noise(m, b, n * len);
        return;
    }
    if (element == TEMPLATE_LIST)
        buf_be16(b, t->id);
    for (; n > 0; n--) {
        size_t at = b->len;
        if (element == MULTI_LIST) {
            buf_be16(b, t->id);
            buf_be16(b, 0);
        }
        make_record(m, b, t, depth + 1);
        uint16_t len = __builtin_bswap16((uint16_t)(b->len - at));
        if (element == MULTI_LIST)
            memcpy(b->p + at + 2, &len, 2);
    }
}

/* A frame with a header that a packet could have, or what looks like one. */
static void make_frame(struct mutate *m, struct buf *b)
{
    static const uint16_t types[] = {0x0800, 0x86dd, 0x8100, 0x88a8, 0x8847, 0x8864};
    mutate_noise(m, b, 12);
    buf_be16(b, one_of(m, types, sizeof types / sizeof *types));
    buf_u8(b, (uint8_t)(mutate_draw(m, 2) ? 0x45 : 0x60));
    mutate_noise(m, b, mutate_draw(m, 60));
}

static void make_variable(struct mutate *m, struct buf *b, const struct made *t, uint16_t element,
                          unsigned depth)
{
    struct buf content;
    buf_init(&content, 0);
    if (element >= BASIC_LIST && element <= MULTI_LIST && depth < LISTS_DEEP)
        make_list(m, &content, t, element, depth);
    else if (element == FRAME)
        make_frame(m, &content);
    else
        mutate_noise(m, &content, mutate_draw(m, 40));
    if (content.len >= 255 || mutate_draw(m, 8) == 0) { /* RFC 7011 7: the longer form */
        buf_u8(b, 255);
        buf_be16(b, (uint16_t)content.len);
    } else {
        buf_u8(b, (uint8_t)content.len);
    }
    buf_add(b, content.p, content.len);
    buf_fini(&content);
}

static void make_record(struct mutate *m, struct buf *b, const struct made *t, unsigned depth)
{
    for (uint32_t i = 0; i < t->n && b->len < RECORD_MAX; i++)
        if (t->len[i] == VARIABLE)
            make_variable(m, b, t, t->element[i], depth);
        else
            mutate_noise(m, b, t->len[i]);
}

static void make_records(struct mutate *m, struct buf *b, const struct made *t)
{
    for (uint32_t k = 1 + mutate_draw(m, 4); k > 0; k--)
        make_record(m, b, t, 0);
}

static size_t open_set(struct buf *b, uint16_t id)
{
    buf_be16(b, id);
    buf_be16(b, 0);
    return b->len - 4;
}

static void close_set(struct buf *b, size_t at)
{
    uint16_t len = __builtin_bswap16((uint16_t)(b->len - at));
    memcpy(b->p + at + 2, &len, 2);
}

/* IPFIX: the message's length is the datagram's. */
static void templates_mend(struct buf *b)
{
    uint16_t len = __builtin_bswap16((uint16_t)b->len);
    if (b->len >= 4 && load_be16(b->p) == 10)
        memcpy(b->p + 2, &len, 2);
}

/* A datagram with a template, or options template, and records of it, in either order or one of them alone. */
static void templates_make(struct mutate *m, struct buf *b, bool ipfix)
{
    bool options = mutate_draw(m, 4) == 0;
    uint16_t id = (uint16_t)(256 + mutate_draw(m, 4));
    struct made t = {.id = id, .n = 1 + mutate_draw(m, FIELDS_MAX)};
    struct buf template;
    buf_init(&template, 0);
    buf_be16(&template, id);
    uint32_t n_scope = options ? mutate_draw(m, t.n) + ipfix : 0;
    if (options && !ipfix) {
        buf_be16(&template, (uint16_t)(n_scope * 4));
        buf_be16(&template, (uint16_t)((t.n - n_scope) * 4));
    } else {
        buf_be16(&template, (uint16_t)t.n);
        if (options)
            buf_be16(&template, (uint16_t)n_scope);
    }
    make_fields(m, &template, &t, ipfix);
    buf_be16(b, ipfix ? 10 : 9);
    buf_be16(b, 1);
    if (!ipfix)
        buf_be32(b, 100000 + mutate_draw(m, 100000));
    buf_be32(b, 1000 + mutate_draw(m, 10));
    buf_be32(b, mutate_draw(m, 10));
    buf_be32(b, mutate_draw(m, 3));
    uint32_t what = 1 + mutate_draw(m, 3);
    for (unsigned i = 0; i < 2; i++) {
        if (what & 1u << i) {
            size_t at = open_set(b, i ? id : (uint16_t)((ipfix ? 2 : 0) + options));
            if (i)
                make_records(m, b, &t);
            else
                buf_add(b, template.p, template.len);
            close_set(b, at);
        }
    }
    buf_fini(&template);
    templates_mend(b);
}
