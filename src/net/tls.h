/* tls: what a TLS client is told; the option table for it is in conf/shared.h. Plain data. */
#pragma once
#include <stdbool.h>

struct tls_conf {
    bool enable, skip_verify;
    const char *ca_file, *cert_file, *key_file; /* "" when not given */
};
