"""A program on a disk of its own: a small one in memory, which the test fills and clears through /proc.

usage: small_disk.py FOLDER BYTES COMMAND...   mounts it at FOLDER for the command alone; exits with 77 where that is not
                                               permitted
"""
import ctypes
import os
import sys

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


def main():
    folder, size = sys.argv[1:3]
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        sys.exit(77)
    if libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, f"size={size}".encode()) != 0:
        sys.exit(77)
    os.execvp(sys.argv[3], sys.argv[3:])


class SmallDisk:
    """The disk of a process, seen from outside."""

    def __init__(self, pid, folder):
        self.root = f"/proc/{pid}/root{folder}"

    def fill(self):
        """Until nothing more goes in."""
        with open(f"{self.root}/filler", "ab", buffering=0) as filler:
            for piece in (65536, 4096):
                try:
                    while filler.write(b"x" * piece) == piece:
                        pass
                except OSError:
                    pass

    def clear(self):
        os.remove(f"{self.root}/filler")


if __name__ == "__main__":
    main()
