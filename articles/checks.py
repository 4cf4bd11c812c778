"""System checks: settings that would break addresses, media or safety."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from sqlite3 import sqlite_version_info
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DatabaseError, connection
from django.http.request import split_domain_port, validate_host
from django.template import engines

from articles.media.fonts import NoFont, find_faces
from articles.searchtext import INDEX_VERSION
from articles.themes import find_faults, list_static_files

Apps = Sequence[AppConfig] | None


@register(Tags.files)
def check_folders(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Nothing private may lie in a folder that is served, and no folder in one that another tool empties."""
    served = {"MEDIA_ROOT": settings.MEDIA_ROOT, "STATIC_ROOT": settings.STATIC_ROOT}
    private = {"PRIVATE_ROOT": settings.PRIVATE_ROOT, "DATA_DIR": settings.DATA_DIR}
    messages: list[CheckMessage] = [
        Error(
            f"{inner} ({private[inner]}) lies inside {outer}: what must stay private would be served.",
            hint=f"Set {inner} to a folder outside {served[outer]}.",
            id="kawaraban.E001",
        )
        for outer in served
        for inner in private
        if _is_inside(private[inner], served[outer])
    ]
    if _is_inside(settings.MEDIA_ROOT, settings.STATIC_ROOT) or _is_inside(settings.STATIC_ROOT, settings.MEDIA_ROOT):
        messages.append(
            Error(
                "MEDIA_ROOT and STATIC_ROOT lie one inside the other: collectstatic --clear would delete pictures.",
                hint="Give each a folder of its own.",
                id="kawaraban.E002",
            )
        )
    return messages


@register(Tags.files)
def check_import_roots(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """What staff may import must not be the product's own files: database, originals, uploads."""
    own = {"DATA_DIR": settings.DATA_DIR, "PRIVATE_ROOT": settings.PRIVATE_ROOT}
    return [
        Error(
            f"IMPORT_ROOTS opens {root}, and {name} ({folder}) lies in it or around it: staff could import the site's own files.",
            hint="Name a folder apart, such as /srv/import.",
            id="kawaraban.E004",
        )
        for root in settings.IMPORT_ROOTS
        for name, folder in own.items()
        if _is_inside(folder, root) or _is_inside(root, folder)
    ]


@register(Tags.files)
def check_media_store(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """A bucket needs the library that speaks to it."""
    if not settings.MEDIA_STORE or find_spec("boto3") is not None:
        return []
    return [
        Error(
            "MEDIA_STORE names a bucket, and the library for it is not installed: no file could be stored or shown.",
            hint="Install requirements-s3.txt; python3 manage.py does it by itself where it made the .venv.",
            id="kawaraban.E005",
        )
    ]


@register(Tags.files, deploy=True)
def check_what_is_shared(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Where files are shared, the machines must share the rest, too: what one of them keeps to itself is named."""
    if not settings.MEDIA_STORE:
        return []
    messages: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        message = "MEDIA_STORE shares the files, but the database is a file of this machine (SQLite)."
        hint = "Set DATABASE_URL to a PostgreSQL that all machines reach, unless this is the only one."
        messages.append(Warning(message, hint=hint, id="kawaraban.W005"))
    if settings.CACHES["default"]["BACKEND"].endswith("LocMemCache"):
        message = "MEDIA_STORE shares the files, but each process has a cache of its own: machines may show different states."
        messages.append(Warning(message, hint="Set REDIS_URL, unless this is the only machine.", id="kawaraban.W006"))
    if settings.IMPORT_ROOTS:
        roots = ", ".join(map(str, settings.IMPORT_ROOTS))
        message = f"IMPORT_ROOTS opens folders of this machine ({roots}): a worker of another machine may lack them."
        hint = "Mount the same folders at the same places on every machine with a worker, or bring archives by upload."
        messages.append(Warning(message, hint=hint, id="kawaraban.W007"))
    return messages


@register(Tags.compatibility)
def check_time_zone(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Permalinks hold the day of publication in the site's zone, so times must be aware."""
    if settings.USE_TZ:
        return []
    return [Error("USE_TZ is off: addresses with a date would move.", hint="Set USE_TZ = True.", id="kawaraban.E003")]


@register(Tags.database)
def check_sqlite(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Reports SQLite's WAL-reset race as a fact; :func:`check_sqlite_for_deployment` reports it as a warning."""
    message = describe_wal_race()
    return [Info(message, hint=_WAL_HINT, id="kawaraban.I001")] if message else []


@register(Tags.database, deploy=True)
def check_sqlite_for_deployment(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """A site with several processes must not rely on a SQLite that can lose a commit."""
    message = describe_wal_race()
    return [Warning(message, hint=_WAL_HINT, id="kawaraban.W001")] if message else []


@register(Tags.security, deploy=True)
def check_site_url(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Feeds, sitemaps and canonical addresses name ``SITE_URL``."""
    host = settings.SITE_URL.partition("://")[2].partition(":")[0]
    if host not in ("localhost", "127.0.0.1"):
        return []
    return [
        Warning(
            f"SITE_URL is {settings.SITE_URL}: feeds, sitemaps and canonical addresses would name this machine.",
            hint="Set it to the public address: SITE_URL=https://www.example.jp",
            id="kawaraban.W002",
        )
    ]


@register(Tags.security, deploy=True)
def check_allowed_hosts(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """The host of ``SITE_URL`` is what readers ask for, unless a proxy asks by another name."""
    host, _port = split_domain_port(urlsplit(settings.SITE_URL).netloc)
    if validate_host(host, settings.ALLOWED_HOSTS):
        return []
    return [
        Warning(
            f"ALLOWED_HOSTS ({', '.join(settings.ALLOWED_HOSTS)}) does not hold {host}, the host of SITE_URL: a reader whose "
            "request names it would get 400.",
            hint=f"Name it: ALLOWED_HOSTS={host}. Or correct SITE_URL. Where a proxy in front rewrites Host (a CDN that "
            "asks by the name of its origin), every request names that other host, and all is well.",
            id="kawaraban.W008",
        )
    ]


@register(Tags.files, deploy=True)
def check_import_roots_are_there(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """A folder that is not there is not offered at the desk, without a word."""
    missing = [root for root in settings.IMPORT_ROOTS if not Path(root).is_dir()]
    return [
        Warning(
            f"IMPORT_ROOTS names {root}, which is not there: nobody can import from it.",
            hint="Make or mount the folder, or correct IMPORT_ROOTS (whole paths, separated by colons).",
            id="kawaraban.W009",
        )
        for root in missing
    ]


@register(Tags.database)
def check_search_index(app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Says where search does not find every post. Asked only where the database may be (``check --database default``)."""
    if "default" not in (databases or ()):
        return []
    try:
        if "articles_searchentry" not in connection.introspection.table_names():
            return []
        is_complete = not apps.get_model("articles", "Post").objects.exclude(search_entry__version=INDEX_VERSION).exists()
    except DatabaseError:
        # What the matter with the database is, another check says.
        return []
    if is_complete:
        return []
    return [
        Warning(
            "The search index is not complete: readers do not find every article.",
            hint="Run: python3 manage.py reindex",
            id="kawaraban.W003",
        )
    ]


@register(Tags.compatibility, deploy=True)
def check_card_font(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Without Japanese letters no card can be drawn, and links to posts without a cover show no picture elsewhere."""
    try:
        find_faces(settings.CARD_FONT)
    except NoFont as missing:
        hint = "Install one, on Debian: apt install fonts-morisawa-bizud-gothic, or name a font file: CARD_FONT=/path/to/font.ttf"
        return [Warning(f"{missing} No cards are made for links to posts without a cover.", hint=hint, id="kawaraban.W004")]
    return []


@register(Tags.templates)
def check_theme(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Every template of ``THEME_DIR`` can be drawn, takes the place of a public one, and has no block that no page has."""
    if settings.THEME_DIR is None:
        return []
    engine = engines["django"].engine  # type: ignore[attr-defined]
    return [
        Error(fault.message, hint=fault.hint or None, id="kawaraban.E010")
        if fault.is_fatal
        else Warning(fault.message, hint=fault.hint or None, id="kawaraban.W010")
        for fault in find_faults(settings.THEME_DIR, settings.BASE_DIR / "templates", engine)
    ]


@register(Tags.staticfiles, deploy=True)
def check_theme_is_gathered(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Pages name static files by their content, which ``collectstatic`` writes down: without it each page would fail."""
    gathered: dict[str, str] | None = getattr(staticfiles_storage, "hashed_files", None)
    if settings.THEME_DIR is None or gathered is None:
        return []
    missing = [name for name in list_static_files(settings.THEME_DIR) if name not in gathered]
    if not missing:
        return []
    return [
        Warning(
            f"Static files of the theme are not gathered: {', '.join(missing[:5])}.",
            hint="Run: python3 manage.py collectstatic --no-input",
            id="kawaraban.W011",
        )
    ]


_WAL_HINT = "Use PostgreSQL (DATABASE_URL), or a Python with SQLite 3.51.3 or newer; keep backups and check them."


def describe_wal_race() -> str:
    """One sentence where the database is a SQLite with the race, else an empty string.

    https://sqlite.org/wal.html#walresetbug: up to 3.51.2, corrected in 3.51.3 and in the branches 3.44.6 and 3.50.7.
    """
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") or not has_wal_race(sqlite_version_info):
        return ""
    version = ".".join(map(str, sqlite_version_info))
    return f"SQLite {version} has a rare race between several connections that can damage the database (WAL reset)."


def has_wal_race(version: tuple[int, int, int]) -> bool:
    """Whether a release of SQLite has the WAL-reset race."""
    corrected = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
    branch, patch = version[:2], version[2]
    return patch < corrected[branch] if branch in corrected else branch < (3, 51)


def _is_inside(inner: str | Path, outer: str | Path) -> bool:
    return Path(inner).resolve().is_relative_to(Path(outer).resolve())
