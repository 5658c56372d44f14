"""docs/clients.md: its examples run, and print what the page says."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import VENV
from harness.server import Server
from test_js import node  # noqa: F401, the fixture

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TEXT = (ROOT / "docs" / "clients.md").read_text()
BLOCKS = re.findall(r"^```(jsx?|python)\n(.*?)^```\n\n?((?:    [^\n]*\n)*)", TEXT, re.M | re.S)
SDK = '"@langchain/langgraph-sdk'


def cases():
    for language, code, printed in BLOCKS:
        lines = "12" if SDK in code else "1"
        for line in lines if language != "python" else "-":
            yield pytest.param(language, code, printed, line, id=f"{language}-{line}-{' '.join(code.split())[-30:]}")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A server with the sample graphs, as the page takes it for granted."""
    folder = tmp_path_factory.mktemp("samples")
    shutil.copytree(ROOT / "config" / "graphs", folder / "graphs")
    server = Server(folder, ANABRANCH_DEFAULT_MODEL="demo", ANABRANCH_DEMO_DELAY_MS="3")
    try:
        yield f"http://127.0.0.1:{server.wait_listening().client.port}"
    finally:
        server.finish()


def fits(said, expected):
    """`...` stands for any text within a line."""
    words = [re.escape(part) for part in re.sub(r"^    ", "", expected, flags=re.M).split("...")]
    return re.fullmatch(".*".join(words), said)


def test_there_are_examples():
    assert len(BLOCKS) == len(re.findall(r"^```\w+$", TEXT, re.M)) > 5


def test_the_versions_are_those_that_are_tested():
    packages = json.loads((HERE / "package.json").read_text())["dependencies"]
    pinned = [packages[name].rpartition("@")[2] for name in ("sdk-1", "sdk-2", "@langchain/langgraph")]
    pinned += re.findall(r"^langgraph-sdk==(.*)$", (HERE / "requirements.txt").read_text(), re.M)
    assert len(pinned) == 4 and all(f" {version}" in TEXT for version in pinned), pinned
    assert f"React {packages['react'].split('.')[0]} " in TEXT


@pytest.mark.parametrize(("language", "code", "printed", "line"), cases())
def test_an_example_does_what_the_page_says(request, samples, tmp_path, language, code, printed, line):
    code = code.replace("http://localhost:8123", samples).replace(SDK, f'"sdk-{line}')
    assert samples in code
    if language == "python":
        if not (VENV / "installed.txt").exists():
            pytest.skip("tests/setup has not installed the Python client; it needs the Python package index")
        words = [VENV / "bin" / "python", "-c", code]
    else:
        program = request.getfixturevalue("node")
        (tmp_path / f"example.{language}").write_text(code)
        words = [program, HERE / "js" / "example.mjs", tmp_path / f"example.{language}"]
    env = os.environ | {"NODE_ENV": "test", "NO_COLOR": "1", "ANABRANCH_URL": samples, "SDK_LINE": line}
    done = subprocess.run(words, env=env, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert fits(done.stdout, printed), done.stdout
