"""The outbox: what changed that readers may see, written by the database itself in the transaction of the change."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Change(models.Model):
    """One change, as a trigger of :mod:`articles.changes` wrote it.

    ``kind`` says what changed, ``key`` and ``name`` which one. Of a post, ``aspect`` is how far that reaches (see
    :class:`articles.changes.Aspect`), ``before`` and ``after`` are its dates. ``turn`` is the number of the transaction on
    PostgreSQL, where rows become visible in another order than that of their keys; on SQLite it is 0.
    """

    turn = models.BigIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=10)
    key = models.BigIntegerField(default=0)
    name = models.CharField(max_length=1000, default="")
    aspect = models.CharField(max_length=10, default="")
    before = models.DateTimeField(null=True)
    after = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["turn"], name="change_turn"),
            models.Index(fields=["at"], name="change_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.name} {self.aspect}".strip()
