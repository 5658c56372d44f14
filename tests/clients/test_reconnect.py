"""Connections of the Python client that break."""
import socket
import threading
import warnings

import pytest

from kit import new_thread


class CuttingProxy:
    """Passes bytes on until `mark` has come from the server, and cuts that connection; all others live."""

    def __init__(self, port, mark, more=0):
        self.port, self.mark, self.more = port, mark, more
        self.cut = threading.Event()
        self.heads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self._up, args=(near, far), daemon=True).start()
            threading.Thread(target=self._down, args=(near, far), daemon=True).start()

    def _up(self, near, far):
        try:
            while data := near.recv(65536):
                self.heads.append(data.split(b"\r\n\r\n")[0].decode("latin-1"))
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _down(self, near, far):
        seen = b""
        with near, far:
            try:
                while data := far.recv(65536):
                    at = -1 if self.cut.is_set() else (seen + data).find(self.mark)
                    if at >= 0:
                        near.sendall(data[:max(0, at + len(self.mark) + self.more - len(seen))])
                        self.cut.set()
                        near.shutdown(socket.SHUT_RDWR)
                        return
                    seen += data
                    near.sendall(data)
                near.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


@pytest.fixture
def cutting(server):
    made = []

    def make(mark, more=0):
        made.append(CuttingProxy(server.client.port, mark, more))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


MODES = ["values", "messages-tuple", "updates"]


def test_a_stream_that_breaks_goes_on_where_it_was(client, make_client, cutting):
    thread = new_thread(client, "chat")
    proxy = cutting(b"\nid: 7\n", 20)
    parts = list(make_client(proxy.url).runs.stream(thread, "chat", input={"messages": "hi"}, stream_mode=MODES, stream_resumable=True))
    assert proxy.cut.is_set()
    assert parts == list(client.runs.join_stream(thread, parts[0].data["run_id"])), "what an undisturbed reader gets"
    assert len([head for head in proxy.heads if head.startswith("POST ")]) == 1, "the run is not started again"


def test_a_joined_stream_that_breaks_keeps_its_modes(client, make_client, cutting):
    thread = new_thread(client, "chat")
    run = client.runs.create(thread, "chat", input={"messages": "hi"}, stream_mode=MODES)["run_id"]
    whole = list(client.runs.join_stream(thread, run, stream_mode=["messages-tuple", "values"]))
    proxy = cutting(b"\nid: 7\n", 20)
    assert list(make_client(proxy.url).runs.join_stream(thread, run, stream_mode=["messages-tuple", "values"])) == whole
    assert proxy.cut.is_set()


@pytest.mark.parametrize("how", ["wait", "join"])
def test_who_waits_comes_back_for_the_result(client, make_client, cutting, how):
    thread = new_thread(client, "slow")
    proxy = cutting(b"\r\n\r\n", 0)
    other = make_client(proxy.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it comes back
        if how == "wait":
            values = other.runs.wait(thread, "slow", input={"ms": 200})
        else:
            run = client.runs.create(thread, "slow", input={"ms": 200})
            values = other.runs.join(thread, run["run_id"])
    assert proxy.cut.is_set() and values["log"] == ["before", "paused", "after"]
    assert len(client.runs.list(thread)) == 1
