/* weir manual: the configuration's manual and JSON schema, from the option tables. */
#include "conf/manual.h"
#include "main/commands.h"
#include "main/config.h"
#include <stdio.h>
#include <stdlib.h>

static const char head[] =
    "# Configuration\n\n"
    "This page is made from the program's own tables (`weir manual`).\n\n"
    "A configuration is one YAML file. Keys are matched without case and dashes. `!include \"other.yaml\"` "
    "puts another file's\n"
    "content in its place (paths are relative to the main file). Anchors, aliases and merge keys (`<<`) "
    "work, and keys that begin\n"
    "with a dot are dropped once the file is read: a place for anchors. Unknown keys are errors.\n\n"
    "- A *duration* is `15d`, `1h30m`, `500ms` (units w, d, h, m, s, ms, us, ns); a bare `0` is none.\n"
    "- A *size* is in bytes, or with a unit: `64KiB`, `10MiB`, `4GB`.\n"
    "- A *list* replaces the default list; a single value counts as a list of one. *Sections* and *maps* "
    "merge with the defaults.\n"
    "- A *value or map by subnet* is one value for all, or a map from prefixes (`10.0.0.0/8`, "
    "`2001:db8::/32`) to values; the longest\n"
    "  prefix that has an address counts.\n\n"
    "Environment variables override the file: `WEIR_CFG_INLET_FLOW_INPUTS_0_LISTEN=:2055`; dashes of keys "
    "are left out,\n"
    "numbers are items of lists, commas part the items of a list. `AKVORADO_CFG_...` is read the same "
    "way.\n\n"
    "`inlet`, `outlet`, `console` and `demo-exporter` may each be a list of sections, one for each process "
    "of that role.\n"
    "`weir orchestrator FILE --check` checks a file, `--dump` shows what it amounts to, `weir manual "
    "--schema` writes a JSON schema\n"
    "for editors.\n";

void config_manual(struct buf *out)
{
    buf_z(out, head);
    opt_manual(config_table(), out);
}

int cmd_manual(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--schema") == 0) {
        json_t *s = opt_schema(config_table(), "weir");
        json_dumpf(s, stdout, JSON_INDENT(1));
        printf("\n");
        json_decref(s);
        return 0;
    }
    if (argc > 1) {
        bool asked = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
        if (!asked)
            fprintf(stderr, "weir manual: unexpected argument \"%s\"\n\n", argv[argc > 2 ? 2 : 1]);
        fprintf(asked ? stdout : stderr,
                "usage: weir manual [--schema]\n\n"
                "Prints the manual of the configuration, every key with its type, default and meaning, as "
                "Markdown.\n\n"
                "  --schema  its JSON schema instead, with which editors check and complete a file\n");
        return asked ? 0 : 2;
    }
    struct buf b;
    buf_init(&b, 0);
    config_manual(&b);
    fwrite(b.p, 1, b.len, stdout);
    buf_fini(&b);
    return 0;
}
