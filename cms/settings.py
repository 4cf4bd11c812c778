"""All settings, read from the environment. Outside DEBUG the process refuses to start without what keeps a site safe.

Every variable, its default and its meaning is in ``docs/operations.md``.
"""

import os
import re
import sys
import warnings
from email.utils import parseaddr
from importlib import import_module
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from articles.players import PLAYABLE

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# Known to everyone who reads this file, so it is refused outside DEBUG.
DEBUG_SECRET_KEY = "only-for-debug-" + "kawaraban" * 5

# What Django compares the request's host with: a name, a name and all below it (.example.jp), an address, or all.
HOST_PATTERN = re.compile(r"\*|\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]")
# sun_path of Linux has 108 bytes, the last of which is NUL.
SOCKET_BYTES = 107
A_YEAR = 366 * 86_400


def read_secret_key(*, debug: bool) -> str:
    """``SECRET_KEY``. Raises ImproperlyConfigured where it is missing, well known or short, outside DEBUG."""
    key: str = env.str("SECRET_KEY", default="")
    if debug:
        return key or DEBUG_SECRET_KEY
    remedy = 'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(50))" and keep it out of Git.'
    if not key:
        raise ImproperlyConfigured(f"SECRET_KEY is not set. {remedy} (On your own machine, DEBUG=true needs none.)")
    if key == DEBUG_SECRET_KEY or len(key) < 32 or len(set(key)) < 5:
        raise ImproperlyConfigured(f"SECRET_KEY can be guessed: it is shorter than 32 characters or the one for DEBUG. {remedy}")
    return key


def read_allowed_hosts(*, debug: bool) -> list[str]:
    """``ALLOWED_HOSTS``, separated by commas. Raises ImproperlyConfigured where it is missing, outside DEBUG."""
    hosts = [bracket_address(host.strip()) for host in env.list("ALLOWED_HOSTS", default=[]) if host.strip()]
    for host in hosts:
        if not HOST_PATTERN.fullmatch(host):
            raise ImproperlyConfigured(
                f"ALLOWED_HOSTS names {host!r}, which no request's host can match. Give names without scheme, slash and port, "
                "separated by commas: ALLOWED_HOSTS=www.example.jp,example.jp (.example.jp for all below it, [::1] for IPv6, "
                "xn--… for a Japanese name)"
            )
    if hosts:
        return hosts
    if debug:
        return ["localhost", ".localhost", "127.0.0.1", "[::1]", "testserver"]
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set. Name the site's hosts: ALLOWED_HOSTS=www.example.jp,example.jp")


def bracket_address(host: str) -> str:
    """An address of IPv6 as a request names it (``[::1]``); any other host as it is."""
    address = find_address(host)
    return f"[{address}]" if isinstance(address, IPv6Address) else host


def find_address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host is, without brackets; ``None`` for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def read_site_url() -> str:
    """``SITE_URL``, the public address with neither path nor final slash. Raises ImproperlyConfigured for any other form."""
    address: str = env.str("SITE_URL", default="http://localhost:8000").strip().rstrip("/")
    if not is_origin(address):
        shown = "an address with a name or password in it" if "@" in address else repr(address)
        raise ImproperlyConfigured(f"SITE_URL is {shown}. Give scheme and host only: SITE_URL=https://www.example.jp")
    return address


def read_origins(default: str) -> list[str]:
    """``CSRF_TRUSTED_ORIGINS``, each with its scheme. Raises ImproperlyConfigured for any other form."""
    given: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[default])
    origins = [origin.strip().removesuffix("/") for origin in given if origin.strip()]
    for origin in origins:
        if not is_origin(origin.replace("://*.", "://", 1)):
            remedy = "Give scheme and host of each, separated by commas: CSRF_TRUSTED_ORIGINS=https://desk.example.jp"
            raise ImproperlyConfigured(f"CSRF_TRUSTED_ORIGINS names {origin!r}. {remedy}")
    return origins


def is_origin(address: str) -> bool:
    """Whether an address is scheme, host and perhaps a port, as browsers write it."""
    parts = split_address(address)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    return (
        address.isascii() and address.isprintable() and "@" not in parts.netloc and address == f"{parts.scheme}://{parts.netloc}"
    )


def split_address(address: str) -> SplitResult | None:
    """The parts of an address; ``None`` where its host or port cannot be read."""
    try:
        parts = urlsplit(address)
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None


def read_web_address(name: str) -> str:
    """A whole address on the web, or none. Raises ImproperlyConfigured naming the variable, but not what may hold a secret."""
    address: str = env.str(name, default="").strip()
    parts = split_address(address)
    is_web = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    if address and not (is_web and address.isascii() and address.isprintable()):
        raise ImproperlyConfigured(f"{name} is not a web address. Give one like {name}=https://hub.example.jp/")
    return address


def read_headers(name: str) -> dict[str, str]:
    """HTTP headers, one on each line or between semicolons: ``Fastly-Key: …``. Raises ImproperlyConfigured for another form."""
    headers = {}
    for line in re.split(r"[;\n]", env.str(name, default="")):
        header, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", header.strip()) or not is_header_value(value.strip()):
            raise ImproperlyConfigured(f"{name} holds what is no header. Give name and value: {name}='Fastly-Key: …'")
        headers[header.strip()] = value.strip()
    return headers


def is_header_value(text: str) -> bool:
    """Whether a header of HTTP can carry a text."""
    return bool(text) and text.isascii() and text.isprintable()


def read_header_name(name: str) -> str:
    """The name of a header of HTTP, or nothing. Raises ImproperlyConfigured naming the variable."""
    header: str = env.str(name, default="").strip()
    if header and not re.fullmatch(r"[A-Za-z0-9-]+", header):
        raise ImproperlyConfigured(f"{name} is {header!r}, which is no name of a header. Give one like {name}=X-Real-IP")
    return header


def read_positive_int(name: str, default: int, *, least: int = 0, most: int = 10**15) -> int:
    """A whole number between two others, both included. Raises ImproperlyConfigured naming the variable and what it takes."""
    text: str = env.str(name, default=str(default)).strip()
    # Of more digits than any number here has, Python would refuse to read some.
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise ImproperlyConfigured(
            f"{name} is {text[:40]!r}. Give a whole number from {least} to {most}, in digits alone, for example {name}={default}"
        )
    return int(text)


def read_choice(name: str, choices: tuple[str, ...]) -> str:
    """One of ``choices``, the first by default. Raises ImproperlyConfigured naming the variable and what it takes."""
    value: str = env.str(name, default=choices[0]).strip().upper()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}. Give one of {', '.join(choices)}.")
    return value


def read_table_formats() -> tuple[str, ...]:
    """``IMPORT_FORMATS``: which kinds of tables are read. Raises ImproperlyConfigured for one that is not known."""
    known = ("csv", "xlsx", "json", "ods", "html", "yaml")
    names = tuple(name.strip().lower() for name in env.list("IMPORT_FORMATS", default=["csv", "xlsx", "json"]) if name.strip())
    if unknown := [name for name in names if name not in known]:
        raise ImproperlyConfigured(f"IMPORT_FORMATS names {', '.join(unknown)}. It takes {', '.join(known)}.")
    return names


def read_embed_services() -> tuple[str, ...]:
    """``EMBED_SERVICES``: whose players a reader may load; all by default. Raises ImproperlyConfigured for an unknown one."""
    names = tuple(name.strip().lower() for name in env.list("EMBED_SERVICES", default=[*PLAYABLE]) if name.strip())
    if unknown := [name for name in names if name not in PLAYABLE]:
        raise ImproperlyConfigured(f"EMBED_SERVICES names {', '.join(unknown)}. It takes {', '.join(PLAYABLE)}, or nothing.")
    return names


def read_bool(name: str, *, default: bool) -> bool:
    """A switch. Raises ImproperlyConfigured for a word that is neither: a misspelt ``DEBUG=flase`` must not pass as no."""
    text: str = env.str(name, default=str(default)).strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off", ""):
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}. Give true or false.")


def read_language(known: list[str]) -> str:
    """``LANGUAGE_CODE``, Japanese by default. Raises ImproperlyConfigured for a language without a catalogue."""
    code: str = env.str("LANGUAGE_CODE", default="") or known[0]
    if code not in known:
        raise ImproperlyConfigured(f"LANGUAGE_CODE is {code!r}. Give one of {', '.join(known)}.")
    return code


def read_time_zone() -> str:
    """``TIME_ZONE``, by its name in the IANA list. Raises ImproperlyConfigured for one that this machine does not know."""
    name: str = env.str("TIME_ZONE", default="").strip() or "Asia/Tokyo"
    try:
        ZoneInfo(name)
    # A name of a folder (Asia), one that leads out of the list (/etc/passwd), one that is none.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        remedy = "Give a name of the IANA list, for example TIME_ZONE=Asia/Tokyo (on Debian: apt install tzdata brings the list)"
        raise ImproperlyConfigured(f"TIME_ZONE is {name!r}, which is not known here. {remedy}") from error
    return name


def read_folder(name: str, default: Path) -> Path:
    """A folder, which need not be there yet. Raises ImproperlyConfigured where a file stands in its place or in its way."""
    text: str = env.str(name, default="").strip()
    folder = Path(text or default).absolute()
    try:
        blocked = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} ({text[:80]}) cannot be used: {error.strerror}. {_FOLDER.format(name=name)}"
        ) from error
    if blocked is not None:
        raise ImproperlyConfigured(f"{name} is {folder}, but {blocked} is no folder. {_FOLDER.format(name=name)}")
    return folder


_FOLDER = "Give the path of a folder that the site's user may write to: {name}=/var/lib/kawaraban"


def read_theme() -> Path | None:
    """``THEME_DIR``, a folder whose templates and static files come before the site's own. ``articles/checks.py`` reads it."""
    name: str = env.str("THEME_DIR", default="").strip()
    return Path(name).absolute() if name else None


def read_import_roots() -> list[str]:
    """``IMPORT_ROOTS``, separated as in PATH. Raises ImproperlyConfigured for a path that begins nowhere, or a file.

    A folder that is not there may be a disk that is mounted later; ``check`` mentions it.
    """
    roots = [root.strip() for root in env.str("IMPORT_ROOTS", default="").split(os.pathsep) if root.strip()]
    for root in roots:
        if not Path(root).is_absolute() or Path(root).is_file():
            remedy = f"Give whole paths of folders, with {os.pathsep!r} between them: IMPORT_ROOTS=/srv/import"
            raise ImproperlyConfigured(f"IMPORT_ROOTS names {root!r}, which is no whole path of a folder. {remedy}")
    return roots


def read_socket() -> Path | None:
    """``WEB_SOCKET``, or nothing. Raises ImproperlyConfigured for a path that no socket can have."""
    name: str = env.str("WEB_SOCKET", default="").strip()
    if not name:
        return None
    path = Path(name).absolute()
    if path.is_dir() or len(os.fsencode(path)) > SOCKET_BYTES:
        reason = "is a folder" if path.is_dir() else f"is longer than {SOCKET_BYTES} bytes"
        raise ImproperlyConfigured(f"WEB_SOCKET {reason}. Give a path of a file, for example WEB_SOCKET=/run/kawaraban/web.sock")
    return path


def read_web_host() -> str:
    """``WEB_HOST``, where the server listens. Raises ImproperlyConfigured for what is no IP address."""
    host: str = env.str("WEB_HOST", default="").strip() or "127.0.0.1"
    try:
        return "127.0.0.1" if host == "localhost" else str(ip_address(host))
    except ValueError as error:
        remedy = (
            "Give an IP address of this machine without a port: WEB_HOST=127.0.0.1, or 0.0.0.0 for all (WEB_PORT is the port)"
        )
        raise ImproperlyConfigured(f"WEB_HOST is {host!r}. {remedy}") from error


def read_database(data_dir: Path) -> dict[str, Any]:
    """``DATABASE_URL``, or a SQLite file in the data folder, with the options each engine needs. Raises ImproperlyConfigured."""
    if address := env.str("DATABASE_URL", default="").strip():
        return prepare_database(read_database_address("DATABASE_URL", address, ("postgresql", "sqlite3")))
    # SQLite does not make the folder of its file.
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR is {data_dir}, which cannot be made: {error.strerror}. {_FOLDER.format(name='DATA_DIR')}"
        ) from error
    return prepare_database({"ENGINE": "django.db.backends.sqlite3", "NAME": str(data_dir / "db.sqlite3")})


def read_database_address(name: str, address: str, engines: tuple[str, ...]) -> dict[str, Any]:
    """The database at an address. Raises ImproperlyConfigured naming the variable, never the address: it holds a password."""
    scheme = address.partition(":")[0].lower()
    engine = _DATABASE_SCHEMES.get(scheme, "")
    remedy = f"Give {' or '.join(_DATABASE_FORMS[engine] for engine in engines)}."
    if engine not in engines or "://" not in address:
        raise ImproperlyConfigured(f"{name} is not the address of a database. {remedy}")
    try:
        database = dict(env.db_url_config(address))
    except (ValueError, KeyError):
        # What could not be read may be the password, with a sign in it that ends the host's part.
        database = {}
    # A sign of a password that is not quoted moves what follows it into the name, and the library guesses at a host.
    place = f"{database.get('HOST', '')}{database.get('NAME', '')}"
    if not database.get("NAME") or (engine == "postgresql" and re.search(r"[@%\[\]\s]", place)):
        raise ImproperlyConfigured(
            f"{name} cannot be read: host, port or name is missing or wrong. {remedy} "
            "Signs such as @ : / # ? % in name and password are written percent-encoded (@ is %40)."
        )
    return database


_DATABASE_SCHEMES = {**dict.fromkeys(("postgres", "postgresql", "psql", "pgsql"), "postgresql"), "sqlite": "sqlite3"}
_DATABASE_FORMS = {
    "postgresql": "postgres://user:password@host:5432/name",
    "sqlite3": "sqlite:////var/lib/kawaraban/db.sqlite3",
}


def prepare_database(database: dict[str, Any]) -> dict[str, Any]:
    """The same database with our engine and the options that it needs."""
    options = database.setdefault("OPTIONS", {})
    engine = database["ENGINE"].rpartition(".")[2]
    if engine in ("sqlite3", "postgresql"):
        database["ENGINE"] = f"cms.backends.{engine}"
    if engine == "sqlite3":
        options.update(sqlite_options())
        # To open the file and set it up costs more than a page asks of it.
        database["CONN_MAX_AGE"] = 60
    elif engine == "postgresql":
        for name, value in postgresql_options().items():
            options.setdefault(name, value)
        if pool_size := read_positive_int("DATABASE_POOL_SIZE", 0, most=1000):
            options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": options["connect_timeout"]}
        else:
            database["CONN_MAX_AGE"] = 60
        # A connection that a restart of the server has cut is found before a request uses it.
        database["CONN_HEALTH_CHECKS"] = True
    return database


def postgresql_options() -> dict[str, Any]:
    """Bounds on waiting for a server that is gone without a word: when connecting, and on packets that nobody confirms."""
    return {
        "connect_timeout": read_positive_int("DATABASE_CONNECT_SECONDS", 3, least=1, most=3600),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }


def read_replicas() -> dict[str, Any]:
    """``DATABASE_REPLICA_URLS``: copies of PostgreSQL for readers, as ``replica1`` and so on. Raises ImproperlyConfigured."""
    addresses = [address.strip() for address in env.list("DATABASE_REPLICA_URLS", default=[]) if address.strip()]
    replicas = {}
    for number, address in enumerate(addresses, 1):
        database = read_database_address(f"DATABASE_REPLICA_URLS (address {number})", address, ("postgresql",))
        # Tests have no second server: there a copy is another connection to the same database.
        replicas[f"replica{number}"] = {**prepare_database(database), "TEST": {"MIRROR": "default"}}
    return replicas


def sqlite_options() -> dict[str, Any]:
    """Options under which readers never wait for writers, writers queue, and a saved text survives a power cut.

    ``synchronous`` is FULL: in WAL mode NORMAL may lose the last acknowledged saves in a power cut (it never damages
    the file). FULL costs one sync per transaction, which an editor does not notice and an import pays once per chunk.
    """
    synchronous = read_choice("SQLITE_SYNCHRONOUS", ("FULL", "NORMAL"))
    return {
        # DEFERRED fails at once, whatever the timeout, when a transaction reads first and writes later.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": f"PRAGMA journal_mode=WAL;PRAGMA synchronous={synchronous};PRAGMA journal_size_limit=67108864;",
    }


def read_caches() -> dict[str, Any]:
    """Local memory, or Redis where ``REDIS_URL`` is set; a Redis that hangs must not hang a page. Raises ImproperlyConfigured."""
    address: str = env.str("REDIS_URL", default="").strip()
    # Django takes several, of which the first is written to.
    if address and not all(is_redis_address(one.strip()) for one in re.split("[;,]", address)):
        raise ImproperlyConfigured(
            "REDIS_URL is not the address of a Redis. Give one like REDIS_URL=redis://127.0.0.1:6379/0, with a password "
            "redis://:password@host:6379/0 (signs such as @ , ; / percent-encoded), by TLS rediss://…, or "
            "unix:///run/redis/redis.sock?db=0. After ? it takes the options of redis-py, such as ssl_cert_reqs (of rediss), "
            "health_check_interval and max_connections."
        )
    if not address:
        return {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    return {
        "default": {
            "BACKEND": "cms.caches.SturdyRedisCache",
            "LOCATION": address,
            "KEY_PREFIX": env.str("CACHE_PREFIX", default="kawaraban"),
        }
    }


def is_redis_address(address: str) -> bool:
    """Whether the client of Redis can read an address; what it cannot, it would say at the first page. Connects to nothing."""
    # Needed only where there is a Redis, and slow to read.
    client: Any = import_module("redis.connection")
    try:
        pool = client.ConnectionPool.from_url(address)
        # What it does not know after ?, only a connection refuses.
        pool.connection_class(**pool.connection_kwargs)
    except (client.RedisError, ValueError, TypeError, AttributeError):
        return False
    return pool.connection_class is not client.UnixDomainSocketConnection or bool(pool.connection_kwargs.get("path"))


def read_media_store() -> dict[str, str]:
    """``MEDIA_STORE``: bucket and where it is, or nothing. Raises ImproperlyConfigured for any other form."""
    address: str = env.str("MEDIA_STORE", default="").strip()
    if not address:
        return {}
    parts = split_address(address)
    remedy = "Give one like s3://bucket/prefix?endpoint_url=https://store.example.jp&region=ap-northeast-1"
    if parts is None or parts.scheme != "s3" or not parts.netloc or parts.username or parts.fragment:
        raise ImproperlyConfigured(f"MEDIA_STORE is not the address of a bucket. {remedy} (keys: AWS_ACCESS_KEY_ID …)")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := given.keys() - {"endpoint_url", "region"}:
        raise ImproperlyConfigured(f"MEDIA_STORE has {', '.join(sorted(unknown))}. It takes endpoint_url and region. {remedy}")
    endpoint = split_address(given.get("endpoint_url", "https://store"))
    if endpoint is None or endpoint.scheme not in ("http", "https") or not endpoint.hostname:
        raise ImproperlyConfigured(f"MEDIA_STORE has an endpoint_url that is no web address. {remedy}")
    return {"bucket": parts.netloc, "prefix": parts.path.strip("/"), **given}


def read_email() -> dict[str, Any]:
    """``EMAIL_URL``: standard output by default. Raises ImproperlyConfigured for any other form."""
    address: str = env.str("EMAIL_URL", default="") or "consolemail://"
    remedy = "Give one like smtp+tls://user:password@mail.example.jp:587 (also smtp, smtp+ssl, consolemail, dummymail)."
    try:
        mail: dict[str, Any] = dict(env.email_url_config(address))
    except (ImproperlyConfigured, ValueError) as error:
        raise ImproperlyConfigured(f"EMAIL_URL is not the address of a mail server. {remedy}") from error
    if mail["EMAIL_BACKEND"].endswith("smtp.EmailBackend") and not mail["EMAIL_HOST"]:
        raise ImproperlyConfigured(f"EMAIL_URL names no host. {remedy}")
    names = ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD")
    switches = ("EMAIL_USE_TLS", "EMAIL_USE_SSL", "EMAIL_FILE_PATH")
    return {name: mail[name] for name in (*names, *switches) if mail.get(name)}


def read_sender(host: str) -> str:
    """``EMAIL_FROM``: an address, or a name with one; by default one of the site's ``host``, or of this machine where that is an
    IP address, which no mail comes from. Raises ImproperlyConfigured for what was given and no mail can come from."""
    sender: str = env.str("EMAIL_FROM", default="").strip()
    if not sender:
        return f"noreply@{'localhost' if find_address(host) else host}"
    if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", parseaddr(sender)[1]) or not sender.isprintable():
        remedy = "Give one like EMAIL_FROM=desk@example.jp or EMAIL_FROM=瓦版 <desk@example.jp>"
        raise ImproperlyConfigured(f"EMAIL_FROM is {sender!r}, which is no address. {remedy}")
    return sender


# --- The site -------------------------------------------------------------------------------------------------------

DEBUG = read_bool("DEBUG", default=False)
SECRET_KEY = read_secret_key(debug=DEBUG)
ALLOWED_HOSTS = read_allowed_hosts(debug=DEBUG)
SITE_URL = read_site_url()
IS_HTTPS = SITE_URL.startswith("https://")

DATA_DIR = read_folder("DATA_DIR", BASE_DIR / "data")
MEDIA_ROOT = read_folder("MEDIA_ROOT", DATA_DIR / "media")
# Originals and site files are kept here and never served.
PRIVATE_ROOT = read_folder("PRIVATE_ROOT", MEDIA_ROOT.parent / "private")
# Where several machines serve the site, a bucket takes the place of both folders' files (articles/stores).
MEDIA_STORE = read_media_store()
# While this file is there, readers are told to come back. A file, so that it works while the database does not.
MAINTENANCE_FILE = DATA_DIR / "maintenance.txt"
STATIC_ROOT = read_folder("STATIC_ROOT", DATA_DIR / "static")
MEDIA_URL = "/media/"
STATIC_URL = "/static/"
THEME_DIR = read_theme()

INSTALLED_APPS = [
    "articles.apps.ArticlesConfig",
    # The plain configuration would read every admin module at the start of every command; cms/urls.py does it for the desk.
    "cms.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.sitemaps",
    "taggit",
    "import_export",
    "django_tasks",
    "django_tasks_db",
    "csp",
]

MIDDLEWARE = [
    "cms.middleware.UnavailableMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "cms.middleware.StablePolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "cms.middleware.AdminLocaleMiddleware",
    "cms.middleware.MaintenanceMiddleware",
    "cms.middleware.StorableInputMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "cms.routers.ReplicaMiddleware",
]

ROOT_URLCONF = "cms.urls"
WSGI_APPLICATION = "cms.wsgi.application"

FORM_RENDERER = "cms.form_renderer.Renderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [*([THEME_DIR / "templates"] if THEME_DIR else []), BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Of one process (cms.gate): pages that are made at the same time, readers and editors who wait for theirs, and places of the
# desk, which readers cannot take. 0 at once: no limit.
PAGES_AT_ONCE = read_positive_int("PAGES_AT_ONCE", 4, most=1000)
PAGES_WAITING = read_positive_int("PAGES_WAITING", 8, most=1000)
DESK_AT_ONCE = read_positive_int("DESK_AT_ONCE", 4, most=1000)

# --- Storage --------------------------------------------------------------------------------------------------------

DATABASES = {"default": read_database(DATA_DIR), **read_replicas()}
# Pages for readers come from a copy where there is one; a change, the desk, commands and the worker never do.
DATABASE_ROUTERS = ["cms.routers.ReplicaRouter"] if len(DATABASES) > 1 else []
# How long one question may take before it is given up with 503; 0: as long as it takes. Commands and the worker have no limit.
DATABASE_READER_SECONDS = read_positive_int("DATABASE_READER_SECONDS", 5, most=3600)
DATABASE_EDITOR_SECONDS = read_positive_int("DATABASE_EDITOR_SECONDS", 60, most=3600)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = read_caches()
# A cache of another machine that can be told what to forget, as of a network that delivers pages.
EDGE_PURGE_URL = read_web_address("EDGE_PURGE_URL")
EDGE_PURGE_FORM = read_choice("EDGE_PURGE_FORM", ("HEADER", "JSON"))
EDGE_PURGE_HEADERS = read_headers("EDGE_PURGE_HEADERS")
# Finished pages in front of Django. Off where templates are being written: nobody tells of a change in a file.
PAGE_CACHE = read_bool("PAGE_CACHE", default=not DEBUG)
PAGE_CACHE_BYTES = read_positive_int("PAGE_CACHE_MB", 64, most=1_000_000) * 1_000_000
# A theme may have no static files; Django warns of a folder that is not there.
_THEME_STATIC = [THEME_DIR / "static"] if THEME_DIR and (THEME_DIR / "static").is_dir() else []
STATICFILES_DIRS = [*_THEME_STATIC, BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
# Folders of the server below which staff may import, separated as in PATH.
IMPORT_ROOTS = read_import_roots()
IMPORT_MAX_BYTES = read_positive_int("IMPORT_MAX_BYTES", 2 * 1024**3, least=1)
IMPORT_MAX_FILES = read_positive_int("IMPORT_MAX_FILES", 20_000, least=1)
IMPORT_KEEP_DAYS = read_positive_int("IMPORT_KEEP_DAYS", 30, most=36_500)
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# --- Language and time ----------------------------------------------------------------------------------------------

LANGUAGES = [("ja", "日本語"), ("en", "English")]
LANGUAGE_CODE = read_language([code for code, _name in LANGUAGES])
# How the site calls itself in its masthead, titles and feeds.
SITE_NAME = env.str("SITE_NAME", default="").strip() or ("瓦版" if LANGUAGE_CODE == "ja" else "Kawaraban")
SITE_DESCRIPTION = env.str("SITE_DESCRIPTION", default="").strip()
# Whether companies may read the site for their language models: what robots.txt, the pages' heads and llms.txt say.
AI_USE = read_choice("AI_USE", ("ALLOW", "DISALLOW"))
# Where readers of feeds may subscribe and which is told of what is new (WebSub); none by default.
WEBSUB_HUB = read_web_address("WEBSUB_HUB")
# Sites whose players a page offers to load; a page's policy lets frames come from those that it holds, and from nowhere else.
EMBED_SERVICES = read_embed_services()
# A font file for the cards that other sites show; empty: the best Japanese one that is installed.
CARD_FONT = env.str("CARD_FONT", default="").strip()
LOCALE_PATHS = [BASE_DIR / "articles" / "locale"]
TIME_ZONE = read_time_zone()
USE_TZ = True
# A bare "example.jp" typed into a URL field means https; Django's future default, and a warning about the switch itself.
warnings.filterwarnings("ignore", "The FORMS_URLFIELD_ASSUME_HTTPS transitional setting is deprecated")
FORMS_URLFIELD_ASSUME_HTTPS = True

# --- Safety ---------------------------------------------------------------------------------------------------------

CSRF_FAILURE_VIEW = "cms.errors.show_csrf_failure"
CSRF_TRUSTED_ORIGINS = read_origins(SITE_URL)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = read_positive_int("SECURE_HSTS_SECONDS", 31_536_000 if IS_HTTPS else 0, most=10 * A_YEAR)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = read_bool("SECURE_HSTS_SUBDOMAINS", default=False)
# Only behind a proxy that sets this header itself; otherwise any client could claim to use TLS.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if read_bool("BEHIND_PROXY", default=False) else None
X_FRAME_OPTIONS = "SAMEORIGIN"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for all subdomains and its preload list are the operator's decision:
    "security.W021",  # SECURE_HSTS_SUBDOMAINS=true
    "security.W019",  # the desk shows previews in a frame of the same origin
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

TAGGIT_CASE_INSENSITIVE = True
# The library's own defaults let everyone who sees a list import into it, and write formulas into sheets.
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "add"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
IMPORT_EXPORT_USE_TRANSACTIONS = True
# The library reads this name as its own list of classes; its screens, which would, are replaced by ours.
IMPORT_FORMATS = read_table_formats()
TABLE_MAX_ROWS = read_positive_int("TABLE_MAX_ROWS", 20_000, least=1)
TABLE_MAX_BYTES = read_positive_int("TABLE_MAX_BYTES", 50 * 1024 * 1024, least=1)

# --- Mail and signing in -------------------------------------------------------------------------------------------

# A password may hold any character, so the message of a refusal never repeats EMAIL_URL.
globals().update(read_email())
DEFAULT_FROM_EMAIL = SERVER_EMAIL = read_sender(urlsplit(SITE_URL).hostname or "")
# A server that hangs must not hold up the worker.
EMAIL_TIMEOUT = 20
PASSWORD_RESET_TIMEOUT = read_positive_int("LINK_DAYS", 3, least=1, most=366) * 86_400
# The header in which a proxy says who asks, such as X-Real-IP; anybody else could write what they like there.
CLIENT_ADDRESS_HEADER = read_header_name("CLIENT_ADDRESS_HEADER")

# --- The server: what ``manage.py serve`` does where it is told nothing else -----------------------------------------

WEB_HOST = read_web_host()
WEB_PORT = read_positive_int("WEB_PORT", 8000, least=1, most=65_535)
# A Unix socket for a proxy on the same machine, instead of host and port.
WEB_SOCKET = read_socket()
# 0: one process per core.
WEB_WORKERS = read_positive_int("WEB_WORKERS", 0, most=1000)
WEB_THREADS = read_positive_int("WEB_THREADS", 20, least=1, most=1000)
WEB_STOP_SECONDS = read_positive_int("WEB_STOP_SECONDS", 30, least=1, most=1800)

# --- Logs: one line per event ---------------------------------------------------------------------------------------

LOG_LEVEL = read_choice("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "cms.logs.LineFormatter"}},
    "filters": {"ordinary": {"()": "cms.logs.OrdinaryAnswers"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own configuration comes first; without this its records would be written twice.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.request": {"handlers": [], "level": LOG_LEVEL, "propagate": True, "filters": ["ordinary"]},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
    },
}
