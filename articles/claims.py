"""Who makes a derived file: of several workers one, by a row that names its holder and until when.

Not by locking a row: on SQLite that would keep every editor waiting while a picture is encoded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from django.db.models import Model, Q
from django.utils import timezone

from articles.findings import Finding
from articles.models.media import DerivedFile
from articles.queue import name_holder

T = TypeVar("T", bound=DerivedFile)
LEASE = timedelta(minutes=10)
"""How long one file may take. Its holder has died where it takes longer, and the next one begins anew."""
MAX_TRIES = 5
_REST = timedelta(minutes=10)


def claim(model: type[T], name: str, owner: Model) -> T | None:
    """The row of ``owner`` (its field ``name``) in ``model``, made where there is none, if nobody else works on it."""
    holder, now = name_holder(), timezone.now()
    rows = model._default_manager.filter(**{name: owner})
    free = rows.filter(Q(until__isnull=True) | Q(until__lt=now))
    if not free.update(holder=holder, until=now + LEASE):
        # Nothing to take: there is no row yet, or somebody has it. Of two that insert, the database takes one.
        model._default_manager.bulk_create([model(**{name: owner}, holder=holder, until=now + LEASE)], ignore_conflicts=True)
    return rows.filter(holder=holder).first()


def release(row: DerivedFile) -> None:
    """Sets on the instance that nobody works on it and that it went well."""
    row.holder, row.until, row.tries, row.findings = "", None, 0, []


def put_off(row: DerivedFile, finding: Finding) -> None:
    """Saves that it failed and why. The next try comes later each time, the last after :data:`MAX_TRIES` of them."""
    tries = row.tries + 1
    rest = _REST * 3**tries if tries < MAX_TRIES else timedelta(days=365 * 50)
    values = {"holder": "", "until": timezone.now() + rest, "tries": tries, "findings": [finding.as_json()]}
    type(row)._default_manager.filter(pk=row.pk, holder=row.holder).update(**values)
