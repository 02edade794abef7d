/* Up to 127 bytes are mixed 16 at a time; of longer texts 128 at a time, and what is left in 32s from the end. */
#include "store/embedded/cityhash.h"
#include <string.h>

/* Primes between 2^63 and 2^64, and the multiplier that 16 bytes are folded with. */
#define K0 0xc3a5c85c97cb3127u
#define K1 0xb492b66fbe98f273u
#define K2 0x9ae16a3b2f90404fu
#define K3 0xc949d7c7509e6557u
#define FOLD 0x9ddfea08eb382d69u

struct pair {
    uint64_t a, b;
};

static uint64_t at64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t at32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t turn(uint64_t v, unsigned by)
{
    return by ? v >> by | v << (64 - by) : v;
}

static uint64_t shift(uint64_t v)
{
    return v ^ v >> 47;
}

static uint64_t fold(uint64_t u, uint64_t v)
{
    uint64_t a = shift((u ^ v) * FOLD);
    return shift((v ^ a) * FOLD) * FOLD;
}

static uint64_t of_few(const uint8_t *p, size_t len)
{
    if (len > 8) {
        uint64_t a = at64(p), b = at64(p + len - 8);
        return fold(a, turn(b + len, (unsigned)len)) ^ b;
    }
    if (len >= 4)
        return fold(len + (at32(p) << 3), at32(p + len - 4));
    if (len > 0) {
        uint64_t y = p[0] + ((uint64_t)p[len >> 1] << 8), z = len + ((uint64_t)p[len - 1] << 2);
        return shift(y * K2 ^ z * K3) * K2;
    }
    return K2;
}

static struct pair of_32(const uint8_t *p, uint64_t a, uint64_t b)
{
    uint64_t w = at64(p), x = at64(p + 8), y = at64(p + 16), z = at64(p + 24);
    a += w;
    b = turn(b + a + z, 21);
    uint64_t c = a;
    a += x + y;
    b += turn(a, 44);
    return (struct pair){a + z, b + c};
}

static struct cityhash of_short(const uint8_t *p, size_t len, struct pair seed)
{
    uint64_t a = seed.a, b = seed.b, c, d;
    if (len <= 16) {
        a = shift(a * K1) * K1;
        c = b * K1 + of_few(p, len);
        d = shift(a + (len >= 8 ? at64(p) : c));
    } else {
        c = fold(at64(p + len - 8) + K1, a);
        d = fold(b + len, c + at64(p + len - 16));
        a += d;
        for (size_t done = 0; done + 16 < len; done += 16, p += 16) {
            a = (a ^ shift(at64(p) * K1) * K1) * K1;
            b ^= a;
            c = (c ^ shift(at64(p + 8) * K1) * K1) * K1;
            d ^= c;
        }
    }
    a = fold(a, c);
    b = fold(d, b);
    return (struct cityhash){a ^ b, fold(b, a)};
}

/* What a long text is mixed into. */
struct state {
    struct pair v, w;
    uint64_t x, y, z;
};

static void mix_64(struct state *s, const uint8_t *p)
{
    s->x = turn(s->x + s->y + s->v.a + at64(p + 16), 37) * K1;
    s->y = turn(s->y + s->v.b + at64(p + 48), 42) * K1;
    s->x ^= s->w.b;
    s->y ^= s->v.a;
    s->z = turn(s->z ^ s->w.a, 33);
    s->v = of_32(p, s->v.b * K1, s->x + s->w.a);
    s->w = of_32(p + 32, s->z + s->w.b, s->y);
    uint64_t x = s->x;
    s->x = s->z;
    s->z = x;
}

static struct cityhash of_long(const uint8_t *p, size_t len, struct pair seed)
{
    struct state s = {.x = seed.a, .y = seed.b, .z = len * K1};
    s.v.a = turn(s.y ^ K1, 49) * K1 + at64(p);
    s.v.b = turn(s.v.a, 42) * K1 + at64(p + 8);
    s.w.a = turn(s.y + s.z, 35) * K1 + s.x;
    s.w.b = turn(s.x + at64(p + 88), 53) * K1;
    for (; len >= 128; len -= 128, p += 128) {
        mix_64(&s, p);
        mix_64(&s, p + 64);
    }
    s.y += turn(s.w.a, 37) * K0 + s.z;
    s.x += turn(s.v.a + s.z, 49) * K0;
    const uint8_t *end = p + len; /* the last of these 32s may begin in what is mixed already */
    for (size_t done = 0; done < len;) {
        done += 32;
        s.y = turn(s.y - s.x, 42) * K0 + s.v.b;
        s.w.a += at64(end - done + 16);
        s.x = turn(s.x, 49) * K0 + s.w.a;
        s.w.a += s.v.a;
        s.v = of_32(end - done, s.v.a, s.v.b);
    }
    s.x = fold(s.x, s.v.a);
    s.y = fold(s.y, s.w.a);
    return (struct cityhash){fold(s.x + s.v.b, s.w.b) + s.y, fold(s.x + s.w.b, s.y + s.v.b)};
}

static struct cityhash seeded(const uint8_t *p, size_t len, struct pair seed)
{
    return len < 128 ? of_short(p, len, seed) : of_long(p, len, seed);
}

struct cityhash cityhash_128(const void *data, size_t len)
{
    const uint8_t *p = data;
    if (len >= 16)
        return seeded(p + 16, len - 16, (struct pair){at64(p) ^ K3, at64(p + 8)});
    if (len >= 8)
        return seeded(p, 0, (struct pair){at64(p) ^ len * K0, at64(p + len - 8) ^ K1});
    return seeded(p, len, (struct pair){K0, K1});
}
