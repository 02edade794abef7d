/* copy: the operations of a plan that copy a field into a column, one function per pair of widths. Any thread. */
#pragma once
#include "decode/plan.h"

/*
 * The function that copies a field of `len` bytes into column `col`; NULL when such a field cannot be meant (an IPv4
 * address of 50 bytes). `type`: the element's (enum element_type), which tells text from numbers. Not `first`: only values that are not zero are copied, so that they replace a worse one.
 */
plan_fn *copy_fn(unsigned col, uint16_t len, uint8_t type, bool first);
