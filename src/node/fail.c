/* `fail`: ends the run with an error that the graph names. */
#include "base/fail.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/kit.h"
#include <string.h>

enum { CLASS_MAX_BYTES = 128 };

struct fail_config {
    struct template *error;   /* NULL: the class of FAIL_NODE */
    struct template *message; /* NULL: the sentence of FAIL_NODE */
};

/* Letters, digits, '_' and '.', not beginning with a digit: what Python and JavaScript call a
 * class. */
static bool is_class_name(const char *text)
{
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.0123456789";
    size_t len = strlen(text);
    return len > 0 && len <= CLASS_MAX_BYTES && strspn(text, others) == len &&
           (text[0] < '0' || text[0] > '9');
}

static void check_constant(struct setup *s, const struct fail_config *c)
{
    if (c->error == NULL || !template_is_constant(c->error))
        return;
    if (!is_class_name(json_string_value(setup_json(s, "error", false))))
        setup_problem(s, "error", "use letters, digits, \"_\" and \".\", as in \"ValueError\"",
                      "not a class name");
}

static int read_fields(struct setup *s, void *config)
{
    struct fail_config *c = config;
    int r = setup_template(s, "error", false, &c->error);
    if (r == 0)
        r = setup_template(s, "message", false, &c->message);
    if (r != 0)
        return err_trace(r);
    check_constant(s, c);
    return 0;
}

static void config_free(void *config)
{
    struct fail_config *c = config;
    if (c == NULL)
        return;
    template_free(c->error);
    template_free(c->message);
    mem_free(c);
}

static int configure(struct setup *s, void **ret_config)
{
    return kit_configure(s, sizeof(struct fail_config), read_fields, config_free, ret_config);
}

/* Leaves out empty where t is NULL. */
static int render(const struct task *task, const struct template *t, const char *key,
                  struct buf *out, struct fail *f)
{
    if (t != NULL)
        template_render(t, &task->scope, ESCAPE_NONE, out);
    return kit_check(out, key, f);
}

static int make(const struct buf *error, const struct buf *message, struct fail *f)
{
    if (error->len > 0 && !is_class_name(buf_text(error))) {
        fail_set(f, FAIL_TEMPLATE, "\"error\" must render to a class name such as ValueError");
        return KIT_E_FAILED;
    }
    const char *text = message->len > 0 ? buf_text(message) : fail_row_get(FAIL_NODE)->sentence;
    fail_set(f, FAIL_NODE, "%s", text);
    if (error->len > 0)
        fail_set_type(f, buf_text(error));
    return KIT_E_FAILED;
}

static void start(struct task *task)
{
    const struct fail_config *c = task->node->config;
    struct fail f = { .code = FAIL_NONE };
    struct buf error;
    struct buf message;
    buf_init(&error, task_max_bytes(task));
    buf_init(&message, task_max_bytes(task));
    int r = render(task, c->error, "error", &error, &f);
    if (r == 0)
        r = render(task, c->message, "message", &message, &f);
    if (r == 0)
        r = make(&error, &message, &f);
    buf_deinit(&error);
    buf_deinit(&message);
    kit_end(task, r, &f);
}

const struct node_kind node_fail = {
    .name = "fail",
    .summary = "Fails with an error of its own; for tests and samples.",
    .configure = configure,
    .config_free = config_free,
    .start = start,
};
