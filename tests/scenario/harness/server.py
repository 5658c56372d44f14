"""The real binary: started with a folder of graphs of the scenario's own, ended and judged."""
import json
import os
import re
import signal
import subprocess
import threading
import time

from .client import Client
from .wait import wait_until

BINARY = os.path.abspath(os.environ.get("ANABRANCH_BIN", "build-asan/anabranch"))
KEY = "sk-scenario-secret-7d1f"  # the provider's key: no answer and no log may contain it
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")


def environment(folder, settings):
    """A small environment of our own, so that a scenario does not depend on who runs it."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8",
           "ASAN_OPTIONS": "halt_on_error=1:detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
           "ANABRANCH_LISTEN": "127.0.0.1:0", "ANABRANCH_GRAPHS": str(folder / "graphs"),
           "ANABRANCH_DATABASE": "memory:", "ANABRANCH_DRAIN_MS": "500", "OPENAI_API_KEY": KEY}
    return {name: value for name, value in (env | settings).items() if value is not None}


def write_graphs(folder, graphs):
    """graphs: file name (without ending: JSON) -> graph, or the text of a file."""
    place = folder / "graphs"
    place.mkdir(exist_ok=True)
    for name, content in graphs.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (place / (name if "." in name else f"{name}.json")).write_text(text)


def tool(folder, *arguments, patience=30, **settings):
    """Runs a subcommand to its end."""
    done = subprocess.run([BINARY, *arguments], cwd=folder, env=environment(folder, settings), text=True,
                          capture_output=True, timeout=patience)
    assert not SANITIZER.search(done.stderr), done.stderr
    assert KEY not in done.stdout + done.stderr
    return done


class Server:
    def __init__(self, folder, arguments=(), wrapper=(), **settings):
        """wrapper: a command that turns into the one behind it."""
        self.process = subprocess.Popen([*wrapper, BINARY, "serve", *arguments], cwd=folder, text=True,
                                        env=environment(folder, settings), stderr=subprocess.PIPE)
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.client = None
        self.is_judged = False

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    @property
    def log(self):
        return "".join(self.lines)

    def logged(self, pattern):
        return re.search(pattern, self.log)

    def says(self, pattern):
        """The same of a line that is on its way: an answer may be read before what was logged ahead of it."""
        return wait_until(lambda: self.logged(pattern), f"the log to have {pattern}")

    def wait_listening(self):
        def found():
            assert self.process.poll() is None, f"the server ended at once: {self.log}"
            return self.logged(r" listening .*address=\S*:(\d+)")
        self.client = Client(int(wait_until(found, "the server to listen")[1]))
        return self

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, patience=20):
        """Waits for the end; returns the exit code."""
        code = self.process.wait(patience)
        self.reader.join(5)
        self.is_judged = True
        return code

    def finish(self):
        """Ends the server if the scenario has not, and judges what is true of every scenario."""
        if self.process.poll() is None:
            self.signal()
        try:
            was_judged, code = self.is_judged, self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError(f"SIGTERM did not end the server: {self.log}") from None
        assert not SANITIZER.search(self.log), self.log
        assert was_judged or code == 0, f"exit code {code}: {self.log}"
        assert KEY not in self.log
        if self.client is not None:
            assert KEY.encode() not in self.client.heard
