"""Processes are killed in the middle of imports and undos: nothing is lost, doubled or left behind."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import make_picture
from tests.installations import Factory, Installation, kill_after

SEED = 20261125
PLAN = """
import sys
from pathlib import Path
from articles.models import ImportRun
from articles.transfer.passages import fingerprint_archive
from articles.transfer.planning import start_planning
size, sha256 = fingerprint_archive(Path(sys.argv[1]))
run = ImportRun.objects.create(location=sys.argv[1], size=size, sha256=sha256, options={"user": ""})
start_planning(run, None)
"""
APPLY = """
from articles.models import ImportRun
from articles.transfer.applying import start_apply
run = ImportRun.objects.get()
start_apply(run, None, planned_at=run.planned_at)
"""
STATE = """
from articles.models import ImportRun
run = ImportRun.objects.first()
print(run.state if run else "")
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Posts that refer to each other, share terms and show pictures; some are refused."""
    folder = tmp_path_factory.mktemp("archive") / "news"
    (folder / "_posts").mkdir(parents=True)
    (folder / "images").mkdir()
    (folder / "_config.yml").write_text("url: https://news.example\n")
    for number in range(200):
        following = f"2025-01-01-n{(number * 7 + 1) % 200:03}"
        (folder / f"_posts/2025-01-01-n{number:03}.md").write_text(
            f"---\ntitle: 記事{number}\ntags: [札, ふだ{number % 40}]\nauthor: 編集{number % 7}\n"
            f"redirect_from: /old/{number}/\n---\n\n"
            f"次は [つぎ]({{% post_url {following} %}})。![絵](/images/{number % 12}.png)\n\n" + "本文はつづく。" * 60 + "\n"
        )
    for number in range(12):
        (folder / f"images/{number}.png").write_bytes(make_picture("navy", "white", (40 + number, 40)))
    for number in range(5):
        (folder / f"bad-{number}.md").write_text("---\ntitle: [\n---\n")
    return folder


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, archive: Path) -> Iterator[Factory]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("IMPORT_ROOTS", str(archive.parent))
        factory = Factory(tmp_path_factory.mktemp("sites"))
        yield factory
        factory.close()


@pytest.fixture(scope="module")
def imported(sites: Factory, archive: Path) -> tuple[Installation, dict[str, object], float]:
    """A site after an undisturbed import, what it holds, and how long the import took."""
    site = sites.make()
    began = time.monotonic()
    code, output = site.run("import_posts", str(archive), "--processes", "0")
    assert code == 0, output
    return site, site.inspect(), time.monotonic() - began


def state_of(site: Installation) -> str:
    return site.execute(STATE).strip()


def draw(seed: int, seconds: float) -> float:
    """A moment within the work of a command, once Python has started."""
    return random.Random(SEED + seed).uniform(0.35, 1.0) * seconds


@pytest.mark.parametrize("seed", range(3))
def test_an_import_killed_at_any_moment_and_resumed_gives_what_an_undisturbed_one_gives(
    seed: int, sites: Factory, archive: Path, imported: tuple[Installation, dict[str, object], float]
) -> None:
    _site, expected, seconds = imported
    site = sites.make()
    kill_after(site.start("import_posts", str(archive), "--processes", "0"), draw(seed, seconds))
    state = state_of(site)
    if state != "finished":
        again = ["--resume", "1"] if state else [str(archive)]
        code, output = site.run("import_posts", *again, "--processes", "0")
        assert code == 0, output

    assert site.inspect() == expected


def test_an_undo_killed_at_any_moment_and_started_again_leaves_nothing_behind(
    sites: Factory, imported: tuple[Installation, dict[str, object], float]
) -> None:
    full, _expected, seconds = imported
    before = sites.empty.inspect()
    site = sites.make(full)
    kill_after(site.start("undo_import", "1"), draw(100, min(seconds, 3.0)))
    if state_of(site) != "undone":
        code, output = site.run("undo_import", "1")
        assert code == 0, output

    found = site.inspect()
    assert found["digest"] == before["digest"]
    assert (found["posts"], found["revisions"], found["orphans"], found["public"]) == (0, 0, [], [])


def test_a_killed_workers_plan_and_import_are_taken_up_by_the_next_worker(
    sites: Factory, archive: Path, imported: tuple[Installation, dict[str, object], float]
) -> None:
    _site, expected, seconds = imported
    site = sites.make()
    for step in (PLAN, APPLY):
        site.execute(step, str(archive))
        kill_after(site.start("worker", "--once"), draw(7, seconds))
        code, output = site.run("worker", "--once")
        assert code == 0, output

    found = site.inspect()
    for name in ("digest", "posts", "revisions", "totals", "state", "public", "orphans"):
        assert found[name] == expected[name], name


HELD_OR_OVER = """
from articles.models import ImportRun
run = ImportRun.objects.get()
print(run.lease or ("over" if run.state == ImportRun.State.FINISHED else ""))
"""


def test_a_worker_that_is_asked_to_stop_checkpoints_and_ends_within_seconds(sites: Factory, archive: Path) -> None:
    site = sites.make()
    site.execute(PLAN, str(archive))
    assert site.run("worker", "--once")[0] == 0
    site.execute(APPLY)
    worker = site.start("worker")
    # On a busy machine it may be over between two looks, and is held by nobody then.
    while not site.execute(HELD_OR_OVER).strip():
        assert worker.poll() is None
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)

    assert worker.returncode == 0
    assert time.monotonic() - asked < 10
    assert state_of(site) in ("applying", "finished")
    assert site.run("worker", "--once")[0] == 0
    assert state_of(site) == "finished"


def test_ctrl_c_leaves_an_import_that_can_be_resumed(
    sites: Factory, archive: Path, imported: tuple[Installation, dict[str, object], float]
) -> None:
    _site, expected, _seconds = imported
    site = sites.make()
    process = site.start("import_posts", str(archive), "--processes", "0")
    while not site.execute(STATE).strip():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _errors = process.communicate(timeout=30)
    if state_of(site) != "finished":
        assert "--resume 1" in output
        assert "Traceback" not in output
        assert site.run("import_posts", "--resume", "1", "--processes", "0")[0] == 0

    assert site.inspect() == expected


TOGETHER = """
import json, sys, threading
from pathlib import Path
from django.db import connections
from articles.models import ImportRun, Post
from articles.transfer.importing import import_archive
start, runs = threading.Barrier(20), []
def begin():
    start.wait()
    runs.append(import_archive(Path(sys.argv[1]), processes=0).pk)
    connections.close_all()
threads = [threading.Thread(target=begin) for _ in range(20)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
made = [run.totals.get("create", 0) for run in ImportRun.objects.filter(pk__in=runs)]
states = sorted(ImportRun.objects.values_list("state", flat=True))
told = ImportRun.objects.filter(findings__0__code="same-archive").count()
print(json.dumps({"posts": Post.objects.count(), "made": sorted(made), "states": states, "told": told, "runs": len(runs)}))
"""
WORKED = """
import json, sys, threading
from django.db import connections
from articles.models import ImportRun, Post
from articles.transfer.applying import start_apply
from articles.transfer.background import work
from articles.transfer.runs import WrongState
run = ImportRun.objects.get()
start, done = threading.Barrier(20), []
def begin():
    mine = ImportRun.objects.get()
    start.wait()
    try:
        start_apply(mine, None, planned_at=run.planned_at)
        done.append("started")
    except WrongState:
        done.append("told")
    start.wait()
    work(run.pk, "applying")
    connections.close_all()
threads = [threading.Thread(target=begin) for _ in range(20)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
run.refresh_from_db()
print(json.dumps({"posts": Post.objects.count(), "state": run.state, "started": done.count("started"), "told": done.count("told"),
                  "applied": [event["code"] for event in run.events].count("applied")}))
"""


def test_of_twenty_imports_of_one_archive_at_once_one_runs_and_the_others_are_told(sites: Factory, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.md").write_text(f"---\ntitle: 記事{number}\ntags: [札{number}]\n---\n本文{number}\n")
    found = json.loads(sites.make().execute(TOGETHER, str(folder)))

    assert found["posts"] == 30
    assert found["runs"] == 20
    assert found["made"].count(30) == 1
    assert set(found["states"]) <= {"finished", "refused"}
    assert found["told"] == found["states"].count("refused")


def test_of_twenty_starts_of_one_plan_one_counts_and_it_is_carried_out_once(sites: Factory, archive: Path) -> None:
    site = sites.make()
    site.execute(PLAN, str(archive))
    assert site.run("worker", "--once")[0] == 0

    found = json.loads(site.execute(WORKED))

    assert found == {"posts": 200, "state": "finished", "started": 1, "told": 19, "applied": 1}
