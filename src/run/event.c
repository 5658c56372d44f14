/* The stream modes of this version, in one table. */
#include "run/event.h"
#include <string.h>

/* One row a line. */
/* clang-format off */
#define MODES(row) \
    row("values", MODE_VALUES) \
    row("updates", MODE_UPDATES) \
    row("messages-tuple", MODE_MESSAGES_TUPLE) \
    row("messages", MODE_MESSAGES) \
    row("custom", MODE_CUSTOM) \
    row("tasks", MODE_TASKS) \
    row("checkpoints", MODE_CHECKPOINTS) \
    row("debug", MODE_DEBUG) \
    row("events", MODE_EVENTS)
/* clang-format on */

static const struct {
    const char *name;
    unsigned bit;
} modes[] = {
#define MODE_ROW(name, bit) { name, bit },
    MODES(MODE_ROW)
#undef MODE_ROW
};

unsigned mode_find(const char *name)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, name) == 0)
            return modes[i].bit;
    }
    return 0;
}

const char *mode_names(void)
{
#define MODE_NAME(name, bit) ", " name
    static const char names[] = MODES(MODE_NAME);
#undef MODE_NAME

    return names + strlen(", ");
}
