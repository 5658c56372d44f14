/*
 * The server: its socket, libmicrohttpd's daemon on our loop, and the way down.
 *
 *     epoll descriptor readable --\
 *     timer of the daemon ---------+--> server_kick() --end of turn--> server_turn()
 *     reply, sse_wake() ----------/                                    resume, MHD_run(), until it
 *                                                                      wants nothing now
 *
 * MHD_run() is never called from a callback, ours or another library's, so handlers and sources may
 * call what they like.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/internal.h"
#include "http/linger.h"
#include "http/listen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    TURN_US = 2000, /* for MHD_run() in one turn; then others have theirs */
    DRAIN_ROUNDS_MAX = 1000,
    US_PER_MS = 1000,
    MS_PER_S = 1000,
    RESERVED_FDS = 64, /* files, sockets of the process itself */
    ANSWER_HEAD_BYTES = 4096,
    SURPLUS_CONNECTIONS = 32, /* above the limit, to be told so */
    LOG_LINE_BYTES = 256,
};

/* ---- the turn ---- */

static void resume_all(struct http_server *s)
{
    for (struct list *node = list_pop(&s->resuming); node != NULL; node = list_pop(&s->resuming))
        conn_resume_now(LIST_OF(node, struct conn, resume_node));
}

/* In ms, -1 = none. */
static int64_t daemon_timeout_ms(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(s->daemon, &timeout_ms) != MHD_YES)
        return -1;
    return timeout_ms > INT32_MAX ? INT32_MAX : (int64_t)timeout_ms;
}

static void server_turn(void *arg)
{
    struct http_server *s = arg;
    int64_t until_us = clock_mono_us() + TURN_US;
    int64_t timeout_ms;
    do {
        resume_all(s);
        (void)MHD_run(s->daemon); /* fails for daemons with threads only */
        timeout_ms = daemon_timeout_ms(s);
    } while ((timeout_ms == 0 || !list_is_empty(&s->resuming)) && clock_mono_us() < until_us);
    if (!list_is_empty(&s->resuming))
        timeout_ms = 0;
    if (timeout_ms < 0)
        loop_timer_stop(s->timer);
    else
        loop_timer_start(s->timer, timeout_ms * US_PER_MS);
}

void server_kick(struct http_server *s)
{
    if (!s->is_stopping)
        loop_defer(s->loop, &s->turn);
}

static void on_readable(void *arg, int what)
{
    (void)what;
    server_kick(arg);
}

static void on_timer(void *arg)
{
    server_kick(arg);
}

/* ---- counting ---- */

static void on_idle(void *arg)
{
    struct http_server *s = arg;
    void (*idle)(void *) = s->idle;
    if (idle == NULL || s->open_count > 0)
        return;
    s->idle = NULL;
    idle(s->idle_arg);
}

void server_count(struct http_server *s, int change)
{
    s->open_count += change;
    if (s->open_count == 0 && s->idle != NULL)
        loop_ready(s->loop, &s->idle_work);
}

long http_server_open(const struct http_server *s)
{
    return s->open_count;
}

void http_server_when_idle(struct http_server *s, void (*idle)(void *arg), void *arg)
{
    s->idle = idle;
    s->idle_arg = arg;
    server_count(s, 0);
}

/* ---- start ---- */

static void __attribute__((format(printf, 2, 0)))
on_log(void *arg, const char *format, va_list args)
{
    (void)arg;
    char line[LOG_LINE_BYTES];
    (void)vsnprintf(line, sizeof(line), format, args); /* a cut line will do */
    line[strcspn(line, "\n")] = '\0';
    log_debug("mhd", "text", line, NULL);
}

static void on_panic(void *arg, const char *file, unsigned line, const char *reason)
{
    (void)arg;
    log_error("mhd_panic", "reason", reason, "file", file, "line", log_int(line), NULL);
    abort();
}

/* We decode the target ourselves, where %00 can be told from the end. */
static size_t keep_escapes(void *arg, struct MHD_Connection *mhd, char *text)
{
    (void)arg;
    (void)mhd;
    return strlen(text);
}

/* Each stream may need a second descriptor for its model, so half of what the system allows is the
 * most. */
static unsigned find_connection_limit(const struct conf *conf)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return (unsigned)conf->max_connections;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = soft;
    }
    rlim_t most =
        limit.rlim_cur > 2 * RESERVED_FDS ? (limit.rlim_cur - RESERVED_FDS) / 2 : RESERVED_FDS;
    if ((rlim_t)conf->max_connections <= most)
        return (unsigned)conf->max_connections;
    bool is_wish = conf_origin_of(conf, "max_connections") != CONF_FROM_DEFAULT;
    log_event(is_wish ? LOG_WARN : LOG_INFO, "max_connections_lowered", "wanted",
              log_int(conf->max_connections), "limit", log_int((long long)most), "reason",
              "the system allows no more open files", NULL);
    return (unsigned)most;
}

/*
 * Of a connection: the request's head, what libmicrohttpd notes of it, and the head of the answer, which
 * may repeat a header. Where that does not fit it closes the connection without a word, so the bound of
 * max_header_bytes is ours (head.c) and lies well below. What is not used is not touched.
 */
static size_t connection_memory(const struct conf *conf)
{
    return 2 * (size_t)conf->max_header_bytes + ANSWER_HEAD_BYTES;
}

static int start_daemon(struct http_server *s, int fd)
{
    int64_t idle_s = (s->conf->connection_idle_ms + MS_PER_S - 1) / MS_PER_S;
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_LISTEN_SOCKET, fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, s->connection_limit + SURPLUS_CONNECTIONS, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)connection_memory(s->conf), NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)idle_s, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)conn_notify, s },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)access_begin, s },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)access_end, s },
        { MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    MHD_set_panic_func(on_panic, NULL);
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
                                 NULL, NULL, access_handle, s, MHD_OPTION_EXTERNAL_LOGGER, on_log,
                                 NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    return s->daemon == NULL ? err_trace(ERR_SYSTEM) : 0;
}

static int attach_daemon(struct http_server *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL)
        return err_trace(ERR_SYSTEM);
    int r = loop_timer_new(s->loop, on_timer, s, &s->timer);
    if (r == 0)
        r = loop_watch_new(s->loop, info->epoll_fd, LOOP_READ, on_readable, s, &s->watch);
    if (r != 0)
        return err_trace(r);
    server_kick(s); /* the listening socket joins the daemon's epoll set in its first run */
    return 0;
}

static int server_start(struct http_server *s, const struct listen_address *address, char *text,
                        size_t text_size)
{
    int fd;
    int r = guard_init(&s->guard, s->conf, address->is_loopback);
    if (r != 0)
        return err_trace(r);
    if (!address->is_loopback && guard_is_open(&s->guard) && strcmp(s->conf->auth, "off") != 0) {
        (void)snprintf(
            text, text_size,
            "listen is %s, which others can reach, and there is no key: set "
            "ANABRANCH_API_KEYS, or ANABRANCH_AUTH=off if something else guards the server",
            s->conf->listen); /* a cut sentence is still one */
        return HTTP_E_REFUSED;
    }
    r = listen_open(address, &fd, text, text_size);
    if (r != 0)
        return r;
    r = start_daemon(s, fd);
    if (r != 0) {
        close(fd);
        return r;
    }
    return attach_daemon(s);
}

static void server_init(struct http_server *s, struct loop *loop,
                        const struct http_options *options)
{
    s->loop = loop;
    s->conf = options->conf;
    s->routes = options->routes;
    s->route_count = options->route_count;
    s->absences = options->absences;
    s->absence_count = options->absence_count;
    s->app = options->app;
    s->admit = options->admit;
    s->connection_limit = find_connection_limit(options->conf);
    list_init(&s->resuming);
    list_init(&s->reqs);
    list_init(&s->lingers);
    loop_work_init(&s->turn, server_turn, s);
    loop_work_init(&s->idle_work, on_idle, s);
}

int http_server_new(struct loop *loop, const struct http_options *options, struct http_server **ret,
                    char *text, size_t text_size)
{
    struct listen_address address;
    int r = listen_parse(options->conf->listen, &address, text, text_size);
    if (r != 0)
        return r;
    struct http_server *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        (void)snprintf(text, text_size, "%s", err_text(ERR_NOMEM)); /* as above */
        return err_trace(ERR_NOMEM);
    }
    server_init(s, loop, options);
    r = server_start(s, &address, text, text_size);
    if (r == 0)
        *ret = s;
    else
        http_server_free(s);
    if (r < 0)
        (void)snprintf(text, text_size, "cannot serve HTTP: %s", err_text(r)); /* as above */
    return r;
}

/* ---- the way down ---- */

void http_server_quiesce(struct http_server *s)
{
    if (s->is_quiesced || s->daemon == NULL)
        return;
    s->is_quiesced = true;
    int fd = MHD_quiesce_daemon(s->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
}

/* Owners are told first; the connections follow, because from now on every callback of the daemon
 * gives up. */
static void abandon_all(struct http_server *s)
{
    struct list all;
    list_take_all(&s->reqs, &all);
    for (struct list *node = list_pop(&all); node != NULL; node = list_pop(&all)) {
        struct req *req = LIST_OF(node, struct req, node);
        list_add_tail(&s->reqs, node);
        if (req->conn != NULL)
            conn_resume(req->conn);
        req_leave(req);
    }
}

/* MHD_stop_daemon() aborts the process over a suspended connection. */
static void stop_daemon(struct http_server *s)
{
    for (int i = 0; i < DRAIN_ROUNDS_MAX && (i < 2 || s->suspended_count > 0); i++) {
        resume_all(s);
        (void)MHD_run(s->daemon); /* as in server_turn() */
    }
    if (s->suspended_count == 0)
        MHD_stop_daemon(s->daemon);
    else
        log_error("mhd_leaked", "suspended", log_int(s->suspended_count), NULL);
    s->daemon = NULL;
}

/* What clients left behind and no handler has replied to. */
static void free_left_over(struct http_server *s)
{
    for (struct list *node = list_pop(&s->reqs); node != NULL; node = list_pop(&s->reqs)) {
        struct req *req = LIST_OF(node, struct req, node);
        req->conn = NULL;
        if (req->sse != NULL)
            sse_finish(req->sse, false);
        loop_free_later(s->loop, &req->later, req_free, req);
    }
}

struct http_server *http_server_free(struct http_server *s)
{
    if (s == NULL)
        return NULL;
    s->idle = NULL;
    http_server_quiesce(s);
    s->is_stopping = true;
    abandon_all(s);
    s->watch = loop_watch_free(s->watch);
    if (s->daemon != NULL)
        stop_daemon(s);
    free_left_over(s);
    linger_stop_all(s);
    loop_work_cancel(&s->turn);
    loop_work_cancel(&s->idle_work);
    s->timer = loop_timer_free(s->timer);
    guard_deinit(&s->guard);
    return mem_free(s);
}
