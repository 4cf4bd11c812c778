"""The settings fail closed, and say which variable and what to do."""

from __future__ import annotations

import logging
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client, RequestFactory

from cms.logs import LineFormatter
from cms.middleware import StablePolicyMiddleware
from cms.wsgi import django

SETTINGS = Path(__file__).resolve().parent.parent / "cms" / "settings.py"
KEY = "k3y-of-a-real-site-with-more-than-32-characters"
NAMES = (
    *(
        "DEBUG",
        "SECRET_KEY",
        "ALLOWED_HOSTS",
        "SITE_URL",
        "DATABASE_URL",
        "REDIS_URL",
        "MEDIA_ROOT",
        "PRIVATE_ROOT",
        "MEDIA_STORE",
    ),
    *("DATABASE_POOL_SIZE", "SQLITE_SYNCHRONOUS", "SECURE_HSTS_SECONDS", "BEHIND_PROXY", "LOG_LEVEL", "IMPORT_FORMATS"),
    *("LANGUAGE_CODE", "SITE_NAME", "SITE_DESCRIPTION", "AI_USE", "WEBSUB_HUB", "EMBED_SERVICES"),
    *("EMAIL_URL", "EMAIL_FROM", "LINK_DAYS", "CLIENT_ADDRESS_HEADER", "DATABASE_REPLICA_URLS"),
    *("WEB_HOST", "WEB_PORT", "WEB_SOCKET", "WEB_WORKERS", "WEB_THREADS", "WEB_STOP_SECONDS"),
)


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
