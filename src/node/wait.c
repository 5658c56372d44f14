/* `wait`: a timer of the loop, then writes like `set`. The timer is the task's data. */
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "node/kit.h"
#include "node/writes.h"

enum { MOST_MS = 86400000 /* a day */, US_PER_MS = 1000 };

struct wait_config {
    struct template *ms_text; /* NULL: ms holds */
    int64_t ms;
    struct writes writes;
};

/* -1 = not a whole number within the limit. */
static int64_t parse_ms(const char *text, size_t len_bytes)
{
    int64_t ms = 0;
    for (size_t i = 0; i < len_bytes; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        ms = ms * 10 + (text[i] - '0');
        if (ms > MOST_MS)
            return -1;
    }
    return len_bytes == 0 ? -1 : ms;
}

/* A text without a tag can be judged now. */
static void check_constant(struct setup *s, const struct template *ms_text)
{
    const json_t *json = setup_json(s, "ms", false);
    if (ms_text != NULL && template_is_constant(ms_text) &&
        parse_ms(json_string_value(json), json_string_length(json)) < 0)
        setup_problem(s, "ms", NULL, "expected a whole number from 0 to %d", MOST_MS);
}

static int read_fields(struct setup *s, void *config)
{
    struct wait_config *c = config;
    int r = 0;
    if (json_is_string(setup_json(s, "ms", true)))
        r = setup_template(s, "ms", true, &c->ms_text);
    else
        c->ms = setup_int(s, "ms", 0, MOST_MS, 0);
    if (r == 0)
        check_constant(s, c->ms_text);
    return r != 0 ? err_trace(r) : writes_read(s, false, &c->writes);
}

static void config_free(void *config)
{
    struct wait_config *c = config;
    if (c == NULL)
        return;
    template_free(c->ms_text);
    writes_deinit(&c->writes);
    mem_free(c);
}

static int configure(struct setup *s, void **ret_config)
{
    return kit_configure(s, sizeof(struct wait_config), read_fields, config_free, ret_config);
}

static int render_ms(const struct task *task, const struct template *t, int64_t *ret,
                     struct fail *f)
{
    struct buf text;
    buf_init(&text, task_max_bytes(task));
    template_render(t, &task->scope, ESCAPE_NONE, &text);
    int r = kit_check(&text, "ms", f);
    if (r == 0 && (*ret = parse_ms(buf_text(&text), text.len)) < 0) {
        fail_set(f, FAIL_TEMPLATE, "\"ms\" must render to a whole number from 0 to %d", MOST_MS);
        r = KIT_E_FAILED;
    }
    buf_deinit(&text);
    return r;
}

static void on_time(void *arg)
{
    struct task *task = arg;
    const struct wait_config *c = task->node->config;
    writes_finish(&c->writes, task);
}

static int arm(struct task *task, int64_t ms)
{
    struct loop_timer *timer;
    int r = loop_timer_new(task->services->loop, on_time, task, &timer);
    if (r != 0)
        return err_trace(r);
    task->data = timer;
    loop_timer_start(timer, ms * US_PER_MS);
    return 0;
}

static void start(struct task *task)
{
    const struct wait_config *c = task->node->config;
    struct fail f = { .code = FAIL_NONE };
    int64_t ms = c->ms;
    int r = c->ms_text == NULL ? 0 : render_ms(task, c->ms_text, &ms, &f);
    if (r == 0)
        r = arm(task, ms);
    if (r != 0)
        kit_end(task, r, &f);
}

/* For cancel and for release: whichever comes first. */
static void let_go(struct task *task)
{
    task->data = loop_timer_free(task->data);
}

const struct node_kind node_wait = {
    .name = "wait",
    .summary = "Waits without holding a thread, then writes values like `set`.",
    .configure = configure,
    .config_free = config_free,
    .start = start,
    .cancel = let_go,
    .release = let_go,
};
