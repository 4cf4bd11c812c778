"""The goals of ``readers.py`` beside what it measured, and its tables."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from figures import describe_machine
from serving import Figures
from watching import CLIENTS, Crowd, Published

# The servers.
HUGO, PROXY, NGINX = "nginx, files of Hugo", "nginx proxy_cache alone", "this product through nginx"
WRITTEN = "nginx, files of this product"
HOT, COLD, MANY = "this product, hot", "this product, uncached", "this product, uncached, {posts:,} posts"
CACHED, UNCACHED = "Wagtail + wagtail-cache", "Wagtail, uncached"
HELLO = 'Django "hello", {}'
KEEPING = (HOT, CACHED)
LISTS = ("list", "tuned list")
# The page here and at Wagtail, milliseconds at most, and how many times less than Wagtail's.
UNCACHED_GOALS = (("article", ("article",), 1.0, 30), ("list", LISTS, 2.0, 60), ("front page", LISTS, 2.0, 60))


@dataclass
class Results:
    """What was measured: figures of each round by server and page, and what is measured once."""

    rounds: dict[tuple[str, str], list[Figures]] = field(default_factory=lambda: defaultdict(list))
    first: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    published: Published | None = None
    crowds: dict[str, Crowd] = field(default_factory=dict)

    def median(self, name: str, page: str) -> Figures | None:
        found = self.rounds.get((name, page))
        if not found:
            return None
        return Figures(*(statistics.median(getattr(one, part) for one in found) for part in ("rate", "cpu", "size")))

    def rate(self, name: str, page: str) -> float | None:
        found = self.median(name, page)
        return found.rate if found else None

    def cpu(self, name: str, page: str) -> float | None:
        found = self.median(name, page)
        return found.cpu if found else None


@dataclass(frozen=True)
class Row:
    """A goal beside what was measured: ``own : peer`` or, where it is inverse, ``peer : own``, or ``own`` alone."""

    what: str
    goal: str
    own: float | None
    peer: float | None
    limit: float
    unit: str
    at_least: bool = False
    is_alone: bool = False
    is_inverse: bool = False

    @property
    def figure(self) -> float | None:
        if self.own is None or (self.peer is None and not self.is_alone):
            return None
        if self.is_alone or self.peer is None:
            return self.own
        over, under = (self.peer, self.own) if self.is_inverse else (self.own, self.peer)
        return over / under if under else None

    @property
    def is_missed(self) -> bool:
        if self.figure is None:
            return False
        return self.figure < self.limit if self.at_least else self.figure > self.limit

    def write(self) -> str:
        ratio = "–" if self.figure is None or self.is_alone else f"{self.figure:.2f}"
        verdict = "not measured" if self.figure is None else "**missed**" if self.is_missed else "reached"
        return f"| {' | '.join([self.what, self.goal, show(self.own, self.unit), show(self.peer, self.unit), ratio, verdict])} |"


def show(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 0 if value >= 100 or not unit else 2
    return f"{value:,.{digits}f} {unit}".strip()


def list_goals(results: Results, options: argparse.Namespace) -> list[Row]:
    rate, cpu = results.rate, results.cpu
    rows = []
    for page in ("article", "list"):
        rows.append(
            Row(f"hot {page}: files of Hugo", "≥ 0.40 ×", rate(HOT, page), rate(HUGO, page), 0.4, "pages/s", at_least=True)
        )
        peer = rate(CACHED, page)
        rows.append(Row(f"hot {page}: Wagtail + wagtail-cache", "≥ 10 ×", rate(HOT, page), peer, 10, "pages/s", at_least=True))
        peer = rate(HUGO, page)
        rows.append(Row(f"{page} as a file: Hugo's", "≥ 0.97 ×", rate(WRITTEN, page), peer, 0.97, "pages/s", at_least=True))
        peer = rate(PROXY, page)
        rows.append(
            Row(f"{page} through nginx: proxy_cache alone", "≥ 0.97 ×", rate(NGINX, page), peer, 0.97, "pages/s", at_least=True)
        )
    for page, peer_pages, limit, times in UNCACHED_GOALS:
        own = in_ms(cpu(COLD, page))
        rows.append(Row(f"uncached {page}, CPU", f"≤ {limit} ms", own, None, limit, "ms", is_alone=True))
        for peer_page in peer_pages:
            what, peer = f"uncached {page}, CPU: Wagtail's uncached {peer_page}", in_ms(cpu(UNCACHED, peer_page))
            rows.append(Row(what, f"≥ {times} × less", own, peer, times, "ms", at_least=True, is_inverse=True))
        if page in results.first:
            first = in_ms(results.first[page])
            rows.append(Row(f"first {page}, page cache on, CPU", f"≤ {limit} ms", first, None, limit, "ms", is_alone=True))
    return [*rows, *list_growth(results, options), *list_publishing(results)]


def list_growth(results: Results, options: argparse.Namespace) -> list[Row]:
    name, cpu = MANY.format(posts=options.posts), results.cpu
    rows = []
    for page in ("article", "front page", "list"):
        what = f"{page}, CPU: {options.posts:,} posts : {options.rows:,}"
        rows.append(Row(what, "≤ 1.2 ×", in_ms(cpu(name, page)), in_ms(cpu(COLD, page)), 1.2, "ms"))
    for place, page in results.rounds:
        if place == name and page.startswith("page ") and page != "page 2 of all":
            own, peer = in_ms(cpu(name, page)), in_ms(cpu(name, "front page"))
            rows.append(Row(f"{page}, CPU: the front page", "≤ 1.5 ×", own, peer, 1.5, "ms"))
            rows.append(Row(f"{page}, CPU: page 2", "≤ 1.5 ×", own, in_ms(cpu(name, "page 2 of all")), 1.5, "ms"))
    return rows


def list_publishing(results: Results) -> list[Row]:
    rows = []
    if published := results.published:
        for page, delay in published.delays.items():
            what = f"a publish is visible on {page}, in the slower worker"
            rows.append(Row(what, "≤ 1 s", delay, None, 1, "s", is_alone=True))
        what = f"of {published.warm} warm pages: made again : showing the post"
        rows.append(Row(what, "≤ 1 ×", published.renewed, published.showing, 1, "pages"))
    for workers, crowd in results.crowds.items():
        made = float(crowd.states["miss"] + crowd.states[""]) if set(crowd.states) != {""} else None
        rows.append(Row(f"renders of one page for {CLIENTS} clients at once, {workers}", "≤ 1", made, None, 1, "", is_alone=True))
        what = f"of {CLIENTS} clients, two seconds after a publish: who got what was before, {workers}"
        rows.append(Row(what, "0", float(crowd.outdated), None, 0, "", is_alone=True))
    memory = results.memory
    rows.append(
        Row("idle memory, two workers: Wagtail + wagtail-cache", "≤ 0.65 ×", memory[HOT], memory.get(CACHED), 0.65, "MiB")
    )
    return rows


def in_ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def print_tables(options: argparse.Namespace, results: Results) -> bool:
    """Prints both tables; whether every goal that was measured is reached."""
    print(
        f"{describe_machine()}\n\n{options.rows:,} posts, median of {options.rounds} × {options.seconds} s; {name_versions()}\n"
    )
    print("| server | page | pages/s | CPU µs | body, bytes |\n|---|---|---:|---:|---:|")
    for name, page in results.rounds:
        found = results.median(name, page)
        assert found
        print(f"| {name} | {page} | {found.rate:,.0f} | {found.cpu:,.0f} | {found.size:,.0f} |")
    print("\n| server, alone and idle | PSS, MiB |\n|---|---:|")
    for name, value in results.memory.items():
        print(f"| {name} | {value:.0f} |")
    for workers, crowd in results.crowds.items():
        got = ", ".join(f"{count} {state or 'pages without the header'}" for state, count in crowd.states.items())
        print(f"\n{CLIENTS} clients at once, two seconds after a publish, {workers}, got: {got}")
    print("\n| what: beside what | goal | here | beside it | ratio | |\n|---|---|---:|---:|---:|---|")
    goals = list_goals(results, options)
    for row in goals:
        print(row.write())
    return not any(row.is_missed for row in goals)


def name_versions() -> str:
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.split()[-1]
    return (
        f"{nginx}, {' '.join(subprocess.run(['hugo', 'version'], capture_output=True, text=True, check=True).stdout.split()[:2])}"
    )
