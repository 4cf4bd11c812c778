"""Background work, thin: each task calls one function. Enqueued by name through :mod:`articles.queue`."""

from __future__ import annotations

from django_tasks import task

from articles import websub
from articles.editorial import accounts, notices
from articles.models import ImportRun
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
