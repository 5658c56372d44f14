"""Waiting for something that happens in another thread or process, with an end."""
import time

PATIENCE = 10.0  # seconds; a sanitized build on a busy machine is slow, a hang is longer


def wait_until(is_so, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while True:
        found = is_so()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {patience} s for {what}"
        time.sleep(0.005)
