"""The models of the recordings' graphs, played by the scripted model server."""
import itertools
import time

from harness.model import body

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
NUMBERS = itertools.count(1)


def _reply(deltas, reason, pause=0.0):
    def reply(call):
        ident = f"chatcmpl-fake-{next(NUMBERS)}"

        def say(choices, **more):
            call.data({"id": ident, "object": "chat.completion.chunk", "created": 1, "model": "scripted-1",
                       "choices": choices} | more)

        call.head()
        for delta in [{"role": "assistant", "content": ""}, *deltas]:
            say([{"index": 0, "delta": delta, "finish_reason": None}])
            time.sleep(pause)
        say([{"index": 0, "delta": {}, "finish_reason": reason}])
        say([], usage=USAGE)
        call.data("[DONE]")
        call.chunk(b"")
    return reply


def words(*texts, pause=0.0):
    return _reply([{"content": text} for text in texts], "stop", pause)


def _tool_call(arguments, **more):
    return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}} | more]}


ASKS = _reply([{"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
                                "function": {"name": "get_weather", "arguments": '{"city":'}}]},
               _tool_call('"Oslo"}')], "tool_calls")
REPORTS = words("Weather ", "report: ", "It ", "is ", "15C ", "in ", "Oslo.")


def weather(call):
    (REPORTS if any(m["role"] == "tool" for m in call.json["messages"]) else ASKS)(call)


REPLIES = {"hello": words("Hello ", "there, ", "general ", "Kenobi."), "weather": weather, "child": words("child ", "speaks")} | {
    name: words(f"{name} ", "one ", "two ", "three", pause=pause) for name, pause in (("a", 0.03), ("b", 0.01), ("c", 0.02))}


def teach(model):
    """One model; the graphs say in `user` what it is to say. And two receivers of webhooks."""
    model.on("/done", body(""))
    model.on("/failed", body(""))
    model.on("scripted-1", lambda call: REPLIES[call.json["user"]](call))
