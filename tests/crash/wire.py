"""A small asynchronous client: JSON requests and event streams, each on a connection of its own. Whatever a killed server breaks
off is Gone."""
import asyncio
import json
from collections import namedtuple

Event = namedtuple("Event", "id name text")  # text: the data


class Gone(Exception):
    """The server went away before its answer was whole."""


class Address:
    """Where the server is now; None while there is none."""

    def __init__(self):
        self.port = None
        self.is_up = asyncio.Event()

    def set(self, port):
        self.port = port
        self.is_up.set() if port else self.is_up.clear()


async def _open(address, method, path, body, headers):
    await address.is_up.wait()
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port, limit=1 << 24)
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", "connection: close", f"content-length: {len(data)}"]
    lines += ["content-type: application/json"] if body is not None else []
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    await writer.drain()
    status = int((await reader.readline()).split()[1])
    answer = {}
    while (line := (await reader.readline()).strip()):
        name, _, value = line.decode().partition(":")
        answer[name.lower()] = value.strip()
    return reader, writer, status, answer


async def _chunks(reader, headers):
    if "content-length" in headers:
        yield await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield (await reader.readexactly(size + 2))[:-2]


BROKEN = (OSError, asyncio.IncompleteReadError, IndexError, ValueError)


async def ask(address, method, path, body=None):
    """(status, JSON or None)"""
    try:
        reader, writer, status, headers = await _open(address, method, path, body, {})
        try:
            data = b"".join([chunk async for chunk in _chunks(reader, headers)])
        finally:
            writer.close()
    except BROKEN as e:
        raise Gone from e
    try:
        return status, json.loads(data) if data.strip() else None
    except ValueError:
        return status, data.decode()


async def stream(address, method, path, body=None, last=None, on_head=None):
    """Yields Events as they come."""
    try:
        reader, writer, status, headers = await _open(address, method, path, body, {} if last is None else {"last-event-id": last})
        try:
            assert status == 200, f"{method} {path}: {status} {await reader.read(500)}"
            if on_head is not None:
                on_head(headers)
            rest, is_whole = b"", False
            async for chunk in _chunks(reader, headers):
                *frames, rest = (rest + chunk).split(b"\n\n")
                for frame in frames:
                    fields = dict(line.split(": ", 1) for line in frame.decode().split("\n") if line and line[0] != ":")
                    if fields:
                        yield Event(int(fields["id"]) if "id" in fields else None, fields["event"], fields["data"])
        finally:
            writer.close()
    except BROKEN as e:
        raise Gone from e
