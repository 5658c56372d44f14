"""Makes the files in expected/ from recordings of the reference server: requests, and what is to come of them.

usage: extract.py FOLDER        the folder with the recordings, 01-*.txt to 18-*.txt

See README.md for the form of the recordings and of what is made of them.
"""
import collections
import json
import re
import sys
from pathlib import Path
from uuid import UUID, uuid5

# Left out: version 2 of the protocol, which this server does not speak yet.
LEFT_OUT = {"14", "15"}

HEADERS = {"content-type", "content-location", "location", "cache-control", "x-pagination-total", "x-pagination-next",
           "access-control-allow-methods", "access-control-allow-headers"}

GRAPHS = ["approve", "chat", "failing", "fanout", "mapreduce", "parallel_chat", "react", "seq", "slow", "sub",
          "sub_interrupt", "two_interrupts"]

# Ids that stay as they are: those the clients chose, and those of graphs, which are made of their names.
FIXED = {str(uuid5(UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8"), name)) for name in GRAPHS} | {
    "00000000-0000-4000-8000-000000000000", "11111111-1111-4111-8111-1111111111aa", "843ac917-77fb-4949-abbe-6f1018d133a2",
    "17ee29e5-b71c-44d5-82c3-d3e36969816c"}

UUID_TEXT = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SYMBOLS = re.compile(rf"(?P<uuid>{UUID_TEXT})|(?P<msg>chatcmpl-fake-\d+|msg-[abc]-\d+)"
                     r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)|(?<![0-9a-z])(?P<hex>[0-9a-f]{32})(?![0-9a-z])")

SLOW = "POST /threads/{}/runs/stream"

# What the recordings say in words, or not at all: requests of answers that have none, and what clients did meanwhile. By file
# and title of the section.
SILENT = {
    ("10", "join stream while running"): [{"request": "GET {run}/stream", "leave_after": 3}],
    ("10", "stream of a run that is cancelled"): [
        {"request": SLOW, "body": {"assistant_id": "slow", "input": {"steps": 20, "ms": 300},
                                   "stream_mode": ["values", "custom"]}, "hold_after": 5, "then_any": ["custom"]}],
    ("10", "on_disconnect=cancel"): [
        {"request": SLOW, "body": {"assistant_id": "slow", "input": {"steps": 20, "ms": 300}, "stream_mode": ["custom"],
                                   "on_disconnect": "cancel"}, "leave_after": 3}],
    ("10", "on_disconnect=continue"): [
        {"request": SLOW, "body": {"assistant_id": "slow", "input": {"steps": 8, "ms": 300}, "stream_mode": ["custom"]},
         "leave_after": 3}],
}

# Before an exchange (by file and number) something must have come about, for which the one who recorded it waited: an address
# (of the thread, of the run that was made last, or the exchange's own), where in its answer, and what is to be there.
UNTIL = {
    ("10", 3): ["{run}", ["status"], "running"],
    ("10", 6): ["{run}", ["status"], "interrupted"],
    ("10", 12): ["{thread}/state", ["values", "log"], ["first"]],
    ("10", 16): ["{thread}/state", ["values", "log"], ["first"]],
    ("10", 23): ["{run}", ["status"], "interrupted"],
    ("10", 28): ["{run}", [], "Run not found"],
    ("10", 45): ["{run}", ["status"], "interrupted"],
    ("10", 49): ["{run}", ["status"], "success"],
    ("11", 7): ["{first run}", ["status"], "running"],
    ("11", 13): ["{thread}/state", ["values", "log"], ["first"]],
    ("11", 19): ["{thread}/state", ["values", "log"], ["first"]],
    ("16", 28): ["{path}", ["status"], "success"],
}

# Exchanges that must come at least a millisecond after the one before: what they write is sorted by its time.
LATER = {("13", 1)}


# What a library says about itself is no business of ours.
PROSE = re.compile(r'"description":"Base class[^"]*"')


class Names:
    """Gives every id a name, the same wherever it turns up in the file: <u7:3> is the third UUID of version 7."""

    def __init__(self):
        self.names = {}
        self.counts = collections.Counter()

    def _name(self, match):
        if match["time"]:
            return "<time>"
        text = match[0]
        if text in FIXED:
            return text
        if text not in self.names:
            kind = f"u{text[14]}" if match["uuid"] else "msg" if match["msg"] else "hex"
            self.counts[kind] += 1
            self.names[text] = f"<{kind}:{self.counts[kind]}>"
        return self.names[text]

    def of(self, value):
        if isinstance(value, str):
            return SYMBOLS.sub(self._name, value)
        if isinstance(value, list):
            return [self.of(v) for v in value]
        if isinstance(value, dict):
            return {self.of(k): self.of(v) for k, v in value.items()}
        return value


def events_of(lines):
    """[[name, data]...], whether they have ids."""
    events, has_ids = [], None
    for block in "\n".join(lines).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.strip().split("\n") if ": " in line and line[0] != "[")
        if "event" in fields:
            events.append([fields["event"], json.loads(fields["data"])])
            has_ids = "id" in fields
    return events, has_ids


def answer_of(lines):
    """What comes after a request: head, empty line, body."""
    end = lines.index("") if "" in lines else len(lines)
    head, body = lines[:end], lines[end + 1:]
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:])}
    answer = {"status": int(head[0].split()[1]), "headers": {k: v for k, v in headers.items() if k in HEADERS}}
    if "content-type" in headers:
        answer["headers"]["content-type"] = headers["content-type"].split(";")[0]
    text = "\n".join(body).strip()
    if headers.get("content-type") == "text/event-stream":
        answer["events"], has_ids = events_of(body)
        if has_ids is not None:
            answer["has_ids"] = has_ids
    elif text:
        try:
            answer["json"] = json.loads(text)
        except ValueError:
            answer["text"] = text
    return answer


def curl_arguments(text, exchange):
    """-H name: value, --data-binary body."""
    exchange["headers"] = {}
    for option in re.split(r" (?=--data-binary |-H )", " " + text.removeprefix(" ")):
        option = option.strip()
        if option.startswith("--data-binary "):
            exchange["raw"] = option.removeprefix("--data-binary ")
        elif option.startswith("-H "):
            name, _, value = option[3:].partition(":")
            exchange["headers"][name.lower()] = value.strip() or None


def exchanges_of_curl(number, lines):
    """Recorded with curl: `>>> METHOD path`, `>>> body: JSON`, `>>> curl args: ...`, the answer."""
    title, exchange, exchanges, answer = "", None, [], []

    def close():
        nonlocal exchange, answer
        heads = [i for i, line in enumerate(answer) if line.startswith("HTTP/1.1 ")]
        parts = [answer[a:b] for a, b in zip(heads, heads[1:] + [None])]
        silent = list(next((v for (f, t), v in SILENT.items() if f == number and title.startswith(t)), []))
        if exchange and parts:
            exchange["expect"] = answer_of(parts.pop(0))
            exchanges.append(exchange)
        for part in parts:
            more = dict(silent.pop(0))
            method, path = more.pop("request").split(" ")
            more = {"request": [method, path]} | more | {"expect": answer_of(part)}
            if "hold_after" in more:  # it began before the exchange that ended it
                exchanges.insert(len(exchanges) - 1, more)
            else:
                exchanges.append(more)
        exchange, answer = None, []

    for line in lines:
        if line.startswith("######## "):
            close()
            title = line[9:]
        elif line.startswith(">>> body: "):
            text = line[10:]
            try:
                exchange["body"] = json.loads(text)
            except ValueError:
                exchange["raw"] = text
        elif line.startswith(">>> curl args: "):
            curl_arguments(line[15:], exchange)
        elif line.startswith(">>> "):
            close()
            exchange = {"request": line[4:].split(" ", 1)}
        elif line.startswith("--- reader "):  # two at once: the first goes on when the second is done
            close()
            exchange = {"request": ["GET", "{run}/stream"]} | ({"hold_after": 2} if line[11:] == "1" else {})
            answer = ["HTTP/1.1 200 OK", "content-type: text/event-stream", ""]
        elif re.match(r"POST /\w+$", line):  # what the receiver of webhooks got follows
            close()
        elif not line.startswith("# "):
            answer.append(line)
    close()
    return exchanges


def whole(text):
    """JSON that was cut at some place: what of it is whole, with "<more>" where there was more. None if there is nothing."""
    closers, cut = [], None
    quoted = escaped = False
    for i, c in enumerate(text):
        if quoted:
            escaped, quoted = c == "\\" and not escaped, escaped or c != '"'
        elif c == '"':
            quoted = True
        elif c in "[{":
            closers.append("]" if c == "[" else "}")
        elif c in "]}" and closers:
            closers.pop()
        elif c == ",":
            cut = i, list(closers)
        if cut and c in "]}" and not quoted and not closers:
            break
    if cut is None:
        return None
    end, closers = cut
    more = "".join((', "<more>"' if c == "]" else ', "<more>": 0') + c for c in reversed(closers))
    try:
        return json.loads(text[:end] + more)
    except ValueError:
        return None


def result_of(text):
    """What an SDK made of an answer, as the answer must have been."""
    thrown = re.match(r"(?:THROWS \w+ \| HTTP \d+: |RAISES \w+ \| \d+ [^|]*\| body: )(.*)", text, re.S)
    if thrown:
        text = thrown[1]
        return {"text": text} if text[:1] not in "{'N" else None
    try:
        return {"json": json.loads(text)}
    except ValueError:
        value = whole(text) if text[:1] in "[{" else None
        return None if value is None else {"json": value}


# Results of the SDKs that are not the answer itself but made of it.
NOT_THE_ANSWER = re.compile(r"stream|raise|failing|includePagination|search object|cancel|delete|putItem|put_item|getItem"
                            r"|searchItems")

# Not sent: the reference server does not know it, and where it is known what follows would be about a thread that is gone.
NOT_SENT = {"threads.prune"}


def exchanges_of_sdk(lines, results):
    """What an SDK sent, by call: `######## call`, `> METHOD path`, headers, body, `< status`; and results: `call -> JSON`."""
    results = dict(re.findall(r"^([^\n{]+?) -> (.*?)(?=^\S[^\n{]* -> |\Z)", results, re.S | re.M))
    title, exchanges = "", []
    for line in lines:
        if line.startswith("######## "):
            title = line[9:]
        elif "protocol v2" in title or "respond" in title or title in NOT_SENT:
            continue
        elif line.startswith("> "):
            exchanges.append({"request": line[2:].split(" ", 1), "headers": {}})
        elif line.startswith("< "):
            exchanges[-1]["expect"] = expect = {"status": int(line[2:])}
            result = None if NOT_THE_ANSWER.search(title) else result_of(results.get(title, "").split("\n")[0])
            if result and expect["status"] != 204:
                expect.update(result)
        elif line.startswith("  {") or line.startswith("  ["):
            exchanges[-1]["body"] = json.loads(line)
        elif line.startswith("  "):
            headers = dict(h.strip().split(": ", 1) for h in line.split(" | "))
            exchanges[-1]["headers"] = {k: v for k, v in headers.items() if k not in ("content-length", "accept")}
    return exchanges


def webhooks_of(text):
    """What the receiver of webhooks got: {path: body}."""
    return {path: json.loads(body) for path, body in re.findall(r"^POST (/\w+)\n\{[^\n]*\n(\{[^\n]*)$", text, re.M)}


def tell_created(exchanges):
    """Threads and checkpoints that were not made, or read, by a request that is in the recording get steps of their own."""
    known, thread, run = set(), None, None
    for exchange in exchanges:
        path = exchange["request"][1]
        if "{}" in path:  # a silent one: its thread is that of its answer
            thread = exchange["expect"]["headers"]["content-location"].split("/")[2]
            exchange["request"][1] = path = path.replace("{}", thread)
        elif "{run}" in path:
            exchange["request"][1] = path = path.replace("{run}", run)
        asked = re.findall(r"<(?:u\d|hex):\d+>", path + json.dumps(exchange.get("body", "")))
        found = re.match(r"/threads/(<u7:\d+>)", path)
        if found:
            thread = found[1]
        for name in asked:
            if name in known:
                continue
            if name == thread:
                yield {"make_thread": name}
            elif name.startswith("<u6:"):
                yield {"read": f"/threads/{thread}/state", "at": ["checkpoint", "checkpoint_id"], "name": name}
            known.add(name)
        known.update(re.findall(r"<(?:u\d|hex):\d+>", json.dumps(exchange["expect"])))
        run = exchange["expect"].get("headers", {}).get("content-location", run)
        yield exchange


def tell_numbers(file, exchanges):
    """Every exchange gets its number, by which the table of differences names it, and what it waits for."""
    run = first = thread = ""
    for i, exchange in enumerate(exchanges):
        exchange["n"] = i
        if "expect" not in exchange:
            continue
        found = re.match(r"/threads/[^/]+", exchange["request"][1])
        if found and found[0] != thread:
            thread, first = found[0], ""
        if (file, i) in LATER:
            exchange["is_later"] = True
        if (file, i) in UNTIL:
            path, *rest = UNTIL[file, i]
            for name, value in (("run", run), ("first run", first), ("thread", thread),
                                ("path", exchange["request"][1])):
                path = path.replace("{" + name + "}", value)
            exchange["until"] = [path, *rest]
        run = exchange["expect"].get("headers", {}).get("content-location", run)
        first = first or run


def share(exchanges):
    """Parts that come again are written once: {"same": n} stands for part n."""
    counts, shared = collections.Counter(), {}

    def count(value):
        if isinstance(value, (dict, list)):
            text = json.dumps(value)
            if len(text) > 120:
                counts[text] += 1
                if counts[text] > 1:
                    return
            for v in value.values() if isinstance(value, dict) else value:
                count(v)

    def put(value):
        if not isinstance(value, (dict, list)):
            return value
        text = json.dumps(value)
        is_shared = counts[text] > 1
        if is_shared and text in shared:
            return {"same": shared[text][0]}
        value = {k: put(v) for k, v in value.items()} if isinstance(value, dict) else [put(v) for v in value]
        if is_shared:
            shared[text] = (len(shared), value)
            return {"same": shared[text][0]}
        return value

    count(exchanges)
    exchanges = put(exchanges)
    return [value for _, value in shared.values()], exchanges


def write(path, exchanges, **more):
    shared, exchanges = share(exchanges)
    with path.open("w") as out:
        out.write("{" + "".join(f'"{k}": {json.dumps(v)},\n' for k, v in more.items()))
        for name, items in (("shared", shared), ("exchanges", exchanges)):
            lines = ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)
            out.write(f'"{name}": [\n{lines}\n]' + ("," if name == "shared" else "") + "\n")
        out.write("}\n")


def main(source):
    target = Path(__file__).parent / "expected"
    target.mkdir(exist_ok=True)
    for path in sorted(source.glob("*.txt")):
        number = path.name[:2]
        if number in LEFT_OUT or path.stem.endswith("results"):
            continue
        text = PROSE.sub('"description":"<text>"', path.read_text())
        lines = text.split("\n")
        webhooks = {}
        if path.stem.endswith("requests"):
            results = path.with_name(path.name.replace("requests", "results")).read_text()
            exchanges = exchanges_of_sdk(lines, results)
        else:
            webhooks = webhooks_of(text)
            exchanges = exchanges_of_curl(number, lines)
        names = Names()
        exchanges = list(tell_created(names.of(exchanges)))
        tell_numbers(number, exchanges)
        write(target / path.name.replace("-requests", "").replace(".txt", ".json"), exchanges,
              **({"webhooks": names.of(webhooks)} if webhooks else {}))


main(Path(sys.argv[1]))
