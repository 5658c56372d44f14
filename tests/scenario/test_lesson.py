"""The lesson that this project grew from (config/graphs/lesson): what each of its samples says, and how long it takes.

The times are the lesson's own. Lower bounds hold on every machine, for nothing ends before its time. Upper bounds tell side by side
from one after the other; a busy machine may miss one, so what took too long is tried again.
"""
import json
import os
import re
import select
import shlex
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.model import body, held, status, tokens
from harness.server import BINARY
from harness.wait import wait_until

ROOT = Path(__file__).parents[2]
LESSON = ROOT / "config" / "graphs" / "lesson"
MISTAKES = ROOT / "docs" / "examples" / "mistakes"
PIECES = ["Python", " çok", " güçlü", " bir", " dil!"]
ANSWERS = [f"[{agent}]: 'Yardım lazım' sorusuna cevabım hazır." for agent in ("HukukAgent", "MatematikAgent", "GenelAgent")]
QUESTION = "Python öğrenmek istiyorum"
CLOCK = 0.01  # seconds by which the clocks of two processes may differ


@pytest.fixture
def lesson(serve):
    """lesson(settings): the client of a server with the samples as they are shipped."""
    return lambda **settings: serve(ANABRANCH_GRAPHS=str(LESSON), **settings)


def took(at_least, less_than, do):
    """The result of do(), which takes so many seconds."""
    for _ in range(3):
        begin = time.monotonic()
        result = do()
        seconds = time.monotonic() - begin
        assert seconds >= at_least - CLOCK
        if seconds < less_than:
            return result
    raise AssertionError(f"took {seconds} s, which should be less than {less_than}")


def is_silent(reply):
    """Nothing has come that was not read."""
    return reply.rest == b"" and reply.pending == b"" and select.select([reply.sock], [], [], 0)[0] == []


# ---- 1: a function that waits ----

def test_one_waits_a_second_and_greets(lesson):
    client = lesson()
    assert took(1, 2, lambda: client.invoke("lesson1_sleep", {}).json)["sonuc"] == "Merhaba, Ahmet!"
    assert client.invoke("lesson1_sleep", {"ad": "Ayşe"}).json["sonuc"] == "Merhaba, Ayşe!"


def test_others_are_served_while_one_sleeps(lesson):
    client = lesson()

    def others_come_first():
        sleeper = client.stream("lesson1_sleep", {}, stream_mode="updates")
        assert sleeper.event().name == "metadata"
        assert client.get("/ok").status == 200
        for graph in ("lesson6_lua", "lesson6_json"):
            assert client.invoke(graph, {}).json["step2_result"] == "Zenginleştirildi: İşlendi: Merhaba"
        is_first = is_silent(sleeper)
        assert sleeper.events()[-1].data == {"greet": {"sonuc": "Merhaba, Ahmet!"}}
        return is_first

    assert any(others_come_first() for _ in range(3))


def test_twenty_sleep_as_long_as_one(lesson):
    client = lesson()

    def crowd():
        with ThreadPoolExecutor(20) as pool:
            return list(pool.map(lambda n: client.invoke("lesson1_sleep", {"ad": f"{n}"}).json["sonuc"], range(20)))

    assert took(1, 10, crowd) == [f"Merhaba, {n}!" for n in range(20)]


# ---- 2 and 9: side by side ----

@pytest.mark.parametrize("name", ["lesson2_gather", "lesson2_fanout"])
def test_two_calls_take_as_long_as_one_and_answer_in_their_order(lesson, name):
    client = lesson()
    assert took(2, 3.9, lambda: client.invoke(name, {}).json)["cevaplar"] == [
        "[gpt-4] Cevap: Python nedir?", "[claude] Cevap: LangGraph nedir?"]


@pytest.mark.parametrize("name", ["lesson9_gather", "lesson9_fanout"])
def test_the_exercise_three_agents_answer_in_order_after_half_a_second(lesson, name):
    client = lesson()
    assert took(0.5, 1.4, lambda: client.invoke(name, {"user_input": "Yardım lazım"}).json)["agent_responses"] == ANSWERS


# ---- 3: a model ----

NODES_OF_MODELS = ["lesson3_chat", "lesson3_llm"]


@pytest.mark.parametrize("name", NODES_OF_MODELS)
def test_the_model_gets_what_the_lesson_sends_and_its_tokens_come_at_once(lesson, model, name):
    model.on("gpt-4", held)
    reply = lesson(ANABRANCH_DEFAULT_MODEL="openai:gpt-4").stream(
        name, {"messages": [], "user_input": QUESTION, "response": ""}, stream_mode=["messages-tuple", "values"])
    call = model.call("gpt-4")
    assert call.target == "/v1/chat/completions"
    assert call.json["model"] == "gpt-4" and call.json["temperature"] == 0.7
    assert call.json["messages"] == [{"role": "user", "content": QUESTION}]
    for text in ("Önce", " değişkenler"):
        call.token(text)
        assert reply.token()[1] == text  # before the next one is sent
    call.finish()
    assert reply.events()[-1].data == {"messages": [], "user_input": QUESTION, "response": "Önce değişkenler"}


@pytest.mark.parametrize("name", NODES_OF_MODELS)
def test_a_model_server_that_is_not_ours_answers_too(lesson, fakellm, name):
    rules = f"""
version: 1
rules:
  - name: learn
    when: {{model_matches: gpt-4}}
    respond: {{content: "Önce değişkenler, sonra async"}}
"""
    client = lesson(ANABRANCH_DEFAULT_MODEL="openai:gpt-4", OPENAI_BASE_URL=fakellm(rules))
    events = client.stream(name, {"user_input": QUESTION}).events()
    pieces = [e.data[0]["content"] for e in events if e.name == "messages" and e.data[0]["content"]]
    assert pieces == ["Önce", " değişkenler,", " sonra", " async"]
    assert events[-1].data == {"llm_node": {"response": "Önce değişkenler, sonra async"}}


@pytest.mark.parametrize("name", NODES_OF_MODELS)
def test_without_a_key_the_demo_model_answers(lesson, name):
    state = lesson(OPENAI_API_KEY=None, ANABRANCH_DEMO_DELAY_MS="1").invoke(name, {}).json
    assert QUESTION in state["response"] and state["messages"] == []


# ---- 4: several requests ----

GRAPH, CHAIN = "/repos/langchain-ai/langgraph", "/repos/langchain-ai/langchain"
STARS = {GRAPH: '{"name": "langgraph", "stargazers_count": 21000}', CHAIN: '{"name": "langchain", "stargazers_count": 117000}'}
LINES = "Repo: langgraph, Stars: 21000\nRepo: langchain, Stars: 117000\n"
CLIENTS_OF_HTTP = ["lesson4_gather", "lesson4_http"]


@pytest.fixture
def github(start, tmp_path, model):
    """A server whose samples ask the scripted server instead of GitHub. Else they are as shipped: the address is the graph's and
    no input, so that no client chooses it."""
    place = tmp_path / "graphs"
    place.mkdir()
    for name in CLIENTS_OF_HTTP:
        (file,) = LESSON.glob(f"{name}.*")
        text = file.read_text()
        assert "https://api.github.com/" in text
        (place / file.name).write_text(text.replace("https://api.github.com", f"http://127.0.0.1:{model.port}"))
    for path, text in STARS.items():
        model.on(path, body(text))
    return start(ANABRANCH_UPSTREAM_POOLS="1")


def lines_of(state):
    """A list of lines in Lua, a text in JSON."""
    lines = state["satirlar"]
    return lines if isinstance(lines, str) else "".join(f"{line}\n" for line in lines)


def descriptors(server):
    """How many the process has open, once those of its clients are closed."""
    port = server.client.port
    wait_until(lambda: not re.search(rf":{port:04X} \S+ 0[1-589]", Path("/proc/net/tcp").read_text()), "the clients to be gone")
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


@pytest.mark.parametrize("name", CLIENTS_OF_HTTP)
def test_both_requests_are_under_way_before_one_is_answered(github, model, name):
    model.on(GRAPH, held)
    model.on(CHAIN, held)
    states = []
    asking = threading.Thread(target=lambda: states.append(github.client.invoke(name, {}).json))
    asking.start()
    second, first = model.call(CHAIN), model.call(GRAPH)
    assert {call.headers["user-agent"] for call in (first, second)} == {"anabranch"}
    second.answer(200, STARS[CHAIN])  # the order of answers is not that of the lines
    first.answer(200, STARS[GRAPH])
    asking.join()
    assert lines_of(states[0]) == LINES


@pytest.mark.parametrize("name", CLIENTS_OF_HTTP)
def test_what_an_answer_lacks_has_the_fallbacks_of_the_lesson(github, model, name):
    model.on(CHAIN, body("{}"))
    assert lines_of(github.client.invoke(name, {}).json) == "Repo: langgraph, Stars: 21000\nRepo: N/A, Stars: 0\n"


@pytest.mark.parametrize("name", CLIENTS_OF_HTTP)
def test_connections_are_used_again_and_none_is_left(github, model, name):
    client = github.client

    def run():
        assert lines_of(client.invoke(name, {}).json) == LINES

    def fail():
        model.on(CHAIN, status(500), body(STARS[CHAIN]))
        reply = client.invoke(name, {})
        assert reply.status == 502 and reply.json["error"]["node"] == "ask" and " 500 " in reply.json["error"]["message"]

    def leave():
        model.on(GRAPH, held, body(STARS[GRAPH]))
        asked = len(model.calls_of(GRAPH))
        reply = client.stream(name, {})
        call = model.call(GRAPH, asked)
        reply.close()
        assert call.wait_gone(5), "a request that nobody waits for is ended"

    run()
    before, kept = descriptors(github), len(model.socks)
    assert kept <= 2
    for _ in range(10):
        run()
    assert len(model.socks) == kept and len(model.calls) == 22, "22 requests on two connections"
    for _ in range(5):
        fail()
        leave()
        run()
    assert descriptors(github) <= before


@pytest.mark.parametrize("name", CLIENTS_OF_HTTP)
def test_a_failure_ends_the_other_request(github, model, name):
    model.on(GRAPH, held)
    model.on(CHAIN, held)
    reply = github.client.stream(name, {})
    kept, failed = model.call(GRAPH), model.call(CHAIN)
    failed.answer(404, '{"message": "Not Found"}')
    assert kept.wait_gone(5)
    error = reply.events()[-1]
    assert error.name == "error" and error.data["node"] == "ask" and " 404 " in error.data["message"]


def test_a_client_cannot_choose_the_host(github, model):
    for repo in ("evil.example/a/b", "@evil.example/a", "a/b?c", "a\r\n/b", "a"):
        assert github.client.invoke("lesson4_gather", {"repos": [repo]}).status == 500
    reply = github.client.invoke("lesson4_http", {"repos": [{"owner": "..@evil.example/", "name": "a?b"}]})
    assert reply.status == 502 and model.calls[-1].target == "/repos/..%40evil.example%2F/a%3Fb"


# ---- 5: piece by piece ----

def test_five_pieces_come_as_they_are_made(lesson):
    client = lesson()

    def pieces_are_apart():
        reply = client.stream("lesson5_emit", {})
        events = reply.events()
        pieces = [e for e in events if e.name == "messages" and e.data[0]["content"]]
        assert [e.data[0]["content"] for e in pieces] == PIECES and all(e.is_alone for e in pieces)
        assert events[-1].data == {"speak": {"cevap": "Python çok güçlü bir dil!"}}
        times = [reply.chunks[e.chunk - 1][0] for e in pieces]
        assert times[-1] - reply.head_at > 1.2
        return all(b - a > 0.15 for a, b in zip(times, times[1:]))  # half of what it is, where the machine is busy

    assert any(pieces_are_apart() for _ in range(3))


def test_no_piece_is_held_back(lesson):
    """What was read last is there before the next one is even made."""
    client = lesson()

    def nothing_is_behind_a_piece():
        reply = client.stream("lesson5_emit", {}, stream_mode="messages-tuple")
        silent = [reply.token()[1] == piece and is_silent(reply) for piece in PIECES[:-1]]
        reply.events()
        return all(silent)

    assert any(nothing_is_behind_a_piece() for _ in range(3))


# ---- 6: a graph ----

TWO_NODES = {"user_input": "Merhaba", "step1_result": "İşlendi: Merhaba", "step2_result": "Zenginleştirildi: İşlendi: Merhaba"}


@pytest.mark.parametrize("name", ["lesson6_lua", "lesson6_json"])
def test_two_nodes_one_after_the_other(lesson, name):
    client = lesson()
    state = {"user_input": "Merhaba", "step1_result": "", "step2_result": ""}
    assert took(0.2, 2, lambda: client.invoke(name, state).json) == TWO_NODES
    updates = [e.data for e in client.stream(name, state, stream_mode="updates").events() if e.name == "updates"]
    assert updates == [{"node1": {"step1_result": TWO_NODES["step1_result"]}}, {"node2": {"step2_result": TWO_NODES["step2_result"]}}]


def test_the_same_two_nodes_in_c():
    program = Path(BINARY).parent / "docs" / "examples" / "lesson6"
    if not program.exists():
        pytest.skip(f"{program} was not built")

    def run():
        return subprocess.run([program], capture_output=True, text=True, timeout=30, check=True).stdout

    assert json.loads(took(0.2, 2, run)) == TWO_NODES


# ---- 7 and 8: mistakes ----

@pytest.fixture
def mistake(tmp_path):
    """mistake(name): a file with it, in the folder of graphs."""
    def put(name):
        (tmp_path / "graphs").mkdir()
        (tmp_path / "graphs" / f"{name}.lua").write_text((MISTAKES / f"{name}.lua").read_text())
        return f"graphs/{name}.lua"
    return put


def test_a_future_that_nobody_joins_fails_the_run(mistake, serve):
    mistake("lesson7_not_joined")
    reply = serve().invoke("lesson7_not_joined", {})
    assert reply.status == 500 and "half an answer" not in reply.text
    error = reply.json["error"]
    assert error["type"] == "FutureNotJoinedError" and error["node"] == "greet"
    assert "lesson7_not_joined.lua:10: " in error["message"] and "spawn()" in error["message"]


@pytest.mark.parametrize("name, line, word", [("lesson7_thrown_away", 9, "spawn()"), ("lesson8_waits_at_load", 3, "sleep()")])
def test_a_mistake_is_told_before_anything_runs(mistake, run_tool, start, name, line, word):
    file = mistake(name)
    place = f"{file}:{line}: "
    done = run_tool("check", file)
    assert done.returncode == 2 and done.stderr.startswith(place) and word in done.stderr
    server = start(listening=False)
    assert server.wait() == 2
    assert place in server.log and word in server.log and not server.logged(r" listening ")


# ---- 10: a queue, or waiting ----

def test_a_job_goes_on_when_its_client_leaves_and_tells_its_result_later(lesson):
    client = lesson()
    there = {"graph": "lesson9_gather", "thread_id": "job-1"}
    client.post("/invoke", there | {"input": {}, "stream": True, "on_disconnect": "continue"}).close()
    replies = []

    def is_done():
        replies.append(client.post("/invoke", there))
        return replies[-1].status != 409

    took(0, 5, lambda: wait_until(is_done, "the job"))
    assert replies[-1].json["agent_responses"] == ANSWERS
    assert client.post("/invoke", there).json == replies[-1].json, "to ask again runs nothing again"


# ---- the page ----

def shown():
    """Commands of the lesson's page with the line that each shows."""
    return re.findall(r"^    build/(anabranch (?:run|check) .+)\n    ((?:\{|anabranch:|docs/).*)$", (LESSON / "README.md").read_text(), re.M)


@pytest.mark.parametrize("command, line", shown(), ids=lambda text: text[:40])
def test_the_page_shows_what_is_seen(command, line):
    done = subprocess.run([BINARY, *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, text=True, timeout=30,
                          env={"PATH": os.environ["PATH"], "ANABRANCH_DATABASE": "memory:"})
    assert line in (done.stdout + done.stderr).splitlines()


def test_the_page_names_every_sample():
    text = (LESSON / "README.md").read_text()
    assert len(shown()) >= 8
    for file in [*LESSON.glob("*.lua"), *LESSON.glob("*.json"), *MISTAKES.iterdir()]:
        assert file.stem in text or file.name in text
