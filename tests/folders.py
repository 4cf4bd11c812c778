"""Where files lie in the folders of a test."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from articles.library import original_name


def original_path(sha256: str) -> Path:
    return Path(settings.PRIVATE_ROOT) / original_name(sha256)


def public_path(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / name
