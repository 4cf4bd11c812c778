"""What is delivered for production: nginx in front of the real server, and the files of ``deploy/``."""

from __future__ import annotations

import configparser
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import yaml

from articles.media import SERVED_TYPES, is_inline
from articles.site.media import FOR_EVER, POLICY
from tests.installations import PROJECT, Installation
from tests.reverse_proxy import CONFIGURATION, Answer, ServedSite, ask_socket, wait_for

DEPLOY = PROJECT / "deploy"
PAGE = "/posts/nginx/"
WORDS = "版木から刷った一枚"
TEXT = f"""---
title: 刷り上がり
date: 2024-05-01
slug: nginx
---
{WORDS}を読者に渡す。
"""
CANARY = "canary-9417.example"
# What proxies, frameworks and load balancers somewhere believe, or what may choose another answer.
HEADERS = (
    *("X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-For"),
    *(
        "X-Forwarded-Prefix",
        "X-Forwarded-Path",
        "X-Forwarded-Ssl",
        "X-Forwarded",
        "Forwarded",
        "Forwarded-For",
        "Forwarded-Proto",
    ),
    *("X-Host", "X-HTTP-Host-Override", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-Override-URL", "X-Proxy-URL"),
    *("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP"),
    *("True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Remote-IP", "X-Remote-Addr", "X-Originating-IP", "Client-IP"),
    *("Front-End-Https", "X-Url-Scheme", "X-Scheme", "X-Script-Name", "X-Request-URI", "X-Base-URL", "Base-URL", "X-Wap-Profile"),
    *("Accept", "Accept-Language", "Accept-Charset", "User-Agent", "Referer", "Origin", "Cookie", "Authorization", "Via", "From"),
    *("Max-Forwards", "Range", "If-None-Match", "If-Range", "Pragma", "Cache-Control", "Purpose", "Sec-Purpose", "X-Moz"),
    *("X-Preview", "X-Requested-With", "X-CSRFToken", "HX-Request", "Content-Type", "Upgrade-Insecure-Requests", "Save-Data"),
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A site of one post, ready to be served."""
    folder = tmp_path_factory.mktemp("served")
    content = folder / "source" / "content" / "posts"
    content.mkdir(parents=True)
    (folder / "source" / "hugo.toml").write_text('baseURL = "/"\ntitle = "瓦版"\n', encoding="utf-8")
    (content / "nginx.md").write_text(TEXT, encoding="utf-8")
    site = Installation(folder / "data")
    site.folder.mkdir()
    for command in (["migrate", "-v0"], ["collectstatic", "--no-input", "-v0"], ["import_posts", str(folder / "source")]):
        code, output = site.run(*command)
        assert code == 0, output
    return site


@pytest.fixture(scope="module")
def running(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    # A Unix socket's path may have a hundred letters; pytest's folders have nearly as many.
    site = ServedSite(installation, tmp_path_factory.mktemp("n"))
    try:
        site.start_server()
        site.start_proxy()
        yield site
    finally:
        site.close()


@pytest.fixture
def served(running: ServedSite) -> ServedSite:
    """The site, answering, and nothing fresh in nginx's cache."""
    running.start_server()
    outlive_copies()
    return running


def outlive_copies() -> None:
    """A copy is fresh for a second, which nginx counts in whole ones."""
    time.sleep(2.1)


def count_copies(site: ServedSite) -> int:
    """How many answers nginx keeps."""
    return sum(path.is_file() for path in (site.folder / "cache").rglob("*"))


# --- The cache in front ---------------------------------------------------------------------------------------------


@pytest.mark.nginx
def test_nginx_takes_the_configuration_without_a_warning(installation: Installation, tmp_path: Path) -> None:
    said = ServedSite(installation, tmp_path).check_configuration()
    assert "test is successful" in said
    assert "[warn]" not in said


@pytest.mark.nginx
def test_a_page_comes_from_nginx_for_a_second_and_is_then_confirmed_by_its_tag(served: ServedSite) -> None:
    first, second = served.get(PAGE), served.get(PAGE)
    assert (first.status, first.cache) == (200, "MISS") or first.cache in ("EXPIRED", "REVALIDATED")
    assert WORDS in first.body
    assert (second.cache, second.body) == ("HIT", first.body)
    assert second.headers["cache-control"] == "public, max-age=0, must-revalidate"
    outlive_copies()
    assert served.get(PAGE).cache == "REVALIDATED"
    assert served.get(PAGE, {"If-None-Match": first.headers["etag"]}).status == 304


@pytest.mark.nginx
def test_each_browser_gets_the_form_that_it_takes(served: ServedSite) -> None:
    packed = served.get(PAGE, {"Accept-Encoding": "gzip, deflate, br"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in served.get(PAGE).headers
    assert "content-encoding" not in served.get(PAGE, {"Accept-Encoding": "gzip;q=0, br"}).headers
    assert served.get(PAGE, {"Accept-Encoding": "br, gzip"}).cache == "HIT"


@pytest.mark.nginx
@pytest.mark.parametrize("path", [PAGE, "/", "/posts/not-there/", "/admin", "/search/?q=x"])
def test_no_header_of_one_reader_reaches_another(served: ServedSite, path: str) -> None:
    clean = served.get(path)
    outlive_copies()
    assert len(HEADERS) >= 60
    # All at once, while no copy is fresh: it is this request that the application answers.
    served.get(path, {name: CANARY for name in HEADERS if name not in ("Range", "If-None-Match", "If-Range", "Content-Type")})
    after = served.get(path)
    assert (after.status, after.body) == (clean.status, clean.body)
    assert CANARY not in after.body + str(after.headers)
    for name in HEADERS:
        answer = served.get(path, {name: CANARY})
        assert CANARY not in answer.body + str(answer.headers), name
    after = served.get(path)
    assert (after.status, after.body) == (clean.status, clean.body)


@pytest.mark.nginx
def test_made_up_parameters_fill_no_cache_and_those_of_lists_are_kept(served: ServedSite) -> None:
    before = count_copies(served)
    assert [served.get("/?utm_source=x").cache for _again in range(2)] == ["BYPASS", "BYPASS"]
    assert [served.get("/search/?q=x").cache for _again in range(2)] == ["BYPASS", "BYPASS"]
    assert count_copies(served) == before
    assert served.get("/tags/?from=a").cache != "BYPASS"


@pytest.mark.nginx
def test_the_desk_and_the_api_are_never_kept_and_cookies_pass(served: ServedSite) -> None:
    first, second = (served.get("/admin/login/") for _again in range(2))
    assert first.status == second.status == 200
    assert "csrftoken" in first.headers["set-cookie"]
    assert first.headers["set-cookie"] != second.headers["set-cookie"]
    assert first.cache == served.get("/api/posts").cache == served.get("/healthz").cache == ""


@pytest.mark.nginx
def test_readers_can_only_read(served: ServedSite) -> None:
    assert served.get(PAGE, method="POST").status == 405
    assert served.get(PAGE, method="HEAD").status == 200
    assert served.get("/readyz").status == 200


@pytest.mark.nginx
def test_odd_requests_end_at_nginx(served: ServedSite) -> None:
    assert served.get("/" + "x" * 20_000).status == 414
    assert served.get("/%00").status == 400
    assert served.get("/", {"Cookie": "a=" + "x" * 20_000}).status == 400
    assert served.get(PAGE).status == 200


@pytest.mark.nginx
def test_while_nobody_answers_readers_get_the_last_copy_and_others_a_word(served: ServedSite) -> None:
    served.get(PAGE)
    outlive_copies()
    assert served.stop_server() == 0
    stale = served.get(PAGE)
    assert (stale.status, stale.cache) == (200, "STALE")
    assert WORDS in stale.body
    unknown = served.get("/posts/never-asked/")
    assert (unknown.status, unknown.headers["retry-after"], unknown.headers["cache-control"]) == (503, "10", "no-store")
    assert served.get("/admin/").status == 503
    # Whatever suffix was asked for, this is a page.
    for path in ("/sitemap.xml", "/feed.json", "/posts/never-asked.md", "/none.png"):
        away = served.get(path)
        assert (away.status, away.headers["content-type"]) == (503, "text/html; charset=utf-8"), path
        assert away.headers["x-content-type-options"] == "nosniff"
        assert away.headers["content-security-policy"].startswith("default-src 'none'")
        assert away.headers["x-frame-options"] == "SAMEORIGIN"
    served.start_server()
    assert served.get("/admin/login/").status == 200


@pytest.mark.nginx
def test_maintenance_is_seen_although_there_is_a_copy(served: ServedSite) -> None:
    served.get(PAGE)
    served.installation.run("maintenance", "on", "--note", "21時ごろ再開します")
    try:
        outlive_copies()
        closed = served.get(PAGE)
        assert closed.status == 503
        assert "21時ごろ再開します" in closed.body
    finally:
        served.installation.run("maintenance", "off")
    assert served.get(PAGE).status == 200


@pytest.mark.nginx
def test_a_withdrawn_text_is_gone_after_a_second_and_does_not_come_back_while_nobody_answers(served: ServedSite) -> None:
    assert WORDS in served.get(PAGE).body
    change = "from articles.models import Post; Post.objects.filter(slug='nginx').update(state={!r})"
    served.installation.execute(change.format("withdrawn"))
    try:
        outlive_copies()
        gone = served.get(PAGE)
        assert gone.status in (404, 410)
        assert WORDS not in gone.body
        outlive_copies()
        served.stop_server()
        still = served.get(PAGE)
        assert (still.status, still.cache) == (gone.status, "STALE")
        assert WORDS not in still.body
    finally:
        served.installation.execute(change.format("published"))
        served.start_server()
    outlive_copies()
    assert WORDS in served.get(PAGE).body


@pytest.mark.nginx
def test_a_copy_is_shown_for_less_than_two_seconds(served: ServedSite) -> None:
    """So the documentation may say three for a page: less than one goes by until the application has heard of a change."""
    ages: list[float] = []
    for _again in range(3):
        wait_for(lambda: served.get(PAGE).cache != "HIT")
        stored = time.monotonic()
        while (asked := time.monotonic()) < stored + 3 and served.get(PAGE).cache == "HIT":
            ages.append(asked - stored)
    assert max(ages) < 2
    documented = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert "at most three seconds old" in documented


# --- Clients that are slow, large or many ---------------------------------------------------------------------------


@pytest.mark.nginx
def test_slow_clients_hold_no_thread_of_the_application(served: ServedSite) -> None:
    """The server has four threads; without nginx five bodies that never end would hold them all."""
    token = "a" * 32
    form = f"Host: testserver\r\nCookie: csrftoken={token}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    body = f"POST /admin/login/ HTTP/1.1\r\n{form}Content-Length: 60000\r\n\r\ncsrfmiddlewaretoken={token}&username="
    with ExitStack() as slow:
        for request in [body] * 32 + ["GET / HTTP/1.1\r\nHost: testserver\r\nX-Slow: "] * 300:
            connection = slow.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            connection.sendall(request.encode())
        assert served.get("/healthz").status == 200
        assert served.get("/admin/login/").status == 200
        assert served.get(PAGE).status == 200


@pytest.mark.nginx
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(served: ServedSite) -> None:
    for path, length in (("/api/posts", 65_537), ("/admin/", 2 * 1024**3 + 1)):
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: testserver\r\nContent-Length: {length}\r\n\r\n".encode())
            assert connection.recv(64).startswith(b"HTTP/1.1 413")


@pytest.mark.nginx
def test_what_is_more_than_the_desk_can_do_is_told_to_come_back(served: ServedSite) -> None:
    """Somebody holds the database, so each try to sign in, which is counted there, waits."""
    login = served.get("/admin/login/")
    token = login.headers["set-cookie"].split("csrftoken=")[1].split(";")[0]
    form = f"csrfmiddlewaretoken={token}&username=nobody&password=nothing"
    headers = {"Cookie": f"csrftoken={token}", "Content-Type": "application/x-www-form-urlencoded"}
    answers: list[Answer] = []

    def sign_in() -> None:
        answers.append(served.get("/admin/login/", headers, "POST", form))

    tries = [threading.Thread(target=sign_in) for _number in range(48)]
    with closing(sqlite3.connect(served.installation.folder / "db.sqlite3", isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        for one in tries:
            one.start()
        wait_for(lambda: len(answers) >= 16)
        refused = list(answers)
        held.execute("ROLLBACK")
    for one in tries:
        one.join()
    assert {answer.status for answer in refused} == {503}
    assert {answer.headers["retry-after"] for answer in refused} == {"10"}
    assert served.get("/admin/login/").status == 200
    assert served.get(PAGE).status == 200


# --- Files ----------------------------------------------------------------------------------------------------------


@pytest.mark.nginx
def test_static_files_come_from_the_disk_packed_and_for_ever(served: ServedSite) -> None:
    page = served.get(PAGE).body
    sheet = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert sheet is not None
    answer = served.get(sheet[1], {"Accept-Encoding": "gzip"})
    assert (answer.status, answer.headers["cache-control"]) == (200, FOR_EVER)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert served.get("/static/robots").status == 404


@pytest.mark.nginx
def test_what_nginx_answers_by_itself_is_as_guarded_as_what_the_application_answers(served: ServedSite) -> None:
    sheet = re.search(r'href="(/static/[^"]+\.css)"', served.get(PAGE).body)
    assert sheet is not None
    head = ask_socket(served.socket, sheet[1]).split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    own = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
    for path in (sheet[1], re.sub(r"\.[0-9a-f]{12}\.", ".", sheet[1])):
        for encoding in ("gzip", "identity"):
            answer = served.get(path, {"Accept-Encoding": encoding})
            assert answer.status == 200
            assert answer.headers["vary"] == "Accept-Encoding"
            for name in ("x-content-type-options", "referrer-policy", "cross-origin-opener-policy"):
                assert answer.headers[name] == own[name], (path, name)
    assert "strict-transport-security" not in answer.headers


def test_nginx_says_nothing_of_tls_until_the_operator_switches_it_on() -> None:
    """How long browsers insist on TLS is ``SECURE_HSTS_SECONDS`` of the application, which nginx cannot know."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    [block] = re.findall(r"map \$scheme \$kawaraban_hsts \{\n(.*?)\n\}", text, re.DOTALL)
    lines = [line.strip() for line in block.splitlines()]
    assert [line for line in lines if not line.startswith("#")] == ['default  "";']
    assert [line for line in lines if line.startswith("#")] == ['# https  "max-age=SECURE_HSTS_SECONDS";']
    assert not re.search(r"max-age=\d[^,]*$", block, re.MULTILINE)
    assert re.findall(r"Strict-Transport-Security (\S+?)(?: always)?;", text) == ["$kawaraban_hsts"] * 4
    own_answers = [block for block in text.split("location ")[1:] if "add_header Cache-Control" in block]
    assert len(own_answers) == 4
    assert [block[:30] for block in own_answers if "Strict-Transport-Security $kawaraban_hsts" not in block] == []


@pytest.mark.nginx
def test_media_come_from_the_disk_with_the_headers_of_the_application(served: ServedSite) -> None:
    folder = served.installation.folder / "media" / "ab" / "0123456789abcdef"
    folder.mkdir(parents=True, exist_ok=True)
    for extension, content_type in SERVED_TYPES.items():
        (folder / f"file.{extension}").write_bytes(b"content")
        answer = served.get(f"/media/ab/0123456789abcdef/file.{extension}")
        assert answer.status == 200
        assert answer.headers["content-type"] == content_type
        assert answer.headers["cache-control"] == FOR_EVER
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers.get("content-disposition", "") == ("" if is_inline(extension) else "attachment")


@pytest.mark.nginx
def test_below_media_nothing_is_served_that_is_no_file_of_the_library(served: ServedSite) -> None:
    media = served.installation.folder / "media"
    folder = media / "cd" / "0123456789abcdef"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "page.html").write_text("<script>", encoding="utf-8")
    (media / "secret.jpg").write_bytes(b"secret")
    link = folder / "link.jpg"
    link.unlink(missing_ok=True)
    link.symlink_to(served.installation.folder / "db.sqlite3")
    for path in ("cd/0123456789abcdef/page.html", "secret.jpg", "cd/0123456789abcdef/link.jpg", "cd/0123456789abcdef/none.jpg"):
        assert served.get(f"/media/{path}").status in (403, 404), path
    assert served.get("/media/cd/0123456789abcdef/none.jpg").cache == ""


def test_nginx_serves_exactly_the_types_of_the_application() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    names = re.search(r"/media/\[0-9a-f\]\{2\}/.*\\\.\(\?:([a-z0-9|]+)\)\$", text)
    assert names is not None
    assert sorted(names[1].split("|")) == sorted(SERVED_TYPES)
    types = dict(re.findall(r"^ {12}([a-z]+/[\w.+-]+) (\w+);$", text, re.MULTILINE))
    assert types == {content_type: extension for extension, content_type in SERVED_TYPES.items()}
    assert POLICY in text


# --- Stopping and beginning anew ------------------------------------------------------------------------------------


@pytest.mark.nginx
def test_no_reader_notices_that_the_processes_are_replaced(served: ServedSite) -> None:
    """Eight ask without a pause, past nginx's cache, while the server takes up new code."""
    answers: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            answers.append(served.get("/healthz").status)

    readers = [threading.Thread(target=read) for _number in range(8)]
    log = served.folder / "server.log"
    before = log.read_text().count("Stopped old worker")
    for reader in readers:
        reader.start()
    try:
        served.reload()
        wait_for(lambda: log.read_text().count("Stopped old worker") > before)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert len(answers) > 50
    assert set(answers) == {200}


# --- The files of deploy/ -------------------------------------------------------------------------------------------


def read_settings_variables() -> set[str]:
    """The variables that ``cms/settings.py`` reads."""
    text = (PROJECT / "cms" / "settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'(?:env\.\w+|read_\w+)\(\s*"([A-Z][A-Z0-9_]+)"', text))


def read_env_file(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_files_set_only_variables_that_the_settings_read() -> None:
    known = read_settings_variables()
    assert {"SECRET_KEY", "DATABASE_URL", "WEB_SOCKET"} <= known
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    ours = [name for name, service in compose["services"].items() if service.get("image", "").startswith("kawaraban")]
    assert sorted(ours) == ["prepare", "web", "worker"]
    for name in ours:
        assert set(compose["services"][name]["environment"]) <= known, name
    for file in sorted(DEPLOY.glob("*.env.example")):
        assert set(read_env_file(file)) <= known, file.name
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert (
        set(re.findall(r"^(?:ENV|    ) ?([A-Z_]+)=", image, re.MULTILINE))
        - {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
        <= known
    )


def test_every_variable_of_the_settings_is_documented() -> None:
    operations = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert sorted(name for name in read_settings_variables() if f"| `{name}` |" not in operations) == []


def test_compose_names_only_volumes_and_services_that_are_there() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        for mount in service.get("volumes", []):
            place = mount.split(":")[0]
            assert place in compose["volumes"] or (DEPLOY / place).exists(), f"{name}: {mount}"


@pytest.mark.parametrize("unit", ["kawaraban-web.service", "kawaraban-worker.service"])
def test_a_unit_starts_a_command_that_exists_as_somebody_without_rights(unit: str) -> None:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(DEPLOY / "systemd" / unit)
    service = read["Service"]
    command = re.fullmatch(r"/opt/kawaraban/\.venv/bin/python manage\.py (\w+)(?: .*)?", service["ExecStart"])
    assert command is not None
    assert (PROJECT / "articles" / "management" / "commands" / f"{command[1]}.py").exists()
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("kawaraban", "true", "strict")
