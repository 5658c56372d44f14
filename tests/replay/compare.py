"""Compares what a server answers with what a recording says, and says where they differ."""
import difflib
import json
import re
from dataclasses import dataclass

SYMBOL = re.compile(r"<(?:(?:u\d|hex|msg):\d+|time)>")
FORMS = {"time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "hex": r"[0-9a-f]{32}", "msg": r"[\w-]+"}
MORE = "<more>"


def form(symbol):
    kind = symbol[1:-1].split(":")[0]
    return FORMS.get(kind) or r"[0-9a-f]{8}-[0-9a-f]{4}-%s[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}" % kind[1]


@dataclass(frozen=True)
class Difference:
    at: str        # which exchange: "05/12 POST /runs/stream"
    path: str      # where in the answer: "status", "headers.location", "json.tasks[0].error", "events.values.log"
    kind: str      # "missing": the recording has it; "extra": the server has it; "value"; "order"
    expected: object
    actual: object

    def __str__(self):
        return f"{self.at}\n    {self.kind} {self.path}: recorded {_short(self.expected)}, got {_short(self.actual)}"


def _short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + "..."


class Names:
    """Which id of the server is which of the recording."""

    def __init__(self):
        self.actual = {}
        self.names = {}

    def bind(self, name, actual):
        self.actual[name] = actual
        self.names[actual] = name

    def fits(self, name, actual):
        """Whether they can be the same id; from then on they are."""
        if name == "<time>":
            return True
        if name not in self.actual and actual not in self.names:
            self.bind(name, actual)
        return self.actual.get(name) == actual

    def fill(self, value):
        """A request of the recording with the server's ids."""
        if isinstance(value, str):
            return SYMBOL.sub(lambda m: self.actual.get(m[0], m[0]), value)
        if isinstance(value, list):
            return [self.fill(v) for v in value]
        if isinstance(value, dict):
            return {self.fill(k): self.fill(v) for k, v in value.items()}
        return value

    def is_text(self, expected, actual):
        symbols = SYMBOL.findall(expected)
        if not symbols:
            return expected == actual
        parts = SYMBOL.split(expected)
        pattern = "".join(re.escape(p) + f"({form(s)})" for p, s in zip(parts, symbols)) + re.escape(parts[-1])
        found = re.fullmatch(pattern, actual, re.S)
        return bool(found) and all([self.fits(s, a) for s, a in zip(symbols, found.groups())])


class Comparer:
    def __init__(self, names, at):
        self.names, self.at = names, at
        self.differences = []

    def _say(self, path, kind, expected, actual):
        self.differences.append(Difference(self.at, path, kind, expected, actual))

    def value(self, expected, actual, path):
        if expected == MORE:
            return
        if isinstance(expected, dict) and isinstance(actual, dict):
            self._object(expected, actual, path)
        elif isinstance(expected, list) and isinstance(actual, list):
            self._list(expected, actual, path)
        elif isinstance(expected, str) and isinstance(actual, str):
            if not self.names.is_text(expected, actual):
                self._say(path, "value", expected, actual)
        elif type(expected) is not type(actual) or expected != actual:
            self._say(path, "value", expected, actual)

    def _object(self, expected, actual, path):
        left = dict(actual)
        later = []
        for key, value in expected.items():  # what is known first: it tells which is which of the others
            name = self.names.fill(key)
            if name in left:
                self.value(value, left.pop(name), f"{path}.{SYMBOL.sub('<id>', key)}")
            else:
                later.append((key, value))
        for key, value in later:
            where = f"{path}.{SYMBOL.sub('<id>', key)}"
            name = next((k for k in left if SYMBOL.search(key) and self.names.is_text(key, k)), None)
            if name is not None:
                self.value(value, left.pop(name), where)
            elif key != MORE:
                self._say(where, "missing", value, None)
        if MORE not in expected:
            for key, value in left.items():
                self._say(f"{path}.{key}", "extra", None, value)

    def _list(self, expected, actual, path):
        is_whole = MORE not in expected
        for i in range(max(len(expected), len(actual) if is_whole else 0)):
            where = f"{path}[{i}]"
            if i >= len(actual):
                if expected[i] != MORE:
                    self._say(where, "missing", expected[i], None)
            elif i >= len(expected):
                self._say(where, "extra", None, actual[i])
            elif expected[i] == MORE:
                break
            else:
                self.value(expected[i], actual[i], where)

    def wait_error(self, expected, actual):
        """A failed wait: the recorded one has its error as a text in the message of another one."""
        if not (isinstance(expected, dict) and "__error__" in expected and isinstance(actual, dict) and "__error__" in actual):
            return expected
        inner = json.loads(expected["__error__"]["message"])
        if not isinstance(inner, dict):
            return expected
        self._say("json.__error__.message:form", "value", expected["__error__"], actual["__error__"])
        return {"__error__": inner}

    def headers(self, expected, actual):
        for name in sorted(set(expected) | set(actual)):
            if name not in actual:
                self._say(f"headers.{name}", "missing", expected[name], None)
            elif name not in expected:
                self._say(f"headers.{name}", "extra", None, actual[name])
            else:
                self.value(expected[name], actual[name], f"headers.{name}")

    def events(self, expected, actual, then_any=()):
        """Both: [[name, data]...]. Events that one side lacks do not shift the others."""
        if then_any:
            while len(actual) > len(expected) and actual[-1][0] in then_any:
                actual = actual[:-1]
        wanted, found = [_outline(*e) for e in expected], [_outline(*e) for e in actual]
        steps = difflib.SequenceMatcher(None, wanted, found, autojunk=False).get_opcodes()
        for step, a, b, c, d in steps:
            if step == "equal":
                for (name, data), (got, got_data) in zip(expected[a:b], actual[c:d]):
                    where = f"events.{_plain(name)}"
                    self.value(name, got, f"{where}:name")
                    self.value(data, got_data, where)
                continue
            for name, data in expected[a:b]:
                self._say(f"events.{_plain(name)}", "missing", data, None)
            for name, data in actual[c:d]:
                self._say(f"events.{_plain(name)}", "extra", None, data)


def _plain(name):
    return re.sub(r":[^|]*", "", name)


def _outline(name, data):
    """What makes two events the same one, ids aside: by name, and by what tells the events of a name apart."""
    name = _plain(name)
    return name, _mark(name.split("|")[0], data)


def _chunk(message):
    """What tells the pieces of a message apart."""
    return message and (message["content"], "usage_metadata" in message, message["response_metadata"].get("finish_reason"),
                        "".join(call["args"] for call in message.get("tool_call_chunks", [])))


def _mark(kind, data):
    if kind == "messages":
        return data[1]["langgraph_node"], _chunk(data[0])
    if kind == "messages/partial":
        return _chunk(data[0])[:3], json.dumps(data[0].get("tool_calls")), len(data[0].get("invalid_tool_calls", []))
    if kind == "updates":
        return tuple(sorted(data))
    if kind == "tasks":
        return data.get("name"), "input" in data
    if kind == "checkpoints":
        return data.get("step", data.get("metadata", {}).get("step"))
    if kind == "debug":
        return data["type"], data["step"], data["payload"].get("name")
    if kind == "events":
        return data["event"], None if "chat_model" in data["event"] else data["name"], _chunk(data["data"].get("chunk"))
    if kind == "values":
        return "__interrupt__" in data
    if kind.startswith("messages/"):
        return len(data)
    return None


def by_node(events):
    """Events of nodes that run side by side may come in any order; here: what each of them says, node after node."""
    def node(event):
        name, data = event
        if name == "messages":
            return data[1]["langgraph_node"]
        if name == "updates":
            return min(data)
        if name in ("messages/metadata",):
            return min(m["metadata"]["langgraph_node"] for m in data.values())
        if name == "messages/partial":
            return "agent_" + (data[0]["content"] or "?")[0]
        return None

    sorted_events, part = [], []
    for event in events:
        if node(event) is None:
            sorted_events += sorted(part, key=node) + [event]
            part = []
        else:
            part.append(event)
    return sorted_events + sorted(part, key=node)
