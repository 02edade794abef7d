/* testing_each: for each test of a file a decoder of its own (testing.h) and an empty datagram. */
#pragma once
#include "decode/testing.h"

static struct buf b; /* the datagram that is being made */

static inline int begin(void **state)
{
    buf_init(&b, 0);
    *state = rig_new(NULL);
    return 0;
}

static inline int end(void **state)
{
    rig_free(*state);
    buf_fini(&b);
    return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
