"""What must hold after each kill, read from a copy of the file as the kill has left it, and at the end, asked of the server."""
import json
import re
import shutil
import sqlite3
from collections import defaultdict

MARK = re.compile(rb'[0-9a-f]{8}-[0-9a-f-]{27}/[a-z0-9]+')
ENDED = {"success", "interrupted", "error", "timeout"}


class Disk:
    """A look at the file while no server has it."""

    def __init__(self, folder):
        copy = folder / "copy"
        copy.mkdir(exist_ok=True)
        for old in copy.iterdir():
            old.unlink()
        for file in folder.glob("kill.db*"):
            shutil.copy(file, copy)
        self.committed, self.runs = set(), {}
        if not (copy / "kill.db").exists():
            return
        with sqlite3.connect(copy / "kill.db") as db:
            tables = {name for name, in db.execute("SELECT name FROM sqlite_schema")}
            if "checkpoint_values" in tables:
                rows = [*db.execute("SELECT bytes FROM checkpoint_values WHERE field IN ('log', 'inside')"),
                        *db.execute("SELECT bytes FROM checkpoint_writes WHERE kind = 0")]
                self.committed = {mark.decode() for row, in rows for mark in MARK.findall(row)}
            if "records" in tables:
                self.runs = dict(db.execute("SELECT id, status FROM records WHERE kind = 1"))
        db.close()


class Judge:
    def __init__(self, witness, notes):
        self.witness, self.notes = witness, notes
        self.committed = {}  # mark -> the round after which it was found on the disk
        self.wrong = []
        self.checked = defaultdict(int)

    def expect(self, is_so, what):
        self.checked[what.split(":")[0]] += 1
        if not is_so:
            self.wrong.append(f"round {self.witness.round}: {what}")

    # ---- after a kill ----

    def look_at_disk(self, disk):
        now = self.witness.round
        for mark in disk.committed:
            self.committed.setdefault(mark, now)
        for mark, told in self.notes.told.items():
            self.expect(mark in disk.committed, f"told and not lost: {mark} since round {told}")
        for run in self.notes.runs.values():
            if not run.is_stateless:
                self.expect(run.id in disk.runs, f"accepted and not lost: run {run.id}")
            if run.told_end is not None and not run.is_stateless:
                self.expect(disk.runs.get(run.id) in ENDED, f"ended and stays ended: run {run.id} {disk.runs.get(run.id)}")
        self.look_at_windows(now)

    def look_at_windows(self, now):
        """Under sync no node begins before the results of the step before it are on the disk."""
        before = {"s1": ["s0"], "s2": ["s1"], "s3": ["s2"], "s4": ["s3"], "c": ["b0", "b1", "b2"], "b0": ["a"], "z": ["a"]}
        for (r, mark) in list(self.witness.calls):
            ident, name = mark.split("/")
            run = self.notes.runs.get(ident)
            if r != now or run is None or run.durability != "sync" or run.is_stateless:
                continue
            for earlier in before.get(name, []):
                self.expect(f"{ident}/{earlier}" in self.committed, f"sync waits: {mark} began without {earlier}")

    # ---- at the end ----

    def look_at_calls(self):
        """What was found on the disk never runs again, and in one round nothing runs twice."""
        for (r, mark), count in self.witness.calls.items():
            self.expect(count == 1, f"once in a process: {mark} {count} times in round {r}")
            after = self.committed.get(mark)
            self.expect(after is None or r <= after, f"committed and not repeated: {mark} in round {r}, on the disk since {after}")

    def look_at_log(self, client, values):
        """Each run's writes are there once, in the order in which the runs were accepted."""
        expected = [mark for run in client.log for mark in run.marks]
        self.expect(values.get("log", []) == expected, f"each write once and in order: thread {client.thread}\n  {values.get('log')}\n  {expected}")

    def look_at_nodes(self, run):
        for mark in run.marks + run.marks_inside:
            self.expect(self.witness.rounds_of(mark), f"every node ran: {mark}")

    # ---- streams ----

    def look_at_stream(self, run, whole):
        """whole: what the store has in the end; None if the run is not resumable."""
        events = {}
        for seen in run.readers:
            self.look_at_reader(run, seen)
            for event, _ in seen:
                known = events.setdefault(event.id, event)
                self.expect(known == event, f"one event, one id: {run.id} {event.id}\n  {known}\n  {event}")
        if run.resumable:
            self.look_at_whole(run, whole, events)

    def look_at_reader(self, run, seen):
        ids = [event.id for event, _ in seen]
        self.expect(all(a < b for a, b in zip(ids, ids[1:])), f"ids ascend: {run.id} {ids}")
        attempts = [json.loads(event.text)["attempt"] for event, _ in seen if event.name == "metadata"]
        self.expect((attempts or not run.resumable) and all(a < b for a, b in zip(attempts, attempts[1:])), f"attempts ascend: {run.id} {attempts}")
        for (a, _), (b, _) in zip(seen, seen[1:]):
            self.expect(b.id == a.id + 1 or b.name == "metadata", f"only an attempt skips: {run.id} {a.id} {b.id} {b.name}")

    def look_at_whole(self, run, whole, events):
        """Of each attempt its first events are stored; the last one is whole; what any reader saw has the same bytes."""
        self.expect(whole, f"the last attempt is whole: {run.id} nothing is stored")
        self.look_at_reader(run, [(event, 0) for event in whole])
        stored = {event.id: event for event in whole}
        for ident, event in events.items():
            if ident in stored:
                self.expect(stored[ident] == event, f"the same bytes from the store: {run.id} {ident}\n  {event}\n  {stored[ident]}")
        begins = [event.id for event in whole if event.name == "metadata"]
        for begin, end in zip(begins, begins[1:] + [None]):
            kept = [i for i in stored if i >= begin and (end is None or i < end)]
            seen = [i for i in events if i >= begin and (end is None or i < end)]
            missing = [i for i in seen if i not in stored and i < max(kept, default=0)]
            self.expect(kept == list(range(begin, begin + len(kept))) and not missing, f"stored from its start: {run.id} {kept} {missing}")
            if end is None:
                self.expect(set(seen) <= set(kept), f"the last attempt is whole: {run.id} {sorted(set(seen) - set(kept))}")
        if "updates" in run.modes:
            names = {name for event in whole if event.name == "updates" for name in json.loads(event.text)}
            wanted = {mark.split("/")[1] for mark in run.marks}
            self.expect(wanted <= names, f"no step's events are lost: {run.id} {wanted - names}")

    def look_at_return(self, run, whole):
        """Whoever came back after a kill got what was stored behind his id, and then the next attempt."""
        stored = [event.id for event in whole]
        for seen in run.readers:
            for (a, r), (b, s) in zip(seen, seen[1:]):
                behind = [i for i in stored if i > a.id]
                if s > r and "metadata" not in (a.name, b.name):
                    self.expect(behind and behind[0] == b.id, f"stored events come first: {run.id} {a.id} {b.id} {behind[:1]}")
