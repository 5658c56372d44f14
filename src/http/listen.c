/* See listen.h. Names other than localhost are not looked up: a server should not wait for DNS to
 * know its own address. */
#include "http/listen.h"
#include "base/err.h"
#include "http/http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096, HOST_BYTES = 64, PORT_MAX = 65535 };

struct name {
    char host[HOST_BYTES];
    const char *port;
};

static bool is_port(const char *text)
{
    size_t len = strspn(text, "0123456789");
    return len > 0 && len <= 5 && text[len] == '\0' && atoi(text) <= PORT_MAX;
}

static bool split(const char *host_port, struct name *ret)
{
    const char *colon = strrchr(host_port, ':');
    if (colon == NULL || !is_port(colon + 1))
        return false;
    ret->port = colon + 1;
    const char *host = host_port;
    size_t len = (size_t)(colon - host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len) != NULL) {
        return false; /* IPv6 without brackets */
    }
    if (len == 0 || len >= sizeof(ret->host))
        return false;
    memcpy(ret->host, host, len);
    ret->host[len] = '\0';
    if (strcasecmp(ret->host, "localhost") == 0)
        memcpy(ret->host, "127.0.0.1", sizeof("127.0.0.1"));
    return true;
}

bool listen_is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    if (a->sa_family != AF_INET6)
        return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

int listen_parse(const char *host_port, struct listen_address *ret, char *text, size_t text_size)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
    struct addrinfo *found = NULL;
    struct name name;
    if (!split(host_port, &name) || getaddrinfo(name.host, name.port, &hints, &found) != 0) {
        (void)snprintf(text, text_size,
                       "listen is \"%.80s\"; it must be ADDRESS:PORT, such as 127.0.0.1:8123, "
                       "[::1]:8123, localhost:8123 or 0.0.0.0:8123",
                       host_port); /* a cut sentence is still one */
        return HTTP_E_ADDRESS;
    }
    *ret = (struct listen_address){ .len = found->ai_addrlen };
    memcpy(&ret->address, found->ai_addr, found->ai_addrlen);
    ret->is_loopback = listen_is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return 0;
}

static void format_address(const struct listen_address *a, char *text, size_t text_size)
{
    char host[HOST_BYTES];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->address;
    bool is_v4 = a->address.ss_family == AF_INET;
    const void *bytes = is_v4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;
    if (inet_ntop(a->address.ss_family, bytes, host, sizeof(host)) == NULL)
        host[0] = '\0';
    (void)snprintf(text, text_size, is_v4 ? "%s:%d" : "[%s]:%d", host,
                   ntohs(is_v4 ? v4->sin_port : v6->sin6_port)); /* fits, or is cut */
}

static int bind_and_listen(int fd, const struct listen_address *a)
{
    int one = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&a->address, a->len) < 0)
        return -1;
    return listen(fd, BACKLOG);
}

int listen_open(const struct listen_address *a, int *ret, char *text, size_t text_size)
{
    int fd = socket(a->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct listen_address actual = { .len = sizeof(actual.address) };
    if (fd < 0 || bind_and_listen(fd, a) < 0 ||
        getsockname(fd, (struct sockaddr *)&actual.address, &actual.len) < 0) {
        int error = errno;
        char address[HOST_BYTES + 16];
        format_address(a, address, sizeof(address));
        (void)snprintf(text, text_size, "cannot listen on %s: %s", address,
                       error == EADDRINUSE ? "the port is in use by another program; choose another with --listen"
                                           : strerror(error)); /* as above */
        if (fd >= 0)
            close(fd);
        return error == EADDRINUSE ? HTTP_E_IN_USE : HTTP_E_ADDRESS;
    }
    format_address(&actual, text, text_size);
    *ret = fd;
    return 0;
}
