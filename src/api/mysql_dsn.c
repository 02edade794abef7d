/* From the end: passwords may have any of the marks, so the last "/" and the last "@" before it are those that count. */
#include "api/mysql_dsn.h"

static bool wrong(struct err *e)
{
    return err_set(e, "dsn: expected user:password@tcp(host:port)/database");
}

/* ":3306", or nothing. */
static bool parse_port(const char *at, uint16_t *port, struct err *e)
{
    uint64_t n = 3306;
    if (*at == ':' && (!str_u64(str_from(at + 1), &n) || n == 0 || n > UINT16_MAX))
        return err_set(e, "dsn: the port is not a number from 1 to 65535");
    if (*at && *at != ':')
        return wrong(e);
    *port = (uint16_t)n;
    return true;
}

/* "host", "host:port", "[::1]:port" */
static bool parse_tcp(char *text, struct mysql_dsn *out, struct err *e)
{
    char *end;
    if (text[0] == '[') {
        end = strchr(text, ']');
        if (!end)
            return err_set(e, "dsn: an IPv6 address has no ] behind it");
        *end++ = '\0';
        text++;
    } else {
        end = text + strcspn(text, ":");
        if (*end && strchr(end + 1, ':'))
            return err_set(e, "dsn: an IPv6 address stands in brackets: tcp([2001:db8::1]:3306)");
    }
    if (!parse_port(end, &out->port, e))
        return false;
    *end = '\0';
    out->host = text;
    return text[0] || err_set(e, "dsn: it names no host");
}

static bool parse_address(char *text, struct mysql_dsn *out, struct err *e)
{
    size_t len = strlen(text);
    if (len == 0) {
        out->host = "127.0.0.1";
        return parse_port("", &out->port, e);
    }
    if (text[len - 1] != ')')
        return wrong(e);
    text[len - 1] = '\0';
    if (strncmp(text, "tcp(", 4) == 0)
        return parse_tcp(text + 4, out, e);
    if (strncmp(text, "unix(", 5) != 0)
        return wrong(e);
    out->socket = text + 5;
    return out->socket[0] || err_set(e, "dsn: it names no socket");
}

bool mysql_dsn_parse(struct arena *a, const char *dsn, struct mysql_dsn *out, struct err *e)
{
    char *text = arena_strdup(a, dsn), *slash = strrchr(text, '/');
    *out = (struct mysql_dsn){.user = text, .password = ""};
    if (!slash)
        return wrong(e);
    *slash = '\0';
    char *at = strrchr(text, '@'), *database = slash + 1;
    if (!at)
        return wrong(e);
    *at = '\0';
    char *colon = strchr(text, ':');
    if (colon) {
        *colon = '\0';
        out->password = colon + 1;
    }
    database[strcspn(database, "?")] = '\0';
    out->database = database;
    if (!database[0])
        return err_set(e, "dsn: it names no database");
    return parse_address(at + 1, out, e);
}
