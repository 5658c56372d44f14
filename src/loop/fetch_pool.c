/*
 * A curl multi on the loop, by its "socket action" interface:
 *
 *     libcurl --on_socket--> a watch per descriptor ---+
 *     libcurl --on_timer---> one timer ----------------+--> act(): curl_multi_socket_action(),
 *                                                           then all end messages
 *
 * A time-out of 0 is a timer like any other, so libcurl is never entered from one of its own
 * callbacks. When a descriptor cannot be watched or libcurl reports that its multi failed, nobody
 * could tell any more which transfers will still move: all fetches of the pool end with that fault.
 */
#include "base/err.h"
#include "base/mem.h"
#include "loop/fetch_internal.h"
#include <assert.h>

/* Idle connections kept per pool. libcurl counts the busy ones, too, and closes what comes back
 * above this number. */
enum { CONNECTIONS_MAX = 512, US_PER_MS = 1000 };

_Static_assert(CURL_POLL_IN == LOOP_READ && CURL_POLL_OUT == LOOP_WRITE, "same bits for a watch");
_Static_assert(CURL_CSELECT_IN == LOOP_READ && CURL_CSELECT_OUT == LOOP_WRITE, "and for an event");

struct fetch_socket {
    struct list node; /* in pool->sockets */
    struct fetch_pool *pool;
    curl_socket_t fd;
    struct loop_watch *watch;
};

/* ---- faults ---- */

static void end_all(void *arg)
{
    struct fetch_pool *pool = arg;
    LIST_EACH(&pool->fetches, node)
    {
        fetch_close(LIST_OF(node, struct fetch, node), pool->fault);
    }
    pool->fault = 0;
}

static void pool_break(struct fetch_pool *pool, int fault)
{
    if (pool->fault == 0)
        pool->fault = err_trace(fault);
    loop_ready(pool->loop, &pool->broken);
}

static int fault_of(CURLMcode code)
{
    return code == CURLM_OK ? 0 : code == CURLM_OUT_OF_MEMORY ? ERR_NOMEM : ERR_SYSTEM;
}

/* ---- from the loop into libcurl ---- */

/* Only fetch_close() is called for each message: the callers hear of it from the ready list. */
static void read_messages(struct fetch_pool *pool)
{
    int left;
    for (CURLMsg *m = curl_multi_info_read(pool->multi, &left); m != NULL;
         m = curl_multi_info_read(pool->multi, &left)) {
        if (m->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        CURLcode code = m->data.result; /* m is gone once the handle is removed */
        long system_errno = 0;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private); /* both cannot fail */
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_OS_ERRNO, &system_errno);
        struct fetch *x = (void *)private;
        x->code = code;
        x->system_errno = (int)system_errno;
        int result = x->stop_result != 0 ? x->stop_result : fetch_result_of(code);
        if (result == FETCH_E_CONNECT && x->was_refused && !x->was_allowed)
            result = FETCH_E_FORBIDDEN;
        if (result == 0 && x->head.state != FETCH_HEAD_DONE)
            result = FETCH_E_PROTOCOL;
        fetch_close(x, result);
    }
}

static void act(struct fetch_pool *pool, curl_socket_t fd, int what)
{
    int running;
    int fault = fault_of(curl_multi_socket_action(pool->multi, fd, what, &running));
    if (fault != 0)
        pool_break(pool, fault);
    read_messages(pool);
}

static void on_watch(void *arg, int what)
{
    struct fetch_socket *s = arg;
    act(s->pool, s->fd, what); /* may free s */
}

static void on_timeout(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- from libcurl to the loop: nothing here may call libcurl's transfers ---- */

static void socket_free(struct fetch_socket *s)
{
    if (s == NULL)
        return;
    list_remove(&s->node);
    loop_watch_free(s->watch);
    mem_free(s);
}

static struct fetch_socket *socket_new(struct fetch_pool *pool, curl_socket_t fd)
{
    struct fetch_socket *s = mem_zalloc(sizeof(*s));
    if (s == NULL)
        return NULL;
    s->pool = pool;
    s->fd = fd;
    list_init(&s->node);
    if (curl_multi_assign(pool->multi, fd, s) != CURLM_OK) { /* allowed in this callback */
        mem_free(s);
        return NULL;
    }
    list_add_tail(&pool->sockets, &s->node);
    return s;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *pool_arg, void *socket_arg)
{
    (void)easy;
    struct fetch_pool *pool = pool_arg;
    struct fetch_socket *s = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        socket_free(s);
        return 0;
    }
    if (s == NULL)
        s = socket_new(pool, fd);
    int r = s == NULL ? ERR_NOMEM : 0;
    if (s != NULL)
        s->watch = loop_watch_free(s->watch);
    if (r == 0 && what != CURL_POLL_NONE)
        r = loop_watch_new(pool->loop, fd, what, on_watch, s, &s->watch);
    if (r != 0)
        pool_break(pool, r);
    return 0; /* -1 would kill the multi for good */
}

static int on_timer(CURLM *multi, long timeout_ms, void *pool_arg)
{
    (void)multi;
    struct fetch_pool *pool = pool_arg;
    if (timeout_ms < 0)
        loop_timer_stop(pool->timer);
    else
        loop_timer_start(pool->timer, (int64_t)timeout_ms * US_PER_MS);
    return 0;
}

/* ---- fetches ---- */

int fetch_pool_add(struct fetch_pool *pool, struct fetch *x)
{
    int fault = fault_of(curl_multi_add_handle(pool->multi, x->easy));
    if (fault != 0)
        return err_trace(fault);
    x->pool = pool;
    list_add_tail(&pool->fetches, &x->node);
    return 0;
}

void fetch_pool_remove(struct fetch *x)
{
    CURLMcode code = curl_multi_remove_handle(x->pool->multi, x->easy);
    assert(code ==
           CURLM_OK); /* fails only inside a callback or for a handle that is not there: our bugs */
    list_remove(&x->node);
    x->pool = NULL;
}

/* ---- the pool ---- */

static int multi_init(struct fetch_pool *pool)
{
    CURLM *m = pool->multi;
    int r = fault_of(curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket));
    if (r == 0)
        r = fault_of(curl_multi_setopt(m, CURLMOPT_SOCKETDATA, pool));
    if (r == 0)
        r = fault_of(curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer));
    if (r == 0)
        r = fault_of(curl_multi_setopt(m, CURLMOPT_TIMERDATA, pool));
    if (r == 0)
        r = fault_of(curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX));
    return r;
}

int fetch_pool_init(struct fetch_pool *pool, struct loop *loop)
{
    pool->loop = loop;
    list_init(&pool->fetches);
    list_init(&pool->sockets);
    loop_work_init(&pool->broken, end_all, pool);
    int r = loop_timer_new(loop, on_timeout, pool, &pool->timer);
    if (r == 0) {
        pool->multi = curl_multi_init();
        r = pool->multi == NULL ? ERR_NOMEM : multi_init(pool);
    }
    if (r != 0)
        fetch_pool_deinit(pool);
    return r;
}

/* The multi goes first: closing its connections it still calls on_socket() and on_timer(). */
void fetch_pool_deinit(struct fetch_pool *pool)
{
    (void)curl_multi_cleanup(pool->multi); /* fails for NULL only, and that is fine */
    pool->multi = NULL;
    loop_work_cancel(&pool->broken);
    for (struct list *node = pool->sockets.next; node != &pool->sockets; node = pool->sockets.next)
        socket_free(LIST_OF(node, struct fetch_socket, node));
    pool->timer = loop_timer_free(pool->timer);
}
