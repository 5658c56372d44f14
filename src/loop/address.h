#ifndef ANABRANCH_LOOP_ADDRESS_H
#define ANABRANCH_LOOP_ADDRESS_H
/*
 * Which network addresses belong to the public internet. For requests whose target a client has
 * chosen: nothing of the own machine, of the network around it, or of its provider's services may be
 * reached through them.
 *
 * What is not known to be public is not: loopback, private and shared ranges, link-local (metadata
 * services), multicast, reserved and documentation ranges, unspecified, and every form of IPv6 that
 * carries an IPv4 address, but for NAT64 of a public one. Pure.
 */
#include <stdbool.h>
#include <sys/socket.h>

/* Anything that is neither IPv4 nor IPv6 is not public. */
bool address_is_public(const struct sockaddr *address);
/* The same of a host as it stands in a URL: false if it is an address in its usual form ("10.0.0.1",
 * "[::1]", "::1") that is not public. A name, or anything else, is judged when it is looked up: true. */
bool address_text_may_be_public(const char *host, size_t len_bytes);

#endif
