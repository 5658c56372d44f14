/*
 * `goto` as a name of a field. Commands have one, and Python writes Command(goto="x"); but goto is a word of
 * Lua's own, so that Command{goto = "x"} would have to be Command{["goto"] = "x"}. Before Lua sees a
 * text we write it so:
 *
 *     { goto = "x" }   ->   { ["goto"] = "x" }        command.goto   ->   command["goto"]
 *
 * In Lua a name follows each goto, so neither form can mean anything else. Lines stay what they are.
 */
#include "script/internal.h"
#include <ctype.h>
#include <string.h>

static const char word[] = "goto";

enum { WORD_BYTES = sizeof(word) - 1 };

struct source {
    const char *begin, *end;
    const char *at;
    const char *copied; /* what stands before it is in the result */
    luaL_Buffer out;
};

static bool is_next(const struct source *s, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(s->end - s->at) >= len && memcmp(s->at, text, len) == 0;
}

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* [==[ ... ]==]; false: at is not at one, and stays. */
static bool skip_long(struct source *s)
{
    const char *at = s->at + 1;
    while (at < s->end && *at == '=')
        at++;
    size_t level = (size_t)(at - s->at) - 1;
    if (*s->at != '[' || at == s->end || *at != '[')
        return false;
    for (s->at = at + 1; s->at < s->end; s->at++) {
        const char *close = s->at;
        if (*close != ']')
            continue;
        for (close++; close < s->end && *close == '='; close++)
            ;
        if (close < s->end && *close == ']' && (size_t)(close - s->at) - 1 == level) {
            s->at = close + 1;
            return true;
        }
    }
    return true; /* it does not end: Lua will say so */
}

static void skip_quoted(struct source *s)
{
    char quote = *s->at;
    for (s->at++; s->at < s->end && *s->at != quote; s->at++)
        if (*s->at == '\\' && s->end - s->at > 1)
            s->at++;
    if (s->at < s->end)
        s->at++;
}

static void skip_comment(struct source *s)
{
    s->at += 2;
    if (s->at < s->end && skip_long(s))
        return;
    while (s->at < s->end && *s->at != '\n')
        s->at++;
}

/* Behind the word at `at` stands one "=". */
static bool is_key(const struct source *s)
{
    const char *at = s->at + WORD_BYTES;
    while (at < s->end && isspace((unsigned char)*at))
        at++;
    return at < s->end && *at == '=' && (at + 1 == s->end || at[1] != '=');
}

/* Before it stands one dot. */
static bool is_field(const struct source *s)
{
    size_t before = (size_t)(s->at - s->begin);
    return before > 1 && s->at[-1] == '.' && s->at[-2] != '.';
}

static void name(struct source *s)
{
    const char *end = s->at;
    while (end < s->end && is_name_byte(*end))
        end++;
    bool is_word = end - s->at == WORD_BYTES && is_next(s, word);
    bool after_dot = is_word && is_field(s);
    if (after_dot || (is_word && is_key(s))) {
        luaL_addlstring(&s->out, s->copied, (size_t)(s->at - s->copied) - after_dot);
        luaL_addstring(&s->out, "[\"goto\"]");
        s->copied = end;
    }
    s->at = end;
}

void goto_push_source(lua_State *L, const char *bytes, size_t len_bytes)
{
    struct source s = { .begin = bytes, .end = bytes + len_bytes, .at = bytes, .copied = bytes };
    luaL_buffinit(L, &s.out);
    while (s.at < s.end) {
        if (is_next(&s, "--"))
            skip_comment(&s);
        else if (*s.at == '"' || *s.at == '\'')
            skip_quoted(&s);
        else if (is_name_byte(*s.at))
            name(&s);
        else if (*s.at != '[' || !skip_long(&s))
            s.at++;
    }
    luaL_addlstring(&s.out, s.copied, (size_t)(s.end - s.copied));
    luaL_pushresult(&s.out);
}
