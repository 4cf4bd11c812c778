"""Makes a fresh checkout able to run: a virtual environment in ``.venv``, the locked packages, then the command.

Standard library only. Where the Python that runs already has the packages (an image, a virtual environment of
one's own), nothing is made and nothing is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import secrets
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

BASE_DIR = Path(__file__).resolve().parent.parent
VENV = BASE_DIR / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
RUNTIME = "requirements.txt"
DEVELOPMENT = "requirements-dev.txt"
SHARED_FILES = "requirements-s3.txt"

# A pinned line with no environment marker: "django==5.2.19 \". Lines with a marker may not apply to this machine.
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==[^\s;]+\s*\\?$")
_NETWORK_SIGNS = (
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname",
    "Failed to establish a new connection",
    "Network is unreachable",
    "Connection refused",
    "Connection to",
    "Could not find a version that satisfies",
)


def run(arguments: list[str]) -> None:
    """Runs one command line (``sys.argv``) with the packages it needs. Does not return where it re-executes."""
    command = arguments[1] if len(arguments) > 1 else ""
    prepare(DEVELOPMENT if command == "test" else choose_requirements(), arguments)
    if command == "test":
        # The suite brings its own environment, which it can only make before the settings are read.
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        os.chdir(BASE_DIR)
        _replace_process([sys.executable, "-m", "pytest", "-n", "auto", *arguments[2:]])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
    if command == "demo":
        set_demo_environment(arguments[2:])
    # By name and only now: when this module was read, Django may not have been there.
    importlib.import_module("cms.command_line").run(arguments)


def choose_requirements() -> str:
    """The requirements file of a site by its environment: files in a bucket need the library for it."""
    return SHARED_FILES if os.environ.get("MEDIA_STORE", "").strip() else RUNTIME


def prepare(requirements: str, arguments: Sequence[str]) -> None:
    """Makes sure that the packages of one requirements file are there; re-executes in ``.venv`` where needed."""
    if _runs_in_project_venv():
        if _is_stale(requirements):
            _install(requirements)
            _replace_process([str(VENV_PYTHON), *arguments])
        return
    if not missing_packages(requirements):
        return
    with _one_at_a_time():
        if not _works(VENV_PYTHON):
            _make_venv()
    _replace_process([str(VENV_PYTHON), *arguments])


def missing_packages(requirements: str) -> list[str]:
    """The names in a requirements file that the running Python does not have, in the file's order."""
    lines = (BASE_DIR / requirements).read_text(encoding="utf-8").split("\n")
    names = [match[1] for line in lines if (match := _PINNED.match(line))]
    return [name for name in names if not _is_installed(name)]


def set_demo_environment(arguments: Sequence[str]) -> None:
    """Gives ``demo`` the settings of a real server; what the environment already says stays, but for ``DEBUG``."""
    parser = ArgumentParser(add_help=False)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--port", default="8000")
    options, _ = parser.parse_known_args(arguments)
    if options.data:
        os.environ["DATA_DIR"] = str(options.data.absolute())
    data = Path(os.environ.get("DATA_DIR") or BASE_DIR / "data")
    os.environ["DEBUG"] = "false"
    os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
    os.environ.setdefault("SITE_URL", f"http://localhost:{options.port}")
    if not os.environ.get("SECRET_KEY"):
        os.environ["SECRET_KEY"] = _read_or_make_key(data)


def _read_or_make_key(data: Path) -> str:
    """The secret key kept in a data folder, made at the first call, readable by its owner only."""
    path = data / "secret_key"
    try:
        data.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return path.read_text(encoding="ascii").strip()
        key = secrets.token_urlsafe(50)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key + "\n")
    except OSError as error:
        _stop(f"The data folder {data} cannot be used: {error.strerror}.\nName another with --data DIR, or change its owner.")
    return key


def _runs_in_project_venv() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def _is_stale(requirements: str) -> bool:
    stamp = _stamp_path(requirements)
    if stamp.exists():
        return stamp.read_text(encoding="ascii") != _fingerprint(requirements)
    # No stamp: another tool (uv sync) may look after this environment; it is left alone while it is complete.
    return bool(missing_packages(requirements))


def _stamp_path(requirements: str) -> Path:
    return VENV / f".installed-{requirements}.sha256"


def _fingerprint(requirements: str) -> str:
    return hashlib.sha256((BASE_DIR / requirements).read_bytes()).hexdigest()


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    return subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0


def _make_venv() -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        own = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        _stop(
            f"{sys.executable} has no module '{missing[0]}', which makes virtual environments.\n"
            f"On Debian and Ubuntu: apt install python3-venv   (or {own} where several Pythons are installed)"
        )
    _say(f"Making a virtual environment in {VENV} …")
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False)
    if done.returncode:
        _stop(
            f"The virtual environment {VENV} could not be made:\n{(done.stdout + done.stderr).strip()}\n"
            "On Debian and Ubuntu: apt install python3-venv. Where the folder cannot be written, move the checkout."
        )


def _install(requirements: str) -> None:
    """Installs a requirements file into ``.venv``, hashes checked; ends the process with the reason where it fails."""
    with _one_at_a_time():
        if not _is_stale(requirements):
            return
        _say(f"Installing {requirements} into {VENV} (only now, and when the file changes) …")
        pip = [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        path = BASE_DIR / requirements
        done = subprocess.run(
            [*pip, "--require-hashes", "--retries", "2", "-r", str(path)], stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            _stop(_explain_failure(requirements, done.stderr))
        # Each of the others holds what the first does.
        for name in {RUNTIME, requirements}:
            _stamp_path(name).write_text(_fingerprint(name), encoding="ascii")


def _explain_failure(requirements: str, errors: str) -> str:
    tail = "\n".join(errors.strip().split("\n")[-8:])
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in errors:
        remedy = f"A package is not the one that {requirements} was locked with. Do not go on: find out who changed it."
    elif "No space left" in errors:
        remedy = "The disk is full: make room (about 500 MB) and run the command again."
    elif any(sign in errors for sign in _NETWORK_SIGNS):
        remedy = (
            "The package index could not be reached. Connect this machine to the network and run the command again, or\n"
            "put the wheels in a folder and run it with PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER."
        )
    else:
        remedy = "Correct what pip names and run the command again."
    return f"{tail}\n\nThe packages of {requirements} could not be installed.\n{remedy}"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two commands started together in a fresh checkout must not build one environment twice."""
    try:
        file = (BASE_DIR / ".venv.lock").open("w")
    except OSError as error:
        _stop(f"The checkout {BASE_DIR} cannot be written: {error.strerror}.\nMove it to a folder of yours.")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace_process(command: Sequence[str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], list(command))  # noqa: S606  the same process goes on, so signals and the exit code are its own


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _stop(message: str) -> NoReturn:
    sys.exit(message)
