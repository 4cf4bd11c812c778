"""Kills, starves and cuts off imports, and looks whether anything is lost, doubled or orphaned.

    python benchmarks/crash_safety.py [--kills 50] [--seed N] [--posts 490] [--only kill,plan,undo,database,served,disk]

Every case starts from an empty installation of its own and is compared with an undisturbed run of the same archive. Cases:

- ``kill``: SIGKILL to the import's whole process group at random moments, then ``import_posts --resume``;
- ``plan``: the same to the worker that plans and applies, then another worker; nobody resumes by hand;
- ``undo``: the same to ``undo_import``, then the same command again;
- ``database``: PostgreSQL stopped at once (``immediate``) at random moments of an import, started, resumed. The cluster
  is one of its own in a temporary folder; needs PostgreSQL's programs (Debian: postgresql), and as root its account;
- ``served``: the same under a running worker, which must outlive it and go on;
- ``disk``: database, media and originals on a file system that is too small, then made larger. Needs root (``unshare -m``).

Prints a Markdown table; ends with 1 where a figure is not as it must be.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corpus import write_site

PROJECT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "only-for-this-benchmark-0123456789-abcdefghij",
    "ALLOWED_HOSTS": "localhost",
    "LOG_LEVEL": "ERROR",
    "REDIS_URL": "",
}
DEAD = -signal.SIGKILL
INSPECT = """
import json, sys
from pathlib import Path
from django.conf import settings
from articles.models import *
from articles.transfer.digest import content_digest
run = ImportRun.objects.order_by("-pk").first()
names = set(MediaFile.objects.values_list("sha256", flat=True)) | set(SourceFile.objects.values_list("sha256", flat=True))
originals = {path.name for path in (Path(settings.PRIVATE_ROOT) / "originals").rglob("*") if path.is_file()}
public = {str(path.relative_to(settings.MEDIA_ROOT)) for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}
wanted = set(MediaFile.objects.exclude(public_name="").values_list("public_name", flat=True))
items = sorted(run.items.values_list("path", "verdict", "permalink", "undo")) if run else []
print(json.dumps({
    "digest": content_digest(), "posts": Post.objects.count(), "state": run.state if run else "",
    "totals": run.totals if run else {},
    "items": [list(item) for item in items], "revisions": Revision.objects.count(), "findings": run.findings if run else [],
    "events": [event["code"] for event in run.events] if run else [],
    "orphans": sorted((originals - names) | (public - wanted)), "missing": sorted((names - originals) | (wanted - public)),
}))
"""
STAGE = """
import sys
from pathlib import Path
from articles.models import ImportRun
from articles.transfer.passages import fingerprint_archive
from articles.transfer.planning import start_planning
size, sha256 = fingerprint_archive(Path(sys.argv[1]))
run = ImportRun.objects.create(location=sys.argv[1], size=size, sha256=sha256, options={"user": ""})
start_planning(run, None)
"""
APPLY = """
from articles.models import ImportRun
from articles.transfer.applying import start_apply
run = ImportRun.objects.get()
start_apply(run, None, planned_at=run.planned_at)
"""
RESUME = """
from articles.models import ImportRun
from articles.transfer.runs import resume
run = ImportRun.objects.get()
if run.state == "interrupted":
    resume(run, None)
print(run.state)
"""


@dataclass
class Installation:
    """A site of its own: database, media and originals in one folder."""

    folder: Path
    database: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **PRODUCTION,
            "IMPORT_ROOTS": str(self.folder.parent / "incoming"),
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database,
            **self.extra,
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        return subprocess.Popen(command, env=self.environment, cwd=PROJECT, stdout=log, stderr=log, start_new_session=True)

    def run(self, *arguments: str) -> int:
        return self.start(*arguments).wait()

    def execute(self, code: str, *arguments: str) -> str:
        text = f"import django, sys; django.setup()\n{code}"
        return subprocess.run(
            [sys.executable, "-c", text, *arguments],
            env={**self.environment, "DJANGO_SETTINGS_MODULE": "cms.settings"},
            cwd=PROJECT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def inspect(self) -> dict:
        return json.loads(self.execute(INSPECT))


def write_archive(folder: Path, count: int) -> Path:
    """Posts, ten pictures that they show, ten texts that are refused."""
    write_site(folder, count, "jekyll", size=2000)
    for number in range(10):
        picture = io.BytesIO()
        Image.new("RGB", (320, 200), (number * 20, 90, 160)).save(picture, "PNG")
        (folder / "images").mkdir(exist_ok=True)
        (folder / "images" / f"{number}.png").write_bytes(picture.getvalue())
        (folder / f"bad-{number}.md").write_text("---\ntitle: [\n---\n", encoding="utf-8")
        (folder / f"shows-{number}.md").write_text(
            f"---\ntitle: 絵のある記事{number}\ntags: [絵, 札{number}]\n---\n\n![絵](/images/{number}.png)\n", encoding="utf-8"
        )
    return folder


@dataclass
class Figures:
    case: str
    rounds: int = 0
    killed: int = 0
    wrong: list[str] = field(default_factory=list)
    note: str = ""

    def compare(self, found: dict, expected: dict, what: str) -> None:
        self.rounds += 1
        for name in ("digest", "posts", "totals", "items", "revisions", "state"):
            if found[name] != expected[name]:
                self.wrong.append(f"{what}: {name} {str(found[name])[:200]} is not {str(expected[name])[:200]}")
        for name in ("orphans", "missing"):
            if found[name]:
                self.wrong.append(f"{what}: {name} {found[name][:5]}")

    def row(self) -> str:
        return f"| {self.case} | {self.rounds} | {self.killed} | {len(self.wrong)} | {self.note} |"


class Bench:
    def __init__(self, work: Path, options: argparse.Namespace) -> None:
        self.work, self.options = work, options
        self.random = random.Random(options.seed)
        (work / "incoming").mkdir()
        self.archive = write_archive(work / "incoming" / "news", options.posts)
        self.empty = Installation(work / "empty")
        self.empty.folder.mkdir()
        assert self.empty.run("migrate", "-v0") == 0, "migrate failed"
        self.number = 0

    def fresh(self, origin: Installation | None = None) -> Installation:
        """A copy of an installation at rest."""
        self.number += 1
        place = self.work / f"site-{self.number}"
        shutil.copytree((origin or self.empty).folder, place)
        return Installation(place)

    def undisturbed(self, *commands: tuple[str, ...], origin: Installation | None = None) -> tuple[Installation, dict, float]:
        site = self.fresh(origin)
        began = time.monotonic()
        for command in commands:
            assert site.run(*command) == 0, f"{command} failed: see {site.folder}.log"
        return site, site.inspect(), time.monotonic() - began

    def kill_at(self, site: Installation, moment: float, *command: str) -> bool:
        """Starts the command and kills its process group; whether it was still at work."""
        process = site.start(*command)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
            return False
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait() == DEAD

    # --- cases

    def kill(self) -> Figures:
        figures = Figures("SIGKILL of `import_posts`, then `--resume`")
        _site, expected, seconds = self.undisturbed(("import_posts", str(self.archive)))
        figures.note = f"undisturbed {seconds:.1f} s"
        while figures.killed < self.options.kills and figures.rounds < 3 * self.options.kills:
            site, moment = self.fresh(), self.random.uniform(0.3, seconds)
            was_killed = self.kill_at(site, moment, "import_posts", str(self.archive))
            figures.killed += was_killed
            if not was_killed:
                # The machine is quicker by now: a later moment would find no import at work.
                seconds = moment
            elif figures.rounds % 3 == 0:
                # Twice in a row: the resumed one is killed as well.
                figures.killed += self.kill_at(site, self.random.uniform(0.3, seconds), "import_posts", "--resume", "1")
            self.go_on(site)
            figures.compare(site.inspect(), expected, f"after {moment:.2f} s")
            shutil.rmtree(site.folder)
        return figures

    def go_on(self, site: Installation) -> None:
        state = site.execute(
            "from articles.models import ImportRun\nr = ImportRun.objects.first()\nprint(r.state if r else '')"
        ).strip()
        if state == "finished":
            return
        code = site.run("import_posts", "--resume", "1") if state else site.run("import_posts", str(self.archive))
        assert code == 0, f"resume failed: see {site.folder}.log"

    def plan(self) -> Figures:
        figures = Figures("SIGKILL of the worker that plans and applies, then a new worker")
        site, expected, seconds = self.by_worker(self.fresh(), [])
        for _ in range(max(1, self.options.kills // 3)):
            moments = [self.random.uniform(0.6, seconds / 2), self.random.uniform(0.6, seconds / 2)]
            site, found, _seconds = self.by_worker(self.fresh(), moments, figures)
            figures.compare(found, expected, f"after {moments}")
            shutil.rmtree(site.folder)
        figures.note = f"undisturbed {seconds:.1f} s, two workers"
        return figures

    def by_worker(
        self, site: Installation, moments: list[float], figures: Figures | None = None
    ) -> tuple[Installation, dict, float]:
        began = time.monotonic()
        for step, code in enumerate((STAGE, APPLY)):
            site.execute(code, str(self.archive))
            if moments and figures:
                figures.killed += self.kill_at(site, moments[step], "worker", "--once")
            assert site.run("worker", "--once") == 0
        return site, site.inspect(), time.monotonic() - began

    def undo(self) -> Figures:
        figures = Figures("SIGKILL of `undo_import`, then the same again")
        nothing = self.fresh().inspect()
        done, _found, _seconds = self.undisturbed(("import_posts", str(self.archive)))
        site, expected, seconds = self.undisturbed(("undo_import", "1"), origin=done)
        if expected["digest"] != nothing["digest"]:
            figures.wrong.append("an undone import left something behind")
        for _ in range(max(1, self.options.kills // 3)):
            site, moment = self.fresh(done), self.random.uniform(0.3, seconds)
            figures.killed += self.kill_at(site, moment, "undo_import", "1")
            found = site.inspect()
            if found["state"] != "undone":
                assert site.run("undo_import", "1") == 0, f"undo failed: see {site.folder}.log"
            figures.compare(site.inspect(), expected, f"after {moment:.2f} s")
            shutil.rmtree(site.folder)
        figures.note = f"undisturbed {seconds:.1f} s"
        return figures

    def database(self) -> Figures:
        figures = Figures("PostgreSQL stopped (`immediate`) during `import_posts`, then `--resume`")
        with Cluster(self.work / "cluster") as cluster:
            site = self.on_cluster(cluster)
            began = time.monotonic()
            assert site.run("import_posts", str(self.archive)) == 0
            seconds, expected = time.monotonic() - began, site.inspect()
            for _ in range(self.options.kills):
                site, moment = self.on_cluster(cluster), self.random.uniform(0.8, seconds)
                process = site.start("import_posts", str(self.archive))
                time.sleep(moment)
                was_running = process.poll() is None
                cluster.stop("immediate")
                code = process.wait(120)
                cluster.start()
                figures.killed += was_running and code != 0
                self.go_on(site)
                figures.compare(site.inspect(), expected, f"after {moment:.2f} s")
                shutil.rmtree(site.folder)
        figures.note = f"undisturbed {seconds:.1f} s"
        return figures

    def served(self) -> Figures:
        figures = Figures("PostgreSQL stopped (`immediate`) under a worker that applies; it goes on by itself")
        with Cluster(self.work / "cluster-2") as cluster:
            _site, expected, seconds = self.by_worker(self.on_cluster(cluster), [])
            for _ in range(max(1, self.options.kills // 5)):
                site = self.on_cluster(cluster)
                site.execute(STAGE, str(self.archive))
                assert site.run("worker", "--once") == 0
                site.execute(APPLY)
                moment = self.random.uniform(0.8, seconds / 2)
                worker = site.start("worker")
                time.sleep(moment)
                cluster.stop("immediate")
                time.sleep(3)
                figures.killed += worker.poll() is None
                cluster.start()
                self.wait_for_end(site)
                worker.terminate()
                worker.wait(60)
                figures.compare(site.inspect(), expected, f"after {moment:.2f} s")
                shutil.rmtree(site.folder)
        figures.note = f"undisturbed {seconds:.1f} s; “killed” counts workers that outlived it"
        return figures

    def wait_for_end(self, site: Installation) -> None:
        """Waits until the import has ended; one that was interrupted is resumed as a person would, by the button."""
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            state = site.execute(RESUME).strip()
            if state == "finished":
                return
            time.sleep(2)

    def on_cluster(self, cluster: Cluster) -> Installation:
        self.number += 1
        folder = self.work / f"site-{self.number}"
        folder.mkdir()
        site = Installation(folder, cluster.make_database(f"site{self.number}"))
        if cluster.template:
            return site
        assert site.run("migrate", "-v0") == 0
        cluster.template = f"site{self.number}"
        return self.on_cluster(cluster)

    def disk(self) -> Figures:
        figures = Figures("disk full during `import_posts`, then room, then `--resume`")
        if os.geteuid() != 0:
            figures.note = "left out: needs root"
            return figures
        _site, expected, _seconds = self.undisturbed(("import_posts", str(self.archive)))
        whole = _size_of(_site.folder)
        for _ in range(max(1, self.options.kills // 5)):
            self.number += 1
            place = self.work / f"site-{self.number}"
            place.mkdir()
            size = int(_size_of(self.empty.folder) + self.random.uniform(0.1, 0.9) * (whole - _size_of(self.empty.folder)))
            with small_disk(place, size):
                shutil.copytree(self.empty.folder, place, dirs_exist_ok=True)
                site = Installation(place)
                code = site.run("import_posts", str(self.archive))
                figures.killed += code != 0
                found = site.inspect()
                if code and found["state"] not in ("interrupted", "applying"):
                    figures.wrong.append(f"{size} bytes: state {found['state']}")
                enlarge(place)
                self.go_on(site)
                figures.compare(site.inspect(), expected, f"{size} bytes")
        return figures


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def enlarge(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=2g", str(place)], check=True)


class Cluster:
    """A PostgreSQL of its own on a free port."""

    def __init__(self, folder: Path) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.programs = programs[-1] if programs else Path(shutil.which("initdb") or "/usr/bin/initdb").parent
        self.folder = folder
        self.template = ""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def __enter__(self) -> Cluster:
        self.folder.mkdir()
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            for parent in self.folder.parents[:1]:
                os.chmod(parent, 0o755)
        self._call("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop("immediate")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str) -> None:
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def make_database(self, name: str) -> str:
        template = ["-T", self.template] if self.template else []
        self._call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", *template, name)
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        user = "postgres" if os.geteuid() == 0 else None
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(command, user=user, cwd="/", stdout=output, stderr=output, stdin=subprocess.DEVNULL)
            if done.returncode:
                output.seek(0)
                raise SystemExit(f"{program}: {output.read().decode(errors='replace')[-2000:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--posts", type=int, default=480)
    parser.add_argument("--only", default="kill,plan,undo,database,served,disk")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="kawaraban-crash-"))
    results: list[Figures] = []
    try:
        bench = Bench(work, options)
        cases: dict[str, Callable[[], Figures]] = {
            name: getattr(bench, name) for name in ("kill", "plan", "undo", "database", "served", "disk")
        }
        for name in options.only.split(","):
            results.append(cases[name]())
            sys.stderr.write(results[-1].row() + "\n")
        shutil.rmtree(work, ignore_errors=True)
    except AssertionError as error:
        raise SystemExit(f"{error}; kept: {work}") from error
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True).stdout.strip()
    sys.stdout.write(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, commit {commit}, "
        f"seed {options.seed}, {options.posts} posts\n\n"
        "| case | rounds | killed at work | wrong | |\n|---|---|---|---|---|\n"
    )
    sys.stdout.write("".join(result.row() + "\n" for result in results))
    for result in results:
        sys.stdout.write("".join(f"- {line}\n" for line in result.wrong))
    return 1 if any(result.wrong for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
