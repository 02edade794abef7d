/* weir version */
#include "main/commands.h"
#include <stdio.h>

int cmd_version(int argc, char **argv)
{
    printf("weir %s\ncompiler: %s\n", WEIR_VERSION, __VERSION__);
    return 0;
}
