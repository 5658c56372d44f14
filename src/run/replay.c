/* Reading rows and taking them apart; see replay.h and tail.h. */
#include "run/replay.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/event.h"
#include "store/tail.h"
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 4, NAME_BYTES = 64 };

struct replay {
    const struct services *services;
    char run_id[ID_BYTES];
    struct store_op op;
    struct stored_events rows;
    size_t row;       /* the one that is being read */
    size_t at;        /* where in its bytes; 0 = it has not begun */
    uint64_t number;  /* of the event there */
    uint64_t follows; /* the number behind the last event that was passed, 0 = none was */
    bool is_reading;
    bool has_read; /* rows are there, perhaps none */
    bool is_closed;
    int result;
    char name[NAME_BYTES];
    char ns[STORE_NS_MAX + 1];
    void (*on_ready)(void *arg);
    void *arg;
};

int replay_new(const struct services *services, const char *run_id, void (*on_ready)(void *arg),
               void *arg, struct replay **ret)
{
    struct replay *p = mem_zalloc(sizeof(*p));

    if (p == NULL)
        return err_trace(ERR_NOMEM);
    p->services = services;
    p->on_ready = on_ready;
    p->arg = arg;
    snprintf(p->run_id, sizeof(p->run_id), "%s", run_id);
    *ret = p;
    return 0;
}

static void replay_free(struct replay *p)
{
    stored_events_clear(&p->rows);
    mem_free(p);
}

struct replay *replay_close(struct replay *p)
{
    if (p == NULL)
        return NULL;
    p->is_closed = true;
    if (p->is_reading)
        op_cancel(&p->op.op); /* rows_read() frees it */
    else
        replay_free(p);
    return NULL;
}

/* ---- rows ---- */

static void rows_read(void *arg, int result)
{
    struct replay *p = arg;

    p->is_reading = false;
    if (p->is_closed) {
        replay_free(p);
        return;
    }
    p->result = result;
    p->has_read = true;
    p->on_ready(p->arg);
}

static enum replay_result read_rows(struct replay *p, uint64_t want)
{
    const struct event_query query = { .run_id = p->run_id,
                                       .from_seq = want > INT64_MAX ? INT64_MAX : (int64_t)want,
                                       .limit = ROWS_AT_ONCE };

    stored_events_clear(&p->rows);
    p->row = 0;
    p->at = 0;
    p->is_reading = true;
    store_read_events(p->services->store, p->services->loop, &p->op, &query, &p->rows, rows_read,
                      p);
    return REPLAY_WAIT;
}

/* ---- events ---- */

/* "id: N\nevent: NAME[|NS]\ndata: DATA\n\n" */
static bool take_apart(struct replay *p, const char *frame, size_t len_bytes, struct run_event *e)
{
    static const char event[] = "event: ", data[] = "data: ";
    const char *end = frame + len_bytes;
    const char *line = memchr(frame, '\n', len_bytes);
    const char *name = line == NULL ? NULL : line + 1;
    const char *name_end = name == NULL ? NULL : memchr(name, '\n', (size_t)(end - name));

    if (name_end == NULL || (size_t)(name_end - name) < strlen(event) ||
        (size_t)(end - name_end) < strlen(data) + 3)
        return false;
    *e = (struct run_event){ .numbered = frame,
                             .numbered_len_bytes = len_bytes,
                             .frame = name,
                             .frame_len_bytes = (size_t)(end - name),
                             .data = name_end + 1 + strlen(data) };
    e->data_len_bytes = (size_t)(end - e->data) - 2;
    name += strlen(event);
    const char *bar = memchr(name, '|', (size_t)(name_end - name));
    const char *ns = bar == NULL ? name_end : bar + 1;
    snprintf(p->name, sizeof(p->name), "%.*s", (int)((bar == NULL ? name_end : bar) - name), name);
    snprintf(p->ns, sizeof(p->ns), "%.*s", (int)(name_end - ns), ns);
    e->name = p->name;
    e->ns = p->ns;
    return true;
}

/* "MODE BYTES\nFRAME": ret, and p->at moves behind it. */
static bool read_event(struct replay *p, const struct stored_bytes *from, struct replayed *ret)
{
    const char *head = from->bytes + p->at;
    char *end;
    unsigned long mode = strtoul(head, &end, 10);

    if (*end != ' ')
        return false;
    unsigned long long len = strtoull(end + 1, &end, 10);
    size_t left = from->len_bytes - (size_t)(end - from->bytes);
    if (*end != '\n' || len == 0 || len > left - 1)
        return false;
    ret->mode = (unsigned)mode;
    ret->number = p->number++;
    p->at = (size_t)(end - from->bytes) + 1 + (size_t)len;
    return take_apart(p, end + 1, (size_t)len, &ret->event);
}

/* A row that does not follow what was read before: its attempt's first one, or there is a gap. */
static bool has_gap(const struct replay *p, const struct stored_events_row *row, uint64_t want)
{
    uint64_t first = (uint64_t)row->first_seq;

    return first > want && first != p->follows && row->bytes.bytes[0] != 'b';
}

static enum replay_result begin_row(struct replay *p, uint64_t want, struct replayed *ret)
{
    const struct stored_events_row *row = &p->rows.items[p->row];

    if (row->bytes.len_bytes < 2 || row->bytes.bytes[1] != '\n')
        return REPLAY_FAILED;
    p->number = (uint64_t)row->first_seq;
    p->at = 2;
    ret->number = p->number;
    return has_gap(p, row, want) ? REPLAY_GAP : REPLAY_EVENT;
}

enum replay_result replay_next(struct replay *p, uint64_t want, struct replayed *ret)
{
    for (;;) {
        if (p->result != 0)
            return REPLAY_FAILED;
        if (p->is_reading)
            return REPLAY_WAIT;
        if (!p->has_read)
            return read_rows(p, want);
        if (p->row == p->rows.count) {
            p->has_read = false;
            if (p->rows.count == 0)
                return REPLAY_NONE;
            continue;
        }
        const struct stored_events_row *row = &p->rows.items[p->row];
        enum replay_result r = p->at == 0 ? begin_row(p, want, ret) : REPLAY_EVENT;
        if (r != REPLAY_EVENT)
            return r;
        if (p->at >= row->bytes.len_bytes) {
            if (p->number != (uint64_t)row->last_seq + 1)
                return REPLAY_FAILED;
            p->follows = (uint64_t)row->last_seq + 1;
            p->row++;
            p->at = 0;
            continue;
        }
        if (!read_event(p, &row->bytes, ret))
            return REPLAY_FAILED;
        if (ret->number >= want)
            return REPLAY_EVENT;
    }
}
