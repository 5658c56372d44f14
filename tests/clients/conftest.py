"""The server that the clients drive: the real binary, one for all tests of a worker and database, and judged at the end."""
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VENV = ROOT / ".cache" / "clients-venv"
sys.path.insert(0, str(HERE.parent / "scenario"))  # for harness
sys.path.insert(1, str(HERE))
sys.path[1:1] = [str(p) for p in VENV.glob("lib/python3*/site-packages")]

from harness.server import BINARY, Server  # noqa: E402

DATABASES = ["memory:", "sqlite:threads.db"]


def pytest_configure():
    if not Path(BINARY).is_file():
        raise pytest.UsageError(f"there is no {BINARY}; ANABRANCH_BIN names the program to test")


@pytest.fixture(scope="session", params=DATABASES, ids=["memory", "sqlite"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    shutil.copytree(HERE / "graphs", folder / "graphs")
    server = Server(folder, ANABRANCH_DATABASE=request.param, ANABRANCH_DEFAULT_MODEL="demo", ANABRANCH_DEMO_DELAY_MS="3",
                    ANABRANCH_HEARTBEAT_MS="100")
    server.database = request.param
    try:
        yield server.wait_listening()
    finally:
        server.finish()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.client.port}"


@pytest.fixture
def python_client():
    """python_client("get_client" or "get_sync_client", url, ...): the Python client of that kind, to be called like the sync one."""
    if not (VENV / "installed.txt").exists():
        pytest.skip("tests/setup has not installed the Python client; it needs the Python package index")
    import langgraph_sdk
    from blocking import blocking
    made = []

    def make(kind, url, **more):
        client = getattr(langgraph_sdk, kind)(url=url, **({"api_key": None} | more))
        made.append(client if kind == "get_sync_client" else blocking(client))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def make_client(python_client, server):
    """make_client(url): the sync client where threads are in memory, and the async one where they are in a file."""
    return lambda url: python_client("get_sync_client" if server.database == "memory:" else "get_client", url)


@pytest.fixture
def client(make_client, url):
    return make_client(url)


@pytest.fixture
def errors(client):  # behind client, which skips where the package is not there
    from langgraph_sdk import errors
    return errors
