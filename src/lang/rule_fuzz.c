/* Any bytes as a rule of both scopes: no crash, no leak, an end; what is refused or fails says why. */
#include "lang/rule.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_outcome(const struct rule_outcome *o)
{
    for (int a = 0; a < RULE_TEXTS; a++)
        for (size_t i = 0; i < o->text[a].len && a < RULE_NAME; i++) {
            char c = o->text[a].p[i];
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-'))
                abort();
        }
    if (o->boundary > RULE_INTERNAL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str text = {(const char *)data, len};
    struct rule_subject s = {.exporter_ip = STR("2001:db8::1"),
                             .exporter_name = STR("th2-ncs55a1-1.example.fr"),
                             .name = STR("Gi0/0/0/1"),
                             .description = STR("Transit: Cog\xc3\xa9nt 1-38\xff"),
                             .index = 10,
                             .speed = 10000,
                             .vlan = 1};
    struct arena a;
    struct lang_error e;
    struct rule_outcome o;
    const char *why;
    arena_init(&a);
    struct rule *r = rule_compile(text, RULE_BOTH, &a, &e);
    if (r) {
        struct rule_vm *vm = rule_vm_new();
        rule_begin(vm, &s, &o);
        for (int i = 0; i < 2; i++)
            if (!rule_run(vm, r, i, &why) && !why[0])
                abort();
        check_outcome(&o);
        rule_vm_free(vm);
        rule_fini(r);
    } else {
        struct buf b;
        buf_init(&b, 0);
        if (!e.message[0] || !e.line || !e.column || e.offset > len)
            abort();
        lexer_caret(text, &e, &b);
        buf_fini(&b);
    }
    arena_fini(&a);
    return 0;
}
