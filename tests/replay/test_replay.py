"""The recordings of the reference server, sent to this one: what differs is in the table of differences, and the table has
nothing that does not."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from differences import NOT_YET, TABLE, page
from replay import EXPECTED, Replay, load

DOCS = EXPECTED.parents[2] / "docs" / "differences.md"


def replay(name, serve, folder):
    exchanges, webhooks = load(name)
    folder.mkdir()
    replay = Replay(name, *serve(folder, "graphs", *(["graphs_more"] if name.startswith("18") else [])))
    replay.run(exchanges)
    replay.webhooks(webhooks)
    return replay.differences


@pytest.mark.parametrize("database", ["memory:", "sqlite:replay.db"])
def test_answers_differ_from_the_recorded_ones_only_where_the_table_says_so(serve, tmp_path, database):
    names = sorted(path.stem for path in EXPECTED.glob("*.json"))
    with ThreadPoolExecutor(len(names)) as pool:
        futures = [pool.submit(replay, name, serve(database), tmp_path / name) for name in names]
        differences = [d for future in futures for d in future.result()]
    looks = [look for row in TABLE + NOT_YET for look in row.looks]
    unexplained = [d for d in differences if not any(look.is_of(d) for look in looks)]
    assert not unexplained, "\n".join(["no row of the table explains:", *map(str, unexplained[:30])])
    unseen = [look for look in looks if not any(map(look.is_of, differences))]
    assert not unseen, "\n".join(["no answer looks like this any more:", *map(str, unseen)])


def test_the_page_of_differences_is_that_of_the_table():
    assert page(DOCS.read_text()) == DOCS.read_text(), "run tests/replay/differences.py"
