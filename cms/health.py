"""``/healthz``: this process answers. ``/readyz``: it can serve a site. Words only, no addresses and no versions."""

import logging
import shutil
from collections.abc import Callable
from typing import Literal

from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from articles.stores import is_shared, public_store
from cms.backends.limits import answer_within
from cms.outage import (
    Outage,
    can_read,
    describe_remedy,
    find_file_fault,
    find_folder_fault,
    find_outage,
    find_sqlite_file,
    list_written_folders,
    met_damage,
    nearest_existing,
)

logger = logging.getLogger(__name__)

State = Literal["ok", "degraded", "read-only", "failed", "missing", "damaged"]
SERVES: tuple[State, ...] = ("ok", "degraded", "read-only")
"""With these readers have their pages."""
LEAST_FREE_BYTES = 100_000_000
SECONDS_TO_ANSWER = 2.0
# PostgreSQL says so, too, when it is a copy that follows another. SQLite reads its file's first page only when asked for this.
_QUESTIONS = {"postgresql": "SELECT current_setting('transaction_read_only')", "sqlite": "PRAGMA schema_version"}

# Reading every migration file takes longer than a whole health check may; once all are applied they stay applied
# for the life of this process, since new ones arrive with new code.
_migrations_seen_applied: set[str] = set()


@require_safe
@never_cache
def show_alive(request: HttpRequest) -> HttpResponse:
    """200 while the process can answer at all; touches nothing else."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def show_ready(request: HttpRequest) -> JsonResponse:
    """200 where database, migrations and disk are able. Without cache or store, or with a database to be read only, degraded."""
    states = check_all()
    failed = not set(states.values()) <= set(SERVES)
    status = "unavailable" if failed else "ready" if set(states.values()) == {"ok"} else "degraded"
    return JsonResponse({"status": status, "checks": states}, status=503 if failed else 200)


def check_all() -> dict[str, State]:
    """The state of each thing a site needs, by name. Never raises."""
    checks: dict[str, Callable[[], State]] = {
        "database": check_database,
        "migrations": check_migrations,
        "disk": check_disk,
        "cache": check_cache,
    }
    if is_shared():
        checks["store"] = check_store
    return {name: check() for name, check in checks.items()}


def check_database() -> State:
    """Whether a question is answered, and changes would be taken."""
    try:
        with answer_within(SECONDS_TO_ANSWER), connection.cursor() as cursor:
            cursor.execute(_QUESTIONS.get(connection.vendor, "SELECT 1"))
            row = cursor.fetchone()
    except DatabaseError as error:
        outage = find_outage(error) or Outage.GONE
        logger.warning("readyz: the database does not answer: %s (%s)", type(error).__name__, describe_remedy(outage))
        return "damaged" if outage is Outage.DAMAGED else _name_file_fault() or "failed"
    if met_damage():
        return "damaged"
    return _name_file_fault() or ("read-only" if row == ("on",) else "ok")


def _name_file_fault() -> State | None:
    path = find_sqlite_file()
    if path is None or not (fault := find_file_fault(path)):
        return None
    logger.warning("readyz: %s", fault)
    # A file that was taken away still answers whoever has it open, and nobody else.
    return "missing" if not path.exists() else "read-only" if can_read(path) else "failed"


def check_migrations() -> State:
    """Whether every migration of this code is applied."""
    if connection.alias in _migrations_seen_applied:
        return "ok"
    try:
        with answer_within(SECONDS_TO_ANSWER):
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "failed"
    if plan:
        logger.warning("readyz: %d migrations are not applied; run: python3 manage.py migrate", len(plan))
        return "failed"
    _migrations_seen_applied.add(connection.alias)
    return "ok"


def check_disk() -> State:
    """Whether the folders that are written to have room for a large import's chunk, and can be written.

    Where they cannot, readers have their pages, and uploads and imports fail.
    """
    faults = []
    for folder in list_written_folders():
        try:
            free = shutil.disk_usage(nearest_existing(folder)).free
            fault = find_folder_fault(folder)
        except OSError as error:
            logger.warning("readyz: %s cannot be looked at: %s", folder, error.strerror)
            return "failed"
        if free < LEAST_FREE_BYTES:
            logger.warning("readyz: %d MB free in %s; make room", free // 1_000_000, folder)
            return "failed"
        faults += [fault] if fault else []
    for fault in faults:
        logger.warning("readyz: %s", fault)
    return "read-only" if faults else "ok"


def check_cache() -> State:
    """Whether the cache keeps what it is given. Pages are served without it, only slower."""
    # What cannot be kept or read is a miss: cms.caches raises nothing and writes its own line into the log.
    try:
        cache.set("readyz", "1", timeout=10)
        return "ok" if cache.get("readyz") == "1" else "degraded"
    # An address or options that the client cannot read: readers have their pages, so the machine stays in the turn.
    except (ValueError, TypeError, LookupError, AttributeError, OSError, ImproperlyConfigured):
        logger.exception("readyz: the cache fails")
        return "degraded"


def check_store() -> State:
    """Whether the shared store of files answers. Texts are served without it; pictures wait, uploads are refused."""
    try:
        public_store(is_hurried=True).probe()
    except OSError as error:
        logger.warning("readyz: %s", error.strerror)
        return "degraded"
    return "ok"
