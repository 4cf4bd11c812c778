"""Databases that hang, are gone, take nothing or are damaged: what readers and editors get, and that it ends by itself."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, close_old_connections, connection
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse

from articles.editorial import workflow
from articles.models import Post
from cms import outage
from cms.backends.limits import answer_within
from cms.backends.postgresql import base as postgresql
from cms.outage import Outage, find_file_fault, find_outage
from tests.conftest import uses_postgres
from tests.factories import PostFactory
from tests.faults import FaultProxy
from tests.people import make_person

WORDS = "一晩かけて書いた本文。"
sqlite_only = pytest.mark.skipif(uses_postgres(), reason="this run uses PostgreSQL")


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("words")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OperationalError("the connection is closed"), Outage.GONE),
        (InterfaceError("connection already closed"), Outage.GONE),
        (caused(OperationalError(), psycopg.errors.TooManyConnections()), Outage.GONE),
        (caused(OperationalError(), psycopg.errors.QueryCanceled()), Outage.GONE),
        (caused(OperationalError(), psycopg.errors.AdminShutdown()), Outage.GONE),
        (caused(InternalError(), psycopg.errors.IdleInTransactionSessionTimeout()), Outage.GONE),
        (caused(InternalError(), psycopg.errors.ReadOnlySqlTransaction()), Outage.READ_ONLY),
        (caused(InternalError(), psycopg.errors.DataCorrupted()), Outage.DAMAGED),
        (caused(InternalError(), psycopg.errors.InFailedSqlTransaction()), None),
        (caused(ProgrammingError(), psycopg.errors.UndefinedTable()), None),
        (caused(OperationalError(), of_sqlite(5)), Outage.GONE),
        (caused(OperationalError(), of_sqlite(8 | 1 << 8)), Outage.READ_ONLY),
        (caused(DatabaseError(), of_sqlite(11)), Outage.DAMAGED),
        (caused(DatabaseError(), of_sqlite(26)), Outage.DAMAGED),
        (ValueError("no database at all"), None),
        (SessionInterrupted("deleted meanwhile"), None),
        (None, None),
    ],
)
def test_an_outage_is_told_from_a_fault_of_the_program(error: Exception | None, expected: Outage | None) -> None:
    assert find_outage(error) is expected


@pytest.fixture
def client() -> Client:
    """As a browser: what is not answered by the site is an answer with 500, not an exception."""
    return Client(raise_request_exception=False)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    postgresql._breakers.clear()
    yield
    outage._met.clear()
    postgresql._breakers.clear()


@contextmanager
def reconnected(**changes: Any) -> Iterator[None]:
    """Connects anew with other settings, and again with the old ones."""
    kept = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(changes)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.clear()
        connection.settings_dict.update(kept)


@contextmanager
def read_only() -> Iterator[None]:
    options = dict(connection.settings_dict["OPTIONS"])
    if connection.vendor == "postgresql":
        options["options"] = "-c default_transaction_read_only=on"
    else:
        options["init_command"] = options["init_command"] + "PRAGMA query_only=ON;"
    with reconnected(OPTIONS=options):
        yield


def form_of(post: Post) -> dict[str, Any]:
    return {
        "title": "題",
        "body": WORDS,
        "kind": "article",
        "flavour": "commonmark",
        "front_matter": post.front_matter,
        "seen": post.modified_at.isoformat(),
        "session": "a1b2c3",
        **{f"{name}_set-{what}_FORMS": 0 for name in ("postauthor", "postcategory") for what in ("TOTAL", "INITIAL")},
    }


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_site_that_can_only_be_read_is_read_and_gives_editors_their_text_back(client: Client) -> None:
    public, person = PostFactory(), make_person("publisher")
    client.force_login(person)
    post = workflow.save_post(Post(), person, {"title": "題", "body": "本文。"})
    form = form_of(post)
    change, keep = (reverse(f"admin:articles_post_{name}", args=[post.pk]) for name in ("change", "keep"))
    with read_only():
        for path in (public.path, "/", "/feed.xml", "/api/v1/posts"):
            assert Client().get(path, follow=True).status_code in (200, 404), path
        assert Client().get(public.path).status_code == 200
        assert client.get("/admin/").status_code == 200
        assert client.get(change).status_code == 200
        saved = client.post(change, form)
        assert (saved.status_code, saved["Cache-Control"]) == (503, "no-store")
        assert int(saved["Retry-After"]) > 0
        assert WORDS in saved.text
        assert "読むことだけ" in saved.text
        kept = client.post(keep, {**form, "writing": "1"}, headers={"Accept": "application/json"})
        assert kept.status_code == 503
        assert "読むことだけ" in kept.json()["refused"]
        signed_in = Client(raise_request_exception=False).post("/admin/login/", {"username": "a", "password": "b", "next": "/"})
        assert signed_in.status_code == 503
        assert "読むことだけ" in signed_in.text
        ready = client.get("/readyz")
        if connection.vendor == "postgresql":
            assert ready.json()["checks"]["database"] == "read-only"
        assert ready.status_code == 200
    assert client.post(keep, {**form, "writing": "1"}, headers={"Accept": "application/json"}).json()["kept"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/admin/", "/admin/articles/post/", "/api/posts", "/feed.xml", "/sitemap.xml", "/search/?q=a"]
)
def test_no_address_answers_500_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    client.force_login(make_person("publisher"))

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("the database does not answer")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get(path)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Cache-Control"] == "no-store"
    assert path.startswith("/api/") == answer["Content-Type"].startswith("application/json")


@pytest.mark.django_db
def test_what_was_typed_comes_back_though_nobody_can_say_who_typed_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_person("publisher")
    client.force_login(person)
    post = workflow.save_post(Post(), person, {"title": "題", "body": "本文。"})
    form = form_of(post)

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("the database does not answer")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.post(reverse("admin:articles_post_change", args=[post.pk]), form)
    assert answer.status_code == 503
    assert answer.text.count(WORDS) == 2
    assert "csrfmiddlewaretoken" in answer.text


@pytest.mark.django_db
def test_a_session_that_cannot_be_written_is_no_fault_of_the_browser(
    client: Client, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(make_person("publisher"))
    settings.SESSION_SAVE_EVERY_REQUEST = True
    monkeypatch.setattr("django.contrib.sessions.models.Session.save", _refuse_writing)
    answer = client.get("/admin/")
    assert answer.status_code == 503
    assert "読むことだけ" in answer.text


def _refuse_writing(*args: Any, **kwargs: Any) -> Any:
    raise caused(InternalError("read-only"), psycopg.errors.ReadOnlySqlTransaction())


def ask(path: str) -> int:
    """As a server asks, which lets go of old connections first; Django's client leaves that out."""
    close_old_connections()
    answer = Client(raise_request_exception=False).get(path)
    assert answer.status_code != 503 or int(answer.get("Retry-After", "5")) > 0
    close_old_connections()
    return answer.status_code


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


@pytest.fixture
def proxied() -> Iterator[FaultProxy]:
    """The connection goes through a proxy."""
    host, port = connection.settings_dict["HOST"] or "127.0.0.1", int(connection.settings_dict["PORT"] or 5432)
    options = {**connection.settings_dict["OPTIONS"], "connect_timeout": 2}
    with FaultProxy(host, port) as proxy, reconnected(HOST="127.0.0.1", PORT=str(proxy.port), OPTIONS=options):
        yield proxy
        proxy.set("pass")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["hang", "refuse"])
def test_readers_are_answered_while_postgresql_is_not_there_and_again_when_it_is(
    settings, proxied: FaultProxy, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    settings.DATABASE_READER_SECONDS = 1
    monkeypatch.setattr(postgresql, "SECONDS_LEFT_ALONE", 0.2)
    path = PostFactory().path
    assert ask(path) == 200
    proxied.set(mode)
    assert [ask(path) for _ in range(3)] == [503, 503, 503]
    assert ask("/readyz") == 503
    assert ask("/healthz") == 200
    proxied.set("pass")
    # Left alone for a moment; then it is asked again, without a restart.
    for _ in range(200):
        if ask(path) == 200:
            break
        time.sleep(0.05)
    assert ask(path) == 200


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_question_that_takes_too_long_is_cancelled_at_the_server() -> None:
    with answer_within(0.3), pytest.raises(OperationalError, match=r"did not answer within 0\.3"), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60) /* too long */")
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60) /* too long %' AND state = 'active'"
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_command_waits_as_long_as_it_takes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.5)")
        assert cursor.fetchone() is not None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_cut_is_made_anew_without_a_fault() -> None:
    path = PostFactory().path
    assert ask(path) == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        number = cursor.fetchone()[0]
    with psycopg.connect(
        host=connection.settings_dict["HOST"],
        port=connection.settings_dict["PORT"],
        user=connection.settings_dict["USER"],
        password=connection.settings_dict["PASSWORD"],
        dbname="postgres",
        autocommit=True,
    ) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [number])
    assert ask(path) == 200


# --- SQLite ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path: Path, transactional_db: None) -> Iterator[Path]:
    """The site on a copy of its database, made when the test asks for it by ``next``."""
    path = tmp_path / "folder" / "db.sqlite3"
    path.parent.mkdir()
    tmp_path.chmod(0o755)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])
    with reconnected(NAME=str(path)):
        yield path


@sqlite_only
def test_outside_debug_a_database_that_is_missing_is_never_begun(client: Client, settings, copied: Path) -> None:
    settings.DEBUG = False
    connection.settings_dict.pop("MAY_BE_MADE", None)
    copied.unlink()
    assert client.get("/").status_code == 503
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "missing")
    with pytest.raises(OperationalError, match=r"There is no database at .*migrate"):
        call_command("changepassword", "nobody")
    assert not copied.exists()
    # With the checks that the command line runs: they ask the database before anything is made.
    call_command("migrate", verbosity=0, skip_checks=False)
    assert copied.exists()


@sqlite_only
def test_a_database_that_is_taken_away_under_the_site_is_missing(client: Client, settings, copied: Path) -> None:
    settings.DEBUG = False
    assert client.get("/readyz").json()["checks"]["database"] == "ok"
    copied.rename(copied.with_name("elsewhere"))
    assert client.get("/readyz").json()["checks"]["database"] == "missing"


@sqlite_only
def test_a_damaged_database_is_named_with_what_to_do(client: Client, copied: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = PostFactory().path
    with connection.cursor() as cursor:
        cursor.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'articles_post'")
        page = cursor.fetchone()[0]
        cursor.execute("PRAGMA page_size")
        size = cursor.fetchone()[0]
    connection.close()
    with copied.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))
    answer = client.get(path)
    assert answer.status_code == 503
    assert f"The database {copied} is damaged" in caplog.text
    assert "backup" in caplog.text
    assert client.get("/readyz").json()["checks"]["database"] == "damaged"
    with pytest.raises(SystemCheckError, match=r"kawaraban\.E020"):
        call_command("check", databases=["default"])


@sqlite_only
def test_a_file_that_is_no_database_is_named(client: Client, copied: Path) -> None:
    copied.write_bytes(b"<html>" * 1000)
    assert client.get("/").status_code == 503
    assert client.get("/readyz").json()["checks"]["database"] == "damaged"


@sqlite_only
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_database_of_another_owner_is_named_with_its_remedy(client: Client, copied: Path) -> None:
    path = PostFactory.build().path
    assert client.get("/readyz").json()["checks"]["database"] == "ok"
    connection.close()
    copied.chmod(0o444)
    copied.parent.chmod(0o555)
    for folder in list(copied.parents)[1 : list(copied.parents).index(Path(tempfile.gettempdir()))]:
        folder.chmod(folder.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        fault = find_file_fault(copied)
        state = client.get("/readyz").json()["checks"]["database"]
    finally:
        os.seteuid(0)
    assert f"{copied} belongs to root and cannot be written by nobody" in fault
    assert "chown -R nobody" in fault
    assert state in ("read-only", "failed")
    assert path
