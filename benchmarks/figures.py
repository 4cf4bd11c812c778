"""Measures, and writes what was measured into docs/performance.md and docs/trust.md.

    python benchmarks/figures.py [SHARED] [--only NAME ...]

Each section is what one command of this folder printed, with the day, the commit and the machine. A section that is not
asked for stays as it is; those on real sites and attacks need SHARED (see acceptance.py), those on PostgreSQL a server on this
machine with two empty databases, ``saves`` and ``search``. The whole takes about two hours, on a machine that does nothing
else meanwhile.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
WRITTEN = """Written by `python benchmarks/figures.py`: each section is the output of one command on one machine."""
DOCUMENTS = {
    "performance.md": f"""# Performance

{WRITTEN} On another one only
the ratios hold. "Start of a command" is part of every figure of a command.""",
    "trust.md": f"""# Trust

{WRITTEN} SHARED is a
folder of real sites and attacks that is no part of the project.""",
}


@dataclass(frozen=True)
class Section:
    """One command of this folder and the document and heading under which its output stands."""

    document: str
    heading: str
    command: str


SECTIONS = {
    "generators": Section(
        "performance.md",
        "Import and export beside Hugo, 10,000 posts",
        "beside_generators.py --posts 10000 --rounds 1 --no-jekyll",
    ),
    "jekyll": Section(
        "performance.md", "Import and export beside Hugo and Jekyll, 1,000 posts", "beside_generators.py --posts 1000 --rounds 3"
    ),
    "scale": Section("performance.md", "What grows with the number of posts", "scale.py"),
    "many": Section(
        "performance.md", "Import and export, 100,000 posts", "beside_generators.py --posts 100000 --rounds 1 --alone"
    ),
    "readers": Section("performance.md", "Readers", "readers.py"),
    "cold": Section("performance.md", "Pages that no cache holds", "cold_pages.py"),
    "responsiveness": Section("performance.md", "Readers while an import runs", "responsiveness.py"),
    "desk": Section("performance.md", "The desk beside Wagtail's", "desk_beside_wagtail.py"),
    "scale-postgres": Section(
        "performance.md",
        "What grows with the number of posts, on PostgreSQL",
        "scale.py --no-sqlite --database postgres://postgres@127.0.0.1:5432/",
    ),
    "search": Section("performance.md", "Search", "search.py"),
    "search-postgres": Section(
        "performance.md", "Search, on PostgreSQL", "search.py --database postgres://postgres@127.0.0.1:5432/search"
    ),
    "variants": Section("performance.md", "What smaller pictures save a reader and cost a worker", "variants.py"),
    "servers": Section("performance.md", "Granian and gunicorn under the same site", "servers.py"),
    "reading": Section("performance.md", "What a phone waits for", "reading.py"),
    "journey": Section("trust.md", "Five real texts through the desk, in a browser", "desk_journey.py SHARED/seeds"),
    "saves": Section("trust.md", "Fifty editors save ten posts at once, on SQLite", "saves_at_once.py"),
    "saves-postgres": Section(
        "trust.md",
        "Fifty editors save ten posts at once, on PostgreSQL",
        "saves_at_once.py --database postgres://postgres@127.0.0.1:5432/saves",
    ),
    "crashes": Section("trust.md", "Imports that are killed, cut off and starved", "crash_safety.py"),
    "degraded": Section(
        "trust.md", "While something that the site depends on is gone", "degraded.py --only redis,postgresql,copy,overload"
    ),
    "degraded-sqlite": Section("trust.md", "A SQLite file that is missing or damaged", "degraded.py --only sqlite"),
    "door": Section("trust.md", "Attacks through the door of the desk, in a browser", "moving.py SHARED hostile"),
    "corpus": Section("trust.md", "Real sites through the desk, in a browser", "moving.py SHARED corpus"),
}


def read_sections(document: Path) -> dict[str, str]:
    """The sections that are there, by heading."""
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (part.strip("\n") for part in parts[1::2]), strict=True))


def describe_machine() -> str:
    """The day, the commit, the machine and its Python."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    commit = done.stdout.strip() or "unknown"
    where = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, {where}"


def measure(command: str, shared: Path | None) -> tuple[str, int]:
    """What a command of this folder prints, below a line that says when and where; and its exit code."""
    script, *words = command.split()
    arguments = [word.replace("SHARED", str(shared)) for word in words]
    done = subprocess.run(
        [sys.executable, str(PROJECT / "benchmarks" / script), *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    output = done.stdout.strip("\n")
    if not any(line.startswith("|") for line in output.splitlines()):
        output = textwrap.indent(output, "    ")
    about = f"{describe_machine()}, exit code {done.returncode}"
    return f"    python benchmarks/{command}\n\n{about}\n\n{output}", done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    options = parser.parse_args()
    worst = 0
    for name in options.only:
        section = SECTIONS[name]
        if "SHARED" in section.command and options.shared is None:
            print(f"left out: {name}, which needs SHARED", file=sys.stderr)
            continue
        document = DOCS / section.document
        kept = read_sections(document)
        kept[section.heading], code = measure(section.command, options.shared)
        worst = worst or code
        known = [other.heading for other in SECTIONS.values() if other.document == section.document and other.heading in kept]
        body = "\n\n".join(f"## {heading}\n\n{kept[heading]}" for heading in known)
        document.write_text(f"{DOCUMENTS[section.document]}\n\n{body}\n", encoding="utf-8")
    return worst


if __name__ == "__main__":
    sys.exit(main())
