"""Many clients at once, and a server that many requests may wait at: what threads are too dear for."""
import asyncio
import contextlib
import json
import time


class Upstream:
    """Answers every GET with {"path": ...} after `delay` seconds, on connections that stay open."""

    def __init__(self, delay):
        self.delay = delay
        self.port = None
        self.requests = self.at_once = self.most_at_once = 0

    async def _serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                await asyncio.sleep(self.delay)
                self.at_once -= 1
                body = json.dumps({"path": head.split()[1].decode()}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                             % (len(body), body))
                await writer.drain()
        writer.close()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self.server.close()


async def _send(port, path, data):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps(data).encode()
    writer.write(b"POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\nconnection: close\r\n"
                 b"content-length: %d\r\n\r\n%s" % (path.encode(), port, len(body), body))
    await writer.drain()
    return reader, writer


async def ask(port, path, data):
    """One request: (status, JSON)."""
    reader, writer = await _send(port, path, data)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def token_times(port, path, data):
    """One stream: when each piece of text came, by the client's clock."""
    reader, writer = await _send(port, path, data)
    times = []
    while line := await reader.readline():
        if line.startswith(b"data: [") and b'"content":""' not in line:
            times.append(time.monotonic())
    writer.close()
    return times
