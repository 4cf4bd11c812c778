"""A mail server and a hub that hang: no editor waits for them, and what they were to get waits in the queue."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from articles import websub
from articles.editorial import accounts, notices, workflow
from articles.models import Notice, Post
from tests.faults import FaultProxy
from tests.people import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def hanging(settings) -> Iterator[FaultProxy]:
    """Mail and hub at a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as behind, FaultProxy("127.0.0.1", behind.getsockname()[1]) as proxy:
        proxy.set("hang")
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", proxy.port, 0.2
        settings.WEBSUB_HUB = f"http://127.0.0.1:{proxy.port}/"
        yield proxy


def queued() -> set[str]:
    return set(DBTaskResult.objects.values_list("task_path", flat=True))


def person(role: str) -> Any:
    found = make_person(role)
    found.email = f"{role}@example.jp"
    found.save()
    return found


def test_publishing_asks_neither_mail_server_nor_hub(hanging: FaultProxy, django_capture_on_commit_callbacks: Any) -> None:
    author, publisher = person("author"), person("publisher")
    post = workflow.save_post(Post(), author, {"title": "題", "body": "本文。"})
    with django_capture_on_commit_callbacks(execute=True):
        workflow.submit_for_review(post, author)
        workflow.publish(post, publisher)
    assert hanging.taken == 0
    assert {websub.PING, notices.SEND} <= queued()


def test_saving_at_the_desk_asks_neither(hanging: FaultProxy, django_capture_on_commit_callbacks: Any) -> None:
    publisher = person("publisher")
    client = Client()
    client.force_login(publisher)
    post = workflow.save_post(Post(), publisher, {"title": "題", "body": "本文。"})
    sets = {f"{name}_set-{what}_FORMS": 0 for name in ("postauthor", "postcategory") for what in ("TOTAL", "INITIAL")}
    data = {"title": "新しい題", "body": "本文。", "kind": "article", "flavour": "commonmark", "front_matter": post.front_matter}
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            reverse("admin:articles_post_change", args=[post.pk]),
            {**data, "seen": post.modified_at.isoformat(), "_verb": "publish", **sets},
        )
    assert answer.status_code == 302
    assert hanging.taken == 0


def test_a_forgotten_password_asks_no_mail_server(hanging: FaultProxy, django_capture_on_commit_callbacks: Any) -> None:
    person("author")
    with django_capture_on_commit_callbacks(execute=True):
        answer = Client().post(reverse("admin_password_reset"), {"email": "author@example.jp"})
    assert answer.status_code == 302
    assert hanging.taken == 0
    assert accounts.SEND_FORGOTTEN in queued()


def test_the_worker_gives_up_on_a_mail_server_that_hangs_and_asks_again_later(
    hanging: FaultProxy, django_capture_on_commit_callbacks: Any
) -> None:
    author, publisher = person("author"), person("publisher")
    post = workflow.save_post(Post(), author, {"title": "題", "body": "本文。"})
    workflow.submit_for_review(post, author)
    notice = Notice.objects.filter(recipient=publisher).get()
    with django_capture_on_commit_callbacks(execute=True):
        notices.deliver(notice.pk)
    assert hanging.taken == 1
    row = DBTaskResult.objects.get(task_path=notices.SEND)
    assert row.run_after is not None
    assert row.run_after > timezone.now() + timedelta(seconds=30)


def test_the_worker_gives_up_on_a_hub_that_hangs_and_asks_again_later(
    hanging: FaultProxy, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr(websub, "SECONDS", 0.2)
    publisher = person("publisher")
    post = workflow.save_post(Post(), publisher, {"title": "題", "body": "本文。"})
    workflow.publish(post, publisher)
    with django_capture_on_commit_callbacks(execute=True):
        websub.ping(post.pk)
    assert hanging.taken == 1
    row = DBTaskResult.objects.get(task_path=websub.PING)
    assert row.run_after is not None
    assert row.run_after > timezone.now() + timedelta(seconds=30)
