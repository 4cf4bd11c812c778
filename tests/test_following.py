"""Every process hears of changes within a second, on either database, and comes back when the database does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from articles import changes
from articles.changes import (
    Aspect,
    find_position,
    forget_old_changes,
    has_triggers,
    install_triggers,
    mark,
    read_changes,
    remove_triggers,
)
from articles.edge import ALL, Edge, token_of
from articles.following import Follower, Portion
from articles.models import Change, Post, Tag, TermRedirect
from articles.shown import Marks
from tests.factories import CategoryFactory, PostFactory
from tests.pages import CachedSite, wait_until


class Heard:
    """Stands for the pages of a process."""

    def __init__(self) -> None:
        self.portions: list[Portion] = []
        self.begun = 0

    def begin(self, at: float, frame: tuple[str, str]) -> None:
        self.begun += 1

    def apply(self, portion: Portion, frame: tuple[str, str]) -> int:
        self.portions.append(portion)
        return 0

    def has(self, key: str) -> bool:
        return any(key in portion.marks.keys for portion in self.portions)


@pytest.fixture
def processes(transactional_db: None) -> Iterator[list[Heard]]:
    """What three processes hear."""
    heard = [Heard() for _process in range(3)]
    followers = [Follower(each) for each in heard]
    for follower in followers:
        follower.start()
    wait_until(lambda: all(follower.is_following() for follower in followers), 60)
    yield heard
    for follower in followers:
        follower.stop()


def test_every_process_hears_of_a_change_when_it_is_committed_and_not_before(processes: list[Heard]) -> None:
    post = PostFactory()
    wait_until(lambda: all(heard.has(f"text:{post.pk}") for heard in processes), 30)
    other = PostFactory()
    with transaction.atomic():
        Post.objects.filter(pk=other.pk).update(title="まだ")
        Tag.objects.create(name="まだ")
        time.sleep(1.2)
        before = [sum("text" in "".join(p.marks.keys) for p in heard.portions) for heard in processes]
    wait_until(
        lambda: all(
            sum("text" in "".join(p.marks.keys) for p in heard.portions) > count
            for heard, count in zip(processes, before, strict=True)
        ),
        30,
    )


def test_nobody_hears_of_what_was_rolled_back(processes: list[Heard]) -> None:
    post = PostFactory()
    wait_until(lambda: all(heard.has(f"text:{post.pk}") for heard in processes), 30)
    for heard in processes:
        heard.portions.clear()
    with transaction.atomic():
        Post.objects.filter(pk=post.pk).update(title="nie")
        transaction.set_rollback(True)
    marker = PostFactory()
    wait_until(lambda: all(heard.has(f"text:{marker.pk}") for heard in processes), 30)
    assert not any(heard.has(f"text:{post.pk}") and post.pk != marker.pk for heard in processes)


@pytest.mark.django_db
def test_what_was_read_when_the_database_went_away_is_told_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    follower = Follower(heard)
    follower.begin()
    post = PostFactory()

    def refuse(_rows: Any) -> Marks:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr("articles.following.mark", refuse)
        follower._version = None
        with pytest.raises(OperationalError):
            follower.poll()
    assert not heard.has(f"text:{post.pk}")
    follower._version = None
    follower.poll()
    assert heard.has(f"text:{post.pk}")


@pytest.mark.django_db
def test_a_long_import_is_one_change_of_everything() -> None:
    position, _seen = find_position()
    PostFactory.create_batch(301)
    rows, _position, _seen = read_changes(position)
    assert mark(rows).everything


@pytest.mark.django_db
def test_more_changes_than_a_process_should_hold_are_one_change_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MOST_AT_ONCE", 4)
    position, _seen = find_position()
    PostFactory.create_batch(3)
    rows, _position, _seen = read_changes(position)
    assert [row.kind for row in rows] != ["all"]
    PostFactory.create_batch(20)
    rows, _position, _seen = read_changes(position)
    assert [row.kind for row in rows] == ["all"]
    again, later, seen = read_changes(position)
    assert [row.id for row in again] == [row.id for row in rows]
    if connection.vendor == "sqlite":
        assert later > rows[0].id
        assert seen.has(rows[0].turn)
        assert read_changes(later)[0] == []


@pytest.mark.postgres
def test_a_transaction_that_ends_late_is_heard_though_later_ones_were_before(transactional_db: None) -> None:
    """Rows are numbered when they are written and seen when their transaction ends: the number alone would skip them."""
    posts = PostFactory.create_batch(2)
    heard = Heard()
    follower = Follower(heard)
    follower.begin()
    heard.portions.clear()
    written, may_end = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            Post.objects.filter(pk=posts[0].pk).update(title="遅い")
            written.set()
            may_end.wait(30)
        connection.close()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    written.wait(30)
    Post.objects.filter(pk=posts[1].pk).update(title="速い")
    follower.poll()
    assert heard.has(f"text:{posts[1].pk}")
    assert not heard.has(f"text:{posts[0].pk}")
    heard.portions.clear()
    may_end.set()
    slow.join()
    follower.poll()
    assert heard.has(f"text:{posts[0].pk}")
    assert not heard.has(f"text:{posts[1].pk}"), "nothing is told twice"


@pytest.mark.django_db
def test_without_its_triggers_nothing_is_kept_and_the_log_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    remove_triggers(connection)
    assert not has_triggers(connection)
    heard = Heard()
    assert not Follower(heard).begin()
    assert "manage.py migrate" in caplog.text
    install_triggers(connection)
    assert has_triggers(connection)
    assert Follower(heard).begin()


@pytest.mark.django_db(transaction=True)
def test_the_table_of_former_addresses_of_terms_goes_and_comes_again() -> None:
    """A migration back takes a table away that triggers stand on."""
    call_command("migrate", "articles", "0022", verbosity=0)
    try:
        assert has_triggers(connection)
        assert "articles_termredirect" not in connection.introspection.table_names()
    finally:
        call_command("migrate", "articles", verbosity=0)
    assert has_triggers(connection)
    assert TermRedirect._meta.db_table in connection.introspection.table_names()


@pytest.mark.django_db
def test_old_changes_are_swept() -> None:
    Change.objects.create(kind="all", at=timezone.now() - timedelta(hours=2))
    Change.objects.create(kind="all")
    assert forget_old_changes() == 1


@pytest.mark.django_db
def test_a_row_says_how_far_a_change_reaches() -> None:
    post = PostFactory()
    steps = {
        Aspect.TEXT: {"body_html": "<p>x</p>"},
        Aspect.CARD: {"title": "x"},
        Aspect.ENTRY: {"published_at": timezone.now()},
    }
    for aspect, values in steps.items():
        position, _seen = find_position()
        Post.objects.filter(pk=post.pk).update(**values)
        rows, _position, _seen = read_changes(position)
        assert [row.aspect for row in rows if row.kind == "post" and row.key == post.pk][-1] == aspect


@pytest.mark.django_db
def test_the_command_has_everything_made_anew(capsys: pytest.CaptureFixture[str]) -> None:
    post = PostFactory()
    site = CachedSite()
    site.get(post.path)
    call_command("forget_pages")
    site.follower.hear()
    assert site.kept == {}


# --- Caches of other machines ---------------------------------------------------------------------------------------------


class Service(BaseHTTPRequestHandler):
    """A service that delivers pages, and refuses its first message."""

    messages: list[tuple[str, str]] = []
    refuses = 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_refused, type(self).refuses = type(self).refuses > 0, type(self).refuses - 1
        if not is_refused:
            self.messages.append((self.headers.get("Surrogate-Key", ""), body.decode()))
        self.send_response(503 if is_refused else 200)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def service(settings: Any) -> Iterator[type[Service]]:
    Service.messages, Service.refuses = [], 1
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.EDGE_PURGE_URL = f"http://127.0.0.1:{server.server_port}/purge"
    yield Service
    server.shutdown()
    server.server_close()


def test_a_cache_elsewhere_is_told_of_tokens_and_told_again_where_it_refused(service: type[Service]) -> None:
    edge = Edge()
    edge.begin(0.0, ("a", "b"))
    wait_until(lambda: service.messages, 30)
    assert service.messages == [(ALL, "")]
    marks = Marks(keys={"card:1"}, gone={"text:1"}, addresses={"/a"})
    marks.places["tag:ai"].add((1,))
    edge.apply(Portion(1, frozenset({1}), 0.0, marks), ("a", "b"))
    wait_until(lambda: len(service.messages) == 2, 30)
    assert set(service.messages[1][0].split()) == {token_of(name) for name in ("card:1", "text:1", "@/a", "=tag:ai")}
    edge.apply(Portion(2, frozenset({2}), 0.0, Marks(frame=True)), ("other", "b"))
    wait_until(lambda: len(service.messages) == 3, 30)
    assert service.messages[2][0] == ALL


def test_a_service_that_wants_json_gets_it(service: type[Service], settings: Any) -> None:
    settings.EDGE_PURGE_FORM = "JSON"
    service.refuses = 0
    edge = Edge()
    edge.apply(Portion(1, frozenset({1}), 0.0, Marks(keys={"card:1"})), ("", ""))
    wait_until(lambda: service.messages, 30)
    assert json.loads(service.messages[0][1]) == {"tags": [token_of("card:1")]}


@pytest.mark.django_db
def test_pages_say_by_which_tokens_they_are_forgotten_only_where_somebody_forgets_them(client: Any, settings: Any) -> None:
    post = PostFactory(categories=[CategoryFactory(name="経済")])
    assert "Surrogate-Key" not in client.get(post.path).headers
    settings.EDGE_PURGE_URL = "https://cdn.example.jp/purge"
    answer = client.get(post.path)
    keys = answer.headers["Surrogate-Key"].split()
    assert {ALL, token_of(f"text:{post.pk}"), token_of("category:経済")} <= set(keys)
    assert answer.headers["Cache-Tag"].split(",") == keys
    assert "max-age=86400" in answer.headers["CDN-Cache-Control"]
    assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert "Surrogate-Key" not in client.get("/nothing/").headers
    assert "Surrogate-Key" not in client.get("/search/?q=AI").headers
