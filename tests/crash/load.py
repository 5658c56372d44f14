"""The clients. Each has a thread of its own and does one thing after the other with it; when the server goes away it waits for
the next one, finds out what became of its request, and goes on. What it was told is noted, to be held against the disk."""
import asyncio
import json
import random
import uuid
from dataclasses import dataclass, field

from graphs import INSIDE, NODES
from wire import Gone, ask, stream

TOKENS = ["values", "updates", "messages-tuple"]


@dataclass
class Run:
    id: str
    thread: str
    kind: str
    durability: str
    resumable: bool = False
    modes: tuple = ()
    readers: list = field(default_factory=list)  # one list of (Event, round) for each reader
    told_end: int = None                         # the round in which a client was told how it ended
    is_stateless: bool = False

    @property
    def marks(self):
        return [f"{self.id}/{name}" for name in NODES[self.kind]]

    @property
    def marks_inside(self):
        return [f"{self.id}/{name}" for name in INSIDE.get(self.kind, [])]

    @property
    def path(self):
        return f"/threads/{self.thread}/runs/{self.id}"


class Notes:
    """What all clients know together."""

    def __init__(self):
        self.runs = {}   # by id
        self.told = {}   # mark -> the first round in which a client saw it where it must be on the disk
        self.lost = []   # what was wrong at once

    def tell(self, mark, now):
        self.told.setdefault(mark, now)


class Client:
    def __init__(self, seed, address, witness, notes):
        self.random = random.Random(seed)
        self.address, self.witness, self.notes = address, witness, notes
        self.thread = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.is_stopping = False
        self.log = []  # Runs of the thread in the order in which they were accepted

    async def live(self):
        doings = [self.wait, self.streamed, self.streamed, self.streamed, self.background, self.burst, self.question, self.stateless]
        while not self.is_stopping:
            await self.random.choice(doings)()

    # ---- requests that may break off ----

    async def until_answered(self, method, path, body=None):
        while True:
            try:
                return await ask(self.address, method, path, body)
            except Gone:
                pass

    def body(self, kind, **more):
        graph = "ask" if kind == "answer" else kind
        mark = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        durability = self.random.choice(["sync", "sync", "async", "exit"])
        task = {"command": {"resume": "yes"}} if kind == "answer" else {"input": {"q": "tell me " + mark}}
        return {"assistant_id": graph, "if_not_exists": "create", "on_disconnect": "continue", "multitask_strategy": "enqueue",
                "durability": durability, "metadata": {"mark": mark}} | task | more

    def note(self, ident, kind, body, **more):
        run = Run(ident, self.thread, kind, body["durability"], body.get("stream_resumable", False),
                  tuple(body.get("stream_mode", ())), **more)
        self.notes.runs[ident] = run
        if not run.is_stateless:
            self.log.append(run)
        return run

    async def find(self, body):
        """The id of the run that a request has made, or None: whoever sent it has seen no answer."""
        status, runs = await self.until_answered("GET", f"/threads/{self.thread}/runs?limit=20")
        found = [r["run_id"] for r in runs if r["metadata"].get("mark") == body["metadata"]["mark"]] if status == 200 else []
        return found[0] if found else None

    async def begin(self, kind, **more):
        """A background run, for certain."""
        body = self.body(kind, **more)
        while True:
            try:
                status, made = await ask(self.address, "POST", f"/threads/{self.thread}/runs", body)
                assert status == 200, made
                return self.note(made["run_id"], kind, body)
            except Gone:
                ident = await self.find(body)
                if ident is not None:
                    return self.note(ident, kind, body)

    async def join(self, run):
        """Until it has ended; gives its thread's values."""
        while True:
            now = self.witness.round
            try:
                status, values = await ask(self.address, "GET", f"{run.path}/join")
                assert status == 200 and "__error__" not in values, (run, values)
                return self.ended(run, now)
            except Gone:
                pass

    def ended(self, run, now):
        """Whatever the durability: who is told an end finds it on the disk."""
        run.told_end = run.told_end or now
        for mark in run.marks:
            self.notes.tell(mark, now)

    # ---- what it does ----

    async def wait(self):
        kind = self.random.choice(["chain", "fan", "nest", "talk"])
        body = self.body(kind)
        while True:
            now = self.witness.round
            try:
                status, values = await ask(self.address, "POST", f"/threads/{self.thread}/runs/wait", body)
                assert status == 200 and "__error__" not in values, values
                run = self.note(values["log"][-1].split("/")[0], kind, body)
                return self.ended(run, now)
            except Gone:
                ident = await self.find(body)
                if ident is not None:
                    return await self.join(self.note(ident, kind, body))

    async def background(self):
        await self.join(await self.begin(self.random.choice(["chain", "fan", "nest"])))

    async def burst(self):
        runs = [await self.begin(self.random.choice(["chain", "fan"])) for _ in range(self.random.randint(2, 3))]
        for run in self.random.sample(runs, len(runs)):
            await self.join(run)

    async def question(self):
        """One run asks, the next one brings the answer."""
        await self.join(await self.begin("ask"))
        status, state = await self.until_answered("GET", f"/threads/{self.thread}/state")
        assert state["next"] == ["question"] and state["tasks"][0]["interrupts"], state
        await self.join(await self.begin("answer"))

    async def stateless(self):
        """It is forgotten when it has ended, so nobody can ask what became of it."""
        body = self.body("chain")
        try:
            status, made = await ask(self.address, "POST", "/runs", body)
            assert status == 200, made
        except Gone:
            return
        run = self.note(made["run_id"], "chain", body, is_stateless=True)
        while True:
            try:
                status, values = await ask(self.address, "GET", f"/runs/{run.id}/join")
                assert status == 404 or "__error__" not in values, values
                return
            except Gone:
                pass

    # ---- streams ----

    def look(self, run, seen, event, now):
        """Under sync, `values` are shown when they are on the disk. What has no number is a reader's own failure."""
        if event.id is not None:
            seen.append((event, now))
        if event.name == "error":
            self.notes.lost.append(f"{run.id}: {event.text}")
        elif event.name == "values" and run.durability == "sync":
            for mark in json.loads(event.text).get("log", []):
                if mark.startswith(run.id):
                    self.notes.tell(mark, now)

    async def read(self, run, seen, path, last):
        """Until the end; or only so far, as one does whose connection is bad."""
        rounds = []
        most = self.random.randint(1, 6) if self.random.random() < 0.4 else None
        async for event in stream(self.address, "GET", path, last=last, on_head=lambda _: rounds.append(self.witness.round)):
            self.look(run, seen, event, rounds[0])
            most = most and most - 1
            if most == 0:
                return False
        return True

    async def follow(self, run, seen):
        """Comes back until it has read to the end."""
        while True:
            now = self.witness.round
            try:
                if await self.read(run, seen, f"{run.path}/stream", seen[-1][0].id if seen else -1):
                    return self.ended(run, now)
                await asyncio.sleep(self.random.uniform(0, 0.5))
            except Gone:
                pass

    async def streamed(self):
        kind = self.random.choice(["chain", "fan", "nest", "talk", "talk"])
        body = self.body(kind, stream_mode=self.random.choice([["values"], ["values", "updates"], TOKENS]),
                         stream_resumable=self.random.random() < 0.7)
        if self.random.random() < 0.4:
            run = await self.begin(kind, **{k: body[k] for k in ("stream_mode", "stream_resumable")})
            run.readers.append([])
            return await self.follow(run, run.readers[0])
        seen, made = [], []
        try:
            events = stream(self.address, "POST", f"/threads/{self.thread}/runs/stream", body,
                            on_head=lambda headers: made.append((headers["content-location"], self.witness.round)))
            async for event in events:
                location, now = made[0]
                if not seen:
                    run = self.note(location.split("/")[-1], kind, body)
                    run.readers.append(seen)
                self.look(run, seen, event, now)
            self.ended(run, now)
        except Gone:
            ident = await self.find(body)
            if ident is None:
                return
            run = self.notes.runs.get(ident) or self.note(ident, kind, body)
            if not run.readers:
                run.readers.append(seen)
            await self.follow(run, seen)
        if self.random.random() < 0.5:  # another one, that comes late
            run.readers.append([])
            await self.follow(run, run.readers[-1])
