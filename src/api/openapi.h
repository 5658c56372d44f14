#ifndef ANABRANCH_API_OPENAPI_H
#define ANABRANCH_API_OPENAPI_H
/* The OpenAPI 3.1 document of a route table, as GET /openapi.json has it. Pure. */
#include "api/about.h"

/* Rows with a flag of `hidden` are left out, and rows without `about`. NULL: no memory. */
json_t *openapi_document(const struct http_route *routes, size_t route_count, unsigned hidden);

#endif
