"""Who webhooks are sent to: a scripted server (harness/model.py) with names for what is asked of it here."""
import json
import threading

from .model import body
from .wait import wait_until

OK = body("{}")


class Receiver:
    """A path of the scripted server. Every answer but the last is given once."""

    def __init__(self, model, path="/done", *replies):
        self.model, self.path = model, path
        model.on(path, *(replies or (OK,)))

    @property
    def host(self):
        return f"127.0.0.1:{self.model.port}"

    @property
    def url(self):
        return f"http://{self.host}{self.path}?token=hook-secret"

    def news(self, number=0):
        """What came with the call of this number."""
        return json.loads(self.model.call(self.path, number).body)

    @property
    def count(self):
        return len(self.model.calls_of(self.path))

    def wait_count(self, count):
        wait_until(lambda: self.count >= count, f"{count} calls of {self.path}")


class Gate:
    """A reply that waits until the test opens it."""

    def __init__(self, reply=OK):
        self.reply, self.opened = reply, threading.Event()

    def __call__(self, call):
        self.opened.wait(20)
        self.reply(call)

    def open(self):
        self.opened.set()
