/*
 * cityhash: CityHash128 of version 1.0.2, the check of ClickHouse's compressed frames. Later versions give other numbers.
 *
 * The algorithm is Google's (Geoff Pike and Jyrki Alakuijala, MIT licence, see NOTICE). Pure; any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct cityhash {
    uint64_t low, high;
};

struct cityhash cityhash_128(const void *data, size_t len);
