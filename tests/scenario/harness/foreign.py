"""Model servers that this project did not write, from the environments that tests/setup installs."""
import re
import subprocess
from pathlib import Path

import pytest

from .wait import wait_until

CACHE = Path(__file__).parents[3] / ".cache"


class ForeignServer:
    """One of them, in the folder `folder`. A scenario without its server is skipped."""

    def __init__(self, folder, name, arguments):
        python = CACHE / name / "bin" / "python"
        if not python.exists():
            pytest.skip(f"tests/setup has not installed {name}")
        self.log = folder / "foreign.log"
        with self.log.open("w") as out:
            self.process = subprocess.Popen([python, *arguments], cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def _address(self):
        assert self.process.poll() is None, self.log.read_text()
        return re.search(r"running on (http://127\.0\.0\.1:[1-9]\d*)", self.log.read_text(), re.I)

    @property
    def url(self):
        return wait_until(self._address, "the foreign server", 60)[1] + "/v1"

    def close(self):
        self.process.kill()
        self.process.wait()
