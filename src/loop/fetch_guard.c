/*
 * Fetches to addresses that clients have chosen. libcurl asks for a socket for each address that it
 * is about to connect to, after the look-up of the name: there is nothing between this check and the
 * connect that could change the address.
 */
#include "base/err.h"
#include "loop/address.h"
#include "loop/fetch_internal.h"
#include <sys/socket.h>

/* Refused ones are passed over: libcurl goes on to the host's next address. */
static curl_socket_t open_public(void *fetch, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *x = fetch;

    (void)purpose;
    if (!address_is_public(&to->addr)) {
        x->was_refused = true;
        return CURL_SOCKET_BAD;
    }
    x->was_allowed = true;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* HTTP/1.1, because an HTTP/2 connection is shared while it is in use. */
static const struct {
    CURLoption option;
    long value;
} guard_options[] = {
    { CURLOPT_FRESH_CONNECT, 1 },
    { CURLOPT_FORBID_REUSE, 1 },
    { CURLOPT_PIPEWAIT, 0 },
    { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
};

int fetch_guard_build(struct fetch *x)
{
    CURLcode code = curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETFUNCTION, open_public);

    if (code == CURLE_OK)
        code = curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETDATA, x);
    if (code == CURLE_OK)
        code = curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
    for (size_t i = 0; code == CURLE_OK && i < sizeof(guard_options) / sizeof(*guard_options); i++)
        code = curl_easy_setopt(x->easy, guard_options[i].option, guard_options[i].value);
    if (code == CURLE_OK)
        return 0;
    return code == CURLE_OUT_OF_MEMORY ? err_trace(ERR_NOMEM) : err_trace(ERR_SYSTEM);
}
