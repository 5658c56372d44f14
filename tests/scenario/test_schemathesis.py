"""Requests made of /openapi.json by schemathesis: no answer is a 5xx or one that the document does not have, what the document
forbids is refused, and what it allows is not. tests/run --long lets it run for minutes (ANABRANCH_SCHEMATHESIS_SECONDS)."""
import os
import subprocess
from pathlib import Path

import pytest

from harness.graphs import chain, note

TOOL = Path(__file__).parents[2] / ".cache/api-venv/bin/st"
HARNESS = Path(__file__).parent / "harness"
SECONDS = int(os.environ.get("ANABRANCH_SCHEMATHESIS_SECONDS", "30"))


@pytest.mark.skipif(not TOOL.exists(), reason="tests/setup has not installed api-venv")
def test_the_document_is_true(start, tmp_path):
    server = start(chain(one=note("one"), two=note("two")), ANABRANCH_TEST_ROUTES="1", ANABRANCH_DATABASE="sqlite:threads.db",
                   ANABRANCH_MAX_BODY_BYTES="1048576")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(HARNESS), "SCHEMATHESIS_HOOKS": "api_hooks",
           "LC_ALL": "C.UTF-8"}
    done = subprocess.run([TOOL, "--config-file", HARNESS / "api_tool.toml", "run", "--seed", os.environ.get("ANABRANCH_SCHEMATHESIS_SEED", "1"), "--max-time", str(SECONDS),
                           "--phases", "coverage,fuzzing,stateful", "--max-examples", "10", "--request-timeout", "60",
                           "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--no-color",
                           "--exclude-path", "/threads/{thread_id}/stream",  # it ends with its client only
                           f"http://127.0.0.1:{server.client.port}/openapi.json"],
                          cwd=tmp_path, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=SECONDS + 300)
    assert done.returncode == 0, done.stdout[-20000:]
    assert server.client.get("/ok").status == 200
