#ifndef ANABRANCH_HTTP_LISTEN_H
#define ANABRANCH_HTTP_LISTEN_H
/* The listening socket, opened before the daemon exists, so that what is wrong with the address is
 * told in a sentence. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct listen_address {
    struct sockaddr_storage address;
    socklen_t len;
    bool is_loopback;
};

/* An IPv4 or IPv6 address of this machine that no other can reach; of another family: false. */
bool listen_is_loopback(const struct sockaddr *a);
/* host:port with an IPv4 address, a bracketed IPv6 address, or localhost. 0 or HTTP_E_ADDRESS with
 * a sentence in text. */
int listen_parse(const char *host_port, struct listen_address *ret, char *text, size_t text_size);
/* ret: the descriptor, the caller's. text: the address in use, or the sentence. 0, HTTP_E_ADDRESS,
 * HTTP_E_IN_USE or a fault. */
int listen_open(const struct listen_address *a, int *ret, char *text, size_t text_size);

#endif
