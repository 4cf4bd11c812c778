"""Proves that the addresses which the real generators made of real sites answer here, or lead on in one step, to their own post.

    python benchmarks/addresses.py SHARED_FOLDER [--site NAME]

``SHARED_FOLDER`` holds ``corpus/`` and ``corpus-truth/`` (see ``truth.py``). Each site is imported into an emptied database
(``DATA_DIR``, which must not be that of a site) and asked by ``manage.py prove_urls``: the addresses of the truth, its former
ones, the same in other spellings, and what the source is known to have had. Exits 1 where one of them leads nowhere.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
os.environ.update(DEBUG="true", LOG_LEVEL="ERROR")

import django  # noqa: E402
from django.core.management import CommandError, call_command  # noqa: E402

django.setup()

from truth import EXPECTATIONS, Expectation, find_fault_in_hugos_truth, read_hugo, read_jekyll  # noqa: E402

from articles.models import (  # noqa: E402
    Author,
    Category,
    ImportItem,
    ImportRun,
    MediaFile,
    Post,
    ProofRun,
    Series,
    Source,
    SourceFile,
    Tag,
)
from articles.transfer.proving import PROVED, addresses_of_source, prove  # noqa: E402

Row = Mapping[str, str]


@dataclass
class Tally:
    """What one list of one site gave."""

    asked: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    own: int = 0
    kept: int = 0
    problems: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        return self.outcomes["ok"] + self.outcomes["moved"]

    @property
    def holds(self) -> bool:
        return self.answered == self.asked and not self.problems


def clear() -> None:
    """Empties the database of what the last site brought."""
    for model in (ProofRun, ImportRun, Post, SourceFile, Source, MediaFile, Tag, Author, Series):
        model._default_manager.all().delete()
    while Category.objects.exists():
        Category.objects.filter(children__isnull=True).delete()


def addresses_in(row: Row, base_path: str) -> tuple[str, list[str]]:
    """The path of a row's page, percent-encoded, and its former ones."""
    if "bundle" in row:
        # Hugo's column holds the aliases as the site writes them; relative ones start beside the page.
        return urlsplit(row["permalink"]).path, [alias for alias in row["aliases"].split(",") if alias.startswith("/")]
    former = json.loads(row["redirect_from"]) if row["redirect_from"] not in ("", "null") else []
    former = json.loads(former) if isinstance(former, str) and former.startswith("[") else former
    return base_path + row["url"], [base_path + one for one in ([former] if isinstance(former, str) else former or [])]


def why_left_out(expectation: Expectation, row: Row, item: ImportItem | None) -> str:
    """Why an address is none that readers of this site could ask for; ``""`` for most rows."""
    if item is not None and item.verdict in ("refused", "conflict"):
        return "refused, as the report says"
    if row.get("in_default_build") == "false" or (read_hugo if "bundle" in row else read_jekyll)(row)["draft"]:
        return "draft"
    if item is not None and item.post is not None and not item.post.is_public:
        return "not public: to come, expired, or never written by the generator"
    if "bundle" in row and find_fault_in_hugos_truth(row, item.post if item else None):  # type: ignore[arg-type]
        return "fault of the truth"
    return expectation.leave_out(row, None).get("address", "")


def spellings(address: str) -> Iterator[str]:
    """Other ways in which an address is written in texts, bookmarks and logs."""
    if address.endswith("/"):
        yield address + "index.html"
        if address != "/":
            yield address[:-1]
    if address.endswith(".html"):
        yield address.removesuffix("index.html") if address.endswith("/index.html") else address.removesuffix(".html")
    yield address.replace("/", "//", 2)[1:] if address.count("/") > 2 else address
    for change in (str.upper, str.lower):
        changed = "".join(part if number % 2 == 0 else change(part) for number, part in enumerate(_escapes(address)))
        if changed != address:
            yield changed


def _escapes(address: str) -> list[str]:
    """The address cut at its percent escapes; every second part is one."""
    parts, rest = [], address
    while "%" in rest:
        before, _percent, rest = rest.partition("%")
        parts += [before, "%" + rest[:2]]
        rest = rest[2:]
    return [*parts, rest]


def ask(wanted: Mapping[str, str]) -> Tally:
    """Proves addresses by the command, each wanted by the file of its post."""
    tally = Tally()
    posts = dict(Post.objects.values_list("source_path", "path"))
    for proof in run_command(list(wanted)):
        path = wanted[proof["address"]]
        if proof["note"] == "not-served":
            tally.kept += 1
            continue
        tally.asked += 1
        tally.outcomes[proof["outcome"]] += 1
        arrived = proof["location"] if proof["outcome"] == "moved" else proof["path"]
        if proof["outcome"] not in ("ok", "moved"):
            tally.problems.append(f"{proof['address']}: {proof['outcome']}")
        elif path in posts and posts[path] != arrived:
            tally.problems.append(f"{proof['address']}: {arrived} is not the address of {path}")
        else:
            tally.own += path in posts
    return tally


def run_command(addresses: list[str]) -> list[dict[str, Any]]:
    """The report of ``prove_urls`` over a list; none over none."""
    if not addresses:
        return []
    with tempfile.TemporaryDirectory() as folder:
        listed, report = Path(folder) / "list.csv", Path(folder) / "report.json"
        listed.write_text("url\n" + "".join(f'"{address}"\n' for address in addresses), encoding="utf-8")
        try:
            call_command("prove_urls", csv=listed, json_file=report, stdout=io.StringIO(), stderr=io.StringIO())
        except CommandError:
            if not report.exists():
                raise
        found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["addresses"]
    return found


def prove_site(expectation: Expectation, shared: Path) -> dict[str, Tally]:
    """The lists of one site, by name."""
    clear()
    base = shared / "corpus" / expectation.folder
    call_command("import_posts", str(base), stdout=io.StringIO(), stderr=io.StringIO())
    source = Source.objects.filter(posts__isnull=False).order_by("pk")[0]
    items = {item.path: item for item in ImportItem.objects.select_related("post")}
    with (shared / "corpus-truth" / expectation.csv).open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (base / row["source"]).is_file()]
    pages: dict[str, str] = {}
    former: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    for row in rows:
        address, others = addresses_in(row, source.base_path)
        if why := why_left_out(expectation, row, items.get(row["source"])):
            left_out[why] += 1
            continue
        pages[address] = row["source"]
        former |= dict.fromkeys(others, row["source"])
    spelled = {other: path for address, path in (pages | former).items() for other in spellings(address)}
    taken = pages.keys() | former.keys()
    lists = {
        "pages": ask(pages),
        "former addresses": ask({address: path for address, path in former.items() if address not in pages}),
        "other spellings": ask({address: path for address, path in spelled.items() if address not in taken}),
        "lists, feeds, files": ask_known(),
    }
    lists["pages"].left_out = left_out
    return lists


def ask_known() -> Tally:
    """What the sources are known to have had besides; a file that waits for its post is none."""
    tally = Tally()
    known = dict.fromkeys(address for source in Source.objects.order_by("pk") for address in addresses_of_source(source))
    for proof in prove(known):
        if proof.note == "not-public":
            continue
        tally.asked += 1
        tally.outcomes[str(proof.outcome)] += 1
        if proof.outcome not in PROVED:
            tally.problems.append(f"{proof.address}: {proof.outcome}")
    return tally


def show(name: str, lists: Mapping[str, Tally], print_line: Callable[[str], None] = print) -> None:
    """One line per list, and what was left out and why."""
    for kind, tally in lists.items():
        if not tally.asked and not tally.left_out:
            continue
        figures = f"{tally.answered}/{tally.asked} answered: {tally.outcomes['ok']} at once, {tally.outcomes['moved']} by one 301"
        kept = f"; {tally.kept} files kept and not served" if tally.kept else ""
        print_line(f"{'ok  ' if tally.holds else 'FAIL'}  {name}: {kind}: {figures}{kept}")
        for why, number in sorted(tally.left_out.items()):
            print_line(f"        left out {number}: {why}")
        for problem in tally.problems[:10]:
            print_line(f"        {problem}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder with corpus/ and corpus-truth/")
    parser.add_argument("--site", default="", help="only sites whose name holds this")
    arguments = parser.parse_args()
    chosen = [expectation for expectation in EXPECTATIONS if arguments.site in expectation.name]
    call_command("migrate", verbosity=0)
    totals: dict[str, Tally] = {}
    for expectation in chosen:
        lists = prove_site(expectation, arguments.shared)
        show(expectation.name, lists)
        for kind, tally in lists.items():
            whole = totals.setdefault(kind, Tally())
            whole.asked += tally.asked
            whole.outcomes.update(tally.outcomes)
            whole.problems += tally.problems
    show("over all sites", totals)
    return 0 if all(tally.holds for tally in totals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
