/* Any text as a DSN: no crash; what is taken has all it takes to connect. */
#include "api/mysql_dsn.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a;
    struct mysql_dsn d;
    struct err e;
    arena_init(&a);
    const char *dsn = arena_z(&a, (struct str){(const char *)data, len});
    if (mysql_dsn_parse(&a, dsn, &d, &e)) {
        const char *where = d.host ? d.host : d.socket;
        if (!d.host == !d.socket || !where[0] || !d.database[0] || !d.user || !d.password ||
            !d.host == !!d.port)
            abort();
    } else if (!e.msg[0]) {
        abort();
    }
    arena_fini(&a);
    return 0;
}
