/* weir healthcheck: asks a role how it is; for containers and scripts. */
#include "main/commands.h"
#include "main/config.h"
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(FILE *f, int status)
{
    fprintf(f, "usage: weir healthcheck [--http HOST:PORT] [--service ROLE]\n\n"
               "Prints the health of a role (default: the console, or ROLE where it listens by default) and "
               "what is\n"
               "the matter with it. Ends with 0 when it is ok or warns, with 1 on an error or no answer.\n");
    return status;
}

static int show(const struct http_answer *a)
{
    json_t *j = json_loadb((const char *)a->body.p, a->body.len, 0, NULL);
    const char *status = json_string_value(json_object_get(j, "status")), *name;
    json_t *component;
    printf("%s\n", status ? status : "no status");
    json_object_foreach(json_object_get(j, "details"), name, component)
    {
        const char *s = json_string_value(json_object_get(component, "status"));
        const char *reason = json_string_value(json_object_get(component, "reason"));
        if (s && strcmp(s, "ok") != 0)
            printf("%s: %s: %s\n", name, s, reason ? reason : "");
    }
    json_decref(j);
    return a->status == 200 ? 0 : 1;
}

int cmd_healthcheck(int argc, char **argv)
{
    static const struct option options[] = {{"http", required_argument, NULL, 'a'},
                                            {"service", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *address = NULL, *service = NULL;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        if (c == 'a')
            address = optarg;
        else if (c == 's')
            service = optarg;
        else
            return usage(c == 'h' ? stdout : stderr, c == 'h' ? 0 : 2);
    enum config_role role = service ? config_role_find(service) : ROLE_CONSOLE;
    if (optind < argc || role == ROLE_COUNT) {
        if (optind < argc)
            fprintf(stderr, "weir healthcheck: unexpected argument \"%s\"\n\n", argv[optind]);
        else
            fprintf(stderr, "weir healthcheck: there is no role \"%s\"\n\n", service);
        return usage(stderr, 2);
    }
    char url[400];
    struct err e = {""};
    snprintf(url, sizeof url, "http://%s/api/v0/%s%shealthcheck",
             address ? address : config_roles[role].http_listen, service ? service : "", service ? "/" : "");
    struct http_client *client = http_client_new(NULL);
    struct http_request req = {.url = url, .timeout_ns = 5000000000u};
    struct http_answer a = {0};
    int status = 1;
    if (http_client_do(client, &req, &a, &e))
        status = show(&a);
    else
        fprintf(stderr, "weir healthcheck: %s\n", e.msg);
    buf_fini(&a.body);
    http_client_free(client);
    return status;
}
