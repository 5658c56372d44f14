"""A scripted model server with the shape of OpenAI's chat completions.

    model.on("law", tokens("Yes", " no"))      every call of the model "law" gets these tokens
    model.on("law", status(429), tokens("x"))  the first call, then every later one
    model.on("law", held)                      the test itself answers, token by token:
        call = model.call("law"); call.token("Yes"); call.finish()

A path other than /v1/chat/completions is scripted by its path: model.on("/weather", body('{"c": 20}')).
Every call is recorded, with the moment at which its client hung up.
"""
import json
import socket
import threading
import time

from .wait import PATIENCE, wait_until

CHAT = "/v1/chat/completions"


class Call:
    """One request, and the means to answer it. Any thread."""

    def __init__(self, sock, method, target, headers, body):
        self.sock, self.method, self.target, self.headers, self.body = sock, method, target, headers, body
        self.at = time.monotonic()
        self.json = json.loads(body) if body[:1] == b"{" else None
        self.model = (self.json or {}).get("model")
        self.gone = threading.Event()
        self.gone_at = None
        self.has_head = False

    @property
    def name(self):
        path = self.target.split("?")[0]
        return self.model if path == CHAT else path

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass  # the client has hung up, which call.gone tells

    def head(self, code=200, **headers):
        self.has_head = True
        headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked"} | headers
        lines = [f"HTTP/1.1 {code} Scripted"] + [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
        self.raw("\r\n".join(lines).encode() + b"\r\n\r\n")

    def chunk(self, data):
        self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    def data(self, value):
        text = value if isinstance(value, str) else json.dumps(value)
        self.chunk(b"data: " + text.encode() + b"\n\n")

    def delta(self, delta, reason=None):
        if not self.has_head:
            self.head()
        self.data({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": self.model,
                   "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    def token(self, text):
        self.delta({"content": text})

    def finish(self, reason="stop"):
        self.delta({}, reason)
        self.data({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": self.model,
                   "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}})
        self.data("[DONE]")
        self.chunk(b"")

    def answer(self, code, data, **headers):
        data = data.encode() if isinstance(data, str) else data
        headers = {"content-type": "application/json", "content-length": len(data)} | headers
        lines = [f"HTTP/1.1 {code} Scripted"] + [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
        self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def cut(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def wait_gone(self, seconds):
        """Whether the client hangs up within so many seconds from now."""
        return self.gone.wait(seconds)


def held(call):
    """The test answers."""


def tokens(*texts):
    def reply(call):
        call.delta({"role": "assistant", "content": ""})
        for text in texts:
            call.token(text)
        call.finish()
    return reply


def body(text, code=200, **headers):
    return lambda call: call.answer(code, text, **headers)


def status(code, message="scripted", **headers):
    return body(json.dumps({"error": {"message": message, "type": "scripted"}}), code, **headers)


def cut_after(*texts):
    def reply(call):
        for text in texts:
            call.token(text)
        call.cut()
    return reply


class Model:
    def __init__(self):
        self.replies = {}
        self.calls = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.socks = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def on(self, name, *replies):
        self.replies[name] = list(replies)

    def calls_of(self, name):
        with self.lock:
            return [call for call in self.calls if call.name == name]

    def call(self, name, number=0):
        """Waits for the call with this number (from 0) of a model or path."""
        return wait_until(lambda: self.calls_of(name)[number:], f"call {number} of {name}")[0]

    def close(self):
        self.listener.close()
        for sock in list(self.socks):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socks.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        call = None
        with sock, sock.makefile("rb") as lines:
            while (request := self._read(lines)) is not None:
                call = Call(sock, *request)
                with self.lock:
                    self.calls.append(call)
                    replies = self.replies.get(call.name, [status(404, f"no script for {call.name}")])
                    reply = replies.pop(0) if len(replies) > 1 else replies[0]
                threading.Thread(target=reply, args=(call,), daemon=True).start()
        self.socks.discard(sock)
        if call is not None:
            call.gone_at = time.monotonic()
            call.gone.set()

    @staticmethod
    def _read(lines):
        """The next request of a connection, or None once its client has hung up."""
        try:
            first = lines.readline().decode().split()
            if len(first) < 2:
                return None
            headers = {}
            while (line := lines.readline().decode().strip()):
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            return first[0], first[1], headers, lines.read(int(headers.get("content-length", 0)))
        except OSError:
            return None
