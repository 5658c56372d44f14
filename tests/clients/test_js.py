"""The JS clients: the files of js/ against each line of the SDK that people get, on each database."""
import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LINES = {"1": "the line that goes on", "2": "what `npm install` gives without a version"}


@pytest.fixture(scope="session")
def node():
    """A Node.js of the version that the clients need; tests/run finds one."""
    if not (HERE / "node_modules" / "installed.json").exists():
        pytest.skip("tests/setup has not installed the npm packages of tests/clients; it needs the npm registry")
    return os.environ.get("NODE", "node")


@pytest.mark.parametrize("line", LINES)
def test_javascript(node, url, line):
    env = os.environ | {"ANABRANCH_URL": url, "SDK_LINE": line, "NODE_ENV": "test", "NO_COLOR": "1"}
    done = subprocess.run([node, "--test-reporter=spec", "js/all.mjs"], cwd=HERE, env=env, text=True, capture_output=True, timeout=240)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[max(0, said.find("failing tests")):]
    assert int(re.search(r"pass (\d+)", said)[1]) > 80, said
