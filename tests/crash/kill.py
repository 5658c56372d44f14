"""Kills the server at random moments under load, starts it again on the same file, and holds what clients were told, what nodes
did and what readers got against what docs/reliability.md promises.

usage: kill.py [--kills N] [--seed N] [--epoch N] [--clients N] [--keep]
           --epoch    after so many kills all is brought to its end and checked, and a new file is begun (25)
           --keep     leave files and logs where they are

ANABRANCH_BIN names the program. The last line is in Check's form.
"""
import argparse
import asyncio
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))
from graphs import make  # noqa: E402
from harness.server import BINARY, SANITIZER, environment, write_graphs  # noqa: E402
from judge import Disk, Judge  # noqa: E402
from load import Client, Notes  # noqa: E402
from wire import Address, ask, stream  # noqa: E402
from witness import Witness  # noqa: E402

PATIENCE = 60


class Server:
    """One process after the other, on one file."""
    process = None

    def __init__(self, folder, address):
        self.folder, self.address, self.log = folder, address, []

    async def spawn(self):
        env = environment(self.folder, {
            "ANABRANCH_DATABASE": "sqlite:kill.db", "ANABRANCH_MAX_RUN_ATTEMPTS": "1000", "ANABRANCH_DEMO_DELAY_MS": "2",
            "ANABRANCH_LOG_KEEP_MS": "1000", "ANABRANCH_LOG_LEVEL": "info"})
        self.log = []
        self.process = await asyncio.create_subprocess_exec(BINARY, "serve", cwd=self.folder, env=env,
                                                            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)
        self.reading = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self.process.stderr:
            text = line.decode()
            self.log.append(text)
            if (found := re.search(r" listening .*address=\S*:(\d+)", text)):
                self.address.set(int(found[1]))

    async def listening(self):
        await asyncio.wait([asyncio.create_task(self.address.is_up.wait()), self.reading], timeout=PATIENCE,
                           return_when=asyncio.FIRST_COMPLETED)
        assert self.address.port, "the server did not start: " + "".join(self.log[-20:])

    async def end(self, number):
        if self.process.returncode is None:
            self.process.send_signal(number)
        code = await self.process.wait()
        self.address.set(None)
        await self.reading
        log = "".join(self.log)
        assert not SANITIZER.search(log), log
        assert code == (0 if number == signal.SIGTERM else -number), f"exit code {code}: {log}"


async def settle(clients, tasks):
    """All come to the end of what they are doing."""
    for client in clients:
        client.is_stopping = True
    done, pending = await asyncio.wait(tasks, timeout=PATIENCE)
    for task in done:
        task.result()
    return len(pending)


async def check_end(judge, clients, notes, address):
    for client in clients:
        status, values = await ask(address, "GET", f"/threads/{client.thread}/state")
        if status == 404:
            judge.expect(client.log == [], f"accepted and not lost: thread {client.thread}")
            continue
        judge.look_at_log(client, values["values"])
        status, thread = await ask(address, "GET", f"/threads/{client.thread}")
        judge.expect(thread["status"] in ("idle", "interrupted"), f"no zombie: thread {thread['thread_id']} {thread['status']}")
        status, runs = await ask(address, "GET", f"/threads/{client.thread}/runs?limit=1000")
        ended = {run["run_id"]: run["status"] for run in runs}
        judge.expect(set(ended) == {run.id for run in client.log}, f"every run was accepted once: {client.thread}")
        for ident, status in ended.items():
            judge.expect(status == "success", f"no zombie: run {ident} {status}")
    for run in notes.runs.values():
        judge.look_at_nodes(run)
        if not run.readers:
            continue
        whole = None
        if run.resumable:
            whole = [event async for event in stream(address, "GET", f"{run.path}/stream", last=-1)]
            judge.expect(all(event.id is not None for event in whole), f"no stream fails: {whole[-1:]}")
            whole = [event for event in whole if event.id is not None]
            judge.look_at_return(run, whole)
        judge.look_at_stream(run, whole)


async def kill_once(server, rng):
    """Now and then before the server has come so far as to listen: while it takes up what is left."""
    await server.spawn()
    if rng.random() < 0.15:
        await asyncio.sleep(rng.uniform(0, 0.15))
    else:
        await server.listening()
        await asyncio.sleep(rng.expovariate(1 / 0.2) if rng.random() < 0.5 else rng.uniform(0, 0.4))
    await server.end(signal.SIGKILL)


async def epoch(folder, kills, seed, client_count):
    rng = random.Random(seed)
    address, notes, witness = Address(), Notes(), await Witness(seed).start()
    write_graphs(folder, make(witness.port))
    judge, server = Judge(witness, notes), Server(folder, address)
    try:
        await kill_and_judge(server, judge, rng, kills, client_count)
    finally:
        if server.process is not None and server.process.returncode is None:
            server.process.kill()
    return judge, len(notes.runs), sum(witness.calls.values()), sum(r for r in Counter(m for _, m in witness.calls).values() if r > 1)


async def kill_and_judge(server, judge, rng, kills, client_count):
    address, folder, notes, witness = server.address, server.folder, judge.notes, judge.witness
    clients = [Client(rng.random(), address, witness, notes) for _ in range(client_count)]
    tasks = [asyncio.create_task(client.live()) for client in clients]
    for _ in range(kills):
        await kill_once(server, rng)
        await witness.hear_out()
        judge.look_at_disk(Disk(folder))
        witness.round += 1
        for task in tasks:
            if task.done():
                task.result()
    await server.spawn()
    await server.listening()
    stuck = await settle(clients, tasks)
    judge.expect(stuck == 0, f"no zombie: {stuck} clients wait for ever")
    if stuck == 0:
        await check_end(judge, clients, notes, address)
    for task in tasks:
        task.cancel()
    await server.end(signal.SIGTERM)
    left = {ident: status for ident, status in Disk(folder).runs.items() if status not in ("success",)}
    judge.expect(not left, f"no zombie: rows {left}")
    judge.look_at_calls()
    for lost in notes.lost:
        judge.expect(False, f"no stream fails: {lost}")


async def run_all(options):
    checked, wrong, runs, calls, repeated, done = Counter(), [], 0, 0, 0, 0
    while done < options.kills and not wrong:
        kills = min(options.epoch, options.kills - done)
        folder = Path(tempfile.mkdtemp(prefix="anabranch-kill-"))
        judge, run_count, call_count, repeat_count = await epoch(folder, kills, f"{options.seed}/{done}", options.clients)
        checked.update(judge.checked)
        wrong += judge.wrong
        runs, calls, repeated, done = runs + run_count, calls + call_count, repeated + repeat_count, done + kills
        if options.keep or wrong:
            print(f"files: {folder}")
        else:
            shutil.rmtree(folder)
        if options.kills > options.epoch:
            print(f"  {done} kills, {runs} runs, {len(wrong)} wrong", flush=True)
    return checked, wrong, runs, calls, repeated, done


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--epoch", type=int, default=25)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    begin = time.monotonic()
    checked, wrong, runs, calls, repeated, done = asyncio.run(run_all(options))
    for what, count in sorted(checked.items()):
        print(f"  {count:8} {what}")
    for each in wrong[:20]:
        print(f"wrong: {each}")
    print(f"  {done} kills, {runs} runs, {calls} calls of nodes, {repeated} of them of nodes that ran again, seed {options.seed}, "
          f"{time.monotonic() - begin:.0f} s")
    total = sum(checked.values())
    print(f"{100 * (total - len(wrong)) // max(total, 1)}%: Checks: {total}, Failures: {len(wrong)}, Errors: 0")
    sys.exit(1 if wrong else 0)


main()
