#ifndef ANABRANCH_RUN_EVENT_H
#define ANABRANCH_RUN_EVENT_H
/*
 * Stream modes and the event log of a run.
 *
 * The log is append-only and bounded. It holds records; a record's frame is made when it is first
 * read and shared by all readers. A reader is a cursor (run/hub.h), never a queue. Records that
 * fall out of the bound are told to a reader that still wanted them, never skipped silently.
 */
#include "base/list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits. The names are those of the LangGraph protocol. */
enum stream_mode {
    MODE_VALUES = 1 << 0,
    MODE_UPDATES = 1 << 1,
    MODE_MESSAGES_TUPLE = 1 << 2,
    MODE_CUSTOM = 1 << 3,
    MODE_TASKS = 1 << 4,
    MODE_CHECKPOINTS = 1 << 5,
    MODE_DEBUG = 1 << 6,
    MODE_MESSAGES = 1 << 7, /* the old form: messages/metadata, /partial, /complete */
    MODE_EVENTS = 1 << 8,
    /* Not a mode of its own: the asked modes of subgraphs, too, as "NAME|ns|ns". */
    MODE_SUBGRAPHS = 1 << 15,
};
#define MODES_ALL 0x1ffu
/* The bit of "values", "messages-tuple", ...; 0 = unknown or not in this version. */
unsigned mode_find(const char *name);
/* "values, updates, ..." for messages. */
const char *mode_names(void);

#endif
