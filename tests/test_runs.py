"""Who holds an import, what happens when its process dies or the world turns against it, and what its report says."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from articles import library, queue
from articles.differences import MAX_LINES, compare_texts, find_edits
from articles.management.commands.worker import fail_lost_tasks
from articles.models import ImportChange, ImportItem, ImportRun, MediaFile, Post, Redirect
from articles.transfer import importing, runs
from articles.transfer.background import work
from articles.transfer.importing import import_archive, resume_import
from articles.transfer.reporting import build_report, make_inert, stream_csv, stream_json
from articles.transfer.runs import LostLease, SiteIsBusy, WrongState, held, stop, take, take_up
from articles.transfer.storing import ChunkStore
from tests.factories import make_picture
from tests.folders import original_path
from tests.people import make_person
from tests.test_undoing import SITE, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write(tmp_path / "news", SITE)


def make_run(state: str = "applying", **values: Any) -> ImportRun:
    return ImportRun.objects.create(label="試し", state=state, heartbeat_at=timezone.now(), options={}, **values)


def kill_holder(run: ImportRun) -> None:
    """Makes the run's lease that of a process which has ended."""
    process = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    machine, space, _number, start, token = queue.name_holder().split("/")
    ImportRun.objects.filter(pk=run.pk).update(lease=f"{machine}/{space}/{process.stdout.strip()}/{start}/{token}")
    run.refresh_from_db()


# --- leases


def test_one_run_writes_at_a_time_and_the_next_one_waits() -> None:
    first, second = make_run(), make_run()
    lease = take(first, writes=True)
    with pytest.raises(SiteIsBusy) as busy:
        take(second, writes=True)
    assert busy.value.holder == first
    assert take(make_run("planning"), writes=False)
    lease.end("finished")
    assert take(second, writes=True)


def test_a_run_is_held_once_and_whoever_lost_it_writes_no_more() -> None:
    run = make_run()
    lease = take(run, writes=True)
    with pytest.raises(WrongState):
        take(ImportRun.objects.get(pk=run.pk), writes=True)
    lease.hold(done=3)
    stop(ImportRun.objects.get(pk=run.pk), None)
    for use in (lease.hold, lambda: lease.end("finished")):
        with pytest.raises(LostLease):
            use()
    run.refresh_from_db()
    assert (run.state, run.interrupted_in, run.writer, run.done) == ("interrupted", "applying", None, 3)


def test_a_dead_process_loses_its_run_at_once_on_this_machine_and_after_a_minute_elsewhere() -> None:
    run = make_run(planned_at=timezone.now())
    take(run, writes=True)
    assert not runs.is_dead(run)
    kill_holder(run)
    assert runs.is_dead(run)
    assert runs.is_stalled(run)

    run.lease = "elsewhere/1/2/3/x"
    assert not runs.is_dead(run)
    run.heartbeat_at = timezone.now() - timedelta(seconds=runs.LEASE_SECONDS + 1)
    assert runs.is_dead(run)


def test_a_worker_takes_up_what_a_dead_one_left_but_not_for_ever(django_capture_on_commit_callbacks: Any) -> None:
    run = make_run(planned_at=timezone.now())
    for number in range(runs.MAX_TAKEN_UP + 1):
        take(run, writes=True)
        kill_holder(run)
        with django_capture_on_commit_callbacks(execute=True):
            assert take_up() == (1 if number < runs.MAX_TAKEN_UP else 0)
        run.refresh_from_db()
    assert run.state == "interrupted"
    assert [event["code"] for event in run.events] == ["taken-up"] * runs.MAX_TAKEN_UP + ["given-up"]
    assert DBTaskResult.objects.filter(task_path="articles.tasks.apply_import").count() == runs.MAX_TAKEN_UP


def test_a_run_whose_task_was_lost_is_enqueued_again(django_capture_on_commit_callbacks: Any) -> None:
    run = make_run("planning")
    assert take_up() == 0
    ImportRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    with django_capture_on_commit_callbacks(execute=True):
        assert take_up() == 1
        assert take_up() == 0


def test_a_commands_own_import_is_resumed_by_its_operator_and_not_by_a_worker() -> None:
    run = make_run()
    take(run, writes=True)
    kill_holder(run)
    assert take_up() == 0
    run.refresh_from_db()
    assert (run.state, run.interrupted_in) == ("interrupted", "applying")


def test_tasks_of_dead_workers_are_marked_as_failed() -> None:
    run = make_run()
    take(run, writes=False)
    kill_holder(run)
    common = {"args_kwargs": {"args": [], "kwargs": {}}, "task_path": "x", "backend_name": "default", "run_after": timezone.now()}
    DBTaskResult.objects.create(status="RUNNING", worker_ids=[run.lease], exception_class_path="", traceback="", **common)
    DBTaskResult.objects.create(
        status="RUNNING", worker_ids=[queue.name_holder()], exception_class_path="", traceback="", **common
    )
    assert fail_lost_tasks() == 1
    assert sorted(DBTaskResult.objects.values_list("status", flat=True)) == ["FAILED", "RUNNING"]


def test_a_number_of_a_process_that_was_used_again_is_another_process() -> None:
    machine, space, number, start, token = queue.name_holder().split("/")
    assert queue.has_ended(f"{machine}/{space}/{number}/{start}/{token}") is False
    assert queue.has_ended(f"{machine}/{space}/{number}/{int(start) - 1}/{token}") is True
    assert queue.has_ended(f"other/{space}/{number}/{start}/{token}") is None
    assert queue.has_ended("nonsense") is None


# --- what goes wrong


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(28, "No space left on device", "/var/media/x"), "disk"),
        (OSError(5, "Input/output error", "/var/media/x"), "disk"),
        (OperationalError("database or disk is full"), "database"),
        (OperationalError("server closed the connection unexpectedly\nmore"), "database"),
    ],
)
def test_what_an_operator_can_mend_interrupts_with_a_reason_and_goes_on_later(
    error: Exception, code: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = import_archive(write(site.parent / "other", SITE), dry_run=True).totals
    original = ChunkStore.store
    with monkeypatch.context() as patch:

        def fail(self: ChunkStore, reads: Any) -> Any:
            raise error

        patch.setattr(ChunkStore, "store", fail)
        run = import_archive(site)
    assert (run.state, run.interrupted_in) == ("interrupted", "applying")
    assert run.events[-1]["code"] == code
    assert "\n" not in run.events[-1]["message"]
    assert ChunkStore.store is original
    resume_import(run, None)
    assert run.state == "finished"
    assert run.totals == expected


def test_a_fault_of_the_product_is_noted_and_raised(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: ChunkStore, reads: Any) -> Any:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(ChunkStore, "store", fail)
    with pytest.raises(ZeroDivisionError):
        import_archive(site)
    run = ImportRun.objects.get()
    assert (run.state, run.events[-1]["code"], run.writer) == ("interrupted", "broke-off", None)


def test_a_chunk_that_met_an_editor_is_tried_again(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ChunkStore._write
    tries = []

    def meet_once(self: ChunkStore, entries: Any) -> None:
        original(self, entries)
        tries.append(1)
        if len(tries) == 1:
            raise IntegrityError("UNIQUE constraint failed: articles_post.path")

    monkeypatch.setattr(ChunkStore, "_write", meet_once)
    run = import_archive(site)
    assert run.state == "finished"
    assert run.totals == {"create": 3, "refused": 1}
    assert set(Post.objects.values_list("path", flat=True)) == {"/2025/04/01/hajimari/", "/2025/04/02/tsuzuki/", "/about/"}


def test_an_interrupted_run_keeps_its_verdicts_when_it_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first attempt created stays "created", and is not "unchanged" for the second."""
    files = {f"_posts/2025-01-{day:02}-n.md": f"---\ntitle: 記事{day}\n---\n本文\n" for day in range(1, 21)}
    site = write(tmp_path / "n", {"_config.yml": "url: https://n.example\n", **files})
    monkeypatch.setattr(importing, "CHUNK", 5)
    original = ChunkStore.store
    calls = []

    def stop_after_two(self: ChunkStore, reads: Any) -> Any:
        calls.append(len(reads))
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return original(self, reads)

    monkeypatch.setattr(ChunkStore, "store", stop_after_two)
    run = import_archive(site, processes=0)
    assert run.totals == {"create": 10}
    resume_import(run, None)
    assert calls == [5, 5, 5, 5, 5]
    assert run.totals == {"create": 20}
    with pytest.raises(WrongState):
        resume_import(run, None)


def test_rights_lost_between_two_chunks_stop_a_running_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_person("superuser")
    files = {f"{number}.md": f"---\ntitle: 記事{number}\n---\n本文\n" for number in range(12)}
    monkeypatch.setattr(importing, "CHUNK", 4)
    original = ChunkStore.store

    def deactivate(self: ChunkStore, reads: Any) -> Any:
        items = original(self, reads)
        User.objects.filter(pk=user.pk).update(is_active=False)
        return items

    monkeypatch.setattr(ChunkStore, "store", deactivate)
    run = import_archive(write(tmp_path / "n", files), user=user, processes=0)
    assert (run.state, run.events[-1]["code"], run.totals) == ("interrupted", "rights-lost", {"create": 4})
    assert Post.objects.count() == 4


def test_a_file_that_came_with_the_resumed_import_is_imported_too(site: Path) -> None:
    run = import_archive(site)
    ImportRun.objects.filter(pk=run.pk).update(state="interrupted", interrupted_in="applying")
    write(site, {"new.md": "---\ntitle: 新\n---\n本文\n"})
    run.refresh_from_db()
    resume_import(run, None)
    assert run.totals == {"create": 4, "refused": 1}


def test_the_command_waits_for_nobody_with_the_same_archive(site: Path) -> None:
    holder = make_run(location=str(site))
    take(holder, writes=True)
    with pytest.raises(CommandError):
        call_command("import_posts", str(site), stdout=io.StringIO())
    run = ImportRun.objects.exclude(pk=holder.pk).get()
    assert (run.state, run.findings[0]["code"]) == ("refused", "same-archive")


def test_the_command_says_so_where_the_database_is_gone_altogether(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **values: Any) -> None:
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(runs.Lease, "hold", fail)
    with pytest.raises(CommandError, match="connection refused"):
        call_command("import_posts", str(site), stdout=io.StringIO())


def test_the_command_resumes_and_explains_what_cannot_be_resumed(site: Path) -> None:
    run = import_archive(site)
    ImportRun.objects.filter(pk=run.pk).update(state="interrupted", interrupted_in="applying")
    call_command("import_posts", "--resume", str(run.pk), stdout=io.StringIO())
    run.refresh_from_db()
    assert run.state == "finished"
    for wrong in (["--resume", str(run.pk)], ["--resume", "999"], []):
        with pytest.raises(CommandError):
            call_command("import_posts", *wrong, stdout=io.StringIO())


def test_a_task_that_comes_too_late_or_twice_does_nothing() -> None:
    run = make_run("finished")
    work(run.pk, "applying")
    work(run.pk + 1, "planning")
    run.refresh_from_db()
    assert run.state == "finished"


def test_a_waiting_run_is_enqueued_for_a_little_later(django_capture_on_commit_callbacks: Any) -> None:
    take(make_run(), writes=True)
    run = make_run(planned_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        work(run.pk, "applying")
    assert DBTaskResult.objects.get().run_after > timezone.now()
    run.refresh_from_db()
    assert (run.state, run.stage) == ("applying", "waiting")


def test_a_chunk_costs_a_constant_number_of_statements_for_an_account_too(
    tmp_path: Path, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    user = make_person("superuser")

    def count(name: str, number: int, text: str) -> int:
        files = {f"{place:03}.md": f"---\ntitle: {name}{place}\ntags: [一]\n---\n{text}\n" for place in range(number)}
        site = write(tmp_path / name, files)
        with django_assert_max_num_queries(600) as captured:
            import_archive(site, user=user, source_name=name, processes=0)
        return len(captured)

    for text in ("はじめ", "あとで"):
        ten, forty = count("ten", 10, text), count("forty", 40, text)
        # An update saves each post; what is kept for its undo costs the same for ten and for forty.
        per_post = 0 if text == "はじめ" else 30
        assert forty - ten <= per_post + 3, (text, ten, forty)


def test_the_journal_holds_what_was_made_and_nothing_for_a_second_import(site: Path) -> None:
    import_archive(site)
    made = sorted(ImportChange.objects.filter(before__isnull=True).values_list("model", flat=True))
    assert made.count("tag") == 2
    assert made.count("mediafile") == 1
    count = ImportChange.objects.count()
    run = import_archive(site)
    assert ImportChange.objects.count() == count
    assert not run.items.exclude(before=None).exists()


def test_missing_posts_are_reported_and_withdrawn_only_if_asked(site: Path) -> None:
    import_archive(site)
    (site / "about.md").unlink()
    run = import_archive(site)
    assert run.items.get(verdict="missing").post == Post.objects.get(path="/about/")
    assert Post.objects.get(path="/about/").state == "published"

    run = import_archive(site, withdraw_missing=True)
    assert run.items.get(verdict="withdraw").permalink == "/about/"
    assert Post.objects.get(path="/about/").state == "withdrawn"
    assert not Post.objects.get(path="/about/").is_edited


def test_an_archive_of_a_part_withdraws_nothing(site: Path) -> None:
    import_archive(site)
    for name in ("about.md", "_posts/2025-04-01-hajimari.md"):
        (site / name).unlink()
    run = import_archive(site, withdraw_missing=True)
    assert "partial-archive" in {finding["code"] for finding in run.findings}
    assert not Post.objects.filter(state="withdrawn").exists()


def test_who_may_not_publish_withdraws_no_public_post(site: Path) -> None:
    import_archive(site)
    (site / "about.md").unlink()
    run = import_archive(site, user=make_person("importer"), withdraw_missing=True)
    item = run.items.get(path="about.md")
    assert (item.verdict, item.findings[0]["code"]) == ("missing", "live-post")


# --- files


def test_what_a_killed_process_left_half_written_is_swept(media_root: Path) -> None:
    run = make_run()
    take(run, writes=False)
    kill_holder(run)
    folder = media_root.parent / "private" / "originals" / "ab"
    folder.mkdir(parents=True)
    dead = folder / f".new-{run.lease.rpartition('/')[0].replace('/', '~')}~x1"
    alive = folder / f".new-{queue.name_process().replace('/', '~')}~x2"
    for path in (dead, alive):
        path.write_bytes(b"half")
    library.mend()
    assert [path.name for path in folder.iterdir()] == [alive.name]


@pytest.mark.django_db(transaction=True)
def test_copies_for_readers_that_a_crash_lost_are_made_and_staged_ones_removed(media_root: Path) -> None:
    media = library.add_media(make_picture("navy", "white", (20, 20)), "a.png")
    public = media_root / media.public_name
    staged = media_root / ".staging" / media.sha256
    os.makedirs(staged.parent, exist_ok=True)
    os.replace(public, staged)
    library.mend()
    assert public.exists()
    assert not staged.exists()


@pytest.mark.django_db(transaction=True)
def test_an_original_that_is_removed_while_someone_stores_it_again_is_there_in_the_end(media_root: Path) -> None:
    picture = make_picture("navy", "white", (20, 20))
    media = library.add_media(picture, "a.png")
    original = original_path(media.sha256)
    MediaFile.objects.all().delete()
    with transaction.atomic():
        library.store_original(picture)
        original.unlink()
    assert original.read_bytes() == picture
    library.remove_unused_files([media.sha256], [media.public_name])
    assert not original.exists()
    assert not (media_root / media.public_name).exists()


# --- reports


def test_the_report_says_who_when_what_and_from_which_bytes(site: Path) -> None:
    user = make_person("superuser")
    run = import_archive(site, user=user)
    report = build_report(run)
    assert json.loads("".join(stream_json(run))) == report
    assert (report["user"], report["archive"], report["state"]) == ("superuser", "news", "finished")
    assert len(report["sha256"]) == 64
    item = next(item for item in report["items"] if item["path"] == "about.md")
    assert item["size"] == len(str(SITE["about.md"]).encode())
    assert item["sha256"]
    assert item["applied_at"]
    user.delete()
    run.refresh_from_db()
    assert build_report(run)["user"] == "superuser"


def test_an_empty_report_is_json_too() -> None:
    run = make_run()
    assert json.loads("".join(stream_json(run)))["items"] == []


def test_a_cell_of_the_csv_is_never_a_formula() -> None:
    run = make_run(sha256="=1")
    hostile = ["=1+1.md", "+1.md", "-1.md", "@a.md", "＝1.md", "\t=1.md", 'a",=1\n.md']
    ImportItem.objects.bulk_create([ImportItem(run=run, path=path, verdict="create") for path in hostile])
    text = "".join(stream_csv(run))
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) == 1 + len(hostile)
    assert all(len(row) == len(rows[0]) for row in rows)
    assert not [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r＝＋－＠"))]
    assert [make_inert(path) for path in hostile] == [row[7] for row in rows[1:]]


def test_a_report_costs_the_same_number_of_queries_whatever_its_length(django_assert_num_queries: Any) -> None:
    for number in (5, 50):
        run = make_run()
        ImportItem.objects.bulk_create([ImportItem(run=run, path=f"{place}", verdict="create") for place in range(number)])
        with django_assert_num_queries(1):
            list(stream_csv(run))


# --- differences


def test_a_difference_leads_from_one_text_to_the_other() -> None:
    old, new = list("abcabba"), list("cbabac")
    edits = list(find_edits(old, new))
    assert [old[one] for kind, one, _other in edits if kind != "added"] == old
    assert [new[other] for kind, _one, other in edits if kind != "removed"] == new
    assert sum(kind != "same" for kind, _one, _other in edits) == 5


def test_a_difference_shows_what_changed_and_a_little_around_it() -> None:
    text = "".join(f"行{number}\n" for number in range(100))
    found = compare_texts(text, text.replace("行50\n", "五十行\n"))
    assert [line.kind for line in found.lines] == ["gap", *["same"] * 3, "removed", "added", *["same"] * 3, "gap"]
    assert (found.removed, found.added, found.is_cut) == (1, 1, False)
    assert (found.lines[4].old, found.lines[4].new, found.lines[5].new) == (51, 0, 51)


def test_a_hostile_text_costs_little_and_is_cut() -> None:
    for old, new in [("a\n" * 300_000, "b\na\n" * 150_000), ("ab\n" * 9_000, "ba\n" * 9_000), ("x" * 2_000_000, "y")]:
        found = compare_texts(old, new)
        assert len(found.lines) <= MAX_LINES
        assert all(len(line.text) <= 400 for line in found.lines)
    assert compare_texts("", "").lines == []


def test_redirects_of_a_run_are_its_own(site: Path) -> None:
    import_archive(site)
    assert Redirect.objects.count() == 1
    with pytest.raises(WrongState), held(take(make_run(), writes=True)):
        raise WrongState("left to the caller")
