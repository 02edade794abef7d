/* Hand-written for one message: wire types 0 (varint) and 2 (bytes) are all it needs, 1 and 5 are passed over. */
#include "bus/rawflow.h"

enum {
    TIME_RECEIVED = 1,
    PAYLOAD = 2,
    SOURCE_ADDRESS = 3,
    USE_SOURCE_ADDRESS = 4,
    DECODER = 5,
    TIMESTAMP_SOURCE = 6,
    DECAPSULATION = 7,
    RATE_LIMIT = 8,
    SOURCE_PORT = 100,
    RECEIVED_NS = 101,
    TICK = 102,
};

static void put_varint(struct buf *out, unsigned field, uint64_t v)
{
    if (v == 0)
        return; /* proto3 leaves defaults out */
    buf_varint(out, field << 3);
    buf_varint(out, v);
}

static void put_bytes(struct buf *out, unsigned field, const void *p, size_t len)
{
    if (len == 0)
        return;
    buf_varint(out, field << 3 | 2);
    buf_varint(out, len);
    buf_add(out, p, len);
}

void rawflow_put(struct buf *out, enum bus_kind kind, uint64_t second, const struct dgram *d)
{
    put_varint(out, TIME_RECEIVED, kind == BUS_TICK ? second : d->rx_ns / 1000000000u);
    put_bytes(out, PAYLOAD, d->data, d->len);
    if (kind == BUS_TICK) {
        put_varint(out, TICK, second);
        return;
    }
    put_bytes(out, SOURCE_ADDRESS, d->src.b, sizeof d->src.b);
    put_varint(out, USE_SOURCE_ADDRESS, d->use_src);
    put_varint(out, DECODER, d->decoder);
    put_varint(out, TIMESTAMP_SOURCE, d->time);
    put_varint(out, DECAPSULATION, d->decap);
    put_varint(out, RATE_LIMIT, d->rate_limit);
    put_varint(out, SOURCE_PORT, d->src_port);
    put_varint(out, RECEIVED_NS, d->rx_ns);
}

static bool get_varint(struct str *in, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64 && in->len; shift += 7) {
        uint8_t b = (uint8_t)*in->p++;
        in->len--;
        *v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return true;
    }
    return false;
}

static void set_number(struct bus_record *rec, uint64_t field, uint64_t v)
{
    switch (field) {
    case TIME_RECEIVED:
        rec->second = v;
        break;
    case USE_SOURCE_ADDRESS:
        rec->d.use_src = v != 0;
        break;
    case DECODER:
        rec->d.decoder = v <= DECODER_SFLOW ? (uint8_t)v : DECODER_NONE;
        break;
    case TIMESTAMP_SOURCE:
        rec->d.time = v <= TIME_NETFLOW_FIRST_SWITCHED ? (uint8_t)v : TIME_INPUT;
        break;
    case DECAPSULATION:
        rec->d.decap = v < DECAP_COUNT ? (uint8_t)v : DECAP_NONE;
        break;
    case RATE_LIMIT:
        rec->d.rate_limit = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
        break;
    case SOURCE_PORT:
        rec->d.src_port = (uint16_t)v;
        break;
    case RECEIVED_NS:
        rec->d.rx_ns = v;
        break;
    case TICK:
        rec->kind = BUS_TICK;
        rec->second = v;
        break;
    default:
        break;
    }
}

static bool set_bytes(struct bus_record *rec, uint64_t field, struct str v)
{
    if (field == PAYLOAD) {
        rec->d.data = (const uint8_t *)v.p;
        rec->d.len = (uint32_t)v.len;
        return v.len <= UINT32_MAX;
    }
    if (field == SOURCE_ADDRESS && v.len == 16)
        rec->d.src = ip_v6(v.p);
    return field != SOURCE_ADDRESS || v.len == 16;
}

bool rawflow_get(struct str in, struct bus_record *rec)
{
    rec->kind = BUS_DGRAM;
    rec->second = 0;
    rec->d = (struct dgram){.data = (const uint8_t *)in.p};
    while (in.len) {
        uint64_t tag, v;
        if (!get_varint(&in, &tag))
            return false;
        switch (tag & 7) {
        case 0:
            if (!get_varint(&in, &v))
                return false;
            set_number(rec, tag >> 3, v);
            break;
        case 2:
            if (!get_varint(&in, &v) || v > in.len || !set_bytes(rec, tag >> 3, (struct str){in.p, v}))
                return false;
            in.p += v;
            in.len -= v;
            break;
        case 1:
        case 5:
            v = (tag & 7) == 1 ? 8 : 4;
            if (v > in.len)
                return false;
            in.p += v;
            in.len -= v;
            break;
        default:
            return false;
        }
    }
    if (rec->d.rx_ns == 0 && rec->second <= UINT64_MAX / 1000000000u)
        rec->d.rx_ns = rec->second * 1000000000u;
    return rec->kind == BUS_TICK || rec->d.len > 0;
}
