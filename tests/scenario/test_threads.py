"""Runs on a thread, through /invoke: people are asked and answer, breakpoints, commands, checkpoints to go back to."""
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from harness.graphs import chain, fan, graph, llm, note, wait
from harness.model import held, tokens
from harness.wait import wait_until

ANY = {"verdict": {"type": "any"}, "other": {"type": "any"}}


def ask(question, output="verdict"):
    return {"kind": "interrupt", "value": question, "output": output}


def letter():
    """Writes, asks, sends."""
    nodes = {"write": note("written", a="Dear {{q}}"), "ask": ask({"send": "{{a}}"}), "send": note("sent")}
    names = ["__start__", *nodes, "__end__"]
    return graph(nodes, [[a, b] for a, b in zip(names, names[1:])], ANY)


def two_questions():
    nodes = {"first": ask("one?"), "second": ask("two?", "other"), "end": note("end")}
    return graph(nodes, [["__start__", ["first", "second"]], [["first", "second"], "end"], ["end", "__end__"]], ANY)


def steps():
    return chain(one=note("one"), two=note("two"), three=note("three"))


class Thread:
    """A graph on one thread, as a client sees it."""

    def __init__(self, client, thread_id="t", name="g"):
        self.client, self.base = client, {"graph": name, "thread_id": thread_id}

    def post(self, **more):
        return self.client.post("/invoke", self.base | more)

    def invoke(self, **more):
        reply = self.post(**more)
        assert reply.status == 200, reply.text
        return reply.json

    def start(self, q="Ada", **more):
        return self.invoke(input={"q": q}, **more)

    def resume(self, answer, **more):
        return self.invoke(command={"resume": answer}, **more)

    def refused(self, **more):
        """The status and the class of the error."""
        reply = self.post(**more)
        return reply.status, reply.json["error"]["type"]

    def checkpoints(self, **more):
        events = self.post(stream=True, stream_mode="checkpoints", **more).events()
        return [e.data for e in events if e.name == "checkpoints"]


@pytest.fixture
def thread(serve):
    return lambda g, **settings: Thread(serve(g, **settings))


# ---- questions and answers ----

def test_a_question_ends_the_run_and_is_in_its_answer(thread):
    got = thread(letter()).start()
    (asked,) = got.pop("__interrupt__")
    assert asked == {"id": asked["id"], "value": {"send": "Dear Ada"}}
    assert len(asked["id"]) == 32 and set(asked["id"]) <= set("0123456789abcdef")
    assert got == {"q": "Ada", "a": "Dear Ada", "log": ["written"]}


@pytest.mark.parametrize("answer", [0, False, "", [], {}, "yes", {"text": "no"}, 1.5], ids=repr)
def test_every_value_but_null_is_an_answer(thread, answer):
    t = thread(letter())
    t.start()
    got = t.resume(answer)
    assert got["verdict"] == answer and type(got["verdict"]) is type(answer)
    assert got["log"] == ["written", "sent"] and "__interrupt__" not in got


@pytest.mark.parametrize("command", [{"resume": None}, {}, {"goto": []}, {"unknown": None}], ids=repr)
def test_a_command_that_says_nothing_is_refused_and_the_thread_still_waits(thread, command):
    t = thread(letter())
    t.start()
    assert t.refused(command=command) == (422, "EmptyInputError")
    assert t.resume("yes")["verdict"] == "yes"


def test_what_was_not_asked_cannot_be_answered(thread):
    t = thread(letter())
    assert t.refused(command={"resume": 1}) == (422, "UnknownInterruptError"), "a thread without a run"
    t.start()
    assert t.refused(command={"resume": {"0" * 32: "x"}}) == (422, "UnknownInterruptError")
    assert t.resume("yes")["log"] == ["written", "sent"]
    assert t.refused(command={"resume": 1}) == (422, "UnknownInterruptError"), "the run has ended"


def test_one_answer_is_for_every_question(thread):
    t = thread(two_questions())
    assert [i["value"] for i in t.start()["__interrupt__"]] == ["one?", "two?"]
    got = t.resume(False)
    assert (got["verdict"], got["other"], got["log"]) == (False, False, ["end"])


def test_questions_may_be_answered_one_by_one(thread):
    t = thread(two_questions())
    first, second = (i["id"] for i in t.start()["__interrupt__"])
    got = t.resume({second: 0})
    assert got["__interrupt__"] == [{"id": first, "value": "one?"}]
    assert got["other"] == 0 and got["log"] == []
    got = t.resume({first: ""})
    assert (got["verdict"], got["other"], got["log"]) == ("", 0, ["end"])


def test_going_on_without_an_answer_asks_again(thread):
    t = thread(letter())
    asked = t.start()["__interrupt__"]
    assert t.invoke()["__interrupt__"] == asked
    assert t.invoke(input=None)["__interrupt__"] == asked


def test_a_new_input_begins_anew(thread):
    t = thread(letter())
    t.start()
    got = t.start("Bob")
    assert got["a"] == "Dear Bob" and got["log"] == ["written", "written"]
    assert t.resume("yes")["log"] == ["written", "written", "sent"]


def test_a_question_without_a_thread_is_an_error_that_names_the_key(serve):
    client = serve(letter())
    reply = client.invoke()
    assert reply.status == 422 and reply.json["error"]["node"] == "ask"
    assert "thread_id" in reply.json["error"]["message"]
    assert "thread_id" in client.runs("wait").json["__error__"]["message"]


def test_a_question_too_large_for_an_answer_is_told(serve):
    t = Thread(serve(chain(ask=ask("{{q}}" * 8, "a")), ANABRANCH_MAX_STATE_BYTES="65536"))
    reply = t.post(input={"q": "x" * 60000})
    assert reply.status == 422 and reply.json["error"]["type"] == "LimitError", reply.text[:300]


@pytest.mark.parametrize("more", [{"input": {"q": "Eve"}}, {"command": {"resum": "yes"}}, {"command": {"resume": "yes", "resum": 1}}],
                         ids=str)
def test_an_answer_that_could_get_lost_is_refused_and_the_thread_still_waits(thread, more):
    t = thread(letter())
    t.start()
    assert t.refused(**{"command": {"resume": "yes"}} | more) == (422, "UnprocessableError")
    got = t.resume("yes", input=None)
    assert got["q"] == "Ada" and got["verdict"] == "yes"


def test_the_protocols_doors_take_a_command_beside_an_input(serve):
    got = serve(steps()).runs("wait", command={"goto": "three", "resum": 1})
    assert got.json == {"log": ["three"]}


# ---- threads ----

def test_threads_go_on_and_do_not_know_each_other(serve):
    client = serve(steps())
    t, u = Thread(client, "t"), Thread(client, "u")
    assert t.start()["log"] == ["one", "two", "three"]
    assert u.start()["log"] == ["one", "two", "three"]
    assert len(t.start()["log"]) == 6
    assert client.invoke().json["log"] == ["one", "two", "three"], "stateless"


def test_nothing_to_go_on_with_is_an_empty_input(thread):
    t = thread(steps())
    assert t.refused() == (422, "EmptyInputError")
    assert t.start()["log"] == ["one", "two", "three"]


@pytest.mark.parametrize("ident", ["a b/c?d%", "größe", "x" * 255, "...", "1"], ids=lambda s: s[:8])
def test_any_text_names_a_thread(serve, ident):
    t = Thread(serve(steps()), ident)
    reply = t.post(input={"q": "x"})
    place, _, run_id = reply.headers["content-location"].rpartition("/runs/")
    assert place == "/threads/" + quote(ident, safe="") and len(run_id) == 36
    assert len(t.start()["log"]) == 6


@pytest.mark.parametrize("ident, code", [("", 422), ("..", 422), ("x" * 256, 422), (5, 400), ({}, 400)])
def test_a_name_that_is_none(serve, ident, code):
    assert Thread(serve(steps()), ident).post(input={"q": "x"}).status == code


def test_a_thread_may_be_named_where_langgraph_names_it(serve):
    client = serve(steps())
    named = {"config": {"configurable": {"thread_id": "t"}}}
    assert client.invoke(**named).status == 200
    assert len(Thread(client, "t").start(**named)["log"]) == 6
    assert Thread(client, "u").refused(input={"q": "x"}, **named) == (422, "UnprocessableError")
    assert client.runs("wait", **named).status == 200, "stateless, as in the protocol"


def test_a_busy_thread_is_a_conflict(serve, model):
    model.on("m", held)
    t = Thread(serve(chain(say=llm("m"))))
    first = t.post(input={"q": "x"}, stream=True)
    call = model.call("m")
    assert t.refused(input={"q": "y"}) == (409, "ConflictError")
    assert t.refused(command={"resume": 1}) == (409, "ConflictError")
    assert t.post(input={"q": "y"}, stream=True).status == 409, "as a status, also for a stream"
    call.token("done")
    call.finish()
    assert first.events()[-1].name == "updates"
    model.on("m", tokens("again"))
    assert t.start()["a"] == "again"


def test_a_client_that_leaves_frees_its_thread(serve, model):
    model.on("m", held, tokens("again"))
    t = Thread(serve(chain(say=llm("m"))))
    first = t.post(input={"q": "x"}, stream=True)
    call = model.call("m")
    first.close()
    assert call.wait_gone(5)
    wait_until(lambda: t.post(input={"q": "x"}).status == 200, "the thread to be free")
    assert t.start()["a"] == "again"


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_every_durability_comes_to_the_same(thread, durability):
    t = thread(letter())
    assert len(t.start(durability=durability)["__interrupt__"]) == 1
    assert t.resume("yes", durability=durability)["log"] == ["written", "sent"]


def test_a_thread_is_made_unless_the_request_says_otherwise(thread):
    t = thread(steps())
    assert t.refused(input={"q": "x"}, if_not_exists="reject") == (404, "NotFoundError")
    assert len(t.start(multitask_strategy="reject", if_not_exists="create")["log"]) == 3
    assert len(t.start(if_not_exists="reject")["log"]) == 6


# ---- breakpoints ----

def test_a_breakpoint_asks_nothing_and_is_passed_without_an_input(thread):
    t = thread(steps())
    got = t.start(interrupt_before=["two"])
    assert got == {"q": "Ada", "log": ["one"], "__interrupt__": []}
    got = t.invoke(interrupt_after=["two"])
    assert got == {"q": "Ada", "log": ["one", "two"], "__interrupt__": []}
    assert t.invoke() == {"q": "Ada", "log": ["one", "two", "three"]}


def test_a_star_stops_everywhere(thread):
    t = thread(steps())
    seen = [t.start(interrupt_before="*")] + [t.invoke(interrupt_before="*") for _ in range(3)]
    assert [len(s["log"]) for s in seen] == [0, 1, 2, 3]
    assert ["__interrupt__" in s for s in seen] == [True, True, True, False]


def test_breakpoints_of_the_graph_hold_unless_the_request_has_its_own(thread):
    t = thread(steps() | {"interrupt_before": ["two"]})
    assert t.start()["log"] == ["one"]
    assert t.start(interrupt_before=[])["log"] == ["one", "one", "two", "three"]


def test_a_breakpoint_at_no_node_is_told(thread):
    assert thread(steps()).refused(input={}, interrupt_before=["four"]) == (422, "UnprocessableError")


def test_stateless_runs_stop_too(serve):
    client = serve(steps())
    assert client.runs("wait", interrupt_before=["two"]).json == {"__interrupt__": []}
    values = [e.data for e in client.runs("stream", interrupt_after=["one"]).events() if e.name == "values"]
    assert values[-2:] == [{"q": "hi", "log": ["one"]}, {"__interrupt__": []}]
    assert client.invoke(interrupt_before=["one"]).json == {"q": "hi", "log": [], "__interrupt__": []}


# ---- commands ----

def test_an_update_and_a_goto_come_with_an_answer(thread):
    t = thread(letter())
    t.start()
    got = t.invoke(command={"resume": "yes", "update": {"q": "Bob"}, "goto": "write"})
    assert got["verdict"] == "yes" and got["q"] == "Bob"
    assert got["log"].count("written") == 2 and "sent" in got["log"]


@pytest.mark.parametrize("update", [{"q": "new", "log": "cmd"}, [["q", "new"], ["log", "cmd"]]], ids=["object", "pairs"])
def test_an_update_is_written_as_a_node_would(thread, update):
    t = thread(steps())
    t.start(interrupt_before=["three"])
    got = t.invoke(command={"update": update})
    assert got["q"] == "new" and got["log"] == ["one", "two", "cmd", "three"]


@pytest.mark.parametrize("to", ["send", ["send"], {"node": "send", "input": {"q": "own"}}, {"node": "send", "arg": {"q": "own"}},
                                [{"node": "send", "input": {"q": "own"}}]], ids=str)
def test_a_goto_runs_a_node(serve, to):
    own = graph({"write": note("written"), "send": note("to {{q}}")},
                [["__start__", "write"], ["write", "send"], ["send", "__end__"]])
    t = Thread(serve(own))
    t.start()
    name = "own" if "own" in str(to) else "Ada"
    assert t.invoke(command={"goto": to})["log"] == ["written", "to Ada", f"to {name}"]


@pytest.mark.parametrize("command", [{"goto": "nowhere"}, {"goto": "__start__"}, {"update": {"log": 1}, "goto": ["nowhere"]}],
                         ids=str)
def test_a_goto_to_nowhere_changes_nothing(thread, command):
    t = thread(steps())
    before = t.start()
    assert t.refused(command=command) == (422, "InvalidUpdateError")
    assert t.start() == {"q": "Ada", "log": before["log"] * 2}


def test_a_stateless_run_may_begin_with_a_command(serve):
    client = serve(steps())
    command = {"update": {"q": "x"}, "goto": "three"}
    assert client.post("/invoke", {"graph": "g", "command": command}).json == {"q": "x", "log": ["three"]}
    assert client.post("/runs/wait", {"assistant_id": "g", "command": command}).json == {"q": "x", "log": ["three"]}


@pytest.mark.parametrize("path", ["/runs/wait", "/runs/stream", "/invoke"])
@pytest.mark.parametrize("answer", [0, "yes"])
def test_a_stateless_run_cannot_be_resumed(serve, path, answer):
    reply = serve(letter()).post(path, {"assistant_id": "g", "command": {"resume": answer}})
    assert reply.status == 422 and "command.resume" in reply.text and "thread" in reply.text


@pytest.mark.parametrize("more", [{"thread_id": "t"}, {"checkpoint_id": "x"}, {"checkpoint": {"checkpoint_id": "x"}},
                                  {"config": {"configurable": {"checkpoint_id": "x"}}}], ids=str)
def test_the_stateless_doors_have_no_threads(serve, more):
    client = serve(steps())
    for kind in ("wait", "stream"):
        reply = client.runs(kind, **more)
        assert reply.status == 422 and "/threads/" in reply.text


# ---- checkpoints ----

def test_a_run_may_begin_at_an_older_checkpoint(thread):
    t = thread(steps())
    seen = t.checkpoints(input={"q": "x"})
    ident = {len(c["values"].get("log", [])): c["checkpoint"]["checkpoint_id"] for c in seen}
    for where in ({"checkpoint_id": ident[1]}, {"checkpoint": {"checkpoint_id": ident[1], "checkpoint_ns": ""}},
                  {"config": {"configurable": {"checkpoint_id": ident[1]}}}):
        assert t.invoke(**where)["log"] == ["one", "two", "three"]
    assert t.invoke(checkpoint_id=ident[1], command={"update": {"log": "new"}})["log"] == ["one", "new", "two", "three"]
    assert t.invoke(checkpoint_id=ident[1], interrupt_before="*")["log"] == ["one", "two"], "it is past its own breakpoint"


@pytest.mark.parametrize("ident", ["1f1e6ca0-10bd-6151-8000-752a87a70b45", "ff1e6ca0-10bd-6151-8000-752a87a70b45", "nonsense", ""])
def test_an_unknown_checkpoint_is_not_found(thread, ident):
    t = thread(steps())
    assert t.refused(checkpoint_id=ident) == (404, "NotFoundError")
    t.start()
    assert t.refused(checkpoint_id=ident) == (404, "NotFoundError")
    assert t.refused(checkpoint_id=ident, input={"q": "x"}) == (404, "NotFoundError")


def test_a_checkpoint_needs_its_thread(serve):
    reply = serve(steps()).invoke(checkpoint_id="1f1e6ca0-10bd-6151-8000-752a87a70b45")
    assert reply.status == 422 and "thread_id" in reply.json["error"]["message"]


# ---- what a request may say ----

WRONG = [("command", "go"), ("command", {"update": 5}), ("command", {"update": [["q"]]}), ("command", {"update": [[1, 2]]}),
         ("command", {"goto": 5}), ("command", {"goto": {"input": {}}}), ("command", {"goto": ["a", 5]}),
         ("interrupt_before", "one"), ("interrupt_after", [1]), ("interrupt_after", {}), ("durability", "never"),
         ("checkpoint_id", 5), ("checkpoint", "x"), ("checkpoint", {"checkpoint_id": 5}), ("stream_subgraphs", 1),
         ("config", {"max_concurrency": "2"}), ("config", {"max_concurrency": 1.5}), ("config", {"recursion_limit": True}),
         ("config", {"configurable": {"checkpoint_id": 5}})]


@pytest.mark.parametrize("key, value", WRONG, ids=str)
def test_a_wrong_type_names_its_key(serve, key, value):
    client = serve(steps())
    reply = client.invoke(**{key: value})
    assert reply.status == 400 and f'"{key}' in reply.json["error"]["message"], reply.text
    assert client.runs("wait", **{key: value}).status == 400


@pytest.mark.parametrize("key", ["recursion_limit", "max_concurrency"])
@pytest.mark.parametrize("value", [0, -1, -9223372036854775808])
def test_a_limit_below_one_is_refused(serve, key, value):
    client = serve(steps())
    reply = client.invoke(config={key: value})
    assert reply.status == 422 and f'"config.{key}" must be at least 1' in reply.json["error"]["message"]
    assert client.runs("stream", config={key: value}).status == 422


@pytest.mark.parametrize("most, order", [(1, "abcd"), (2, "bcda"), (4, "cdba")])
def test_no_more_tasks_at_once_than_asked(serve, most, order):
    client = serve(fan(a=wait(400), b=wait(150), c=wait(0), d=wait(0)))
    events = client.stream(stream_mode="updates", config={"max_concurrency": most}).events()[1:]
    assert "".join(name for e in events for name in e.data) == order


def test_the_examples_of_the_docs_do_what_they_say(serve):
    """Every curl of the chapters about people and commands, one after the other on one server."""
    text = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    chapters = text[text.index("## Asking a person"):text.index("## Streams")]
    letter_file = re.search(r"```json\n(.*?)```", chapters, re.S)[1]
    client = serve({"letter": letter_file})
    ident = ""
    examples = re.findall(r"^    (curl .*)\n    (\{.*)$", chapters, re.M)
    assert len(examples) == chapters.count("    curl ") == 7
    for command, answer in examples:
        command = command.replace(":8123", f":{client.port}").replace('"ID"', f'"{ident}"')
        done = subprocess.run(command, shell=True, capture_output=True, check=True)
        assert re.sub(r'"id":"[0-9a-f]{32}"', '"id":"..."', done.stdout.decode()) == answer, command
        for asked in json.loads(done.stdout).get("__interrupt__", []):
            ident = asked["id"]
