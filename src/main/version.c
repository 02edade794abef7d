/* weir version: which one this is; with -d which columns a configuration may enable or disable. */
#include "main/commands.h"
#include "schema/column.h"
#include <stdio.h>
#include <string.h>

static void list(const char *title, unsigned mask, unsigned want)
{
    printf("\n%s:\n", title);
    for (unsigned c = 0; c < COL_COUNT; c++)
        if ((column_defs[c].flags & (mask | COLF_HIDDEN)) == want)
            printf("  %-22s %s\n", column_defs[c].name, column_defs[c].doc);
}

int cmd_version(int argc, char **argv)
{
    bool details = argc == 2 && (strcmp(argv[1], "-d") == 0 || strcmp(argv[1], "--details") == 0);
    bool asked = argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
    if (argc > 1 && !details) {
        fprintf(asked ? stdout : stderr, "usage: weir version [-d]\n\n  -d, --details  list the columns that "
                                         "a configuration may enable or "
                                         "disable\n                 (schema.enabled, schema.disabled)\n");
        return asked ? 0 : 2;
    }
    printf("weir %s\ncompiler: %s\n", WEIR_VERSION, __VERSION__);
    if (details) {
        list("Enabled, may be disabled", COLF_FIXED | COLF_OFF, 0);
        list("Disabled, may be enabled", COLF_FIXED | COLF_OFF, COLF_OFF);
        list("Always there", COLF_FIXED | COLF_OFF, COLF_FIXED);
    }
    return 0;
}
