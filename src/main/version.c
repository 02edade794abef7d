/* weir version */
#include "main/commands.h"
#include "schema/schema.h"
#include <stdio.h>
#include <string.h>

/* For schema.enabled and schema.disabled. */
static void columns(const char *title, bool off)
{
    printf("\n%s:\n", title);
    for (unsigned c = 0; c < COL_CUSTOM; c++) {
        unsigned flags = column_defs[c].flags;
        if (!(flags & (COLF_HIDDEN | COLF_FIXED)) && (bool)(flags & COLF_OFF) == off)
            printf("  %s\n", column_defs[c].name);
    }
}

int cmd_version(int argc, char **argv)
{
    bool all = argc > 1 && (strcmp(argv[1], "-d") == 0 || strcmp(argv[1], "--debug") == 0);
    if (argc > 2 || (argc == 2 && !all)) {
        bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;
        fprintf(asked ? stdout : stderr,
                "usage: weir version [-d]\n\n"
                "With -d also which columns can be disabled or enabled (section schema).\n");
        return asked ? 0 : 2;
    }
    printf("weir %s\ncompiler: %s\n", WEIR_VERSION, __VERSION__);
    if (all) {
        columns("columns that can be disabled", false);
        columns("columns that can be enabled", true);
    }
    return 0;
}
