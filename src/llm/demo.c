/*
 * A model without a network: says the same for the same voice and question, word by word,
 * demo_delay_ms apart. The answer quotes the question, so that one sees in a graph's output who was
 * asked what.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "llm/table.h"
#include <stdio.h>
#include <string.h>

enum { ANSWER_MAX_BYTES = 2048, QUOTE_BYTES = 80, US_PER_MS = 1000 };

struct demo_call {
    struct llm_call base;
    struct op op;
    struct loop_timer *timer;
    int64_t delay_us;
    bool is_cancelled;
    char *text;
    size_t len;
    size_t at; /* what of text was said */
    int64_t input_words;
    int64_t output_words;
    void (*on_delta)(void *arg, const struct llm_delta *delta);
    void (*on_end)(void *arg, const struct fail *f);
    void *arg;
};

/* ---- what is said ---- */

struct voice {
    const char *name;   /* NULL: every other one */
    const char *before; /* the quoted question stands between the two */
    const char *after;
};
static const struct voice voices[] = {
    { "law", "From a legal point of view, the question \"",
      "\" turns on what was agreed and what can be proven. Read the contract first, keep every "
      "letter, and ask a lawyer before a deadline runs out." },
    { "math", "Put into numbers, \"",
      "\" is a question of what is known and what is sought. Name the unknown, write one equation "
      "for every fact, and check the result against a simple case." },
    { "general", "In everyday words, \"",
      "\" has no single answer, but a good first step. Find out what matters most to you, talk "
      "to somebody who has done it before, and then decide." },
    { "editor", "Taken together, the answers to \"",
      "\" agree on the essentials: settle the facts, weigh them calmly, and act in time." },
    { NULL, "Speaking as the demo model, my answer to \"",
      "\" is always the same, because no real model was asked. Set a key and name a model to hear "
      "more." },
};

static const struct voice *voice_find(const char *name)
{
    const struct voice *v = voices;
    while (v->name != NULL && strcmp(v->name, name) != 0)
        v++;
    return v;
}

/* The text of a message's content: a string, or the first part with text. */
static const char *text_of(const json_t *message)
{
    const json_t *content = json_object_get(message, "content");
    size_t i;
    json_t *part;
    if (json_is_string(content))
        return json_string_value(content);
    json_array_foreach(content, i, part)
    {
        const char *text = json_string_value(json_object_get(part, "text"));
        if (text != NULL)
            return text;
    }
    return "";
}

static bool is_human(const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    return type != NULL && strcmp(type, "human") == 0;
}

/* The last thing a human said; without one, the last thing anybody said. */
static const char *question_of(const json_t *messages)
{
    size_t count = json_array_size(messages);
    for (size_t i = count; i > 0; i--)
        if (is_human(json_array_get(messages, i - 1)))
            return text_of(json_array_get(messages, i - 1));
    return count > 0 ? text_of(json_array_get(messages, count - 1)) : "";
}

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

/* The first line, cut between two characters: what follows in a long prompt is somebody else's
 * text. */
static void add_quote(struct buf *b, const char *question)
{
    char line[QUOTE_BYTES];
    size_t len = 0;
    while (is_blank(*question) && *question != '\0')
        question++;
    for (; *question != '\0' && *question != '\n' && len < sizeof(line); question++)
        if (!is_blank(*question))
            line[len++] = *question;
        else if (line[len - 1] != ' ')
            line[len++] = ' ';
    size_t whole = jsonx_utf8_prefix(line, len);
    bool is_cut = *question != '\0' && *question != '\n';
    while (whole > 0 && line[whole - 1] == ' ')
        whole--;
    (void)buf_add(b, line, whole); /* sticky */
    if (is_cut)
        (void)buf_add_str(b, "..."); /* sticky */
}

static char *answer_new(const char *voice_name, const json_t *messages, size_t *ret_len)
{
    const struct voice *v = voice_find(voice_name);
    struct buf b;
    buf_init(&b, ANSWER_MAX_BYTES);
    (void)buf_add_str(&b, v->before); /* sticky, as are the next */
    add_quote(&b, question_of(messages));
    (void)buf_add_str(&b, v->after);
    return buf_take(&b, ret_len);
}

static int64_t count_words(const char *text)
{
    int64_t count = 0;
    for (bool was_blank = true; *text != '\0'; text++) {
        count += was_blank && !is_blank(*text);
        was_blank = is_blank(*text);
    }
    return count;
}

static int64_t count_input(const struct llm_request *req)
{
    int64_t count = req->system != NULL ? count_words(req->system) : 0;
    size_t i;
    json_t *message;
    json_array_foreach(req->messages, i, message)
    {
        count += count_words(text_of(message));
    }
    return count;
}

/* ---- saying it ---- */

static void say_end(struct demo_call *c)
{
    const struct llm_delta finish = { .type = LLM_FINISH, .text = "stop", .len_bytes = 4 };
    const struct llm_delta usage = { .type = LLM_USAGE,
                                     .input_tokens = c->input_words,
                                     .output_tokens = c->output_words,
                                     .total_tokens = c->input_words + c->output_words };
    c->on_delta(c->arg, &finish);
    if (c->op.state == OP_RUNNING) /* not cancelled by the call above */
        c->on_delta(c->arg, &usage);
    op_finish(&c->op, 0);
}

/* A word and the blank behind it. */
static void say_word(struct demo_call *c)
{
    const char *word = c->text + c->at;
    size_t len = strcspn(word, " ");
    len += word[len] == ' ';
    const struct llm_delta delta = { .type = LLM_TEXT, .text = word, .len_bytes = len };
    c->at += len;
    c->on_delta(c->arg, &delta);
}

static void on_timer(void *arg)
{
    struct demo_call *c = arg;
    say_word(c);
    if (c->op.state != OP_RUNNING) /* on_delta cancelled the call */
        return;
    if (c->at < c->len)
        loop_timer_start(c->timer, c->delay_us);
    else
        say_end(c);
}

static void call_free(struct demo_call *c)
{
    loop_timer_free(c->timer);
    mem_free(c->text);
    mem_free(c);
}

static void on_op_end(void *arg, int result)
{
    struct demo_call *c = arg;
    struct fail f = { .code = FAIL_NONE };
    (void)result; /* a cancel after the last word counts, too */
    if (c->is_cancelled)
        fail_set(&f, FAIL_CANCELLED, "the model call was cancelled");
    c->on_end(c->arg, c->is_cancelled ? &f : NULL);
    fail_clear(&f);
    call_free(c);
}

static void on_op_cancel(struct op *op)
{
    struct demo_call *c = LIST_OF(op, struct demo_call, op);
    loop_timer_stop(c->timer);
    op_finish(op, OP_CANCELLED);
}

static void cancel(struct llm_call *call)
{
    struct demo_call *c = (void *)call;
    c->is_cancelled = true;
    op_cancel(&c->op);
}

static int prepare(struct demo_call *c, const struct llm_provider *p, const struct llm_request *req)
{
    const char *node = req->voice != NULL ? req->voice : "";
    c->text = answer_new(req->model[0] != '\0' ? req->model : node, req->messages, &c->len);
    if (c->text == NULL)
        return ERR_NOMEM;
    c->input_words = count_input(req);
    c->output_words = count_words(c->text);
    return loop_timer_new(p->loop, on_timer, c, &c->timer);
}

static int start(const struct llm_provider *p, const struct llm_request *req, struct llm_call **ret)
{
    struct demo_call *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return err_trace(ERR_NOMEM);
    c->base.cancel = cancel;
    c->delay_us = p->conf->demo_delay_ms * US_PER_MS;
    c->on_delta = req->on_delta;
    c->on_end = req->on_end;
    c->arg = req->arg;
    int r = prepare(c, p, req);
    if (r != 0) {
        call_free(c);
        return err_trace(r);
    }
    op_start(&c->op, p->loop, on_op_cancel, on_op_end, c);
    loop_timer_start(c->timer, c->delay_us);
    *ret = &c->base;
    return 0;
}

const struct llm_kind llm_kind_demo = { .name = "demo", .start = start };
