/*
 * WAIT --"HTTP/1.1 1xx"--> INTERIM --empty line--> WAIT
 * WAIT --"HTTP/1.1 200"--> FIELDS  --empty line--> DONE (and trailers)
 */
#include "loop/fetch_head.h"
#include "base/err.h"
#include <string.h>
#include <strings.h>

enum { KEPT_BYTES_MAX = 16 * 1024, SEEN_BYTES_MAX = 256 * 1024, FIRST_FINAL_STATUS = 200 };

void fetch_head_init(struct fetch_head *h)
{
    *h = (struct fetch_head){ .state = FETCH_HEAD_WAIT };
    buf_init(&h->fields, KEPT_BYTES_MAX);
}

void fetch_head_deinit(struct fetch_head *h)
{
    buf_deinit(&h->fields);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The three digits behind the first blank, or 0. */
static int parse_status(const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len);
    if (blank == NULL || line + len - blank < 4)
        return 0;
    int status = 0;
    for (int i = 1; i <= 3; i++) {
        if (blank[i] < '0' || blank[i] > '9')
            return 0;
        status = status * 10 + (blank[i] - '0');
    }
    return status;
}

static int take_status(struct fetch_head *h, const char *line, size_t len)
{
    if (len < 5 || memcmp(line, "HTTP/", 5) != 0)
        return FETCH_HEAD_MORE;
    h->status = parse_status(line, len);
    h->state = h->status < FIRST_FINAL_STATUS ? FETCH_HEAD_INTERIM : FETCH_HEAD_FIELDS;
    return h->state == FETCH_HEAD_FIELDS ? FETCH_HEAD_STATUS : FETCH_HEAD_MORE;
}

/* A field that has no room any more is left out as a whole. */
static int take_field(struct fetch_head *h, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || is_blank(*line))
        return FETCH_HEAD_MORE;
    const char *value = colon + 1, *end = line + len;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    size_t name_len = (size_t)(colon - line), value_len = (size_t)(end - value);
    if (name_len + value_len + 2 > h->fields.max - h->fields.len)
        return FETCH_HEAD_MORE;
    (void)buf_add(&h->fields, line, name_len); /* the fault is sticky */
    (void)buf_add_char(&h->fields, '\0');
    (void)buf_add(&h->fields, value, value_len);
    return buf_add_char(&h->fields, '\0') == 0 ? FETCH_HEAD_MORE : err_trace(ERR_NOMEM);
}

static int take_empty(struct fetch_head *h)
{
    bool is_final = h->state == FETCH_HEAD_FIELDS;
    h->state = is_final ? FETCH_HEAD_DONE : FETCH_HEAD_WAIT;
    return is_final ? FETCH_HEAD_COMPLETE : FETCH_HEAD_MORE;
}

int fetch_head_line(struct fetch_head *h, const char *line, size_t len_bytes)
{
    h->seen_bytes += len_bytes;
    if (h->seen_bytes > SEEN_BYTES_MAX)
        return FETCH_HEAD_E_TOO_LARGE;
    if (h->state == FETCH_HEAD_DONE)
        return FETCH_HEAD_MORE;
    if (h->state == FETCH_HEAD_WAIT)
        return take_status(h, line, len_bytes);
    if (len_bytes == 0 || *line == '\r' || *line == '\n')
        return take_empty(h);
    return h->state == FETCH_HEAD_FIELDS ? take_field(h, line, len_bytes) : FETCH_HEAD_MORE;
}

const char *fetch_head_next(const struct fetch_head *h, size_t *at, const char **ret_value)
{
    if (*at >= h->fields.len)
        return NULL;
    const char *name = h->fields.data + *at;
    const char *value = name + strlen(name) + 1;
    if (value >= h->fields.data + h->fields.len)
        return NULL; /* a field with a NUL inside, which libcurl does not let through */
    *at = (size_t)(value + strlen(value) + 1 - h->fields.data);
    *ret_value = value;
    return name;
}

const char *fetch_head_find(const struct fetch_head *h, const char *name)
{
    size_t at = 0;
    const char *value = NULL;
    for (const char *field = fetch_head_next(h, &at, &value); field != NULL;
         field = fetch_head_next(h, &at, &value))
        if (strcasecmp(field, name) == 0)
            return value;
    return NULL;
}
