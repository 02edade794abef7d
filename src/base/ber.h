/*
 * ber: the part of ASN.1's Basic Encoding Rules (X.690) that SNMP uses (RFC 3417 8): tag, definite length, value.
 *
 * Reading takes a cursor and leaves it behind the element; errors stick to the cursor. Writing appends to a buf; a
 * constructed element is begun and ended, its length has always two bytes.
 */
#pragma once
#include "base/buf.h"
#include "base/cursor.h"

enum ber_tag {
    BER_INTEGER = 0x02,
    BER_OCTETS = 0x04,
    BER_NULL = 0x05,
    BER_OID = 0x06,
    BER_SEQUENCE = 0x30,
    /* application types of SMIv2, RFC 2578 */
    BER_COUNTER32 = 0x41,
    BER_GAUGE32 = 0x42,
    BER_TIMETICKS = 0x43,
    BER_COUNTER64 = 0x46,
    /* exceptions, RFC 3416 3 */
    BER_NO_SUCH_OBJECT = 0x80,
    BER_NO_SUCH_INSTANCE = 0x81,
    BER_END_OF_MIB = 0x82,
    /* PDUs, RFC 3416 3 */
    BER_GET = 0xa0,
    BER_GETNEXT = 0xa1,
    BER_RESPONSE = 0xa2,
    BER_GETBULK = 0xa5,
    BER_REPORT = 0xa8,
};

enum { BER_OID_MAX = 128 };

/* The next element's value; *tag is 0 and the result bad when there is none. */
struct cursor ber_next(struct cursor *c, uint8_t *tag);
/* The same; bad unless it has that tag. */
struct cursor ber_want(struct cursor *c, uint8_t tag);
/* An INTEGER of at most 8 bytes. */
int64_t ber_int(struct cursor *c);
struct str ber_octets(struct cursor *c);
/* Sub-identifiers of a value; how many, 0 when it is none or there are more than BER_OID_MAX. */
size_t ber_oid(struct cursor value, uint32_t *out);

/* Where to put the length: for ber_end. */
size_t ber_begin(struct buf *b, uint8_t tag);
void ber_end(struct buf *b, size_t begun);
void ber_put_int(struct buf *b, uint8_t tag, int64_t v);
void ber_put_octets(struct buf *b, struct str s);
void ber_put_oid(struct buf *b, const uint32_t *oid, size_t n);
