"""Sends the requests of a recording to a server, in order, and compares the answers."""
import json
import time
from pathlib import Path

from compare import Comparer, Names, by_node
from harness.wait import wait_until

EXPECTED = Path(__file__).parent / "expected"
HEADERS = {"content-type", "content-location", "location", "cache-control", "x-pagination-total", "x-pagination-next",
           "access-control-allow-methods", "access-control-allow-headers"}
USER_AGENT = "curl/7.88.1"  # of the recordings: it comes back in configurable and metadata


def load(name):
    data = json.loads((EXPECTED / f"{name}.json").read_text())
    shared = []

    def whole(value):
        if isinstance(value, list):
            return [whole(v) for v in value]
        if isinstance(value, dict):
            if value.keys() == {"same"} and isinstance(value["same"], int):
                return shared[value["same"]]
            return {k: whole(v) for k, v in value.items()}
        return value

    for part in data["shared"]:
        shared.append(whole(part))
    return whole(data["exchanges"]), data.get("webhooks", {})


def reach(value, path):
    for key in path:
        value = value[key]
    return value


RECEIVER = "http://127.0.0.1:2197"  # of webhooks, in the recordings


class Replay:
    def __init__(self, name, client, model):
        """model: the model server, which gets the webhooks, too."""
        self.number, self.client, self.model = name[:2], client, model
        self.names = Names()
        self.differences = []
        self.held = None  # (exchange, reply, events so far) of a stream that goes on while others are asked

    def run(self, exchanges):
        for exchange in exchanges:
            if "make_thread" in exchange:
                self.names.bind(exchange["make_thread"], self.client.post("/threads", {}).json["thread_id"])
            elif "read" in exchange:
                state = self.client.get(self.names.fill(exchange["read"])).json
                self.names.bind(exchange["name"], reach(state, exchange["at"]))
            else:
                self._exchange(exchange)
        return self.differences

    def webhooks(self, expected):
        """expected: {path: body}."""
        for path, body in expected.items():
            comparer = Comparer(self.names, f"{self.number}/webhook POST {path}")
            comparer.value(json.loads(self._here(json.dumps(body))), self.model.call(path).json, "json")
            self.differences += comparer.differences

    def _here(self, text):
        return text.replace(RECEIVER, f"http://127.0.0.1:{self.model.port}")

    def _exchange(self, exchange):
        if "is_later" in exchange:
            time.sleep(0.002)
        if "until" in exchange:
            self._wait(exchange["until"])
        reply, held = self._send(exchange), self.held
        if "hold_after" in exchange:
            self.held = exchange, reply, self._some(exchange, reply, exchange["hold_after"])
            return
        self._compare(exchange, reply, None)
        if held:
            self.held = None
            self._compare(*held)

    def _some(self, exchange, reply, count):
        """So many events of the names that the recording has, and what comes between them. They tell the run's id to the
        requests that come meanwhile."""
        expect, events = exchange["expect"], []
        self.names.is_text(expect["headers"].get("content-location", ""), reply.headers.get("content-location", ""))
        names = {name for name, _ in expect["events"]}
        while sum(e.name in names for e in events) < count:
            events.append(reply.event())
        return events

    def _wait(self, until):
        """until: [path, where in its answer, what is there]."""
        path, where, wanted = until

        def is_there():
            text = self.client.get(self.names.fill(path)).text
            try:
                return reach(json.loads(text), where) == wanted
            except (KeyError, IndexError, TypeError):
                return False
            except ValueError:
                return text == wanted
        wait_until(is_there, f"{path} to have {where} = {wanted}")

    def _send(self, exchange):
        method, path = exchange["request"]
        headers = {"user-agent": USER_AGENT} | exchange.get("headers", {})
        data = exchange.get("raw")
        if "body" in exchange:
            data = self._here(json.dumps(self.names.fill(exchange["body"])))
        headers.pop("content-length", None)
        return self.client.request(method, self.names.fill(path).replace('"', "%22"), data,
                                   **{k.replace("-", "_"): v for k, v in headers.items()})

    def _compare(self, exchange, reply, events):
        expect = exchange["expect"]
        method, path = exchange["request"]
        comparer = Comparer(self.names, f"{self.number}/{exchange['n']} {method} {path}")
        comparer.value(expect["status"], reply.status, "status")
        if "headers" in expect:
            headers = {k: v for k, v in reply.headers.items() if k in HEADERS}
            if "content-type" in headers:
                headers["content-type"] = headers["content-type"].split(";")[0]
            comparer.headers(expect["headers"], headers)
        if reply.headers.get("content-type") == "text/event-stream":
            self._events(exchange, reply, list(events or []), comparer)
        else:
            self._body(expect, reply.text if reply.status != 204 else "", comparer)
        reply.close()
        self.differences += comparer.differences

    @staticmethod
    def _body(expect, text, comparer):
        if "json" in expect:
            try:
                actual = json.loads(text)
            except ValueError:
                comparer.value(expect["json"], text, "body")
            else:
                comparer.value(comparer.wait_error(expect["json"], actual), actual, "json")
        elif "text" in expect:
            comparer.value(expect["text"], text.strip(), "text")
        elif "events" in expect:
            comparer.value("a stream", text, "body")
        elif text.strip() and "headers" in expect:  # an SDK's log does not tell of every body
            comparer.value("", text, "body")

    def _events(self, exchange, reply, events, comparer):
        expect, count = exchange["expect"], exchange.get("leave_after")
        if "events" not in expect and reply.status != expect["status"]:  # it may be one without an end
            comparer.value(expect.get("json", expect.get("text")), "a stream", "body")
            return
        if count:
            events = self._some(exchange, reply, count)
        else:
            events += reply.events()
        if "events" not in expect:  # an SDK's log: the run was to end, no more is known
            return
        ids = [e.id for e in events if e.id is not None]
        if events and "has_ids" in expect:
            comparer.value(expect["has_ids"], bool(ids), "event ids")
        if ids:
            first = int(ids[0])
            comparer.value([str(first + i) for i in range(len(events))], ids, "event ids")
        wanted, found = expect["events"], [[e.name, json.loads(e.text)] for e in events]
        if count:
            wanted = wanted[:count]
        elif "hold_after" in exchange and exchange.get("then_any"):
            wanted = wanted[:exchange["hold_after"]]
        if "parallel_chat" in json.dumps(exchange.get("body", "")):
            wanted, found = by_node(wanted), by_node(found)
        comparer.events(wanted, found, exchange.get("then_any", ()))
