"""Fixtures with a bucket. A module that uses them names this one in ``pytest_plugins``: not every run pays for the library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.buckets import KEYS, Bucket, Line, hurry, serve_buckets


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[str]:
    """A server of buckets for the whole run; its address."""
    with serve_buckets() as address:
        yield address


@pytest.fixture
def bucket(bucket_server: str, media_root: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket in which this test's site keeps its files."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    made = Bucket(bucket_server, f"files-{uuid4().hex}")
    made.client.create_bucket(Bucket=made.name)
    settings.MEDIA_STORE = made.setting
    yield made
    made.client.close()


@pytest.fixture
def line(bucket: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The site reaches its bucket by this line."""
    hurry(monkeypatch)
    made = Line(bucket.endpoint)
    settings.MEDIA_STORE = bucket.through(made)
    yield made
    made.mode = "refuse"
    made.close()
