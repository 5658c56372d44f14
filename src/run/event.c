/* The stream modes of this version, in one table. */
#include "run/event.h"
#include <string.h>

static const struct {
    const char *name;
    unsigned bit;
} modes[] = {
    { "values", MODE_VALUES },
    { "updates", MODE_UPDATES },
    { "messages-tuple", MODE_MESSAGES_TUPLE },
    { "custom", MODE_CUSTOM },
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
    return "values, updates, messages-tuple, custom";
}
