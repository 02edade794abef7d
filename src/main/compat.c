/*
 * Each rule cuts an old key out and puts it in its place today, unless there is something already. What a value cannot be
 * moved from because it is of the wrong kind is left alone: the loader says what it thinks of it.
 */
#include "main/compat.h"
#include "conf/value.h"

struct moving {
    struct arena *a;
    struct conf_report *r;
    struct yaml *root;
    const char *at; /* path of the section that is worked on, for notices; "": the root */
};

static bool is_map(const struct yaml *y)
{
    return y && y->kind == YAML_MAP;
}

/* Sub map to edit; made when `make` and absent. NULL when absent or no map. */
static struct yaml *open_map(struct moving *m, struct yaml *parent, const char *key, bool make)
{
    if (!is_map(parent))
        return NULL;
    long i = yaml_index(parent, str_from(key));
    if (i < 0 || (make && yaml_is_null(parent->items[i]))) {
        if (!make)
            return NULL;
        yaml_set(m->a, parent, str_from(key), yaml_map(m->a, parent->pos), parent->pos);
        i = yaml_index(parent, str_from(key));
    }
    return is_map(parent->items[i]) ? yaml_own(m->a, &parent->items[i]) : NULL;
}

static const char *path_of(struct moving *m, const char *key)
{
    return m->at[0] ? arena_printf(m->a, "%s.%s", m->at, key) : key;
}

/* from.old -> to.now; what is there already wins. `from` is at m->at. */
static bool move_key(struct moving *m, struct yaml *from, const char *old, struct yaml *to, const char *now,
                     const char *said)
{
    long i = yaml_index(from, str_from(old));
    if (!is_map(from) || i < 0 || !is_map(to))
        return false;
    struct conf_pos pos = from->key_pos[i];
    struct yaml *value = yaml_cut(from, old);
    bool taken = yaml_get(to, now) != NULL;
    conf_notice(m->r, pos, path_of(m, old),
                taken ? "old key; left out, since %s is there" : "old key; read as %s", said);
    if (!taken)
        yaml_set(m->a, to, str_from(now), value, pos);
    return !taken;
}

/* The sections of a role as maps to edit, one after the other; NULL at the end. */
static struct yaml *section(struct moving *m, const char *role, size_t index, bool make)
{
    long i = yaml_index(m->root, str_from(role));
    if (i >= 0 && m->root->items[i]->kind == YAML_LIST) {
        struct yaml *list = yaml_own(m->a, &m->root->items[i]);
        if (index >= list->n || !is_map(list->items[index]))
            return NULL;
        return yaml_own(m->a, &list->items[index]);
    }
    return index == 0 ? open_map(m, m->root, role, make) : NULL;
}

/* The same, as the section to take from: notices are about its keys. */
static struct yaml *source(struct moving *m, const char *role, size_t index)
{
    const struct yaml *all = yaml_get(m->root, role);
    m->at = all && all->kind == YAML_LIST ? arena_printf(m->a, "%s[%zu]", role, index) : role;
    return section(m, role, index, false);
}

/* ---- rules ---- */

static void inlet_to_outlet(struct moving *m)
{
    static const char *const keys[] = {"core", "metadata", "snmp",     "routing",
                                       "bmp",  "geoip",    "networks", "schema"};
    for (size_t i = 0; i < 64; i++) {
        struct yaml *inlet = source(m, "inlet", i);
        if (!inlet)
            break;
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            if (yaml_get(inlet, keys[k]))
                move_key(m, inlet, keys[k], section(m, "outlet", 0, true), keys[k],
                         arena_printf(m->a, "outlet.%s", keys[k]));
    }
    m->at = "";
    if (yaml_get(m->root, "geoip"))
        move_key(m, m->root, "geoip", section(m, "outlet", 0, true), "geoip", "outlet.geoip");
}

static void clickhouse_split(struct moving *m)
{
    static const char *const connection[] = {"servers", "database",       "username",     "password",
                                             "cluster", "max-open-conns", "dial-timeout", "tls"};
    static const char *const networks[] = {"networks", "network-sources", "network-sources-timeout"};
    struct yaml *ch = open_map(m, m->root, "clickhouse", false);
    m->at = "clickhouse";
    for (size_t i = 0; ch && i < sizeof connection / sizeof *connection; i++)
        if (yaml_get(ch, connection[i]))
            move_key(m, ch, connection[i], open_map(m, m->root, "clickhousedb", true), connection[i],
                     arena_printf(m->a, "clickhousedb.%s", connection[i]));
    for (size_t i = 0; ch && i < sizeof networks / sizeof *networks; i++)
        if (yaml_get(ch, networks[i]))
            move_key(m, ch, networks[i], open_map(m, section(m, "outlet", 0, true), "networks", true),
                     networks[i], arena_printf(m->a, "outlet.networks.%s", networks[i]));
}

static void rate_limit(struct moving *m, struct yaml *inlet)
{
    struct yaml *flow = open_map(m, inlet, "flow", false);
    struct yaml *limit = flow ? yaml_get(flow, "rate-limit") : NULL;
    long i = flow ? yaml_index(flow, STR("inputs")) : -1;
    if (!limit || i < 0 || flow->items[i]->kind != YAML_LIST)
        return;
    conf_notice(m->r, limit->pos, path_of(m, "flow.rate-limit"), "old key; read as rate-limit of each input");
    struct yaml *inputs = yaml_own(m->a, &flow->items[i]);
    yaml_cut(flow, "rate-limit");
    limit->shared = true;
    for (size_t k = 0; k < inputs->n; k++)
        if (is_map(inputs->items[k]) && !yaml_get(inputs->items[k], "rate-limit"))
            yaml_set(m->a, yaml_own(m->a, &inputs->items[k]), STR("rate-limit"), limit, limit->pos);
}

/* outlet.snmp: what is about names in general belongs to metadata, the rest to its provider. */
static void snmp_to_metadata(struct moving *m, struct yaml *outlet)
{
    static const char *const general[] = {"cache-duration",     "cache-refresh", "cache-check-interval",
                                          "cache-persist-file", "workers",       "max-batch-requests"};
    struct yaml *snmp = open_map(m, outlet, "snmp", false);
    if (!snmp)
        return;
    struct yaml *metadata = open_map(m, outlet, "metadata", true);
    const char *outer = m->at;
    m->at = path_of(m, "snmp");
    for (size_t i = 0; i < sizeof general / sizeof *general; i++)
        move_key(m, snmp, general[i], metadata, general[i], arena_printf(m->a, "metadata.%s", general[i]));
    m->at = outer;
    yaml_set(m->a, snmp, STR("type"), yaml_scalar(m->a, "snmp", snmp->pos), snmp->pos);
    move_key(m, outlet, "snmp", metadata, "providers", "metadata.providers of type snmp");
}

static void bmp_to_routing(struct moving *m, struct yaml *outlet)
{
    struct yaml *bmp = open_map(m, outlet, "bmp", false);
    if (!bmp)
        return;
    yaml_set(m->a, bmp, STR("type"), yaml_scalar(m->a, "bmp", bmp->pos), bmp->pos);
    move_key(m, outlet, "bmp", open_map(m, outlet, "routing", true), "provider",
             "routing.provider of type bmp");
}

static void ignore_asn(struct moving *m, struct yaml *outlet)
{
    struct yaml *core = open_map(m, outlet, "core", false);
    struct yaml *old = core ? yaml_get(core, "ignore-asn-from-flow") : NULL;
    bool on = false;
    if (!old || old->kind != YAML_SCALAR || !value_bool(old->text, &on))
        return;
    conf_notice(m->r, old->pos, path_of(m, "core.ignore-asn-from-flow"),
                "old key; read as core.asn-providers");
    yaml_cut(core, "ignore-asn-from-flow");
    if (!on || yaml_get(core, "asn-providers"))
        return;
    struct yaml *list = yaml_list(m->a, old->pos);
    yaml_append(m->a, list, yaml_scalar(m->a, "routing", old->pos));
    yaml_append(m->a, list, yaml_scalar(m->a, "networks", old->pos));
    yaml_set(m->a, core, STR("asn-providers"), list, old->pos);
}

/* `value` for all, or by subnet, into credentials.<subnet>; as key `inside`, or with all its keys when NULL. */
static void credentials_add(struct moving *m, struct yaml *credentials, struct yaml *value,
                            const char *inside)
{
    if (value->kind != YAML_MAP) {
        struct yaml *by_subnet = yaml_map(m->a, value->pos);
        yaml_set(m->a, by_subnet, STR("::/0"), value, value->pos);
        value = by_subnet;
    }
    for (size_t i = 0; i < value->n; i++) {
        struct yaml *one = open_map(m, credentials, arena_z(m->a, value->keys[i]), true);
        if (!one)
            continue;
        if (inside && !yaml_get(one, inside))
            yaml_set(m->a, one, str_from(inside), value->items[i], value->key_pos[i]);
        for (size_t k = 0; !inside && is_map(value->items[i]) && k < value->items[i]->n; k++)
            yaml_set(m->a, one, value->items[i]->keys[k], value->items[i]->items[k],
                     value->items[i]->key_pos[k]);
    }
}

static void snmp_credentials(struct moving *m, struct yaml *provider)
{
    static const struct {
        const char *old, *inside;
    } keys[] = {
        {"communities", "communities"}, {"default-community", "communities"}, {"security-parameters", NULL}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        long at = yaml_index(provider, str_from(keys[i].old));
        if (at < 0)
            continue;
        struct conf_pos pos = provider->key_pos[at];
        struct yaml *value = yaml_cut(provider, keys[i].old);
        conf_notice(m->r, pos, path_of(m, keys[i].old), "old key; read as credentials");
        struct yaml *credentials = open_map(m, provider, "credentials", true);
        if (credentials && !yaml_is_null(value))
            credentials_add(m, credentials, value, keys[i].inside);
    }
}

static void gnmi_tls_of(struct moving *m, struct yaml *auth)
{
    static const struct {
        const char *old, *now;
    } keys[] = {{"skip-verify", "skip-verify"},
                {"tls-ca", "ca-file"},
                {"tls-cert", "cert-file"},
                {"tls-key", "key-file"}};
    struct yaml *insecure = yaml_get(auth, "insecure");
    bool plain = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (yaml_get(auth, keys[i].old))
            move_key(m, auth, keys[i].old, open_map(m, auth, "tls", true), keys[i].now,
                     arena_printf(m->a, "tls.%s", keys[i].now));
    if (insecure && insecure->kind == YAML_SCALAR && value_bool(insecure->text, &plain)) {
        conf_notice(m->r, insecure->pos, path_of(m, "insecure"), "old key; read as tls.enable");
        yaml_cut(auth, "insecure");
        struct yaml *tls = open_map(m, auth, "tls", true);
        if (tls && !yaml_get(tls, "enable"))
            yaml_set(m->a, tls, STR("enable"), yaml_scalar(m->a, plain ? "false" : "true", insecure->pos),
                     insecure->pos);
    }
}

static void gnmi_tls(struct moving *m, struct yaml *provider)
{
    struct yaml *auth = open_map(m, provider, "authentication-parameters", false);
    if (!auth)
        return;
    m->at = path_of(m, "authentication-parameters");
    gnmi_tls_of(m, auth);
    for (size_t i = 0; i < auth->n; i++) /* by subnet */
        if (memchr(auth->keys[i].p, ':', auth->keys[i].len) ||
            memchr(auth->keys[i].p, '.', auth->keys[i].len))
            if (is_map(auth->items[i]))
                gnmi_tls_of(m, yaml_own(m->a, &auth->items[i]));
}

static void providers(struct moving *m, struct yaml *outlet)
{
    struct yaml *metadata = open_map(m, outlet, "metadata", false);
    if (!metadata)
        return;
    long at = yaml_index(metadata, STR("providers"));
    if (at < 0)
        at = yaml_index(metadata, STR("provider"));
    if (at < 0)
        return;
    struct yaml *node = yaml_own(m->a, &metadata->items[at]);
    const char *outer = arena_printf(m->a, "%s.metadata.%.*s", m->at, STR_ARG(metadata->keys[at]));
    for (size_t i = 0; node->kind == YAML_LIST ? i < node->n : i < 1; i++) {
        struct yaml **slot = node->kind == YAML_LIST ? &node->items[i] : &metadata->items[at];
        if (!is_map(*slot))
            continue;
        struct yaml *provider = yaml_own(m->a, slot);
        const struct yaml *type = yaml_get(provider, "type");
        m->at = node->kind == YAML_LIST ? arena_printf(m->a, "%s[%zu]", outer, i) : outer;
        if (!type || str_eq_nocase(type->text, STR("snmp")))
            snmp_credentials(m, provider);
        else if (str_eq_nocase(type->text, STR("gnmi")))
            gnmi_tls(m, provider);
    }
}

/* tls.verify -> tls.skip-verify, wherever a tls section is. */
static void verify(struct moving *m, struct yaml **slot, bool in_tls)
{
    if ((*slot)->kind == YAML_SCALAR)
        return;
    struct yaml *y = yaml_own(m->a, slot);
    struct yaml *old = in_tls ? yaml_get(y, "verify") : NULL;
    bool on;
    if (old && old->kind == YAML_SCALAR && value_bool(old->text, &on)) {
        conf_notice(m->r, old->pos, "tls.verify", "old key; read as skip-verify: %s", on ? "false" : "true");
        yaml_cut(y, "verify");
        if (!yaml_get(y, "skip-verify"))
            yaml_set(m->a, y, STR("skip-verify"), yaml_scalar(m->a, on ? "false" : "true", old->pos),
                     old->pos);
    }
    for (size_t i = 0; i < y->n; i++)
        verify(m, &y->items[i], y->kind == YAML_MAP && yaml_key_eq(y->keys[i], STR("tls")));
}

/* A ClickHouse server at the port of its native protocol: weir speaks HTTP. */
static struct yaml *http_server(struct moving *m, struct yaml *server, const char *key)
{
    static const struct {
        struct str native, http;
    } ports[] = {{STR(":9000"), STR(":8123")}, {STR(":9440"), STR(":8443")}};
    struct str s = server->kind == YAML_SCALAR ? server->text : STR("");
    while (s.len && s.p[s.len - 1] == '/')
        s.len--;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        if (!str_ends(s, ports[i].native))
            continue;
        s.len -= ports[i].native.len;
        conf_notice(m->r, server->pos, path_of(m, key),
                    "port of ClickHouse's native protocol; read as %.*s, that of HTTP",
                    (int)ports[i].http.len - 1, ports[i].http.p + 1);
        struct yaml *now = yaml_scalar(
            m->a, arena_printf(m->a, "%.*s%.*s", STR_ARG(s), STR_ARG(ports[i].http)), server->pos);
        now->quoted = true;
        return now;
    }
    return server;
}

static void servers(struct moving *m, struct yaml *section, const char *db_key)
{
    struct yaml *db = open_map(m, section, db_key, false);
    long at = db ? yaml_index(db, STR("servers")) : -1;
    if (at < 0)
        return;
    const char *key = arena_printf(m->a, "%s.servers", db_key);
    if (db->items[at]->kind == YAML_SCALAR)
        db->items[at] = http_server(m, db->items[at], key);
    else if (db->items[at]->kind == YAML_LIST)
        for (size_t i = 0; i < db->items[at]->n; i++) {
            struct yaml *list = yaml_own(m->a, &db->items[at]);
            list->items[i] = http_server(m, list->items[i], arena_printf(m->a, "%s[%zu]", key, i));
        }
}

/* Is there a tls section with the old key at all? Most files are left as they are, and shared nodes shared. */
static bool has_verify(const struct yaml *y, bool in_tls)
{
    if (in_tls && yaml_get(y, "verify"))
        return true;
    for (size_t i = 0; y->kind != YAML_SCALAR && i < y->n; i++)
        if (has_verify(y->items[i], y->kind == YAML_MAP && yaml_key_eq(y->keys[i], STR("tls"))))
            return true;
    return false;
}

void compat_rewrite(struct yaml **root, struct arena *a, struct conf_report *r)
{
    struct moving m = {.a = a, .r = r, .root = yaml_own(a, root), .at = ""};
    inlet_to_outlet(&m);
    clickhouse_split(&m);
    for (size_t i = 0; i < 64; i++) {
        struct yaml *inlet = source(&m, "inlet", i);
        if (inlet)
            rate_limit(&m, inlet);
        struct yaml *outlet = source(&m, "outlet", i);
        if (outlet) {
            move_key(&m, outlet, "kafka", outlet, "kafka-input", "kafka-input");
            snmp_to_metadata(&m, outlet);
            bmp_to_routing(&m, outlet);
            ignore_asn(&m, outlet);
            servers(&m, outlet, "clickhousedb");
            providers(&m, outlet);
        }
        struct yaml *console = source(&m, "console", i);
        if (console)
            servers(&m, console, "clickhouse");
    }
    m.at = "";
    servers(&m, m.root, "clickhousedb");
    if (has_verify(m.root, false)) {
        verify(&m, &m.root, false);
        *root = m.root;
    }
}

void compat_section(struct yaml **section, const char *role, struct arena *a, struct conf_report *r)
{
    struct moving m = {.a = a, .r = r, .root = yaml_own(a, section), .at = role};
    servers(&m, m.root, "clickhousedb");
    servers(&m, m.root, "clickhouse");
}
