#ifndef ANABRANCH_GRAPH_TEMPLATE_H
#define ANABRANCH_GRAPH_TEMPLATE_H
/*
 * Mustache over the state, without HTML escaping and without partials: {{path}}, {{{path}}},
 * {{&path}}, {{#section}}, {{^inverted}},
 * {{! comment}}, {{.}}, set-delimiter tags, and the specification's rule for tags alone on a line.
 * Values that are not strings render as compact JSON, null and absent as nothing. Why our own: no C
 * library for it is in Debian (docs/architecture.md).
 *
 * False, null, absent, "" and [] are falsy; 0 is not. {{.}} needs a section around it.
 *
 * A template is immutable; rendering allocates nothing but the output. Rendering ends with
 * BUF_E_FULL after a million pieces (tags, the texts between them, and contents of sections),
 * because lists inside lists multiply.
 */
#include "base/buf.h"
#include "graph/path.h"

#define TEMPLATE_MAX_DEPTH 32 /* sections inside each other */

enum { TEMPLATE_E_SYNTAX = 1 };
enum template_escape {
    ESCAPE_NONE,
    ESCAPE_PERCENT /* rendered values, not literal text: RFC 3986 unreserved stay */
};

struct template;
/* error: a sentence with the position ("unclosed section {{#items}} at byte 14"), error_size bytes
 * at most. */
int template_parse(const char *text, size_t len_bytes, struct template **ret, char *error,
                   size_t error_size);
struct template *template_free(struct template *t); /* accepts NULL */
/* Appends; sticky error in out. */
void template_render(const struct template *t, const struct scope *scope,
                     enum template_escape escape, struct buf *out);
/* Does it render the same whatever the scope holds? */
bool template_is_constant(const struct template *t);
/* The path, if the whole template is one {{path}} (blanks inside the braces allowed, none outside);
 * else NULL. */
const struct path *template_whole_path(const struct template *t);
/* Byte offset of the first tag that renders something, or -1: for "is the host templated?". */
long template_first_tag(const struct template *t);
/* Calls seen() for every path that is looked up outside of any section (inside, names may be an
 * item's), and for every one into $run: it must be known who looks there. */
void template_each_path(const struct template *t, void (*seen)(void *arg, const struct path *path),
                        void *arg);

/* ---- JSON with templates in its strings (keys stay as they are) ---- */

struct jtemplate;
int jtemplate_parse(const json_t *json, struct jtemplate **ret, char *error, size_t error_size);
struct jtemplate *jtemplate_free(struct jtemplate *t);
/*
 * A new reference. A string that is one {{path}} becomes the value there, of any type; absent: the
 * key or element is left out, at the top *ret is NULL. Parts may be shared with the template and
 * the state: nobody may change them. max_bytes bounds every rendered string. Returns 0, BUF_E_FULL,
 * or a fault.
 */
int jtemplate_render(const struct jtemplate *t, const struct scope *scope, size_t max_bytes,
                     json_t **ret);
void jtemplate_each_path(const struct jtemplate *t,
                         void (*seen)(void *arg, const struct path *path), void *arg);

#endif
