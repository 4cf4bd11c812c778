"""What pages are made from besides rows of the database: the program, its templates and static files, the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.template import engines

from articles.version import VERSION

#: Settings that pages, or their headers, are made from.
_SETTINGS = (
    *("SITE_URL", "SITE_NAME", "SITE_DESCRIPTION", "LANGUAGE_CODE", "TIME_ZONE", "AI_USE", "WEBSUB_HUB", "EMBED_SERVICES"),
    *("STATIC_URL", "STATIC_ROOT", "MEDIA_URL", "MEDIA_ROOT", "CONTENT_SECURITY_POLICY", "X_FRAME_OPTIONS", "THEME_DIR", "DEBUG"),
    *("SECURE_HSTS_SECONDS", "EDGE_PURGE_URL"),
)


def list_ingredients() -> Iterator[object]:
    """Values whose ``repr`` is the same at two moments between which no page became another one without a change of a row.

    Files count by size and time: a program that was installed anew counts as another.
    """
    yield VERSION
    yield [(name, repr(getattr(settings, name, None))) for name in _SETTINGS]
    code = Path(apps.get_app_config("articles").path)
    # The project decides of headers and policies.
    folders = [*engines.all()[0].dirs, settings.STATIC_ROOT, *settings.STATICFILES_DIRS, code, settings.BASE_DIR / "cms"]
    for folder in folders:
        for file in sorted(Path(str(folder)).rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                status = file.stat()
                yield str(file), status.st_size, status.st_mtime_ns


def digest_of(parts: Iterable[object]) -> str:
    """The SHA-256, in hex, of the ``repr`` of each of ``parts``: equal where all of them are."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()
