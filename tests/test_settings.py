"""The settings fail closed, and say which variable and what to do."""

from __future__ import annotations

import logging
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils.log import log_response

from cms.logs import LineFormatter
from cms.middleware import StablePolicyMiddleware
from cms.wsgi import django

SETTINGS = Path(__file__).resolve().parent.parent / "cms" / "settings.py"
KEY = "k3y-of-a-real-site-with-more-than-32-characters"
# Every variable that the settings read.
NAMES = sorted(set(re.findall(r'(?:env\.\w+|read_\w+)\(\s*"([A-Z][A-Z0-9_]+)"', SETTINGS.read_text(encoding="utf-8"))))
# Any text is a good value of these; and the last two are looked at by a check, which says what lacks.
FREE = ("CACHE_PREFIX", "SITE_NAME", "SITE_DESCRIPTION", "CARD_FONT", "THEME_DIR")
WRONG = {
    "AI_USE": ["maybe"],
    "ALLOWED_HOSTS": [
        "https://www.example.jp/",
        "www.example.jp/",
        "www.example.jp:8000",
        "*.example.jp",
        "瓦版.jp",
        "::1%eth0",
        "a b",
    ],
    "BEHIND_PROXY": ["ture"],
    "CLIENT_ADDRESS_HEADER": ["X-Real-IP: 1", "X Real IP"],
    "CSRF_TRUSTED_ORIGINS": ["desk.example.jp", "https://desk.example.jp/admin", "https://[::1", "ftp://desk.example.jp"],
    "DATABASE_CONNECT_SECONDS": ["0", "soon"],
    "DATABASE_EDITOR_SECONDS": ["1m", "99999999999"],
    "DATABASE_POOL_SIZE": ["-1"],
    "DATABASE_READER_SECONDS": ["0.5"],
    "DATABASE_REPLICA_URLS": ["sqlite:///x", "postgre//x", "postgres://user:geheim@host:port/name"],
    "DATABASE_URL": [
        *("postgre//x", "127.0.0.1:5432", "postgres://user:geheim@db", "postgres://user:geheim@db:port/site", "mysql://db/site"),
        *("postgres://user:ge/heim@db:5432/site", "postgres://[db/site", "sqlite"),
    ],
    "DATA_DIR": ["{file}", "{file}/data"],
    "DEBUG": ["flase"],
    "DESK_AT_ONCE": ["many"],
    "EDGE_PURGE_FORM": ["XML"],
    "EDGE_PURGE_HEADERS": ["Fastly-Key", "Fastly Key: x", "Key: ", "Key: 鍵"],
    "EDGE_PURGE_URL": ["api.fastly.com", "https://[x", "https://host:port/"],
    "EMAIL_FROM": ["desk", "desk@", "desk@example.jp\nBcc: x@example.jp"],
    "EMAIL_URL": ["mail.example.jp", "smtp://user:geheim@host:port"],
    "EMBED_SERVICES": ["myvideo"],
    "IMPORT_FORMATS": ["pickle"],
    "IMPORT_KEEP_DAYS": ["ever", "99999999"],
    "IMPORT_MAX_BYTES": ["2G", "0"],
    "IMPORT_MAX_FILES": ["0"],
    "IMPORT_ROOTS": ["import", "{file}", "/srv:import"],
    "LANGUAGE_CODE": ["fr", "ja-JP"],
    "LINK_DAYS": ["0", "9999999999"],
    "LOG_LEVEL": ["LOUD"],
    "MEDIA_ROOT": ["{file}"],
    "MEDIA_STORE": ["files", "s3://[files", "s3://files?endpoint_url=http://[x"],
    "PAGES_AT_ONCE": ["4,5"],
    "PAGES_WAITING": ["eight"],
    "PAGE_CACHE": ["sometimes"],
    "PAGE_CACHE_MB": ["64MB"],
    "PRIVATE_ROOT": ["{file}"],
    "REDIS_URL": [
        *("127.0.0.1:6397", "localhost", "http://localhost", "redis://:geheim@host:port/0", "redis://host?db=first"),
        *("redis://host:6379/0?timeout=1", "redis://host?max_connections=-1", "redis://host?protocol=9", "unix://redis.sock"),
        *("redis://:ge,heim@host:6379/0", "redis://host?cache_config=x", "rediss://host?ssl_cert_reqs=maybe", "redis://[::1"),
    ],
    "SECRET_KEY": ["short"],
    "SECURE_HSTS_SECONDS": ["1 year"],
    "SECURE_HSTS_SUBDOMAINS": ["all"],
    "SITE_URL": [
        "www.example.jp",
        "https://[::1",
        "https://www.example.jp:port",
        "https://staff:geheim@example.jp",
        "https://瓦版.jp",
    ],
    "SQLITE_SYNCHRONOUS": ["OFF"],
    "STATIC_ROOT": ["{file}"],
    "TABLE_MAX_BYTES": ["0"],
    "TABLE_MAX_ROWS": ["1e4"],
    "TIME_ZONE": ["Asia/Tokio", "Asia", "/etc/passwd", "../x", "JST+9?"],
    "WEBSUB_HUB": ["hub"],
    "WEB_HOST": ["http://0.0.0.0", "0.0.0.0:8000", "www.example.jp"],
    "WEB_PORT": ["0", "65536", "http"],
    "WEB_SOCKET": ["/tmp", "/run/" + "x" * 108],
    "WEB_STOP_SECONDS": ["0"],
    "WEB_THREADS": ["0"],
    "WEB_WORKERS": ["two"],
}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Reads the settings under exactly the variables given."""

    def load_settings(**variables: str) -> dict[str, Any]:
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(SETTINGS))

    return load_settings


def test_every_variable_has_a_wrong_value_here_or_takes_any() -> None:
    assert sorted([*WRONG, *FREE]) == NAMES


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_by_the_name_of_its_variable_with_the_right_form(
    load: Any, tmp_path: Path, name: str, value: str
) -> None:
    file = tmp_path / "file"
    file.write_text("text", encoding="utf-8")
    # Some are read for PostgreSQL alone.
    database = "postgres://user@db/site" if name in ("DATABASE_CONNECT_SECONDS", "DATABASE_POOL_SIZE") else ""
    with pytest.raises(ImproperlyConfigured) as refused:
        load(
            **{
                "SECRET_KEY": KEY,
                "ALLOWED_HOSTS": "www.example.jp",
                "DATABASE_URL": database,
                name: value.replace("{file}", str(file)),
            }
        )
    said = str(refused.value)
    assert said.startswith(name), said
    assert re.search(r"\b(Give|Make|Name|takes?)\b", said), said
    assert "geheim" not in said
    assert "heim@" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", ".example.jp, [::1], ::1, 192.0.2.7, xn--i2r.jp, *"),
        ("CSRF_TRUSTED_ORIGINS", "https://desk.example.jp:8443,https://*.example.jp"),
        ("DATABASE_URL", "postgresql://site:p%40%2F%23w@[::1]:5433/site?sslmode=require"),
        ("DATABASE_REPLICA_URLS", "psql://site:word@copy/site,pgsql://site:word@other/site"),
        ("DATABASE_URL", "postgres://site:p#w@db/site"),
        ("DATABASE_URL", "psql://site:word@db:5432/site"),
        ("DATABASE_URL", "pgsql://site:word@db:5432/site"),
        ("DATABASE_URL", "postgres:////run/postgresql/site"),
        ("DATABASE_URL", "sqlite:////srv/site.sqlite3"),
        ("EMAIL_FROM", "瓦版 <desk@example.jp>"),
        ("REDIS_URL", "rediss://:p%40w@redis.example.jp:6380/2?ssl_cert_reqs=none"),
        ("REDIS_URL", "unix:///run/redis.sock?db=1"),
        ("REDIS_URL", "redis://redis.example.jp?health_check_interval=30&max_connections=50&protocol=3"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis:///0"),
        ("REDIS_URL", "redis://redis.example.jp:6379/0/"),
        ("REDIS_URL", "redis://one.example.jp:6379/0,redis://two.example.jp:6379/0"),
        ("SITE_URL", "https://[::1]:8443"),
        ("SITE_URL", "https://192.0.2.7"),
        ("TIME_ZONE", "UTC"),
        ("WEB_HOST", "::"),
    ],
)
def test_a_value_that_can_be_used_is_taken(load: Any, name: str, value: str) -> None:
    load(**{"SECRET_KEY": KEY, "ALLOWED_HOSTS": "www.example.jp", name: value})


def test_an_address_of_ipv6_among_the_hosts_needs_no_brackets(load: Any) -> None:
    values = load(SECRET_KEY=KEY, ALLOWED_HOSTS="www.example.jp,::1,2001:DB8:0:0::1")
    assert values["ALLOWED_HOSTS"] == ["www.example.jp", "[::1]", "[2001:db8::1]"]


def test_the_final_slash_of_an_origin_is_no_part_of_it(load: Any) -> None:
    values = load(SECRET_KEY=KEY, ALLOWED_HOSTS="www.example.jp", CSRF_TRUSTED_ORIGINS="https://www.example.jp/")
    assert values["CSRF_TRUSTED_ORIGINS"] == ["https://www.example.jp"]


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("https://www.example.jp", "noreply@www.example.jp"),
        ("https://[::1]:8443", "noreply@localhost"),
        ("https://192.0.2.7", "noreply@localhost"),
        ("http://app_1:8000", "noreply@app_1"),
    ],
)
def test_a_sender_that_nobody_named_belongs_to_the_site_and_stops_nothing(load: Any, address: str, sender: str) -> None:
    assert load(SECRET_KEY=KEY, ALLOWED_HOSTS="www.example.jp", SITE_URL=address)["DEFAULT_FROM_EMAIL"] == sender


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "psql", "pgsql"])
def test_every_scheme_of_postgresql_gets_our_engine(load: Any, scheme: str) -> None:
    address = f"{scheme}://site:p%40w@db:5433/site"
    databases = load(DEBUG="1", DATABASE_URL=address, DATABASE_REPLICA_URLS=address)["DATABASES"]
    for database in (databases["default"], databases["replica1"]):
        read = [database[name] for name in ("ENGINE", "USER", "PASSWORD", "HOST", "PORT", "NAME")]
        assert read == ["cms.backends.postgresql", "site", "p@w", "db", 5433, "site"]


def test_a_data_folder_that_cannot_be_made_is_named(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ImproperlyConfigured, match=r"^DATA_DIR is .* cannot be made: Permission denied"):
        load(DEBUG="1")


def test_without_a_secret_key_the_site_does_not_start(load: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY is not set.*token_urlsafe"):
        load(ALLOWED_HOSTS="example.jp")


@pytest.mark.parametrize("key", ["short", "a" * 60, "only-for-debug-" + "kawaraban" * 5])
def test_a_secret_key_that_can_be_guessed_is_refused(load: Any, key: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY can be guessed"):
        load(SECRET_KEY=key, ALLOWED_HOSTS="example.jp")


@pytest.mark.parametrize("hosts", ["", " , "])
def test_without_allowed_hosts_the_site_does_not_start(load: Any, hosts: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="ALLOWED_HOSTS is not set"):
        load(SECRET_KEY=KEY, ALLOWED_HOSTS=hosts)


def test_debug_needs_neither_key_nor_hosts(load: Any) -> None:
    values = load(DEBUG="1")
    assert values["DEBUG"] is True
    assert "localhost" in values["ALLOWED_HOSTS"]


def test_a_misspelt_switch_is_refused_by_name(load: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="DEBUG is 'flase'"):
        load(DEBUG="flase", SECRET_KEY=KEY, ALLOWED_HOSTS="example.jp")


@pytest.mark.parametrize("address", ["example.jp", "ftp://example.jp", "https://example.jp/blog", "https://"])
def test_a_site_url_with_more_or_less_than_scheme_and_host_is_refused(load: Any, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SITE_URL is"):
        load(DEBUG="1", SITE_URL=address)


def test_an_https_site_sends_cookies_over_tls_only(load: Any) -> None:
    values = load(SECRET_KEY=KEY, ALLOWED_HOSTS="example.jp", SITE_URL="https://example.jp/")
    assert values["SITE_URL"] == "https://example.jp"
    assert values["SESSION_COOKIE_SECURE"]
    assert values["CSRF_COOKIE_SECURE"]
    assert values["SECURE_SSL_REDIRECT"]
    assert values["SECURE_HSTS_SECONDS"] == 31_536_000
    assert values["CSRF_TRUSTED_ORIGINS"] == ["https://example.jp"]
    assert values["SECURE_PROXY_SSL_HEADER"] is None


def test_an_http_site_can_be_used_over_http(load: Any) -> None:
    values = load(SECRET_KEY=KEY, ALLOWED_HOSTS="localhost", SITE_URL="http://localhost:8000")
    assert not values["SECURE_SSL_REDIRECT"]
    assert not values["SESSION_COOKIE_SECURE"]


def test_sqlite_waits_for_writers_and_keeps_what_it_acknowledged(load: Any) -> None:
    options = load(DEBUG="1")["DATABASES"]["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] == 20
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_an_unknown_synchronous_mode_never_reaches_sqlite(load: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SQLITE_SYNCHRONOUS.*FULL, NORMAL"):
        load(DEBUG="1", SQLITE_SYNCHRONOUS="OFF; DROP TABLE x")


def test_postgresql_can_use_a_pool(load: Any) -> None:
    database = load(DEBUG="1", DATABASE_URL="postgres://user:word@db/site", DATABASE_POOL_SIZE="8")["DATABASES"]["default"]
    assert database["ENGINE"] == "cms.backends.postgresql"
    assert database["OPTIONS"]["pool"]["max_size"] == 8
    assert not database.get("CONN_MAX_AGE")


def test_postgresql_is_not_waited_for_without_end(load: Any) -> None:
    values = load(DEBUG="1", DATABASE_URL="postgres://user:word@db/site")
    database = values["DATABASES"]["default"]
    assert database["OPTIONS"]["connect_timeout"] == 3
    assert database["OPTIONS"]["tcp_user_timeout"] > 0
    assert database["CONN_HEALTH_CHECKS"]
    assert (values["DATABASE_READER_SECONDS"], values["DATABASE_EDITOR_SECONDS"]) == (5, 60)


def test_private_files_lie_beside_the_media_and_never_inside(load: Any, tmp_path: Path) -> None:
    values = load(DEBUG="1", MEDIA_ROOT=str(tmp_path / "shared" / "media"))
    assert values["PRIVATE_ROOT"] == tmp_path / "shared" / "private"


def test_a_bucket_is_read_from_one_address(load: Any) -> None:
    assert load(DEBUG="1")["MEDIA_STORE"] == {}
    assert load(DEBUG="1", MEDIA_STORE="s3://files")["MEDIA_STORE"] == {"bucket": "files", "prefix": ""}
    address = "s3://files/news/site/?endpoint_url=https://store.example.jp:9000&region=ap-northeast-1"
    assert load(DEBUG="1", MEDIA_STORE=address)["MEDIA_STORE"] == {
        "bucket": "files",
        "prefix": "news/site",
        "endpoint_url": "https://store.example.jp:9000",
        "region": "ap-northeast-1",
    }


@pytest.mark.parametrize(
    "address",
    ["files", "https://files/x", "s3://", "s3://key:secret@files", "s3://files?acl=public", "s3://files?endpoint_url=x"],
)
def test_any_other_form_of_a_bucket_is_refused_with_the_right_one(load: Any, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"MEDIA_STORE.*s3://bucket/prefix") as error:
        load(DEBUG="1", MEDIA_STORE=address)
    assert "secret" not in str(error.value)


def test_the_cache_is_redis_where_an_address_is_given(load: Any) -> None:
    assert load(DEBUG="1")["CACHES"]["default"]["BACKEND"].endswith("LocMemCache")
    assert load(DEBUG="1", REDIS_URL="redis://localhost/1")["CACHES"]["default"]["BACKEND"].endswith("RedisCache")


def test_the_policy_allows_neither_inline_code_nor_other_hosts(client: Client) -> None:
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "object-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_policy_has_one_order_in_every_process() -> None:
    response = StablePolicyMiddleware(lambda request: HttpResponse())(RequestFactory().get("/"))
    directives = response.headers["Content-Security-Policy"].split("; ")
    assert directives == sorted(directives)


@pytest.mark.parametrize("headers", [{"Accept-Language": "en"}, {"Cookie": "django_language=en"}])
def test_a_public_page_speaks_one_language_whoever_asks(client: Client, headers: dict[str, str]) -> None:
    response = client.get("/healthz", headers=headers)
    assert "Content-Language" not in response.headers
    assert "Accept-Language" not in response.headers.get("Vary", "")


@pytest.mark.django_db
def test_the_desk_speaks_the_language_of_its_user(client: Client) -> None:
    assert 'lang="en"' in client.get("/admin/login/", headers={"Accept-Language": "en"}).text
    assert 'lang="ja"' in client.get("/admin/login/", headers={"Accept-Language": "ja"}).text


def test_the_desk_says_whose_it_is(client: Client, db: None) -> None:
    assert "Kawaraban（瓦版）" in client.get("/admin/login/").text


def test_a_log_record_is_one_line_whatever_it_carries() -> None:
    hostile = "a\r\nb\x1b[31m\u2028\u202e\x85c"
    record = logging.LogRecord("articles", logging.INFO, __file__, 1, "file %s", (hostile,), None)
    line = LineFormatter().format(record)
    assert "\n" not in line
    assert "\x1b" not in line
    assert r"a\r\nb\x1b[31m\u2028\u202e\x85c" in line


def test_a_traceback_is_one_line_too() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("articles", logging.ERROR, __file__, 1, "failed", (), info)
    assert LineFormatter().format(record).split("\n") == [LineFormatter().format(record)]


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """The lines of answers that a log with the default level has."""
    logger = logging.getLogger("django.request")
    before = logger.level
    logger.setLevel(logging.INFO)
    caplog.set_level(logging.DEBUG, logger="")
    caplog.handler.setFormatter(LineFormatter())
    yield lambda: [caplog.handler.format(record) for record in caplog.records if record.name.startswith("django.request")]
    logger.setLevel(before)


@pytest.mark.django_db
def test_what_is_not_there_fills_no_log(client: Client, shown: Callable[[], list[str]]) -> None:
    for path in ("/wp-login.php", "/admin/nothing/"):
        client.get(path)
    client.post("/healthz")
    assert shown() == []


@pytest.mark.django_db
def test_what_staff_may_not_see_is_one_short_line(client: Client, shown: Callable[[], list[str]]) -> None:
    client.force_login(get_user_model().objects.create_user("guest", password="x", is_staff=True))
    assert client.get("/admin/articles/post/").status_code == 403
    assert client.get("/admin/articles/nothing/").status_code == 404
    (line,) = shown()
    assert " INFO django.request Forbidden" in line
    assert "Traceback" not in line


def test_what_the_server_is_at_fault_for_keeps_its_traceback(shown: Callable[[], list[str]]) -> None:
    try:
        raise ValueError("fault")
    except ValueError as error:
        log_response("Internal Server Error: %s", "/", response=HttpResponse(status=500), exception=error)
    log_response("Bad Request: %s", "/", response=HttpResponse(status=400))
    fault, bad = shown()
    assert " ERROR " in fault
    assert "Traceback" in fault
    assert " WARNING " in bad


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/admin/%ff", "/admin/%FF"),
        ("/admin/%ff/a%20b/?q=%ff", "/admin/%FF/a%20b/?q=%ff"),
        ("/admin/%E7%89%88/", "/admin/%E7%89%88/"),
        ("/admin/100%25/", "/admin/100%25/"),
    ],
)
def test_whoever_signs_in_comes_back_to_the_address_that_was_asked_for(path: str, asked: str) -> None:
    path, _, query = path.partition("?")
    environ = RequestFactory().get("/").environ | {"PATH_INFO": unquote(path, "latin-1"), "QUERY_STRING": query}
    request = django.request_class(environ)
    assert request.get_full_path() == asked
    if not query:
        back = django.get_response(request).headers["Location"]
        assert parse_qs(urlsplit(back).query)["next"] == [asked]


def test_the_server_has_read_its_program_before_it_takes_a_request() -> None:
    code = "import sys, cms.wsgi; print('articles.admin.urls' in sys.modules and 'articles.site.urls' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=SETTINGS.parent.parent, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.fixture
def picture(media_root: Path) -> Path:
    (media_root / "2026").mkdir(parents=True)
    path = media_root / "2026" / "瓦版.svg"
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    (media_root / ".env").write_text("SECRET", encoding="ascii")
    (media_root.parent / "secret.txt").write_text("SECRET", encoding="ascii")
    (media_root / "link.txt").symlink_to(media_root.parent / "secret.txt")
    return path


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "..%5csecret.txt",
        "a%00b",
        ".env",
        "link.txt",
        "2026/",
        "",
        "/etc/passwd",
    ],
)
def test_nothing_else_is_served_as_media(client: Client, db: None, picture: Path, path: str) -> None:
    response = client.get(f"/media/{path}")
    assert response.status_code == 404
    assert b"SECRET" not in response.content


def test_tables_are_read_in_three_formats_unless_more_are_asked_for(load: Any) -> None:
    assert load(DEBUG="1")["IMPORT_FORMATS"] == ("csv", "xlsx", "json")
    assert load(DEBUG="1", IMPORT_FORMATS="xlsx, ODS,")["IMPORT_FORMATS"] == ("xlsx", "ods")
    with pytest.raises(ImproperlyConfigured, match="IMPORT_FORMATS names pickle"):
        load(DEBUG="1", IMPORT_FORMATS="csv,pickle")


# "hex" decodes to no text, the next two to half a surrogate pair; the last is no codec and no name of one.
@pytest.mark.parametrize("charset", ["hex", "unicode_escape", "utf-7", "shift_jis", "rot13", "x y"])
def test_a_header_decides_no_decoding(charset: str) -> None:
    """By the server's own door: the request is read before anything could turn an exception into an answer."""
    for path, status in (("/healthz", 200), ("/robots.txt", 200), ("/admin/", 302)):
        environ = RequestFactory().get(path).environ | {"QUERY_STRING": "q=%5Cud800%2B2AA-%ff"}
        environ["CONTENT_TYPE"] = f"text/plain; charset={charset}"
        request = django.request_class(environ)
        assert django.get_response(request).status_code == status, path
        assert request.GET["q"] == "\\ud800+2AA-\ufffd"


def test_the_site_speaks_japanese_or_english_and_calls_itself_what_it_is_told(load: Any) -> None:
    assert (load(DEBUG="true")["LANGUAGE_CODE"], load(DEBUG="true")["SITE_NAME"]) == ("ja", "瓦版")
    english = load(DEBUG="true", LANGUAGE_CODE="en")
    assert (english["LANGUAGE_CODE"], english["SITE_NAME"]) == ("en", "Kawaraban")
    assert load(DEBUG="true", SITE_NAME=" 川辺新聞 ")["SITE_NAME"] == "川辺新聞"
    with pytest.raises(ImproperlyConfigured, match=r"LANGUAGE_CODE.*ja, en"):
        load(DEBUG="true", LANGUAGE_CODE="fr")


def test_mail_goes_to_standard_output_until_a_server_is_named(load: Any) -> None:
    values = load(DEBUG="1", SITE_URL="https://kawara.example.jp")
    assert values["EMAIL_BACKEND"].endswith("console.EmailBackend")
    assert values["DEFAULT_FROM_EMAIL"] == "noreply@kawara.example.jp"


def test_a_mail_server_is_read_from_its_address(load: Any) -> None:
    values = load(DEBUG="1", EMAIL_URL="smtp+tls://desk%40example.jp:p%2Fw@mail.example.jp:587", EMAIL_FROM="desk@example.jp")
    assert values["EMAIL_BACKEND"].endswith("smtp.EmailBackend")
    assert (values["EMAIL_HOST"], values["EMAIL_PORT"], values["EMAIL_USE_TLS"]) == ("mail.example.jp", 587, True)
    assert (values["EMAIL_HOST_USER"], values["EMAIL_HOST_PASSWORD"]) == ("desk@example.jp", "p/w")
    assert values["DEFAULT_FROM_EMAIL"] == "desk@example.jp"


@pytest.mark.parametrize("address", ["mail.example.jp", "smtp://", "http://mail.example.jp", "smtp://user:geheim@host:port"])
def test_an_address_of_no_mail_server_is_refused_without_repeating_its_password(load: Any, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as refused:
        load(DEBUG="1", EMAIL_URL=address)
    assert "geheim" not in str(refused.value)


def test_where_the_server_listens_is_read_from_the_environment(load: Any) -> None:
    read = load(DEBUG="true")
    assert (read["WEB_HOST"], read["WEB_PORT"], read["WEB_SOCKET"], read["WEB_WORKERS"]) == ("127.0.0.1", 8000, None, 0)
    read = load(DEBUG="true", WEB_HOST="0.0.0.0", WEB_SOCKET="/run/site.sock", WEB_WORKERS="3")
    assert (read["WEB_HOST"], read["WEB_SOCKET"], read["WEB_WORKERS"]) == ("0.0.0.0", Path("/run/site.sock"), 3)
    with pytest.raises(ImproperlyConfigured, match="WEB_THREADS"):
        load(DEBUG="true", WEB_THREADS="four")
