/*
 * A request as a curl easy handle. Everything that a template of a graph can put into a request is
 * checked here, before libcurl sees it: address, method, header names and values.
 */
#include "base/err.h"
#include "base/mem.h"
#include "loop/fetch_internal.h"
#include <string.h>
#include <strings.h>

/* Before 7.87 there is no CURLOPT_QUICK_EXIT, and ending a request whose name look-up hangs stops
 * the whole loop for seconds. */
#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or newer is needed"
#endif

enum {
    CONNECT_MS_DEFAULT = 10000,
    RECEIVE_BUFFER_BYTES = 2048, /* per connection: thousands of token streams want little */
    SEND_BUFFER_BYTES = 16384,   /* libcurl's least */
};

/* What is the same for every request. libcurl's own total time-out stays off: OPERATION_TIMEDOUT
 * then means the connect. */
static const struct {
    CURLoption option;
    long value;
} fixed_options[] = {
    { CURLOPT_NOSIGNAL, 1 },
    { CURLOPT_QUICK_EXIT, 1 },
    { CURLOPT_FOLLOWLOCATION, 0 },
    { CURLOPT_HTTP09_ALLOWED, 0 },
    { CURLOPT_TCP_NODELAY, 1 },
    { CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
    { CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES },
    { CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER_BYTES },
};

/* The fault for a setopt that failed, 0 for one that did not. */
static int fault_of(CURLcode code)
{
    return code == CURLE_OK ? 0 : code == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_SYSTEM;
}

/* The first setopt that fails decides; the others are skipped. */
#define SET(r, easy, option, value)                                                                \
    ((r) = (r) != 0 ? (r) : fault_of(curl_easy_setopt((easy), (option), (value))))

/* ---- the address ---- */

static int part_get(CURLU *url, CURLUPart part, unsigned flags, char **ret)
{
    CURLUcode code = curl_url_get(url, part, ret, flags);
    return code == CURLUE_OK ? 0 : code == CURLUE_OUT_OF_MEMORY ? ERR_NOMEM : FETCH_E_URL;
}

static int take_origin(struct fetch *x, CURLU *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    int r = part_get(url, CURLUPART_SCHEME, 0, &scheme);
    if (r == 0)
        r = part_get(url, CURLUPART_HOST, 0, &host);
    if (r == 0)
        r = part_get(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
    if (r == 0) {
        x->is_tls = strcasecmp(scheme, "https") == 0;
        if (!x->is_tls && strcasecmp(scheme, "http") != 0)
            r = FETCH_E_URL;
    }
    if (r == 0) {
        x->origin = mem_printf("%s:%s", host, port);
        r = x->origin == NULL ? ERR_NOMEM : 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return r;
}

/* No flags: the scheme must be there and known, blanks and control characters are errors. */
static int check_url(struct fetch *x, const char *text)
{
    CURLU *url = curl_url();
    if (url == NULL)
        return ERR_NOMEM;
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
    int r = FETCH_E_URL;
    if (code == CURLUE_OUT_OF_MEMORY)
        r = ERR_NOMEM;
    else if (code == CURLUE_OK)
        r = take_origin(x, url);
    curl_url_cleanup(url);
    return r;
}

/* ---- method and headers ---- */

/* RFC 9110, 5.6.2 */
static bool is_token(const char *text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    if (text == NULL || *text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        char c = *text;
        bool is_alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!is_alnum && strchr(marks, c) == NULL)
            return false;
    }
    return true;
}

static bool is_field_value(const char *text)
{
    if (text == NULL)
        return false;
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

/* libcurl frames the message; a second opinion about its length would smuggle requests. */
static bool is_framing(const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
}

static int add_line(struct fetch *x, const char *line)
{
    struct curl_slist *longer = curl_slist_append(x->header_lines, line);
    if (longer == NULL)
        return ERR_NOMEM;
    x->header_lines = longer;
    return 0;
}

/* "Name;" is libcurl's way to send an empty value; "Name:" would take the header out. */
static int add_header(struct fetch *x, const struct fetch_header *h)
{
    if (!is_token(h->name) || !is_field_value(h->value) || is_framing(h->name))
        return FETCH_E_URL;
    const char *value = h->value + strspn(h->value, " \t");
    char *line MEM_AUTO(mem_freep) =
        *value == '\0' ? mem_printf("%s;", h->name) : mem_printf("%s: %s", h->name, value);
    return line == NULL ? ERR_NOMEM : add_line(x, line);
}

static bool has_header(const struct fetch_request *req, const char *name)
{
    for (int i = 0; i < req->header_count; i++)
        if (strcasecmp(req->headers[i].name, name) == 0)
            return true;
    return false;
}

/* Without "Expect:" libcurl waits a second for a 100 before it sends a long body. A body's type is
 * the caller's to name. */
static int build_headers(struct fetch *x, const struct fetch_request *req)
{
    int r = 0;
    for (int i = 0; r == 0 && i < req->header_count; i++)
        r = add_header(x, &req->headers[i]);
    if (r == 0 && !has_header(req, "Expect"))
        r = add_line(x, "Expect:");
    if (r == 0 && !has_header(req, "Content-Type"))
        r = add_line(x, "Content-Type:");
    if (r == 0)
        SET(r, x->easy, CURLOPT_HTTPHEADER, x->header_lines);
    return r;
}

static bool wants_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static int build_body(struct fetch *x, const struct fetch_request *req)
{
    int r = 0;
    x->body = mem_alloc(req->body_len_bytes + 1);
    if (x->body == NULL)
        return ERR_NOMEM;
    if (req->body != NULL)
        memcpy(x->body, req->body, req->body_len_bytes);
    curl_off_t len = req->body == NULL ? 0 : (curl_off_t)req->body_len_bytes;
    SET(r, x->easy, CURLOPT_POST, 1L);
    SET(r, x->easy, CURLOPT_POSTFIELDSIZE_LARGE, len);
    SET(r, x->easy, CURLOPT_POSTFIELDS, x->body);
    return r;
}

static int build_method(struct fetch *x, const struct fetch_request *req)
{
    int r = 0;
    if (!is_token(req->method))
        return FETCH_E_URL;
    if (strcmp(req->method, "HEAD") == 0) {
        if (req->body != NULL)
            return FETCH_E_URL;
        return SET(r, x->easy, CURLOPT_NOBODY, 1L);
    }
    if (req->body != NULL || wants_body(req->method))
        r = build_body(x, req);
    SET(r, x->easy, CURLOPT_CUSTOMREQUEST, req->method);
    return r;
}

/* ---- all of it ---- */

static int build_fixed(CURL *easy)
{
    int r = 0;
    for (size_t i = 0; i < sizeof(fixed_options) / sizeof(*fixed_options); i++)
        SET(r, easy, fixed_options[i].option, fixed_options[i].value);
    SET(r, easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(r, easy, CURLOPT_HEADERFUNCTION, fetch_take_head_line);
    SET(r, easy, CURLOPT_WRITEFUNCTION, fetch_take_body);
    return r;
}

/* PIPEWAIT: with TLS a request rather waits for a connection that HTTP/2 can share than open one
 * more. */
static int build_own(struct fetch *x, const struct fetch_request *req)
{
    int r = 0;
    int64_t connect_ms = req->connect_ms > 0 ? req->connect_ms : CONNECT_MS_DEFAULT;
    SET(r, x->easy, CURLOPT_URL, req->url);
    SET(r, x->easy, CURLOPT_PRIVATE, x);
    SET(r, x->easy, CURLOPT_HEADERDATA, x);
    SET(r, x->easy, CURLOPT_WRITEDATA, x);
    SET(r, x->easy, CURLOPT_ERRORBUFFER, x->error);
    SET(r, x->easy, CURLOPT_CONNECTTIMEOUT_MS,
        connect_ms < INT32_MAX ? (long)connect_ms : INT32_MAX);
    SET(r, x->easy, CURLOPT_PIPEWAIT, x->is_tls ? 1L : 0L);
    SET(r, x->easy, CURLOPT_HTTP_VERSION,
        x->is_tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    return r;
}

int fetch_easy_build(struct fetch *x, const struct fetch_request *req)
{
    int r = req->url == NULL ? FETCH_E_URL : check_url(x, req->url);
    if (r != 0)
        return r;
    x->easy = curl_easy_init();
    if (x->easy == NULL)
        return ERR_NOMEM;
    r = build_fixed(x->easy);
    if (r == 0)
        r = build_own(x, req);
    if (r == 0 && x->is_guarded)
        r = fetch_guard_build(x);
    if (r == 0)
        r = build_method(x, req);
    if (r == 0)
        r = build_headers(x, req);
    return r;
}
