/* What a webhook's address may be, and where it leads. */
#include "base/err.h"
#include "base/mem.h"
#include "loop/address.h"
#include "run/webhook_inside.h"
#include <string.h>

/* ---- the setting webhook_hosts ---- */

static int read_host(struct webhooks *w, const char *text)
{
    int r = host_rule_read(text, &w->rules[w->rule_count]);

    if (r == 0)
        w->rule_count++;
    return r < 0 ? err_trace(r) : 0; /* what is no rule was told when settings were read */
}

int webhooks_read_hosts(struct webhooks *w)
{
    char *text MEM_AUTO(mem_freep) = mem_strdup(w->services->conf->webhook_hosts);
    size_t most = 1;
    int r = 0;

    if (text == NULL)
        return err_trace(ERR_NOMEM);
    for (const char *c = text; *c != '\0'; c++)
        most += *c == ',';
    w->rules = mem_array(most, sizeof(*w->rules));
    if (w->rules == NULL)
        return err_trace(ERR_NOMEM);
    for (char *at = text, *one; r == 0 && (one = strsep(&at, ",")) != NULL;)
        r = one[0] == '\0' ? 0 : read_host(w, one);
    return r;
}

static bool is_excepted(const struct webhooks *w, const struct url_host *host)
{
    for (size_t i = 0; i < w->rule_count; i++) {
        if (host_rule_allows(&w->rules[i], host))
            return true;
    }
    return false;
}

/* ---- paths ---- */

static size_t dot_length(const char *text)
{
    if (text[0] == '.')
        return 1;
    return strncasecmp(text, "%2e", 3) == 0 ? 3 : 0;
}

/* "." or "..", written in any way, would leave the place that the setting names. */
static bool is_dots(const char *segment, size_t len)
{
    size_t at = dot_length(segment);

    if (at != 0 && at < len)
        at += dot_length(segment + at);
    return at != 0 && at == len;
}

static bool has_odd_segment(const char *path)
{
    while (*path == '/') {
        size_t len = strcspn(path + 1, "/?#");
        if (is_dots(path + 1, len))
            return true;
        path += 1 + len;
    }
    return false;
}

static bool has_odd_byte(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f || *text == '\\')
            return true;
    return false;
}

static void check_path(const struct webhooks *w, const char *path, struct fail *f)
{
    if (w->services->conf->webhook_base_url[0] == '\0')
        fail_set(f, FAIL_UNPROCESSABLE,
                 "\"webhook\" is a path, and this server has no setting webhook_base_url to put "
                 "before it; send a whole http or https address");
    else if (path[1] == '/' || has_odd_byte(path) || has_odd_segment(path))
        fail_set(f, FAIL_UNPROCESSABLE,
                 "\"webhook\" is not a path that can be called: it begins with one slash and has "
                 "no blanks, backslashes, or segments of dots");
}

/* ---- addresses ---- */

static void check_url(const struct webhooks *w, const char *address, struct fail *f)
{
    struct url_host host;

    if (url_read(address, strlen(address), &host) != 0)
        fail_set(f, FAIL_UNPROCESSABLE,
                 "\"webhook\" must be an http or https address without a user, or a path that "
                 "begins with a slash");
    else if (!is_excepted(w, &host) && !address_text_may_be_public(host.name, host.len_bytes))
        fail_set(f, FAIL_UNPROCESSABLE,
                 "\"webhook\" leads to %.*s, which is no public address; the setting webhook_hosts "
                 "names those that may be called all the same",
                 (int)host.len_bytes, host.name);
}

int webhooks_check(const struct webhooks *w, const char *address, struct fail *f)
{
    if (strlen(address) > WEBHOOK_MAX_BYTES)
        fail_set(f, FAIL_UNPROCESSABLE, "\"webhook\" has more than %d bytes", WEBHOOK_MAX_BYTES);
    else if (address[0] == '/')
        check_path(w, address, f);
    else
        check_url(w, address, f);
    return fail_is_set(f) ? WEBHOOK_E_REFUSED : 0;
}

int webhook_resolve(const struct webhooks *w, const char *address, struct buf *ret_url,
                    bool *ret_is_guarded)
{
    const char *base = w->services->conf->webhook_base_url;
    size_t base_len = strlen(base);
    struct url_host host;

    *ret_is_guarded = address[0] != '/';
    if (!*ret_is_guarded) {
        if (base_len == 0)
            return WEBHOOK_E_REFUSED;
        buf_add(ret_url, base, base_len - (base[base_len - 1] == '/'));
    } else if (url_read(address, strlen(address), &host) != 0)
        return WEBHOOK_E_REFUSED;
    else
        *ret_is_guarded = !is_excepted(w, &host);
    buf_add_str(ret_url, address);
    return ret_url->fault;
}
