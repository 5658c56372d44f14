from pathlib import Path

import pytest

from harness.foreign import ForeignServer
from harness.model import Model
from harness.server import BINARY, Server, tool, write_graphs


def pytest_configure():
    if not Path(BINARY).is_file():
        raise pytest.UsageError(f"there is no {BINARY}; ANABRANCH_BIN names the program to test")


@pytest.fixture
def model():
    m = Model()
    yield m
    m.close()


@pytest.fixture
def start(tmp_path, model):
    """start(graphs, **settings): a server that listens, its model provider being `model`. graphs: one graph, named g, or
    several by name."""
    servers = []

    def start(graphs=None, arguments=(), listening=True, wrapper=(), **settings):
        if graphs is not None:
            write_graphs(tmp_path, {"g": graphs} if "nodes" in graphs else graphs)
        server = Server(tmp_path, arguments, wrapper, **({"OPENAI_BASE_URL": model.url} | settings))
        servers.append(server)
        return server.wait_listening() if listening else server

    yield start
    for server in servers:
        server.finish()


@pytest.fixture
def serve(start):
    """As start, but returns the server's client."""
    return lambda *args, **settings: start(*args, **settings).client


@pytest.fixture
def run_tool(tmp_path, model):
    """run_tool("check", "file.json", graphs={...}, SETTING=...): a subcommand to its end."""
    def run(*arguments, graphs=None, **settings):
        if graphs is not None:
            write_graphs(tmp_path, {"g": graphs} if "nodes" in graphs else graphs)
        return tool(tmp_path, *arguments, **({"OPENAI_BASE_URL": model.url} | settings))
    return run


@pytest.fixture
def foreign(tmp_path):
    """foreign(environment's name, arguments of its python): the address of a model server that is not ours."""
    running = []

    def start(name, *arguments):
        running.append(ForeignServer(tmp_path, name, arguments))
        return running[-1].url

    yield start
    for server in running:
        server.close()


@pytest.fixture
def fakellm(foreign, tmp_path):
    """fakellm(its rules): the address of a mock from the Python package index."""
    def start(rules):
        (tmp_path / "fakellm.yaml").write_text(rules)
        return foreign("venv", "-m", "uvicorn", "fakellm.server:app", "--host", "127.0.0.1", "--port", "0")
    return start
