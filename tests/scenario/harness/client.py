"""A client that hides nothing: it keeps the bytes, the chunks they came in, and when each came."""
import json
import socket
import time

from .wait import PATIENCE


class Event:
    def __init__(self, name, data, ident, chunk, is_alone):
        self.name, self.text, self.id = name, data, ident
        self.chunk = chunk        # number of the chunk in which it ended
        self.is_alone = is_alone  # that chunk held this event and nothing else

    @property
    def data(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.name} {self.text[:200]}"


class Reply:
    """One answer, read as it comes."""

    def __init__(self, sock, heard):
        self.sock, self.heard = sock, heard
        self.rest = b""         # read from the socket, not yet looked at
        self.body_bytes = b""
        self.pending = b""      # of the body: not yet given out as an event
        self.chunks = []        # (seconds, bytes)
        self.comments = []
        self.is_ended = False   # properly: the last chunk or Content-Length was reached
        self._read_head()

    def _more(self):
        data = self.sock.recv(65536)
        self.heard.extend(data)
        self.rest += data
        return bool(data)

    def _line(self):
        while b"\n" not in self.rest:
            if not self._more():
                raise ConnectionError(f"the connection ended after {bytes(self.rest)!r}")
        line, _, self.rest = self.rest.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def _exactly(self, count):
        while len(self.rest) < count:
            if not self._more():
                raise ConnectionError("the connection ended inside the body")
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def _read_head(self):
        while True:
            self.status = int(self._line().split()[1])
            self.headers = {}
            while (line := self._line()):
                name, _, value = line.partition(":")
                self.headers[name.lower()] = value.strip()
            if self.status >= 200:
                break
        self.head_at = time.monotonic()
        if self.status in (204, 304):
            self.is_ended = True

    def chunk(self):
        """The next chunk of the body, or None at its proper end."""
        if self.is_ended:
            return None
        if self.headers.get("transfer-encoding") == "chunked":
            data = self._exactly(int(self._line().split(";")[0], 16))
            self._line()
            self.is_ended = not data
        else:
            data = self._exactly(int(self.headers["content-length"]))
            self.is_ended = True
        if data:
            self.chunks.append((time.monotonic(), data))
            self.body_bytes += data
            self.pending += data
        return data or None

    @property
    def body(self):
        while self.chunk() is not None:
            pass
        return self.body_bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def event(self):
        """The next event, or None at the end of the stream."""
        while True:
            fields, frame = {}, b""
            while (line := self._event_line()) not in (b"", None):
                frame += line + b"\n"
                name, _, value = line.decode().partition(":")
                if name == "":
                    self.comments.append(line.decode())
                else:
                    assert name not in fields, f"two {name} lines in one event"
                    fields[name] = value.removeprefix(" ")
            if line is None:
                assert not fields, f"the stream ended inside {frame!r}"
                return None
            if fields:
                alone = self.chunks[-1][1] == frame + b"\n"
                return Event(fields.get("event"), fields["data"], fields.get("id"), len(self.chunks), alone)

    def _event_line(self):
        while b"\n" not in self.pending:
            if self.chunk() is None:
                return None
        line, _, self.pending = self.pending.partition(b"\n")
        return line

    def until(self, is_wanted):
        """Reads events up to the first that is wanted; fails at the end of the stream."""
        while (event := self.event()) is not None:
            if is_wanted(event):
                return event
        raise AssertionError("the stream ended without the event")

    def token(self):
        """The next piece of model text, as (event, text)."""
        event = self.until(lambda e: e.name == "messages" and e.data[0]["content"] != "")
        return event, event.data[0]["content"]

    def events(self):
        """All events that are left."""
        return list(iter(self.event, None))

    def close(self):
        self.sock.close()


class Client:
    def __init__(self, port):
        self.port = port
        self.heard = bytearray()  # everything the server ever said

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def request(self, method, path, data=None, **headers):
        """Sends one request on a connection of its own; keyword headers: content_type="text/plain"; None leaves one out."""
        if isinstance(data, (dict, list)):
            data = json.dumps(data)
        data = data.encode() if isinstance(data, str) else data
        all_headers = {"host": f"127.0.0.1:{self.port}"}
        if data is not None:
            all_headers |= {"content-type": "application/json", "content-length": len(data)}
        all_headers |= {k.replace("_", "-"): v for k, v in headers.items()}
        lines = [f"{method} {path} HTTP/1.1"] + [f"{k}: {v}" for k, v in all_headers.items() if v is not None]
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (data or b""))

    def send(self, data):
        sock = self.connect()
        sock.sendall(data)
        return Reply(sock, self.heard)

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, data, **headers):
        return self.request("POST", path, data, **headers)

    def invoke(self, graph="g", state=None, **more):
        """POST /invoke for one JSON answer."""
        return self.post("/invoke", {"graph": graph, "input": state if state is not None else {"q": "hi"}} | more)

    def stream(self, graph="g", state=None, **more):
        """POST /invoke for a stream of events."""
        return self.invoke(graph, state, stream=True, **more)

    def runs(self, kind, graph="g", state=None, **more):
        """POST /runs/wait or /runs/stream."""
        return self.post(f"/runs/{kind}",
                         {"assistant_id": graph, "input": state if state is not None else {"q": "hi"}} | more)
