"""The hub is told of what is new in feeds: by a real request, in the background, a bounded number of times."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from articles import websub
from articles.editorial import workflow
from articles.editorial.corrections import issue_correction
from articles.editorial.schedule import settle_due
from articles.models import Post
from cms.settings import read_web_address
from tests.factories import CategoryFactory, PostFactory, SeriesFactory

pytestmark = pytest.mark.django_db


class Hub(HTTPServer):
    """Keeps what it is sent and answers with ``status``."""

    status = 204
    received: list[list[tuple[str, str]]]


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
        self.server.received.append(parse_qsl(body, strict_parsing=True))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def hub(settings: Any) -> Iterator[Hub]:
    server = Hub(("127.0.0.1", 0), Answer)
    server.received = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.WEBSUB_HUB = f"http://127.0.0.1:{server.server_port}/publish"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def waiting() -> list[tuple[list[Any], timedelta]]:
    """Arguments of the tasks that are to tell a hub, with how long they wait."""
    rows = DBTaskResult.objects.filter(task_path=websub.PING).order_by("enqueued_at")
    now = timezone.now()
    return [(row.args_kwargs["args"], (row.run_after or now) - now) for row in rows]


def write_draft(**fields: Any) -> Post:
    return workflow.save_post(Post(), None, {"title": "題", "body": "本文", **fields})


def test_the_hub_is_told_of_every_feed_in_which_a_post_stands(hub):
    child = CategoryFactory(name="税", parent=CategoryFactory(name="政策"))
    post = PostFactory(categories=[child], tags=["AI"], authors=["経済班"], series=SeriesFactory(name="連載"))
    websub.ping(post.pk)
    [request] = hub.received
    assert request[0] == ("hub.mode", "publish")
    assert {name for name, _value in request[1:]} == {"hub.url"}
    lists = ["", f"/categories/{quote('政策')}", f"/categories/{quote('政策/税')}", "/tags/ai", f"/authors/{quote('経済班')}"]
    lists.append(f"/series/{quote('連載')}")
    expected = {f"http://testserver{one}/{file}" for one in lists for file in ("rss.xml", "atom.xml", "feed.json")}
    assert {value for _name, value in request[1:]} == expected
    assert len(request) == 1 + len(expected)


def test_the_addresses_are_those_that_the_feeds_themselves_state(client, hub):
    post = PostFactory(categories=["政策"], tags=["AI & co"], authors=["経済班"])
    for topic in websub.list_topics(post):
        response = client.get(topic.removeprefix("http://testserver"))
        assert response.status_code == 200
        assert response.headers["Link"].endswith(f'<{topic}>; rel="self"')


def test_a_post_with_many_terms_is_told_in_several_requests(hub):
    websub.ping(PostFactory(tags=[f"t{number}" for number in range(40)]).pk)
    assert [len(request) - 1 for request in hub.received] == [50, 50, 23]


def test_publishing_its_minute_and_a_correction_have_the_hub_told(settings, django_capture_on_commit_callbacks):
    settings.WEBSUB_HUB = "https://hub.example.jp/"
    post = write_draft()
    with django_capture_on_commit_callbacks(execute=True):
        post = workflow.publish(post, None)
    assert [arguments for arguments, _wait in waiting()] == [[post.pk]]
    with django_capture_on_commit_callbacks(execute=True):
        issue_correction(post, None, "三は四の誤り", with_changes=False)
    assert len(waiting()) == 2
    later = write_draft(title="あす")
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(later, None, timezone.now() + timedelta(days=1))
    assert len(waiting()) == 2
    Post.objects.filter(pk=later.pk).update(published_at=timezone.now() - timedelta(minutes=1))
    with django_capture_on_commit_callbacks(execute=True):
        settle_due()
    assert [arguments for arguments, _wait in waiting()] == [[post.pk], [post.pk], [later.pk]]


def test_without_a_hub_and_for_a_standing_page_nobody_is_told(settings, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(write_draft(), None)
    settings.WEBSUB_HUB = "https://hub.example.jp/"
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(write_draft(kind=Post.Kind.PAGE), None)
    assert waiting() == []


def test_what_was_withdrawn_meanwhile_is_not_told(hub):
    websub.ping(PostFactory(state=Post.State.WITHDRAWN).pk)
    websub.ping(0)
    assert hub.received == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_hub_at_fault_is_tried_again_a_bounded_number_of_times(hub, status, caplog, django_capture_on_commit_callbacks):
    hub.status = status
    post = PostFactory()
    for tries in range(len(websub.WAITS) + 1):
        with django_capture_on_commit_callbacks(execute=True):
            websub.ping(post.pk, tries)
    found = waiting()
    assert [arguments for arguments, _wait in found] == [[post.pk, tries + 1] for tries in range(len(websub.WAITS))]
    assert [round(wait.total_seconds() / 60) for _arguments, wait in found] == list(websub.WAITS)
    assert [record.levelname for record in caplog.records if record.name == "articles.websub"] == ["WARNING"] * 4 + ["ERROR"]


def test_a_hub_that_refuses_is_not_asked_again(hub, django_capture_on_commit_callbacks):
    hub.status = 403
    with django_capture_on_commit_callbacks(execute=True):
        websub.ping(PostFactory().pk)
    assert waiting() == []


def test_a_hub_that_is_not_there_harms_nothing(settings, django_capture_on_commit_callbacks):
    settings.WEBSUB_HUB = "http://127.0.0.1:9/"
    post = PostFactory()
    with django_capture_on_commit_callbacks(execute=True):
        websub.ping(post.pk)
    assert [arguments for arguments, _wait in waiting()] == [[post.pk, 1]]


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "hub.example.jp", "https://", "ftp://a/", "https://a/\n", "https://例え/"]
)
def test_a_hub_is_a_web_address(monkeypatch, address):
    monkeypatch.setenv("WEBSUB_HUB", address)
    if address.strip() != address:
        assert read_web_address("WEBSUB_HUB") == address.strip()
        return
    with pytest.raises(ImproperlyConfigured, match="WEBSUB_HUB"):
        read_web_address("WEBSUB_HUB")
