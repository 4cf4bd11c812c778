"""Background work, thin: each task calls one function. Enqueued by name through :mod:`articles.queue`."""

from __future__ import annotations

from django_tasks import task

from articles import cards, variants, websub
from articles.editorial import accounts, notices
from articles.models import ImportRun
from articles.queue import enqueue_once
from articles.transfer.background import work


@task()
def plan_import(run: int) -> None:
    """Makes the plan of an import."""
    work(run, ImportRun.State.PLANNING)


@task()
def apply_import(run: int) -> None:
    """Carries out a plan."""
    work(run, ImportRun.State.APPLYING)


@task()
def undo_import(run: int) -> None:
    """Takes an import back."""
    work(run, ImportRun.State.UNDOING)


@task()
def send_notice(key: int) -> None:
    """Sends the mail of a notice."""
    notices.deliver(key)


@task()
def ping_hub(key: int, tries: int = 0) -> None:
    """Tells the hub of a post."""
    websub.ping(key, tries)


@task()
def send_account_link(key: int, kind: str, tries: int = 0) -> None:
    """Sends the link by which an invited colleague, or somebody without a password, sets one."""
    accounts.send_link(key, kind, tries)


@task()
def send_forgotten(address: str) -> None:
    """Sends the links that somebody asked for on the page for signing in, if there is such an account."""
    accounts.send_forgotten(address)


@task()
def make_variants() -> None:
    """Makes smaller copies of pictures for a while, then gives way to what else waits before it goes on."""
    if variants.make_waiting(seconds=variants.TURN_SECONDS) and variants.is_waiting():
        enqueue_once("articles.tasks.make_variants")


@task()
def make_card(key: int) -> None:
    """Makes the card of a post that was just published or changed, or takes it away."""
    cards.make_card(key)


@task()
def make_cards() -> None:
    """Makes the cards of posts that came in any other way, a few at a time."""
    if cards.make_waiting(seconds=variants.TURN_SECONDS) and cards.is_waiting():
        enqueue_once("articles.tasks.make_cards")
