/* routes.def as a table. */
#include "api/api.h"

const struct http_route api_routes[] = {
#define ROUTE(method_, path_, handler_, doc_)                                                                \
    {.method = method_, .path = path_, .handler = handler_, .doc = doc_},
#include "api/routes.def"
#undef ROUTE
};
const size_t api_routes_n = sizeof api_routes / sizeof *api_routes;
