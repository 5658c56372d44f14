"""Network namespaces: a program in one of its own sees other addresses and name servers, and no packet leaves it.

usage: namespace.py ADDRESS COMMAND...   runs a command in a new one whose loopback device has this address, too; exits with
                                         77 where namespaces are not permitted
"""
import ctypes
import fcntl
import os
import socket
import struct
import sys
import threading

CLONE_NEWNET = 0x40000000
SIOCSIFADDR, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x8914, 1
libc = ctypes.CDLL(None)


def put_address(control, label, address):
    ip = struct.pack("16sHH4s8x", label, socket.AF_INET, 0, socket.inet_aton(address))
    fcntl.ioctl(control, SIOCSIFADDR, ip)
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", label, IFF_UP))


def unshare():
    """This process goes into a namespace of its own; false: it may not."""
    return libc.unshare(CLONE_NEWNET) == 0


def connect(pid, address, timeout):
    """A socket in the namespace of a process, made by a thread that goes there and ends."""
    made = []

    def there():
        with open(f"/proc/{pid}/ns/net", encoding="ascii") as namespace:
            if libc.setns(namespace.fileno(), CLONE_NEWNET) == 0:
                made.append(socket.create_connection(address, timeout=timeout))

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    return made[0]


def main():
    if not unshare():
        sys.exit(77)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        put_address(control, b"lo", "127.0.0.1")
        put_address(control, b"lo:1", sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
