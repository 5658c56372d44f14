import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))

from harness.model import Model  # noqa: E402
from harness.server import Server  # noqa: E402
from models import teach  # noqa: E402

HERE = Path(__file__).parent


@pytest.fixture
def serve():
    """serve(database)(folder, its folders of graphs...): the client of a server with them, and what plays the models of the
    recordings and gets its webhooks."""
    ends = []

    def start(database, folder, *graphs):
        model = Model()
        ends.append(model.close)
        teach(model)
        server = Server(folder, ANABRANCH_DATABASE=database, OPENAI_BASE_URL=model.url,
                        ANABRANCH_WEBHOOK_HOSTS=f"127.0.0.1:{model.port}",
                        ANABRANCH_GRAPHS=":".join(str(HERE / name) for name in graphs))
        ends.append(server.finish)
        return server.wait_listening().client, model

    yield lambda database: lambda *arguments: start(database, *arguments)
    for end in reversed(ends):
        end()
