"""Django's own command, which is the only one that may begin a new database outside DEBUG."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    def execute(self, *args: Any, **options: Any) -> str | None:
        # Before the system checks, which ask the database what it can do.
        connections[options["database"]].settings_dict["MAY_BE_MADE"] = True
        return super().execute(*args, **options)
