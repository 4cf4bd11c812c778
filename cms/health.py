"""``/healthz``: this process answers. ``/readyz``: it can serve a site. Words only, no addresses and no versions."""

import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from articles.stores import is_shared, public_store

logger = logging.getLogger(__name__)

State = Literal["ok", "degraded", "failed"]
LEAST_FREE_BYTES = 100_000_000

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
    """200 where database, migrations and disk are able; a cache or store that is down only degrades. Else 503."""
    states = check_all()
    failed = "failed" in states.values()
    status = "unavailable" if failed else "degraded" if "degraded" in states.values() else "ready"
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
    """Whether a query is answered."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("readyz: the database does not answer: %s", type(error).__name__)
        return "failed"
    return "ok"


def check_migrations() -> State:
    """Whether every migration of this code is applied."""
    if connection.alias in _migrations_seen_applied:
        return "ok"
    try:
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
    """Whether the folders that are written to have room for a large import's chunk."""
    for folder in (settings.MEDIA_ROOT, settings.PRIVATE_ROOT, settings.DATA_DIR):
        try:
            free = shutil.disk_usage(_nearest_existing(Path(folder))).free
        except OSError:
            return "failed"
        if free < LEAST_FREE_BYTES:
            logger.warning("readyz: %d MB free in %s; make room", free // 1_000_000, folder)
            return "failed"
    return "ok"


def check_cache() -> State:
    """Whether the cache keeps what it is given. Pages are served without it, only slower."""
    try:
        cache.set("readyz", "1", timeout=10)
        kept = cache.get("readyz") == "1"
    except _cache_errors() as error:
        logger.warning("readyz: the cache does not answer: %s", type(error).__name__)
        return "degraded"
    return "ok" if kept else "degraded"


def check_store() -> State:
    """Whether the shared store of files answers. Texts are served without it; pictures wait, uploads are refused."""
    try:
        public_store(is_hurried=True).probe()
    except OSError as error:
        logger.warning("readyz: %s", error.strerror)
        return "degraded"
    return "ok"


def _cache_errors() -> tuple[type[Exception], ...]:
    # Evaluated once something was raised, so Redis's client is there if it is in use; importing it at the top would
    # cost every process of a site without Redis ten megabytes.
    client = sys.modules.get("redis")
    return (OSError, client.RedisError) if client else (OSError,)


def _nearest_existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
