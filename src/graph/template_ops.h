#ifndef ANABRANCH_GRAPH_TEMPLATE_OPS_H
#define ANABRANCH_GRAPH_TEMPLATE_OPS_H
/*
 * What template_parse.c makes and template.c walks: a flat list in which a section knows where its
 * content ends.
 *
 *     "Hi {{#users}}{{name}}, {{/users}}"
 *      0 TEXT "Hi "   1 SECTION users end=4   2 VALUE name   3 TEXT ", "
 */
#include "graph/template.h"

enum op_kind { OP_TEXT, OP_VALUE, OP_SECTION, OP_INVERTED };

struct op {
    enum op_kind kind;
    size_t at;        /* byte offset in the template */
    const char *text; /* the literal text, or the name in the tag; not terminated */
    size_t len;
    struct path *path; /* NULL: {{.}} */
    size_t end;        /* of a section: index of the first op behind its content */
};

struct template
{
    char *text;
    size_t len;
    struct op *ops;
    size_t count;
    size_t cap;
    bool is_whole; /* nothing but one {{path}} */
};

#endif
