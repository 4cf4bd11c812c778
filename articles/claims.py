"""Who makes a derived file: of several workers one, by a row that names its holder and until when.

Not by locking a row: on SQLite that would keep every editor waiting while a picture is encoded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from django.db.models import F, Model, Q
from django.utils import timezone

from articles.findings import Finding
from articles.models.media import DerivedFile
from articles.queue import name_holder

T = TypeVar("T", bound=DerivedFile)
LEASE = timedelta(minutes=10)
"""How long one file may take. Its holder has died where it takes longer, and the next one begins anew."""
MAX_TRIES = 5
"""Begun so often without an end, it is left: each time it failed, or its worker was killed, perhaps by what it worked on."""
_REST = timedelta(minutes=10)


def is_taken() -> Q:
    """The rows that nobody may begin with: somebody has them, they rest after a failure, or they were given up."""
    return Q(until__gt=timezone.now()) | Q(tries__gte=MAX_TRIES)


def claim(model: type[T], name: str, owner: Model) -> T | None:
    """The row of ``owner`` (its field ``name``) in ``model``, made where there is none, if nobody else works on it."""
    holder, until = name_holder(), timezone.now() + LEASE
    rows = model._default_manager.filter(**{name: owner})
    if not rows.exclude(is_taken()).update(holder=holder, until=until, tries=F("tries") + 1):
        # Nothing to take: there is no row yet, or somebody has it. Of two that insert, the database takes one.
        new = model(**{name: owner}, holder=holder, until=until, tries=1)
        model._default_manager.bulk_create([new], ignore_conflicts=True)
    return rows.filter(holder=holder).first()


def release(row: DerivedFile) -> None:
    """Sets on the instance that nobody works on it and that it went well; the caller saves it with what it made."""
    row.holder, row.until, row.tries, row.findings = "", None, 0, []


def give_back(row: DerivedFile) -> None:
    """Saves that there was nothing to do."""
    type(row)._default_manager.filter(pk=row.pk, holder=row.holder).update(holder="", until=None, tries=0)


def put_off(row: DerivedFile, finding: Finding) -> None:
    """Saves that it failed and why. The next try comes later each time, and none after :data:`MAX_TRIES`."""
    values = {"holder": "", "until": timezone.now() + _REST * 3**row.tries, "findings": [finding.as_json()]}
    type(row)._default_manager.filter(pk=row.pk, holder=row.holder).update(**values)


def try_again(model: type[DerivedFile]) -> None:
    """Has what failed or was given up tried again, now."""
    model._default_manager.filter(holder="").exclude(tries=0).update(tries=0, until=None)
