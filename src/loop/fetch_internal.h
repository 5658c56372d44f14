#ifndef ANABRANCH_LOOP_FETCH_INTERNAL_H
#define ANABRANCH_LOOP_FETCH_INTERNAL_H
/* The insides of a fetch, shared by the fetch*.c files. The only header that includes curl. */
#include "loop/fetch.h"
#include "loop/fetch_head.h"
#include <curl/curl.h>

/* One curl multi and its timer. */
struct fetch_pool {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct loop_work broken; /* ends all fetches of the pool with `fault` */
    int fault;
    struct list fetches; /* those that the multi holds */
    struct list sockets;
};

struct fetcher {
    struct loop *loop;
    struct fetch_pool *pools;
    int pool_count;
    int next_pool;
    long fetch_count;
};

struct fetch {
    struct op op;
    struct fetcher *fetcher;
    struct fetch_pool *pool; /* NULL while no multi holds the handle */
    struct list node;        /* in pool->fetches */
    struct loop_work step;   /* joins a pool, or ends with stop_result */
    int stop_result;         /* why it was stopped from our side, or 0 */

    CURL *easy; /* NULL when refused or closed */
    struct curl_slist *header_lines;
    char *body;
    char *origin; /* "host:port", for texts and for the choice of the pool, or NULL */
    bool is_tls;
    bool is_guarded;
    bool was_refused; /* guarded: an address was not public */
    bool was_allowed; /* and another one was */

    struct loop_timer *silence; /* first_byte_ms until the status line, then idle_ms */
    struct loop_timer *total;
    int64_t first_byte_ms, idle_ms, total_ms, max_bytes;

    struct fetch_head head;
    bool is_answered; /* the final status line came */
    int64_t body_bytes;

    CURLcode code; /* how libcurl ended, for the text */
    int system_errno;
    char *text; /* of text_result, or NULL */
    int text_result;
    char error[CURL_ERROR_SIZE];

    void (*on_head)(void *arg, int status);
    void (*on_body)(void *arg, const char *bytes, size_t len_bytes);
    void (*on_end)(void *arg, int result);
    void *arg;
};

/* fetch.c: callbacks of libcurl, and the one way out of a pool. fetch_close() is not for use inside
 * a callback of libcurl. */
size_t fetch_take_head_line(char *line, size_t size, size_t count, void *fetch);
size_t fetch_take_body(char *bytes, size_t size, size_t count, void *fetch);
void fetch_close(struct fetch *x, int result);

/* fetch_guard.c: for is_guarded. 0 or a fault. */
int fetch_guard_build(struct fetch *x);

/* fetch_easy.c: fills easy, header_lines, body, origin and is_tls. 0, FETCH_E_URL, or a fault. */
int fetch_easy_build(struct fetch *x, const struct fetch_request *req);

/* fetch_pool.c. add and remove: never inside a callback of libcurl. add returns 0 or a fault. */
int fetch_pool_init(struct fetch_pool *pool, struct loop *loop);
void fetch_pool_deinit(struct fetch_pool *pool);
int fetch_pool_add(struct fetch_pool *pool, struct fetch *x);
void fetch_pool_remove(struct fetch *x);

/* fetch_text.c: the result that a code of libcurl stands for, and the text for the end of x. */
int fetch_result_of(CURLcode code);
void fetch_text_build(struct fetch *x, int result);

#endif
