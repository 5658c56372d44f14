"""For schemathesis (test_schemathesis.py): what a JSON Schema cannot say of requests, and what lets random ones get further
than the door. It runs in an environment of its own, as a module that the tool loads."""
import schemathesis

INT64 = 2**63
STATELESS = ("/runs", "/runs/wait", "/runs/stream", "/runs/batch")


def bounded(value):
    """Integers past 64 bits are no JSON for this server, wherever they stand."""
    if isinstance(value, int) and not isinstance(value, bool):
        return max(min(value, INT64 - 1), -INT64)
    if isinstance(value, list):
        return [bounded(v) for v in value]
    if isinstance(value, dict):
        return {key: bounded(v) for key, v in value.items()}
    return value


def short(text):
    """Ids and names have a bound in bytes, where a schema counts characters."""
    return text.encode()[:255].decode(errors="ignore") if isinstance(text, str) else text


def soon(body):
    """A run that begins in a hundred years is waited for that long."""
    seconds = body.get("after_seconds")
    if isinstance(seconds, (int, float)) and seconds > 0.05:
        body["after_seconds"] = 0.05


def reachable(path, body):
    """Names of what is there in place of names of nothing, without what this door refuses."""
    if "assistant_id" in body or "graph" in body:
        body["assistant_id"] = "g"
    for key in ("graph_id", "key", "name"):
        if key in body:
            body[key] = short(body[key])
    if body.get("supersteps") and isinstance(body.get("metadata") or {}, dict):
        body["metadata"] = (body.get("metadata") or {}) | {"graph_id": "g"}
    if path.endswith(("/runs", "/wait", "/stream", "/batch", "/invoke")):
        for key in ("checkpoint", "checkpoint_id", *(["thread_id"] if path in STATELESS else [])):
            body.pop(key, None)
        if isinstance(body.get("config"), dict):
            body["config"].pop("configurable", None)


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode.is_positive:
        for name, value in (case.path_parameters or {}).items():
            case.path_parameters[name] = short(value) or "x"
    for name, value in (case.query or {}).items():
        if isinstance(value, list):
            case.query[name] = value[:5]  # a longer address is another matter (test_http.c)
    if not isinstance(case.body, (dict, list)):
        return
    case.body = bounded(case.body)
    is_right = case.meta is None or case.meta.generation.mode.is_positive
    for body in case.body if isinstance(case.body, list) else [case.body]:
        if isinstance(body, dict):
            soon(body)
            if isinstance(body.get("webhook"), str):
                del body["webhook"]  # nobody is to be called
            if is_right:
                reachable(case.operation.path, body)
