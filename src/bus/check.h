/*
 * check: the check of a record in the spool, XXH3 with the widest registers this processor has; 32 bits of it.
 *
 * The value is the same on every processor. Any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint32_t check_of(const void *p, size_t len);
/* The two ways to get it. */
uint32_t check_plain(const void *p, size_t len);
uint32_t check_wide(const void *p, size_t len);
