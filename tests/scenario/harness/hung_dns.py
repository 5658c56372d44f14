"""Runs a command where every name look-up hangs: in a network namespace of its own, whose name server takes questions and
never answers.

usage: hung_dns.py COMMAND...       exits with 77 where namespaces are not permitted
"""
import os
import socket
import sys

from namespace import put_address, unshare


def name_servers():
    """Those that the resolver will ask; IPv4 is all that this can play."""
    with open("/etc/resolv.conf", encoding="ascii", errors="replace") as lines:
        words = [line.split() for line in lines]
    return [w[1] for w in words if w[:1] == ["nameserver"]] or ["127.0.0.1"]


def main():
    servers = name_servers()
    if any(":" in s for s in servers) or not unshare():
        sys.exit(77)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        put_address(control, b"lo", "127.0.0.1")
        for number, address in enumerate(servers):
            if not address.startswith("127."):
                put_address(control, b"lo:%d" % number, address)
    for address in servers:
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind((address, 53))
        os.set_inheritable(silent.detach(), True)  # the command keeps it open, and does not know
    os.execvp(sys.argv[1], sys.argv[1:])


main()
