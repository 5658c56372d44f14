"""A server with keys, and clients with and without one."""
import os
import shutil
import subprocess

import pytest

from conftest import HERE
from harness.server import Server
from test_js import LINES, node  # noqa: F401, the fixture

KEY = "k-of-a-client-1234"
PROGRAM = """
const { Client } = await import("sdk-%s");
const apiUrl = process.env.ANABRANCH_URL;
const good = new Client({ apiUrl, apiKey: process.env.KEY });
console.log((await good.runs.wait(null, "seq", { input: { topic: "t" } })).result);
let tries = 0;
const bad = new Client({ apiUrl, apiKey: "wrong", onRequest: (_, init) => { tries++; return init; } });
await bad.threads.create().catch((error) => console.log(error.message.slice(0, 8), tries));
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("locked")
    shutil.copytree(HERE / "graphs", folder / "graphs")
    server = Server(folder, ANABRANCH_API_KEYS=KEY)
    try:
        yield f"http://127.0.0.1:{server.wait_listening().client.port}"
        assert KEY not in server.log
    finally:
        server.finish()


@pytest.mark.parametrize("kind", ["get_sync_client", "get_client"])
def test_python_clients_need_a_key(locked, python_client, kind):
    good = python_client(kind, locked, api_key=KEY)
    assert good.runs.wait(None, "seq", input={"topic": "t"})["result"] == "t!"
    from langgraph_sdk.errors import AuthenticationError
    with pytest.raises(AuthenticationError, match="key"):
        python_client(kind, locked, api_key="wrong").threads.create()
    with pytest.raises(AuthenticationError):
        python_client(kind, locked, api_key=None).assistants.get("seq")


@pytest.mark.parametrize("line", LINES)
def test_js_clients_need_a_key_and_do_not_try_again(locked, node, line):
    env = os.environ | {"ANABRANCH_URL": locked, "KEY": KEY}
    done = subprocess.run([node, "--input-type=module", "-e", PROGRAM % line], cwd=HERE, env=env, text=True, capture_output=True, timeout=60)
    assert done.stdout.splitlines() == ["t!", "HTTP 401 1"], done.stdout + done.stderr
