/*
 * Where the thread stands: the first step of an execution. What is asked of the store is
 *
 *     the latest checkpoint                     the usual case, one read
 *     the one that the request names            after a look at which is the latest
 *     in a subgraph while a run travels back:   the latest before the place it travels to, the first
 *                                               time that a namespace is visited
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <string.h>

static int decode(struct exec *e, struct fail *f)
{
    int r;

    if (e->loaded.count == 0)
        return 0;
    r = checkpoint_decode(&e->at, &e->loaded.items[0], false, f);
    if (r == 0)
        saver_note_loaded(&e->saver, &e->at);
    else
        e->at.id[0] = '\0'; /* half of it is there: that must not be written at the end */
    stored_list_clear(&e->loaded);
    return r;
}

static void loaded(void *arg, int result)
{
    struct exec *e = arg;
    struct fail f = { 0 };
    int r = result < 0 ? result : 0;

    if (r == 0 && result == 0)
        r = decode(e, &f);
    exec_go_on(e, exec_check(e, r, &f, EXEC_FIRST));
}

static enum exec_step read_place(struct exec *e, const char *id, const char *before)
{
    struct store_query query = {
        .thread_id = e->saver.thread_id, .ns = e->ns, .id = id, .before = before, .limit = 1
    };

    store_read(e->saver.store, e->saver.loop, &e->load, &query, &e->loaded, loaded, e);
    return EXEC_WAIT;
}

static bool refuse_place(struct exec *e, struct fail *f)
{
    if (e->loaded.count > 0 && strcmp(e->loaded.items[0].id, e->wanted_id) >= 0)
        return false;
    fail_set(f, FAIL_NOT_FOUND, "thread \"%s\" has no checkpoint \"%s\"", e->saver.thread_id,
             e->wanted_id);
    return true;
}

static void found(void *arg, int result)
{
    struct exec *e = arg;
    struct fail f = { 0 };
    int r = result < 0 ? result : 0;

    if (r == 0 && result == 0 && e->loaded.count == 0)
        r = refuse_place(e, &f) ? 1 : 0;
    if (r == 0 && result == 0)
        r = decode(e, &f);
    exec_go_on(e, exec_check(e, r, &f, EXEC_FIRST));
}

/* The newest is known now; then the one that was asked for. */
static void newest_known(void *arg, int result)
{
    struct exec *e = arg;
    struct fail f = { 0 };

    if (result != 0 || refuse_place(e, &f)) {
        exec_go_on(e, exec_check(e, result < 0 ? result : 1, &f, EXEC_FIRST));
        return;
    }
    memcpy(e->newest_id, e->loaded.items[0].id, ID_BYTES);
    stored_list_clear(&e->loaded);
    struct store_query query = {
        .thread_id = e->saver.thread_id, .ns = e->ns, .id = e->wanted_id, .limit = 1
    };
    store_read(e->saver.store, e->saver.loop, &e->load, &query, &e->loaded, found, e);
}

static enum exec_step read_wanted(struct exec *e)
{
    struct store_query query = {
        .thread_id = e->saver.thread_id, .ns = e->ns, .limit = 1, .without_values = true
    };

    e->is_addressed = true;
    store_read(e->saver.store, e->saver.loop, &e->load, &query, &e->loaded, newest_known, e);
    return EXEC_WAIT;
}

/* Is this the first time that the run comes here? The task's id does not matter: a loop visits the
 * same subgraph as another task. 0 or ERR_NOMEM. */
static int note_visit(struct exec *e, bool *ret_is_first)
{
    json_t *visited = e->run->replayed;
    const char *colon = strrchr(e->ns, ':');
    char *key MEM_AUTO(mem_freep) =
        mem_printf("%.*s", (int)(colon == NULL ? strlen(e->ns) : (size_t)(colon - e->ns)), e->ns);

    if (key == NULL)
        return err_trace(ERR_NOMEM);
    *ret_is_first = json_object_get(visited, key) == NULL;
    return json_object_set_new(visited, key, json_true()) == 0 ? 0 : err_trace(ERR_NOMEM);
}

enum exec_step exec_step_load(struct exec *e)
{
    bool is_first = false;

    if (e->saver.store == NULL)
        return EXEC_FIRST;
    if (e->wanted_id[0] != '\0')
        return read_wanted(e);
    if (e->parent == NULL || e->run->replay_id[0] == '\0')
        return read_place(e, NULL, NULL);
    e->is_addressed = true;
    e->is_resuming = false;
    int r = note_visit(e, &is_first);
    if (r != 0)
        return exec_check(e, r, NULL, EXEC_LOAD);
    return read_place(e, NULL, is_first ? e->run->replay_id : NULL);
}
