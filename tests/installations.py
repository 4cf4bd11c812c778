"""Sites of their own for tests that kill processes: a database, media and originals that no other test sees."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

PROJECT = Path(__file__).resolve().parent.parent
SECONDS = 120
INSPECT = """
import json
from pathlib import Path
from django.conf import settings
from articles.models import ImportRun, MediaFile, Post, Revision, SourceFile
from articles.transfer.digest import content_digest

def files(folder):
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}

run = ImportRun.objects.order_by("pk").first()
names = set(MediaFile.objects.values_list("sha256", flat=True)) | set(SourceFile.objects.values_list("sha256", flat=True))
originals = {path.rpartition("/")[2] for path in files(Path(settings.PRIVATE_ROOT) / "originals")}
print(json.dumps({
    "digest": content_digest(),
    "posts": Post.objects.count(),
    "revisions": Revision.objects.count(),
    "state": run.state if run else "",
    "totals": run.totals if run else {},
    "findings": [finding["code"] for finding in run.findings] if run else [],
    "items": sorted(map(list, run.items.values_list("path", "verdict", "permalink", "undo"))) if run else [],
    "lost originals": sorted(names - originals),
    "orphans": sorted(originals - names),
    # Without what the worker makes of them in its own time, whose names begin so.
    "public": sorted(name for name in files(settings.MEDIA_ROOT) if not name.rpartition("/")[2].startswith("_")),
}))
"""


@dataclass
class Installation:
    """One site in ``folder``; ``database`` is its address, or empty for a SQLite file in the folder."""

    folder: Path
    database: str = ""

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database,
            "REDIS_URL": "",
            "DEBUG": "false",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "cms.settings",
        }
        # The browser's fixture sets it for its own process; a server refuses to start with it.
        inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
        return {**inherited, **own}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts ``manage.py`` in a process group of its own."""
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        return subprocess.Popen(
            command,
            env=self.environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of ``manage.py``."""
        process = self.start(*arguments)
        output, _errors = process.communicate(timeout=SECONDS)
        return process.returncode, output

    def execute(self, code: str, *arguments: str) -> str:
        """What a program prints that has this site's settings."""
        done = subprocess.run(
            [sys.executable, "-c", f"import django\ndjango.setup()\n{code}", *arguments],
            env=self.environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def inspect(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.execute(INSPECT))
        return found


def kill_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kills the process and all it started, as a power cut does; whether it was still at work."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


class Factory:
    """Makes installations, each a copy of one that was migrated once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        self.server = os.environ.get("DATABASE_URL", "") if os.environ.get("DATABASE_URL", "").startswith("postgres") else ""
        self.names: list[str] = []
        self.empty = self._prepare()

    def _prepare(self) -> Installation:
        empty = Installation(self.folder / "empty", self._make_database("empty"))
        empty.folder.mkdir()
        code, output = empty.run("migrate", "-v0")
        assert code == 0, output
        return empty

    def make(self, origin: Installation | None = None) -> Installation:
        """A copy of ``origin``, or an empty site."""
        origin = origin or self.empty
        self.number += 1
        folder = self.folder / f"site-{self.number}"
        shutil.copytree(origin.folder, folder)
        return Installation(folder, self._make_database(f"{self.number}", origin.database))

    def _make_database(self, name: str, template: str = "") -> str:
        if not self.server:
            return ""
        full = f"crash_{os.getpid()}_{name}"
        with self._maintenance() as connection:
            source = f' TEMPLATE "{urlsplit(template).path[1:]}"' if template else ""
            connection.execute(f'CREATE DATABASE "{full}"{source}'.encode())
        self.names.append(full)
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{full}"))

    def close(self) -> None:
        if self.server:
            with self._maintenance() as connection:
                for name in self.names:
                    connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    @contextmanager
    def _maintenance(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(urlunsplit(urlsplit(self.server)._replace(path="/postgres")), autocommit=True) as connection:
            yield connection
