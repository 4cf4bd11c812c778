"""Import and export beside the real Hugo and Jekyll, in one run.

    python benchmarks/beside_generators.py [--posts 1000] [--rounds 3] [--no-jekyll | --alone]

Prints a Markdown table of medians: processor time per post of the whole process tree, wall time, and the peak of its
memory (PSS, sampled). Peers come from Debian: apt install hugo jekyll. Hugo is timed twice: with layouts that show title
and text only, and with layouts that make of each post what an import makes of it (outline, summary, counts, plain text
for a search, pages of terms); goals are measured against the second. "The exported files, written and nothing else" is what
this disk takes of the processor for making them, whoever does it.
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
from corpus import add_theme, write_site

PROJECT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "only-for-this-benchmark-0123456789-abcdefghij",
    "ALLOWED_HOSTS": "localhost",
    "LOG_LEVEL": "ERROR",
}


PROCESSES = {"0": "one process", "1": "two processes", "2": "three processes"}


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


def build(command: list[str], site: Path, work: Path) -> Measure:
    """A generator's build of a whole site from nothing."""
    try:
        return measure([*command, "-d", str(work / "public")], site, {})
    finally:
        shutil.rmtree(work / "public", ignore_errors=True)


def copy_files(folder: Path, work: Path) -> Measure:
    """Makes files of the same names and bytes as below ``folder``, and nothing else."""
    files = [(path.relative_to(folder), path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
    copy = work / "copy"
    before, began = time.process_time(), time.monotonic()
    for path, data in files:
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    spent = Measure(time.process_time() - before, time.monotonic() - began, 0)
    shutil.rmtree(copy)
    return spent


def run_round(count: int, work: Path, *, jekyll: bool, alone: bool) -> dict[str, Measure]:
    """Every command once, peers and product in turn, each on an empty database; ``alone``, one site in one process only."""
    results: dict[str, Measure] = {}
    for dialect in ("hugo",) if alone else ("hugo", "jekyll"):
        site = work / f"{dialect}-{count}"
        if not site.exists():
            write_site(site, count, dialect)
        if dialect == "hugo" and not alone and shutil.which("hugo"):
            themed = work / f"hugo-themed-{count}"
            if not themed.exists():
                shutil.copytree(site, themed)
                add_theme(themed)
            results["hugo build, title and text only"] = build(["hugo", "--quiet"], site, work)
            results["hugo build"] = build(["hugo", "--quiet"], themed, work)
        if dialect == "jekyll" and jekyll and shutil.which("jekyll"):
            results["jekyll build"] = build(["jekyll", "build", "-q"], site, work)
        for processes in ("0",) if alone else ("0", "1", "2"):
            environment = PRODUCTION | {"DATA_DIR": str(work / "data")}
            shutil.rmtree(work / "data", ignore_errors=True)
            measure(manage("migrate", "-v0"), PROJECT, environment)
            name = f"{dialect} site, {PROCESSES[processes]}"
            import_command = manage("import_posts", str(site), "--processes", processes)
            results[f"dry run of {name}"] = measure([*import_command, "--dry-run"], PROJECT, environment)
            results[f"import of {name}"] = measure(import_command, PROJECT, environment)
            results[f"second import of {name}"] = measure(import_command, PROJECT, environment)
            results[f"export of {name}"] = measure(manage("export_posts", str(work / "out")), PROJECT, environment)
            results.setdefault("the exported files, written and nothing else", copy_files(work / "out", work))
            shutil.rmtree(work / "out")
        idle = measure(manage("import_posts", "--help"), PROJECT, PRODUCTION | {"DATA_DIR": str(work / "data")})
        results.setdefault("start of a command (included above)", idle)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    left_out = parser.add_mutually_exclusive_group()
    left_out.add_argument("--no-jekyll", action="store_true", help="leaves Jekyll's own build out")
    left_out.add_argument("--alone", action="store_true", help="without peers, one site in one process: for very many posts")
    options = parser.parse_args()
    choices = {"jekyll": not options.no_jekyll, "alone": options.alone}
    with tempfile.TemporaryDirectory() as folder:
        rounds = [run_round(options.posts, Path(folder), **choices) for _ in range(options.rounds)]
    print(f"{options.posts} posts, median of {options.rounds}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| what | CPU per post, ms | CPU, s | wall, s | peak, MiB | CPU : Hugo | wall : Hugo | CPU : Jekyll |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    medians = {
        name: Measure(*(statistics.median(getattr(one[name], field) for one in rounds) for field in ("cpu", "wall", "memory")))
        for name in rounds[0]
    }
    for name, value in medians.items():
        ratios = [
            f"{getattr(value, field) / getattr(medians[peer], field):.2f}" if peer in medians else "–"
            for peer, field in (("hugo build", "cpu"), ("hugo build", "wall"), ("jekyll build", "cpu"))
        ]
        each = 1000 * value.cpu / options.posts
        memory = f"{value.memory:.0f}" if value.memory else "–"
        print(f"| {' | '.join([name, f'{each:.2f}', f'{value.cpu:.1f}', f'{value.wall:.1f}', memory, *ratios])} |")


if __name__ == "__main__":
    main()
