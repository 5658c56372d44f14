/* Texts of a program, most of them JSON. What is wrong with one is a line in the log. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "embed/embed.h"
#include <string.h>

int embed_wrong(const char *call, const char *argument, const char *why)
{
    log_error(call, "option", argument, "message", why, NULL);
    return ANABRANCH_E_INVALID;
}

int embed_check_text(const char *call, const char *argument, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    if (text != NULL && len == 0)
        return embed_wrong(call, argument, "it is empty");
    return jsonx_utf8_prefix(text, len) == len ? 0 : embed_wrong(call, argument, "not UTF-8");
}

int embed_read_json(const struct conf *conf, const char *call, const char *argument,
                    const char *text, json_t **ret)
{
    struct jsonx_error error;
    int r;

    if (text == NULL)
        return 0;
    r = jsonx_parse(text, strlen(text), (int)conf->max_depth, ret, &error);
    if (r < 0)
        return err_trace(r);
    return r == 0 ? 0 : embed_wrong(call, argument, error.message);
}

int embed_read_object(const struct conf *conf, const char *call, const char *argument,
                      const char *text, json_t **ret)
{
    int r = embed_read_json(conf, call, argument, text, ret);

    if (r != 0 || *ret == NULL || json_is_object(*ret))
        return r;
    return embed_wrong(call, argument, "not an object");
}
