/* copy: the operations of a plan that copy a field into a column, one function per pair of widths. Any thread. */
#pragma once
#include "decode/plan.h"

/*
 * The function that copies a field of `len` bytes into column `col`; NULL when such a field cannot be meant (an IPv4
 * address of 50 bytes). Not `first`: only values that are not zero are copied, so that they replace a worse one.
 */
plan_fn *copy_fn(unsigned col, uint16_t len, bool first);
