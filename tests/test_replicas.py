"""Copies of the database: readers' pages come from them, nothing else does, and one that fails is done without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.test import Client

from articles.models import Post, SiteSettings
from cms import routers
from cms.backends.postgresql import base as postgresql
from tests.factories import PostFactory
from tests.faults import FaultProxy
from tests.people import make_person
from tests.test_settings import load  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
COPY = "replica1"


@pytest.fixture
def asked(settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The aliases that were asked something, in order; ``replica1`` is a second connection to the test database."""
    connections.settings[COPY] = {**connection.settings_dict, "OPTIONS": dict(connection.settings_dict["OPTIONS"])}
    copy = connections[COPY]

    def ensure_connection() -> None:
        if copy.connection is None:
            with copy.wrap_database_errors:
                copy.connect()

    # Django's own, without the test suite's refusal of databases that were not there when the test began.
    monkeypatch.setattr(copy, "ensure_connection", ensure_connection)
    settings.DATABASE_ROUTERS = ["cms.routers.ReplicaRouter"]
    routers._breakers.clear()
    postgresql._breakers.clear()
    seen: list[str] = []
    execute = CursorWrapper.execute

    def note(self: CursorWrapper, sql: Any, params: Any = None) -> Any:
        seen.append(self.db.alias)
        return execute(self, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", note)
    yield seen
    monkeypatch.undo()
    connections[COPY].close()
    delattr(connections._connections, COPY)
    del connections.settings[COPY]
    routers._breakers.clear()


def test_addresses_of_copies_are_read_from_the_environment(load: Any) -> None:  # noqa: F811
    values = load(
        DEBUG="1", DATABASE_URL="postgres://a:b@db/site", DATABASE_REPLICA_URLS="postgres://a:b@c1/site, postgres://a:b@c2/site"
    )
    databases = values["DATABASES"]
    assert [databases[name]["HOST"] for name in ("default", "replica1", "replica2")] == ["db", "c1", "c2"]
    assert databases["replica1"]["ENGINE"] == "cms.backends.postgresql"
    assert databases["replica1"]["TEST"] == {"MIRROR": "default"}
    assert values["DATABASE_ROUTERS"] == ["cms.routers.ReplicaRouter"]
    assert load(DEBUG="1", DATABASE_REPLICA_URLS="")["DATABASE_ROUTERS"] == []


def test_a_copy_that_is_no_postgresql_is_refused_without_its_password(load: Any) -> None:  # noqa: F811
    with pytest.raises(
        ImproperlyConfigured, match=r"DATABASE_REPLICA_URLS \(address 1\) is not the address of a database"
    ) as refused:
        load(DEBUG="1", DATABASE_REPLICA_URLS="mysql://a:geheim@c1/site")
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("path", ["", "/", "/feed.xml", "/api/posts", "/search/?q=題", "/sitemap.xml"])
def test_readers_pages_come_from_the_copy(asked: list[str], path: str) -> None:
    post = PostFactory()
    asked.clear()
    Client().get(path or post.path)
    assert set(asked) <= {COPY}
    assert asked or path == "/feed.xml"


def test_the_desk_reads_what_was_written(asked: list[str]) -> None:
    person, client = make_person("publisher"), Client()
    client.force_login(person)
    asked.clear()
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/articles/post/").status_code == 200
    assert client.get(PostFactory().path).status_code == 200, "somebody with a session sees what they just changed"
    assert client.get("/readyz").status_code == 200
    assert set(asked) == {"default"}


def test_commands_and_transactions_read_the_primary(asked: list[str]) -> None:
    list(Post.objects.all())
    with routers._reads(routers.Reading(COPY)), transaction.atomic():
        list(Post.objects.all())
    assert set(asked) == {"default"}


def test_who_wrote_reads_the_primary_from_then_on(asked: list[str]) -> None:
    with routers._reads(routers.Reading(COPY)):
        list(Post.objects.all())
        SiteSettings.objects.filter(pk=0).delete()
        asked.append("|")
        list(Post.objects.all())
    assert asked[0] == COPY
    assert asked[-1] == "default"


def test_a_copy_that_fails_is_left_alone_and_the_page_is_made_from_the_primary(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    post = PostFactory()
    tries = []

    def fail(*args: Any) -> Any:
        tries.append(1)
        raise OperationalError("gone")

    monkeypatch.setattr(connections[COPY], "connect", fail)
    connections[COPY].close()
    asked.clear()
    for _ in range(3):
        assert Client().get(post.path).status_code == 200
    assert set(asked) == {"default"}
    assert len(tries) == 1


def test_a_copy_is_asked_again_after_the_seconds(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    post = PostFactory()
    monkeypatch.setattr(routers, "SECONDS_LEFT_ALONE", 0.0)
    routers.breaker_of(COPY).note_failure("gone")
    asked.clear()
    assert Client().get(post.path).status_code == 200
    assert set(asked) == {COPY}


def test_the_tables_of_a_copy_come_from_the_primary() -> None:
    router = routers.ReplicaRouter()
    assert router.allow_migrate(COPY, "articles") is False
    assert router.allow_migrate("default", "articles") is None


@pytest.mark.postgres
def test_a_copy_that_hangs_is_left_alone(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routers, "SECONDS_TO_ANSWER", 0.5)
    post = PostFactory()
    with FaultProxy(connection.settings_dict["HOST"] or "127.0.0.1", int(connection.settings_dict["PORT"] or 5432)) as proxy:
        connections[COPY].close()
        connections[COPY].settings_dict.update(HOST="127.0.0.1", PORT=str(proxy.port))
        assert Client().get(post.path).status_code == 200
        proxy.set("hang")
        asked.clear()
        assert Client().get(post.path).status_code == 200
        assert Client().get(post.path).status_code == 200
        assert asked[-1] == "default"
        assert asked.count(COPY) == 1
        proxy.set("refuse")


@pytest.mark.postgres
def test_a_page_is_not_made_from_a_copy_that_has_not_seen_a_change(asked: list[str]) -> None:
    PostFactory()
    position = routers.read_position()
    assert routers.replica_has(position)
    assert not routers.replica_has("FFFFFFFF/0")
    with routers._reads(routers.Reading(COPY)):
        routers.reader_needs(position)
        asked.clear()
        list(Post.objects.all())
        routers.reader_needs("FFFFFFFF/0")
        list(Post.objects.all())
    assert (asked[0], asked[-1]) == (COPY, "default")


def test_without_copies_there_is_no_position(db: None) -> None:
    assert routers.read_position() == ""
    assert routers.replica_has("0/0")
