/* One walk over pattern and path serves matching and parameters. */
#include "net/http_route.h"

/* Walks both; when `name` is given, *found becomes its value. */
static bool walk(const char *pattern, const char *path, const char *name, struct str *found)
{
    size_t name_len = name ? strlen(name) : 0;
    while (*pattern) {
        if (*pattern == '*' && !pattern[1]) {
            if (name && strcmp(name, "*") == 0)
                *found = str_from(path);
            return true;
        }
        if (*pattern == '{') {
            const char *end = strchr(pattern, '}');
            /* a segment, or its part before what follows in the pattern: "{name}.csv" */
            size_t n = strcspn(path, "/"), tail = end ? strcspn(end + 1, "/{*") : 0;
            if (!end || n <= tail)
                return false;
            n -= tail;
            if (name && (size_t)(end - pattern - 1) == name_len && memcmp(pattern + 1, name, name_len) == 0)
                *found = (struct str){path, n};
            pattern = end + 1;
            path += n;
            continue;
        }
        if (*pattern++ != *path++)
            return false;
    }
    return *path == '\0';
}

bool http_route_match(const char *pattern, const char *path)
{
    return walk(pattern, path, NULL, NULL);
}

bool http_route_method(const char *wanted, const char *method)
{
    return strcmp(wanted, "*") == 0 || strcmp(wanted, method) == 0 ||
           (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

const char *http_route_param(const char *pattern, const char *path, const char *name, struct arena *a)
{
    struct str found = {0};
    if (!walk(pattern, path, name, &found) || !found.p)
        return NULL;
    return arena_z(a, found);
}
