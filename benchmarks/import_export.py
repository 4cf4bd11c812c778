"""Import and export beside the real Hugo and Jekyll, in one run.

    python benchmarks/import_export.py [--posts 1000] [--rounds 3] [--no-jekyll]

Prints a Markdown table of medians: processor time per post of the whole process tree, wall time, and the peak of its
memory (PSS, sampled). Peers come from Debian: apt install hugo jekyll.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corpus import write_site

PROJECT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "only-for-this-benchmark-0123456789-abcdefghij",
    "ALLOWED_HOSTS": "localhost",
    "LOG_LEVEL": "ERROR",
}


@dataclass(frozen=True)
class Measure:
    """Seconds of processor, seconds of wall clock, and mebibytes at the peak."""

    cpu: float
    wall: float
    memory: float


def measure(command: list[str], folder: Path, environment: dict[str, str]) -> Measure:
    """Runs the command to its end. Raises CalledProcessError, with its output shown, where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT)
        peak = [0.0]
        done = threading.Event()
        watcher = threading.Thread(target=watch_memory, args=(process.pid, peak, done))
        watcher.start()
        code = process.wait()
        done.set()
        watcher.join()
        if code:
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace")[-3000:])
            raise subprocess.CalledProcessError(code, command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measure(cpu, time.monotonic() - began, peak[0])


def watch_memory(root: int, peak: list[float], done: threading.Event) -> None:
    """Keeps in ``peak[0]`` the largest sum of PSS over the process and all below it."""
    while not done.wait(0.1):
        peak[0] = max(peak[0], sum(map(proportional_set, family(root))) / 1024)


def family(root: int) -> list[int]:
    members, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        members.append(pid)
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return members


def proportional_set(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("Pss:")), 0.0)


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(PROJECT / "manage.py"), *arguments]


def run_round(count: int, work: Path, *, jekyll: bool) -> dict[str, Measure]:
    """Every command once, peers and product in turn, each on an empty database."""
    results: dict[str, Measure] = {}
    for dialect in ("hugo", "jekyll"):
        site = work / f"{dialect}-{count}"
        if not site.exists():
            write_site(site, count, dialect)
        peer = (
            ["hugo", "--quiet", "-d", str(work / "public")]
            if dialect == "hugo"
            else ["jekyll", "build", "-q", "-d", str(work / "public")]
        )
        if shutil.which(dialect) and (dialect == "hugo" or jekyll):
            results[f"{dialect} build"] = measure(peer, site, {})
            shutil.rmtree(work / "public", ignore_errors=True)
        for processes in ("0", "2"):
            environment = PRODUCTION | {"DATA_DIR": str(work / "data")}
            shutil.rmtree(work / "data", ignore_errors=True)
            measure(manage("migrate", "-v0"), PROJECT, environment)
            name = f"{dialect} site, {'one process' if processes == '0' else 'two more processes'}"
            import_command = manage("import_posts", str(site), "--processes", processes)
            results[f"dry run of {name}"] = measure([*import_command, "--dry-run"], PROJECT, environment)
            results[f"import of {name}"] = measure(import_command, PROJECT, environment)
            results[f"second import of {name}"] = measure(import_command, PROJECT, environment)
            results[f"export of {name}"] = measure(manage("export_posts", str(work / "out")), PROJECT, environment)
            shutil.rmtree(work / "out")
        idle = measure(manage("content_digest"), PROJECT, PRODUCTION | {"DATA_DIR": str(work / "data")})
        results.setdefault("start of a command (included above)", idle)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-jekyll", action="store_true", help="leaves Jekyll's own build out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rounds = [run_round(options.posts, Path(folder), jekyll=not options.no_jekyll) for _ in range(options.rounds)]
    print(f"{options.posts} posts, median of {options.rounds}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| what | CPU per post, ms | CPU, s | wall, s | peak, MiB | CPU : Hugo | CPU : Jekyll |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    medians = {
        name: Measure(*(statistics.median(getattr(one[name], field) for one in rounds) for field in ("cpu", "wall", "memory")))
        for name in rounds[0]
    }
    for name, value in medians.items():
        ratios = [f"{value.cpu / medians[peer].cpu:.2f}" if peer in medians else "–" for peer in ("hugo build", "jekyll build")]
        each = 1000 * value.cpu / options.posts
        cells = [name, f"{each:.2f}", f"{value.cpu:.1f}", f"{value.wall:.1f}", f"{value.memory:.0f}", *ratios]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
