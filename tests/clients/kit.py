"""What the Python tests share."""
import re
import uuid

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "01a2045b-0000-7000-8000-000000000000"
RESULT = {"topic": "t", "log": ["draft:t", "polish"], "result": "t!"}


def word():
    """One that no other test uses: for searches on a server that all tests share."""
    return f"w{uuid.uuid4().hex}"


def new_thread(client, graph="seq", **more):
    return client.threads.create(graph_id=graph, **more)["thread_id"]


def data_of(parts, event):
    return [part.data for part in parts if part.event == event]
