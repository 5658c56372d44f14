"""A name look-up that hangs for longer than anybody wants to wait."""
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.graphs import fan, llm, wait
from harness.server import BINARY, SANITIZER, environment, write_graphs

HUNG_DNS = str(Path(__file__).parent / "harness" / "hung_dns.py")


def test_a_hung_name_holds_up_only_its_own_branch(tmp_path):
    write_graphs(tmp_path, {"g": fan(asks=llm("m"), waits=wait(50, values={"log": "waited"}))})
    settings = {"OPENAI_BASE_URL": "http://hung.example/v1", "ANABRANCH_MODEL_CONNECT_MS": "700",
                # a look-up that is given up leaves its thread behind, which is alive at exit
                "ASAN_OPTIONS": "halt_on_error=1:detect_leaks=0"}
    begin = time.monotonic()
    done = subprocess.run([sys.executable, HUNG_DNS, BINARY, "run", "g", "--input", '{"q":"hi"}', "--stream"],
                          cwd=tmp_path, env=environment(tmp_path, settings), text=True, capture_output=True, timeout=60)
    if done.returncode == 77:
        pytest.skip("network namespaces are not permitted here")
    took = time.monotonic() - begin
    assert not SANITIZER.search(done.stderr), done.stderr
    assert done.returncode == 1, done.stderr
    assert re.search(r"event: updates\ndata: .*waited", done.stdout), "the other branch went on"
    assert "hung.example" in done.stdout + done.stderr
    assert 0.6 < took < 4, f"given up after {took:.1f} s"
