"""What nodes tell outside the server: every call of a node is a request here, noted with the round in which it came. A round is
the life of one server process."""
import asyncio
import random
from collections import Counter


class Witness:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.round = 0
        self.calls = Counter()  # (round, mark): how often; a mark is "RUN/NODE"
        self.open = 0

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                mark = head.split()[1].decode().removeprefix("/")
                self.calls[self.round, mark] += 1
                await asyncio.sleep(self.random.choice((0, 0.001, 0.005, 0.02)))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s"
                             % (len(mark), mark.encode()))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def hear_out(self):
        """The process is dead: what it had sent is noted, before the next round."""
        while self.open:
            await asyncio.sleep(0.002)

    def rounds_of(self, mark):
        return [r for r, m in self.calls if m == mark]
