"""Every difference between this server and the recorded one, with its reason.

A row of the table is one reason: what differs, why, and what that looks like in answers. Each look must turn up in the replay,
and nothing else may (test_replay.py). docs/differences.md shows the rows; `python3 tests/replay/differences.py` writes
them there.
"""
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Look:
    """What a difference looks like; fields as in compare.Difference. The path is matched whole, the rest may be a part."""
    path: str
    kind: str = "missing|extra|value"
    at: str = ""
    expected: str = ""
    actual: str = ""

    def is_of(self, difference):
        return bool(re.fullmatch(self.path, difference.path) and re.fullmatch(self.kind, difference.kind)
                    and re.search(self.at, difference.at) and re.search(self.expected, repr(difference.expected))
                    and re.search(self.actual, repr(difference.actual)))


@dataclass(frozen=True)
class Row:
    what: str
    why: str
    looks: tuple


def row(what, why, *looks):
    return Row(what, why, looks)


# Parts of paths. A message may be anywhere; an event of a subgraph has its place in the name.
ANY = r"(?:.*)"
MESSAGE = r"(?:.*messages(?:/\w+)?\[\d+\]|.*\.chunk|.*\.data\.output)"
CHUNK = r"(?:events\.messages(?:\|\w+)*\[0\]|events\.events\.data\.chunk)"
ABOUT = r"(?:events\.(?:messages(?:\|\w+)*\[1\]|messages/metadata\.<id>\.metadata|events\.metadata|tasks(?:\|\w+)*\.metadata" \
        r"|debug(?:\|\w+)*\.payload\.metadata))"
STATE = r"(?:json(?:\[\d+\])?(?:\.tasks\[0\]\.state)?)"
CHECKPOINT = r"(?:events\.(?:checkpoints(?:\|\w+)*|debug(?:\|\w+)*\.payload))"
RUN = r"(?:json(?:\[\d+\])?)"

EVERYWHERE = [
    row("Answers that the reference makes by way of a schema checker (400 with a JSON of issues) are a sentence in plain text, as "
        "its other errors are.", "A client shows it to a person; the sentence says what to change.",
        Look(r"headers\.content-type", "value", expected="application/json", actual="text/plain"),
        Look("body", "value", expected="ZodError"),
        Look(r"json\.success", "missing"), Look(r"json\.error", "missing", expected="ZodError")),
    row("Sentences of errors are our own where the reference's do not say what is wrong.", "",
        Look("text", "value", "", "404 Not Found|Malformed JSON|Thread not found|already running|Not implemented|Assistant \\\""),
        Look("text", "value", "POST /runs/cancel", "", "''"), Look(r"(json\.__error__|events\.error)\.message", "value")),
    row("The Python SDK gets sentences of errors as `{\"detail\"}`.", "It shows no others.",
        Look("text", "value", "17/", "not found", "detail")),
    row("An address that nobody has is 404 with an error in the form of `/invoke`.", "It belongs to no protocol.",
        Look(r"headers\.content-type", "value", "GET /nope", "text/plain", "application/json")),
    row("A wrong method is 405 with `Allow`, not 404.", "HTTP says so.",
        Look("status", "value", "PUT /threads", "404", "405"),
        Look(r"headers\.access-control-allow-methods", "value", "OPTIONS")),
    row("`/info` names this server and its version.", "It is not the reference server.",
        Look(r"json\.(version|langgraph_js_version|context|name|flags\.langsmith_tracing_replicas)", at="GET /info")),
    row("`/threads/prune` and `/runs/cancel` are there.", "The SDKs call them.",
        Look("status", "value", "POST /(threads/prune|runs/cancel)", "404"),
        Look(r"headers\.content-type", "value|missing", "POST /(threads/prune|runs/cancel)", "text/plain")),
    row("A thread's stream and the metadata of its state are there: `GET /threads/T/stream`, `PATCH /threads/T/state`.",
        "The SDKs call them.",
        Look("status", "value", "GET /threads/[^/]*/stream", "404", "200"),
        Look(r"headers\.content-type", "value", "GET /threads/[^/]*/stream", "plain", "event-stream"),
        Look("body", "value", "GET /threads/[^/]*/stream", "404 Not Found", "a stream"),
        Look("status", "value", "PATCH /threads/[^/]*/state", "404", "204"),
        Look(r"headers\.content-type", "missing", "PATCH /threads/[^/]*/state"),
        Look(r"json\.metadata\.a", "extra", "16/.*/copy")),
    row("Without crons their addresses are 404, not 400 and 500.", "The JS client repeats a 500 four times.",
        Look("status", "value", "POST /runs/crons", "400|500", "404")),
    row("An unknown thread is 404 wherever it is named, also for a run (422) and a copy (409).",
        "The reference's 422 tells of another run that is not there.",
        Look("status", "value", "00000000-.*/runs", "422", "404"), Look("status", "value", "00000000-.*/copy", "409", "404")),
    row("A run on a thread may name it as it likes; the reference takes UUIDs only.",
        "Threads of `/invoke` have names, and are the same threads.",
        Look("status", "value", "not-a-uuid/runs", "400", "404"), Look("status", "value", "GET /threads/abc", "400", "404")),
    row("To join a run that has failed is its error, also later; the reference answers with what the thread has then.",
        "A client whose wait broke off comes back by a join, and would take the failure for a success.",
        Look(r"json\.(n|log)", "missing", "12/6 .*/join"), Look(r"json\.__error__", "extra", "12/6 .*/join")),
    row("To join or read a run that is not there is 404, not a result or stream with an error.", "",
        Look("status", "value", "runs/00000000-.*/(join|stream)", "200", "404"),
        Look("body", "value", "runs/00000000-.*/join"), Look("body", "value", "runs/00000000-.*/stream", "a stream"),
        Look(r"headers\.content-type", "value", "runs/00000000-.*/stream", "event-stream", "text/plain"),
        Look(r"headers\.cache-control", "missing", "runs/00000000-.*/stream")),
    row("A run of an assistant whose graph is not here is refused with 404; it does not begin and fail.",
        "Nothing can come of it, and 404 is not repeated.",
        Look("status", "value", "02/17 ", "200", "404"), Look(r"headers\.content-location", "missing", "02/17 "),
        Look("body", "value", "02/17 ", "ghost")),
]

ASSISTANTS = [
    row("System assistants of one moment are listed in the order of their ids.", "The reference lists them as it loaded them.",
        Look(r"json\[\d\]\.(assistant_id|graph_id|name)", "value", r"(02/[02]|16/0) POST /assistants/search")),
    row("`X-Pagination-Next` is there whenever more follow; the reference sends it only when there are exactly `limit`.", "",
        Look(r"headers\.x-pagination-next", "extra", "/search")),
    row("Drawings name the kind of a node (`anabranch`, `lua`) in place of a class of LangChain.", "",
        Look(r"json\.nodes\[\d\]\.data\.(id\[\d\]|name)", "value", "/graph"),
        Look(r"json\.nodes\[\d\]\.data\.\$schema", "value", "/graph", "2020-12", "draft-07")),
    row("Edges of drawings are listed by the nodes they come from; conditional ones say in `data` for which value they are.", "",
        Look(r"json\.edges\[\d\]\.(source|target|conditional)", "value", "/graph"),
        Look(r"json\.edges\[\d\]\.data", "extra", "/graph")),
    row("Schemas have a title and the default of a field, and do not say what a list holds.", "Graph files do not say it.",
        Look(r"json\..*\.title", "extra", "/(schemas|subgraphs)"), Look(r"json\..*\.log\.items", "missing", "/schemas"),
        Look(r"json\..*\.(log|messages)\.default", "extra", "/(schemas|subgraphs)"),
        Look(r"json\..*\.messages\.items\.(type|description|items)", "value|missing", "/(schemas|subgraphs)")),
]

THREADS = [
    row("`Prefer: return=minimal` is answered with 204.", "The header asks for that.",
        Look("status", "value", "PATCH /threads", "200", "204"), Look(r"headers\.content-type", "missing", "PATCH /threads"),
        Look("body", "value", "PATCH /threads")),
    row("`values` of `/threads/search` is a filter; the reference ignores it.", "",
        Look(r"json\[0\]", "missing", r"16/\d+ POST /threads/search")),
    row("The checkpoint before a state of `supersteps` does not name the graph.", "Its thread does.",
        Look(r"json\[2\]\.metadata\.graph_id", "missing", "03/25 ")),
    row("A state has its open questions in `interrupts`, too.", "The Python SDK's type has them there.",
        Look(STATE + r"\.interrupts", "extra", "GET /threads/.*/state|/history|state/checkpoint")),
]


RUNS = [
    row("The answer to a wait is `application/json`, not `text/plain`.", "It is JSON.",
        Look(r"headers\.content-type", "value", "/runs/wait", "text/plain", "application/json")),
    row("The answers to a wait, join or stream have `Location`, and those to a wait or join `Cache-Control: no-cache`.",
        "Clients that lose the connection come back there.",
        Look(r"headers\.location", "extra", "/(wait|stream|join)"),
        Look(r"headers\.cache-control", "extra", "/runs/wait|/stream|/join")),
    row("`Content-Location` of a stateless run whose thread is kept names the thread.", "Nobody could find it otherwise.",
        Look(r"headers\.content-location", "value", "04/10 ")),
    row("A failed wait says the error's class and sentence; the reference puts a JSON text of both into the message of another "
        "error.", "", Look(r"json\.__error__\.message:form", "value")),
    row("Errors say which node failed.", "", Look(r"(events\.error|json\.__error__)\.node", "extra")),
    row("A question without a thread fails with `UnprocessableError`, not `GraphValueError`.",
        "The sentence names `thread_id`; the other class would not say whose mistake it is.",
        Look(r"(events\.error|json\.__error__)\.error", "value", "", "GraphValueError", "UnprocessableError")),
    row("A stateless run's metadata has the ids of graph and assistant, as that of others has.", "",
        Look(RUN + r"\.metadata\.(graph_id|assistant_id)", "extra", "POST /runs")),
    row("The `configurable` of a stateless run does not name the thread that it has to itself.", "Nobody can go there.",
        Look(RUN + r"\.kwargs\.config\.configurable\.thread_id", "missing", "POST /runs")),
    row("`kwargs.config` of a Run does not repeat the metadata.", "They stand beside it.",
        Look(RUN + r"\.kwargs\.config\.metadata", "missing")),
    row("The checkpoint that a run begins at stands in `kwargs.checkpoint_id`, not in `configurable`, and not in the metadata of "
        "the checkpoints that follow.", "",
        Look(RUN + r"\.kwargs\.checkpoint_id", "extra"),
        Look(RUN + r"\.(metadata|kwargs\.config\.configurable)\.checkpoint_(id|ns)", "missing", "/history|/runs")),
    row("What one run was configured with does not count for the next run of its thread; a thread's `config` stays empty.",
        "A run does what its own request says.",
        Look(r"json\.config\.(configurable|tags)", "missing", "GET /threads"),
        Look(r"json\[\d\]\.metadata\.user_id", "missing", "08/24 "),
        Look(r"json\[\d\]\.kwargs\.config\.configurable\.user_id", "missing", "08/29 ")),
    row("Runs of a thread are listed newest first, as the hosted server lists them.", "",
        Look(r"json\[\d\]\.(run_id|status|multitask_strategy|kwargs\.(input|config\.configurable\.run_id|stream_mode)\S*)",
             "value|missing|extra", r"(08/29|11/(7|9|21)|1[67]/\d+) GET /threads/[^/]*/runs")),
    row("`select` of a list of runs is followed; the reference ignores it.", "",
        Look(r"json\[\d\]\.(thread_id|assistant_id|metadata|status)", "missing", r"1[67]/\d+ GET .*select=")),
    row("`before` of a history may be an object, and `subgraphs` of a state a boolean; the reference refuses what its own SDKs "
        "send.", "",
        Look("status", "value", "/history|state/checkpoint", "400", "200"),
        Look("json", "value", "/history", "ZodError"),
        Look(r"json\.(values|next|tasks|metadata|created_at|checkpoint|parent_checkpoint)", "extra", "08/13 ")),
    row("`on_completion: \"complete\"`, which the JS SDK's types have, is taken for `delete`; the reference refuses it.", "",
        Look("status", "value", "16/.*POST /runs/stream", "400", "200"),
        Look("body", "value", "16/.*POST /runs/stream", "", "a stream")),
    row("A thread's copy shows its values.", "", Look(r"json\.(values|interrupts)", "extra", "/copy")),
    row("A run in the background begins at once; the reference looks for work once a second.", "",
        Look(r"json\.status", "value", "16/28 ", "pending", "success")),
    row("Deleting a run leaves the thread as it is; the reference takes back the run's checkpoints.",
        "The record of a run is not the state of the thread; a rollback is what takes it back.",
        Look(r"json(\[0\])?\.values\.\S+", "value|extra", r"16/\d+ (GET|POST) /threads/[^/]*/(state|history)")),
    row("Cancelling with `wait=0` is answered at once, with 202.", "204 would say that it has ended.",
        Look("status", "value", "/cancel\\?wait=0", "204", "202"),
        Look(r"headers\.content-type", "extra", "/cancel\\?wait=0")),
    row("A thread whose run was cancelled shows the values that the run has left.", "",
        Look(r"json\.(values|interrupts)", "extra", r"10/(7|46) GET")),
    row("A rollback takes back all that the run has done and deletes it, also when it was running.",
        "The reference leaves its checkpoints and an error.",
        Look("status", "value", r"(10/17|11/20) GET", "200", "404"), Look("body", "value", r"(10/17|11/20) GET"),
        Look(r"headers\.content-type", "value", r"(10/17|11/20) GET", "json", "plain"),
        Look(r"json\.status", "value", "10/18 ", "error", "idle"), Look(r"json\.(values|interrupts)", "missing", "10/18 "),
        Look(r"json\.(values\.\w+|next\[0\]|tasks\[0\]|created_at|checkpoint|parent_checkpoint|metadata)", "missing|value",
             "10/19 "),
        Look(r"json\.log\[\d\]", "value|missing", "11/19 "), Look(r"json\[\d\]", "missing", "11/2[12] "),
        Look(r"json\[\d\]\.(values|metadata|parent_checkpoint|next|tasks)\S*", "value|missing|extra", "11/22 ")),
]

STATES = [
    row("Checkpoints, tasks and messages do not carry marks of the reference's platform (`langgraph_version`, `langgraph_plan`, "
        "`langgraph_host`, `langgraph_api_url`, `ls_integration`, `versions`, and `run_attempt` in checkpoints).", "",
        Look(ANY + r"\.metadata\.(ls_integration|langgraph_(version|plan|host|api_url)|run_attempt)", "missing"),
        Look(ABOUT + r"\.(ls_integration|langgraph_(version|plan|host|api_url)|versions)", "missing"),
        Look(ANY + r"\.metadata\.versions", "missing"),
        Look(MESSAGE + r"\.metadata", "missing")),
    row("A checkpoint that was made by writing to the state does not name the graph.", "Its thread does.",
        Look(r"json(\[7\])?\.metadata\.graph_id", "missing", "08/(20|24) ")),
    row("A task that has asked, was answered and has finished shows its result, not its question.", "",
        Look(r"json(\[\d\])?\.tasks\[0\]\.interrupts\[0\]", "missing", "09/9 |18/14 "),
        Look(r"json(\[\d\])?\.tasks\[0\]\.result", "value", "09/9 |18/14 ", "None")),
    row("The `error` of a failed task is `Class: sentence`, not a JSON text.", "It is for people to read.",
        Look(r"json(\[\d\])?\.tasks\[0\]\.error", "value", "12/")),
    row("A thread's `interrupts` name the tasks of the graph itself that ask, and no others; the reference names the innermost "
        "task, and with an empty list those that do not ask.", "They are the tasks of its state.",
        Look(r"json\.interrupts\.\S+", "missing", r"GET /threads/<u7:\d+>$"),
        Look(r"json\.interrupts\.[0-9a-f-]+", "extra", "18/18 ")),
    row("A thread that has failed says so in `error`.", "The SDKs' types have it.", Look(r"json\.error", "extra", "GET /threads/")),
    row("A thread's `values` have what finished tasks of an unfinished step have written, as its state has.", "",
        Look(r"json\.values\.answers\[0\]", "extra", "18/6 ")),
    row("States of graphs inside do not carry the place that they run at in their metadata; `checkpoint_map` has the places "
        "above.", "",
        Look(r"json\.tasks\[0\]\.state\.metadata\.(checkpoint_map|checkpoint_ns|langgraph_\w+)", "missing", "18/20 "),
        Look(r"json\.tasks\[0\]\.state\.(parent_)?checkpoint\.checkpoint_map\S*", "missing|value", "18/20 ")),
    row("A thread belongs to the graph that began it: a run of another graph fails, when nodes or fields of the thread are not "
        "that graph's, and leaves its state.", "Half of a state would be lost without a word.",
        Look(r"json\.(log|topic|result)\S*", "missing|value", "(12/(9|12)|17/\\d+) "),
        Look(r"json\.__error__", "extra", "12/(9|12) "),
        Look(r"json\.__error__\.error", "value", "18/24 ", "BoomError", "InvalidUpdateError"),
        Look(r"json\.(values|error)", "value", "18/webhook POST /failed"),
        Look(r"json\.status", "value", "12/13 ", "idle", "error"), Look(r"json\.values\.n", "extra", "12/13 "),
        Look(r"json\.metadata\.(graph|assistant)_id", "value", "12/13 "),
        Look(r"json(\[\d\])?\.values\.\S+", "missing|value", "(12/13|17/\\d+) ")),
]

STREAMS = [
    row("A run in the background that names no `stream_mode` keeps the events of all modes for who joins; the reference keeps "
        "`values`.", "",
        Look(r"events\.(events|tasks|debug|updates|checkpoints|custom)(\|\w+)*", "extra", "(04/12|10/4|10/36) GET")),
    row("Reading a run's stream gives every reader all of it, from the beginning or behind `Last-Event-ID`, also after the end. "
        "In the reference readers take events from each other.", "",
        Look(r"events\.(metadata|values|updates|custom)", "extra", "(10/(36|41)|18/2[78]) GET"),
        Look(r"events\.custom\.tick", "value", "18/2[78] ")),
    row("`stream_mode` of a join is followed; the reference ignores it.", "",
        Look(r"events\.updates", "missing", "10/42 "), Look(r"event ids\[\d\]", "value", "10/42 ")),
    row("Joining a stateless run does not repeat `Content-Location`.", "Its client has the address.",
        Look(r"headers\.content-location", "missing", "04/12 ")),
    row("The stream mode `tools` is refused with 422.", "There are no tool nodes yet.",
        Look("status", "value", "(05/9|06/17) ", "200", "422"),
        Look(r"headers\.(cache-control|content-location)", "missing", "(05/9|06/17) "),
        Look(r"headers\.content-type", "value", "(05/9|06/17) "), Look("body", "value", "(05/9|06/17) ", "a stream")),
    row("With `stream_subgraphs`, `checkpoints` that nobody asked for do not come.", "",
        Look(r"events\.checkpoints(\|\w+)*", "missing", "", "parent_id")),
    row("With `stream_subgraphs`, `messages` name the graph that a node is of, without the node itself, as the hosted server "
        "says it.", "",
        Look(r"events\.messages(\|\w+)+", "missing", "07/[39] "), Look(r"events\.messages(\|\w+)*", "extra", "07/[39] ")),
    row("With `stream_subgraphs`, `messages/complete` come, too.", "",
        Look(r"events\.messages/complete", "extra", "07/5 ")),
    row("Messages have ids of ours, do not tell the provider's `role`, and pieces of a message without text or anything else are "
        "not sent.", "",
        Look(ANY + r"\.additional_kwargs\.role", "missing"), Look(r"events\.messages(/partial)?", "missing", "", "'role'"),
        Look(r"events\.events", "missing", "", "'role': 'assistant'"),
        Look(r"events\.messages(/complete)?\[0\]\.id", "value", "0[56]/", "tool-call_1")),
    row("`usage_metadata` has no empty details.", "", Look(ANY + r"\.(input|output)_token_details", "missing")),
    row("A whole message has its calls of tools in `tool_calls` only; pieces have them in `tool_call_chunks` only.", "",
        Look(MESSAGE + r"\.tool_call_chunks\[0\]", "missing"),
        Look(ANY + r"\.tool_call_chunks\[0\]", "missing"),
        Look(CHUNK + r"\.(invalid_)?tool_calls\[0\]", "missing")),
    row("A message in the making names its model from the first `messages/partial` on.", "",
        Look(r"events\.messages/partial\[0\]\.response_metadata\.model_name", "extra"),
        Look(r"events\.messages/metadata\.<id>\.metadata\.tags", "extra")),
    row("Messages that a node returns without a model have the tags and the name of no LangChain runnable.", "",
        Look(r"events\.messages\[1\]\.(tags\[0\]|name)", "missing", "0[56]/")),
    row("A message that a node returns in another form is shown in the form that it has in the state, and as an event of "
        "`messages-tuple`.", "",
        Look(r"events\.messages", "extra", "18/1 ", "", "joined"),
        Look(r"events\.updates\.join\.messages\[0\]\.role", "missing", "18/1 "),
        Look(r"events\.updates\.join\.messages\[0\]\.(additional_kwargs|response_metadata|tool_calls|invalid_tool_calls|id|type)",
             "extra", "18/1 ")),
    row("Tasks in `tasks` and `debug` name the thread, too.", "",
        Look(r"events\.(tasks|debug)(\|\w+)*(\.payload)?\.metadata\.thread_id", "extra")),
    row("The end of a task in `tasks` and `debug` has `error`.", "The SDKs' types have it.",
        Look(r"events\.(tasks|debug)(\|\w+)*(\.payload)?\.error", "extra")),
    row("`checkpoints` and `debug` describe a checkpoint as fully as a state, with its metadata; its `config` has where it is "
        "and nothing else, and members that would be null are not there.", "",
        Look(CHECKPOINT + r"\.(metadata\.[\w-]+|tasks(\[\d\]\.(error|state|result))?|interrupts|created_at|checkpoint"
             r"|parent_checkpoint|config|parent_config)", "extra"),
        Look(CHECKPOINT + r"\.(parent_)?config\.(configurable\.(user-agent|run_id|graph_id|assistant_id|checkpoint_map)|metadata"
             r"|recursion_limit|tags)", "missing"),
        Look(CHECKPOINT + r"\.(parent_)?checkpoint\.checkpoint_map", "missing"),
        Look(CHECKPOINT + r"\.tasks\[0\]\.checkpoint", "missing")),
    row("`events` have `parent_ids`, as LangChain's version 2 of them says, ids made of names, and the name of the model; the "
        "input of a model's call is told when it begins.", "",
        Look(r"events\.events\.parent_ids", "extra"), Look(r"events\.events\.metadata\.tags", "extra"),
        Look(r"events\.events\.run_id", "value"),
        Look(r"events\.events\.name", "value", "", "ScriptedChat"),
        Look(r"events\.events\.data\.input", "missing"),
        Look(r"events\.events\.data\.output\.messages\[0\]\.id", "extra")),
    row("`events` do not tell of conditional edges and tools as runnables of their own.", "",
        Look(r"events\.events", "missing", "", "on_(chain|tool)_"),
        Look(r"events\.events", "missing", "", "invalid_tool_call|tool_call_chunk")),
    row("Two tasks that end in one moment may be told in another order.", "",
        Look(r"events\.(updates|tasks)", "missing|extra", "18/13 ")),
    row("A wait for a run that has asked answers with all open questions, also when another task ended after them.", "",
        Look(r"json\.answers", "missing", "18/11 "), Look(r"json\.__interrupt__", "extra", "18/11 ")),
]

STORE = [
    row("Items are found last changed first.", "",
        Look(r"json\.items\[\d\]\.(value\.\w+|namespace\[\d\])", "value", "13/.* POST /store/items/search")),
]

# Differences of the recorded server's surroundings, not of the servers.
SURROUNDINGS = [
    row("The recorded server had threads of earlier recordings.", "",
        Look(r"headers\.x-pagination-total", "value", "03/.* POST /threads/search"),
        Look(r"json\[0\]\.thread_id", "value", "03/15 "), Look("json", "value", "POST /threads/count"),
        Look(r"json\[\d\]", "missing", "17/10 POST /threads/search")),
    row("The provider of the recordings' models is a fake one.", "",
        Look(ANY + r"\.ls_provider", "value", "", "fake", "openai")),
]

TABLE = SURROUNDINGS + EVERYWHERE + ASSISTANTS + THREADS + RUNS + STATES + STREAMS + STORE

# What waits for work that others are doing now. Empty it as that comes.
NOT_YET = []

BEGIN, END = "<!-- the table of tests/replay/differences.py -->\n", "<!-- end -->"
PARTS = [("Everywhere", EVERYWHERE), ("Assistants", ASSISTANTS), ("Threads", THREADS), ("Runs", RUNS), ("States", STATES),
         ("Streams", STREAMS), ("The store", STORE), ("Not yet", NOT_YET)]


def page(text):
    """The page with the rows in their place."""
    parts = []
    for title, rows in PARTS:
        if rows:
            lines = [f"- {r.what}" + (f" {r.why}" if r.why else "") for r in rows]
            parts.append(f"\n## {title}\n\n" + "\n".join(lines) + "\n")
    return text[:text.index(BEGIN) + len(BEGIN)] + "".join(parts) + "\n" + text[text.index(END):]


if __name__ == "__main__":
    path = Path(__file__).parents[2] / "docs" / "differences.md"
    path.write_text(page(path.read_text()))
