/*
 * What an end of libcurl means to us, and how it reads. Two tables. Texts name host and port and
 * what the system or the TLS library said; never an address with its path, query or user, and
 * nothing that the peer wrote in HTTP.
 */
#include "base/err.h"
#include "base/mem.h"
#include "loop/fetch_internal.h"
#include <errno.h>
#include <string.h>

static const struct {
    CURLcode code;
    int result;
} results[] = {
    { CURLE_OK, 0 },
    /* libcurl says it also of a header line over 100 KB. Nothing tells the two apart, and a peer
     * can cause only the second. */
    { CURLE_OUT_OF_MEMORY, FETCH_E_PROTOCOL },
    { (CURLcode)100, FETCH_E_PROTOCOL }, /* CURLE_TOO_LARGE, which libcurl says since 8.6 instead */
    { CURLE_URL_MALFORMAT, FETCH_E_URL },
    { CURLE_COULDNT_RESOLVE_HOST, FETCH_E_RESOLVE },
    { CURLE_COULDNT_RESOLVE_PROXY, FETCH_E_RESOLVE },
    { CURLE_COULDNT_CONNECT, FETCH_E_CONNECT },
    { CURLE_PROXY, FETCH_E_CONNECT },
    { CURLE_OPERATION_TIMEDOUT,
      FETCH_E_CONNECT_TIMEOUT }, /* the only time-out that libcurl is given */

    { CURLE_SSL_CONNECT_ERROR, FETCH_E_TLS },
    { CURLE_PEER_FAILED_VERIFICATION, FETCH_E_TLS },
    { CURLE_SSL_CERTPROBLEM, FETCH_E_TLS },
    { CURLE_SSL_CIPHER, FETCH_E_TLS },
    { CURLE_SSL_CACERT_BADFILE, FETCH_E_TLS },
    { CURLE_SSL_CRL_BADFILE, FETCH_E_TLS },
    { CURLE_SSL_ISSUER_ERROR, FETCH_E_TLS },
    { CURLE_SSL_INVALIDCERTSTATUS, FETCH_E_TLS },
    { CURLE_SSL_PINNEDPUBKEYNOTMATCH, FETCH_E_TLS },
    { CURLE_SSL_CLIENTCERT, FETCH_E_TLS },
    { CURLE_SSL_ENGINE_INITFAILED, FETCH_E_TLS },
    { CURLE_SSL_ENGINE_NOTFOUND, FETCH_E_TLS },
    { CURLE_SSL_ENGINE_SETFAILED, FETCH_E_TLS },
    { CURLE_SSL_SHUTDOWN_FAILED, FETCH_E_TLS },
    { CURLE_USE_SSL_FAILED, FETCH_E_TLS },

    { CURLE_PARTIAL_FILE, FETCH_E_CUT },
    { CURLE_GOT_NOTHING, FETCH_E_CUT },
    { CURLE_RECV_ERROR, FETCH_E_CUT },
    { CURLE_SEND_ERROR, FETCH_E_CUT },
    { CURLE_SEND_FAIL_REWIND, FETCH_E_CUT },
    { CURLE_HTTP2, FETCH_E_CUT },
    { CURLE_HTTP2_STREAM, FETCH_E_CUT },

    { CURLE_WEIRD_SERVER_REPLY, FETCH_E_PROTOCOL },
    { CURLE_UNSUPPORTED_PROTOCOL,
      FETCH_E_PROTOCOL }, /* HTTP/0.9; our own scheme was checked before */
    { CURLE_BAD_CONTENT_ENCODING, FETCH_E_PROTOCOL },
    { CURLE_WRITE_ERROR, FETCH_E_PROTOCOL }, /* without a stop_result: not by our callbacks */
};

int fetch_result_of(CURLcode code)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
        if (results[i].code == code)
            return results[i].result;
    return ERR_SYSTEM;
}

enum detail { DETAIL_NONE, DETAIL_SYSTEM, DETAIL_TLS, DETAIL_CURL };

static const struct sentence {
    int result;
    const char *about; /* goes before host and port */
    const char *alone; /* for an end without either */
    enum detail detail;
} sentences[] = {
    { 0, NULL, "no error", DETAIL_NONE },
    { OP_CANCELLED, NULL, "the request was cancelled", DETAIL_NONE },
    { OP_TIMEOUT, "deadline passed while waiting for", "the deadline passed", DETAIL_NONE },
    { FETCH_E_URL, NULL, "not a request that can be sent over http or https", DETAIL_NONE },
    { FETCH_E_RESOLVE, "host name not found for", "host name not found", DETAIL_NONE },
    { FETCH_E_CONNECT, "cannot connect to", "cannot connect", DETAIL_SYSTEM },
    { FETCH_E_TLS, "no TLS session with", "no TLS session", DETAIL_TLS },
    { FETCH_E_CONNECT_TIMEOUT, "no connection in time with", "no connection in time", DETAIL_NONE },
    { FETCH_E_FIRST_BYTE_TIMEOUT, "no answer in time from", "no answer in time", DETAIL_NONE },
    { FETCH_E_IDLE_TIMEOUT, "answer fell silent from", "the answer fell silent", DETAIL_NONE },
    { FETCH_E_TOTAL_TIMEOUT, "answer not complete in time from", "answer not complete in time",
      DETAIL_NONE },
    { FETCH_E_TOO_LARGE, "answer too large from", "the answer is too large", DETAIL_NONE },
    { FETCH_E_CUT, "connection broke before the end of the answer from",
      "the connection broke before the end of the answer", DETAIL_CURL },
    { FETCH_E_FORBIDDEN, "no public address that may be reached for",
      "no public address that may be reached", DETAIL_NONE },
    { FETCH_E_PROTOCOL, "not a valid HTTP answer from", "not a valid HTTP answer", DETAIL_CURL },
};

static const struct sentence *sentence_find(int result)
{
    for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++)
        if (sentences[i].result == result)
            return &sentences[i];
    return NULL;
}

static const char *sentence_alone(int result)
{
    const struct sentence *s = sentence_find(result);
    return s != NULL ? s->alone : err_text(result);
}

/* The TLS library may quote a certificate, and whoever sits at the other end wrote that. */
static const char *printable(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return text;
}

/* Returns a text that may lie in `space`, or "". */
static const char *detail_find(struct fetch *x, enum detail detail, char *space, size_t space_bytes)
{
    switch (detail) {
    case DETAIL_SYSTEM:
        return x->system_errno == 0 ? "" : strerror_r(x->system_errno, space, space_bytes);
    case DETAIL_TLS:
        return printable(x->error);
    case DETAIL_CURL:
        return x->code == CURLE_OK ? "" : curl_easy_strerror(x->code);
    case DETAIL_NONE:
        break;
    }
    return "";
}

/* Once, when the end is known: fetch_error_text() then has nothing to allocate. Without memory the
 * sentence stands alone. */
void fetch_text_build(struct fetch *x, int result)
{
    char space[128];
    const struct sentence *s = sentence_find(result);
    x->text_result = result;
    if (s == NULL || s->about == NULL || x->origin == NULL)
        return;
    bool is_refused = result == FETCH_E_CONNECT && x->system_errno == ECONNREFUSED;
    const char *about = is_refused ? "connection refused by" : s->about;
    const char *detail = detail_find(x, s->detail, space, sizeof(space));
    if (*detail == '\0')
        x->text = mem_printf("%s %s", about, x->origin);
    else
        x->text = mem_printf("%s %s (%s)", about, x->origin, detail);
}

const char *fetch_error_text(const struct fetch *x, int result)
{
    return x->text != NULL && x->text_result == result ? x->text : sentence_alone(result);
}
