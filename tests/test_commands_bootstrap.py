"""``python3 manage.py …`` on a machine that has nothing but Python."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command, load_command_class
from django.utils import translation
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from articles.management.commands import demo
from cms import bootstrap

ROOT = Path(__file__).resolve().parent.parent
DJANGOS_OPTIONS = {
    *("help", "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks"),
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with one package that is not there."""
    (tmp_path / "requirements.txt").write_text("no-such-package==1.0 \\\n    --hash=sha256:00\n", encoding="ascii")
    (tmp_path / "requirements-dev.txt").write_text("no-such-package==1.0\nnor-this[extra]==2.0\n", encoding="ascii")
    monkeypatch.setattr(bootstrap, "BASE_DIR", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", tmp_path / ".venv" / "bin" / "python")
    return tmp_path


def test_an_old_python_is_told_so_and_what_to_do() -> None:
    code = "import sys; sys.version_info = (3, 11, 2); sys.argv = ['manage.py', 'demo']; import manage; manage.main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs Python 3.11.5 or newer" in done.stderr
    assert "is Python 3.11.2" in done.stderr
    assert "Traceback" not in done.stderr


def test_manage_is_readable_by_any_python_3() -> None:
    # A newer form anywhere in this file would give a SyntaxError instead of the message.
    compile_check = f"import ast; ast.parse(open({str(ROOT / 'manage.py')!r}, encoding='utf-8').read(), feature_version=(3, 4))"
    subprocess.run([sys.executable, "-c", compile_check], check=True)


def test_the_oldest_python_is_the_one_that_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = re.search(r"OLDEST = \((.*)\)", (ROOT / "manage.py").read_text(encoding="utf-8"))
    assert oldest is not None
    assert project["requires-python"] == ">=" + oldest[1].replace(", ", ".")


def test_packages_that_are_there_are_used_as_they_are() -> None:
    assert bootstrap.missing_packages(bootstrap.RUNTIME) == []


def test_a_missing_package_is_found_by_name(checkout: Path) -> None:
    assert bootstrap.missing_packages(bootstrap.DEVELOPMENT) == ["no-such-package", "nor-this"]


def test_a_line_for_another_platform_is_not_missed(checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("colorama-for-windows==0.4.6 ; sys_platform == 'win32' \\\n", encoding="ascii")
    assert bootstrap.missing_packages(bootstrap.RUNTIME) == []


def test_without_the_venv_module_debians_package_is_named(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        bootstrap.prepare(bootstrap.RUNTIME, ["manage.py", "demo"])


def test_without_a_network_the_remedy_is_named() -> None:
    errors = (
        "WARNING: Retrying … Failed to establish a new connection: [Errno -3] Temporary failure in name resolution\n"
        "ERROR: No matching distribution found for django==5.2.19"
    )
    text = bootstrap._explain_failure("requirements.txt", errors)
    assert "could not be reached" in text
    assert "PIP_FIND_LINKS" in text


def test_a_package_that_is_not_the_locked_one_stops_everything() -> None:
    text = bootstrap._explain_failure("requirements.txt", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM …")
    assert "Do not go on" in text


def test_a_changed_lock_is_installed_again(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    stamp = checkout / ".venv" / ".installed-requirements.txt.sha256"
    stamp.write_text(hashlib.sha256((checkout / "requirements.txt").read_bytes()).hexdigest(), encoding="ascii")
    assert not bootstrap._is_stale(bootstrap.RUNTIME)
    (checkout / "requirements.txt").write_text("other==1.0\n", encoding="ascii")
    assert bootstrap._is_stale(bootstrap.RUNTIME)


def test_the_demo_keeps_its_key_where_only_its_owner_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "ALLOWED_HOSTS", "SITE_URL", "DATA_DIR", "DEBUG"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    data = tmp_path / "data"
    bootstrap.set_demo_environment(["--data", str(data), "--port", "8123"])
    key = os.environ["SECRET_KEY"]
    assert len(key) > 50
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    assert os.environ["DEBUG"] == "false"
    assert os.environ["SITE_URL"] == "http://localhost:8123"
    del os.environ["SECRET_KEY"]
    bootstrap.set_demo_environment(["--data", str(data)])
    assert os.environ["SECRET_KEY"] == key


def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "DATA_DIR", "DEBUG"):
        monkeypatch.setenv(name, "")
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(SystemExit, match=r"data folder .*file/data cannot be used"):
        bootstrap.set_demo_environment(["--data", str(tmp_path / "file" / "data")])


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """What these tests quote is said in English; the catalogue's own tests see to the rest."""
    with translation.override("en"):
        yield


def test_the_demo_speaks_the_sites_language(capsys: pytest.CaptureFixture[str]) -> None:
    with translation.override("ja"):
        demo.Command()._announce(8123, "a-password")
    lines = capsys.readouterr().out.split("\n")
    assert "  パスワード  a-password   （今だけ表示します。作り直すには --new-password）" in lines
    assert "  サイト      http://localhost:8123/" in lines
    assert "止めるには Ctrl-C を押してください。" in lines


@pytest.mark.parametrize("name", ["import_posts", "export_posts", "render_posts", "render_markdown", "content_digest", "demo"])
def test_the_help_of_every_command_is_in_the_sites_language(name: str) -> None:
    said: dict[str, list[str]] = {}
    for language in ("en", "ja"):
        with translation.override(language):
            parser = load_command_class("articles", name).create_parser("manage.py", name)
            own = [action.help for action in parser._actions if action.help and action.dest not in DJANGOS_OPTIONS]
            said[language] = [str(parser.description), *own]
            assert parser.format_help()
    for english, japanese in zip(said["en"], said["ja"], strict=True):
        assert japanese != english
        assert re.search("[\u3040-\u30ff\u4e00-\u9fff]", japanese)


def test_a_port_in_use_is_named_with_another_to_choose() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} is in use.*--port"):
            demo.require_free_port(port)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "８０００", ""])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(demo.ArgumentTypeError, match="is no port"):
        demo.read_port(text)


def test_the_demo_refuses_to_run_with_debug_settings(settings) -> None:
    settings.DEBUG = True
    with pytest.raises(CommandError, match="production settings"):
        call_command("demo")


@pytest.mark.django_db
def test_the_password_is_made_once_and_works() -> None:
    password = demo.set_password(always=False)
    user = get_user_model().objects.get(username="admin")
    assert user.is_superuser
    assert user.check_password(password)
    assert demo.set_password(always=False) == ""
    assert user.check_password(password)


@pytest.mark.django_db
def test_a_lost_password_can_be_replaced() -> None:
    first = demo.set_password(always=False)
    second = demo.set_password(always=True)
    assert second not in ("", first)
    assert get_user_model().objects.get(username="admin").check_password(second)


@pytest.mark.django_db
def test_an_administrator_of_ones_own_is_left_alone() -> None:
    get_user_model().objects.create_superuser("honda", password="a-password-of-one's-own")
    assert demo.set_password(always=False) == ""
    assert not get_user_model().objects.filter(username="admin").exists()


def test_a_process_that_ends_by_itself_is_reported() -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    process.wait()
    with pytest.raises(CommandError, match=r"worker ended by itself \(code 3\)"):
        demo.require_running({"worker": process})


def test_stopping_ends_processes_that_do_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SECONDS_TO_STOP", 0.2)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], process_group=0, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    demo.stop_processes({"server": process})
    process.stdout.close()
    assert process.returncode == -9


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def running_demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The real demo in a fresh data folder, its output read as far as its announcement, and its port."""
    port = find_free_port()
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "LC_ALL")}
    environment["LANGUAGE_CODE"] = "en"
    command = [sys.executable, "manage.py", "demo", "--data", str(tmp_path / "data"), "--port", str(port), "--no-browser"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process, port
    finally:
        process.terminate()
        process.communicate()


def read_until(process: subprocess.Popen[str], end: str) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if end in line:
            break
    return "".join(lines)


def fetch(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts processes in Linux's /proc")
def test_the_demo_serves_the_samples_and_stops_on_ctrl_c(running_demo: tuple[subprocess.Popen[str], int]) -> None:
    process, port = running_demo
    output = read_until(process, "Ctrl-C stops it")
    assert re.search(r"Password  \S{16} ", output), output
    status, page = fetch(port, "/2026/03/the-article-is-a-file/")
    assert status == 200
    assert "記事はファイルである" in page
    assert fetch(port, "/admin/login/")[0] == 200
    status, _ = fetch(port, re.findall(r'href="(/static/[^"]+\.css)"', fetch(port, "/admin/login/")[1])[0])
    assert status == 200
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    assert len(children) == 2
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert "Stopped." in rest
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_a_site_with_a_bucket_needs_the_library_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIA_STORE", raising=False)
    assert bootstrap.choose_requirements() == "requirements.txt"
    monkeypatch.setenv("MEDIA_STORE", "s3://files")
    assert bootstrap.choose_requirements() == "requirements-s3.txt"


def read_requirements(name: str) -> dict[str, tuple[str, set[str]]]:
    """Package → its version and hashes, from a requirements file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([^\s;]+)(.*?)(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    return {package: (version, set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", rest))) for package, version, rest in blocks}


def read_lock() -> dict[str, dict[str, Any]]:
    return {package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]}


def list_needed(lock: dict[str, dict[str, Any]], wanted: list[dict[str, Any]]) -> set[str]:
    """Every package that a list of dependencies brings with it."""
    found: set[str] = set()
    while wanted:
        need = wanted.pop()
        package = lock[need["name"]]
        for extra in need.get("extra", []):
            wanted += package.get("optional-dependencies", {}).get(extra, [])
        if need["name"] not in found:
            found.add(need["name"])
            wanted += package.get("dependencies", [])
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-s3.txt"])
def test_the_requirements_are_those_of_the_lock(name: str) -> None:
    """To bring them in step: the commands in CONTRIBUTING.md."""
    lock = read_lock()
    project = lock["kawaraban"]
    further = {"dev": project["dev-dependencies"]["dev"], "s3": project["optional-dependencies"]["s3"]}
    wanted = [*project["dependencies"], *(need for extra, needs in further.items() if extra in name for need in needs)]
    expected = {
        package: (
            lock[package]["version"],
            {file["hash"] for file in [*lock[package].get("wheels", []), lock[package].get("sdist")] if file},
        )
        for package in list_needed(lock, wanted)
    }
    assert read_requirements(name) == expected


def test_the_lock_is_that_of_the_project() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    metadata = read_lock()["kawaraban"]["metadata"]
    pairs = [
        (
            [*declared["project"]["dependencies"], *declared["project"]["optional-dependencies"]["s3"]],
            metadata["requires-dist"],
        ),
        (declared["dependency-groups"]["dev"], metadata["requires-dev"]["dev"]),
    ]
    for stated, locked in pairs:
        requirements = [Requirement(line) for line in stated]
        assert {(canonicalize_name(need.name), str(need.specifier)) for need in requirements} == {
            (need["name"], str(SpecifierSet(need.get("specifier", "")))) for need in locked
        }


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-s3.txt"])
def test_the_requirements_name_no_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in text
