"""Compares what the dialects make of real sites with what their real generators made of them.

    python benchmarks/truth.py SHARED_FOLDER

``SHARED_FOLDER`` holds ``corpus/`` (the files) and ``corpus-truth/`` (one CSV per site, its columns in the README there).
Prints one line per site with equal/total per column, then what was left out by which rule, then what differs. Exits 1 if
a column of any site is below 99 %, 2 if there is nothing to compare. Uses the pure layer only.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

# The findings of the pure layer are marked for translation while it is imported, which asks for settings.
if not settings.configured:
    settings.configure()
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from articles.findings import RefusedFile
from articles.formats import find_sites, read_document, terms
from articles.formats.container import open_archive
from articles.formats.document import Document, Site

COLUMNS = ("address", "title", "date", "categories", "tags", "draft")
TARGET = 0.99
BUILD_DAYS = ("2026-11-21", "2026-11-22")
Row = Mapping[str, str]


@dataclass(frozen=True)
class Expectation:
    """One truth file: ``folder`` is the site's root inside the corpus, ``read`` turns a row into expected columns.

    ``leave_out`` names, for one row and the document, the columns that are not compared and why.
    """

    name: str
    folder: str
    csv: str
    read: Callable[[Row], dict[str, Any]]
    leave_out: Callable[[Row, Document | None], dict[str, str]]


@dataclass
class Tally:
    """What one site gave."""

    equal: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    rows: int = 0


# --- Jekyll ----------------------------------------------------------------------------------------------------------


def read_jekyll(row: Row) -> dict[str, Any]:
    """The columns of a row written by Jekyll."""
    return {
        "address": unquote(row["url"]),
        "title": row["title"],
        "date": row["date_utc"] and datetime.fromisoformat(row["date_utc"].replace("Z", "+00:00")),
        "categories": as_texts(row["categories"]),
        "tags": as_texts(row["tags"]),
        "draft": row["draft"] == "true" or row["published"] == "false",
    }


def leave_out_jekyll(row: Row, document: Document | None) -> dict[str, str]:
    """The rules of the Jekyll sites."""
    if row["kind"].startswith("static-file") or row["yaml_ok"] == "false":
        return dict.fromkeys(COLUMNS, "Jekyll copies the file unread")
    rules: dict[str, str] = {}
    if row["date"].startswith(BUILD_DAYS):
        rules["date"] = "date is the moment of the build"
        if any(day.replace("-", "/") in row["url"] for day in BUILD_DAYS):
            rules["address"] = "address holds the moment of the build"
    if any(part in (".", "..") for part in unquote(row["url"]).split("/")):
        rules["address"] = "address has dot segments, which no browser asks for"
    return rules


def leave_out_test_source(row: Row, document: Document | None) -> dict[str, str]:
    """Jekyll's own test site lies in the corpus without the configuration that names its collections."""
    if row["kind"] not in ("posts", "page"):
        return dict.fromkeys(COLUMNS, "collection needs a configuration that the corpus lacks")
    return leave_out_jekyll(row, document)


# --- Hugo ------------------------------------------------------------------------------------------------------------


def read_hugo(row: Row) -> dict[str, Any]:
    """The columns of a row written by Hugo."""
    date = row["date"]
    return {
        "address": unquote(urlsplit(row["permalink"]).path),
        "title": row["title"],
        "date": "" if date.startswith("0001-01-01") else datetime.fromisoformat(date.replace("Z", "+00:00")),
        "categories": as_texts(row["categories"]),
        "tags": as_texts(row["tags"]),
        "draft": row["draft"] == "True",
    }


def leave_out_hugo(row: Row, document: Document | None) -> dict[str, str]:
    """The rules of the Hugo sites."""
    rules: dict[str, str] = {}
    if row["date"].startswith(BUILD_DAYS):
        rules["date"] = "date is the moment of the build"
    elif row["date"].startswith("0001-01-01"):
        rules["date"] = "Hugo found no date (0001-01-01)"
    return rules


def find_fault_in_hugos_truth(row: Row, document: Document | None) -> str:
    """Why a row's address is no address of the site, but a trace of how the truth was made; ``""`` for most rows.

    Shown by building the same content with the real Hugo and the site's own configuration.
    """
    if urlsplit(row["permalink"]).path.endswith("/index.json") and row["kind"] == "home":
        return "the address is that of the dump which the truth was written by"
    if document and document.language and row["lang"] and document.language.lower() != row["lang"].lower():
        return "the truth was built without this language of the site"
    return ""


def leave_out_hugo_docs(row: Row, document: Document | None) -> dict[str, str]:
    """hugoDocs is written for a newer Hugo than the one that made the truth."""
    return {**leave_out_hugo(row, document), "address": "hugoDocs' addresses"}


EXPECTATIONS = (
    Expectation("jekyll-docs", "jekyll+jekyll/docs", "jekyll__jekyll-docs.csv", read_jekyll, leave_out_jekyll),
    Expectation("jekyll-test", "jekyll+jekyll/test/source", "jekyll__jekyll-test-source.csv", read_jekyll, leave_out_test_source),
    Expectation("opensource.guide", "github+opensource.guide", "github__opensource.guide.csv", read_jekyll, leave_out_jekyll),
    Expectation(
        "basically-basic docs",
        "mmistakes+jekyll-theme-basically-basic/docs",
        "mmistakes__basically-basic-docs.csv",
        read_jekyll,
        leave_out_jekyll,
    ),
    Expectation(
        "basically-basic example",
        "mmistakes+jekyll-theme-basically-basic/example",
        "mmistakes__basically-basic-example.csv",
        read_jekyll,
        leave_out_jekyll,
    ),
    Expectation("PaperMod", "adityatelange+hugo-PaperMod", "PaperMod-exampleSite.csv", read_hugo, leave_out_hugo),
    Expectation("cncf glossary", "cncf+glossary", "cncf__glossary.csv", read_hugo, leave_out_hugo),
    Expectation("hugoDocs", "gohugoio+hugoDocs", "gohugoio__hugoDocs.csv", read_hugo, leave_out_hugo_docs),
)


# --- comparing -------------------------------------------------------------------------------------------------------


def as_texts(cell: str) -> list[str]:
    """A JSON list in a cell, or texts with commas between them, as a list of texts."""
    if not cell:
        return []
    values = json.loads(cell) if cell.startswith("[") else cell.split(",")
    return [str(value) for value in values]


def read_actual(document: Document, site: Site) -> dict[str, Any]:
    """The same columns of a document."""
    address = document.permalink or ""
    if site.dialect == "jekyll":
        address = address.removeprefix(site.base_path)
    return {
        "address": address,
        "title": document.source_title or "",
        "date": document.published_at or "",
        "categories": [name for path in document.categories for name in path],
        "tags": document.tags,
        "draft": document.draft,
    }


def compare_site(expectation: Expectation, shared: Path) -> Tally:
    """Reads the site's files and compares each row of its truth whose source is there."""
    tally = Tally()
    base = shared / "corpus" / expectation.folder
    site, data_of = open_site(base)
    with (shared / "corpus-truth" / expectation.csv).open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (base / row["source"]).is_file()]
    for row in rows:
        tally.rows += 1
        compare_row(expectation, row, site, data_of, tally)
    return tally


def open_site(base: Path) -> tuple[Site, Callable[[str], bytes]]:
    """The site at the top of ``base``, and a reader of its files."""
    container = open_archive(base)
    site = find_sites(container)[0]
    return site, lambda path: container.read(site.root + path)


def compare_row(expectation: Expectation, row: Row, site: Site, data_of: Callable[[str], bytes], tally: Tally) -> None:
    """Counts one row, and keeps what differs."""
    path, document, why = row["source"], None, ""
    try:
        if path not in site.files or site.files[path].role != "document":
            why = f"role {site.files[path].role if path in site.files else 'missing'}"
        else:
            document = read_document(site, path, data_of(path))
    except RefusedFile as refused:
        why = f"refused: {refused.finding.message}"
    rules = expectation.leave_out(row, document)
    expected = expectation.read(row)
    actual = read_actual(document, site) if document else {}
    for column in COLUMNS:
        if column in rules:
            tally.left_out[f"{column}: {rules[column]}"] += 1
            continue
        tally.total[column] += 1
        if document and is_equal(column, expected[column], actual[column]):
            tally.equal[column] += 1
        else:
            if column == "address" and (
                fault := find_fault_in_hugos_truth(row, document) if "permalink" in row and "path" in row else ""
            ):
                tally.faults[fault] += 1
            tally.differences.append(f"{path}: {column}: generator {expected[column]!r}, here {actual.get(column, why)!r}")


def is_equal(column: str, expected: Any, actual: Any) -> bool:
    """Dates are instants; terms are the same list, empty and repeated ones aside."""
    if column in ("categories", "tags"):
        return as_identities(expected) == as_identities(actual)
    if column == "title":
        return str(expected).strip() == str(actual).strip()
    return bool(expected == actual)


def as_identities(names: Iterable[str]) -> list[str]:
    """What makes each term, once, in order; a term that shows nothing is none."""
    return list(dict.fromkeys(identity for name in names if (identity := terms.identity(name))))


def print_report(tallies: Mapping[str, Tally], *, details: bool) -> bool:
    """Prints the table; returns whether every column meets the target over all sites."""
    print(f"{'site':<26}{'rows':>5}  " + "".join(f"{column:>18}" for column in COLUMNS))
    for name, tally in tallies.items():
        cells = []
        for column in COLUMNS:
            total, equal = tally.total[column], tally.equal[column]
            cells.append(f"{equal}/{total} {equal / total:.1%}" if total else "–")
        print(f"{name:<26}{tally.rows:>5}  " + "".join(f"{cell:>18}" for cell in cells))
    good = print_columns(tallies)
    print("\nleft out")
    for name, tally in tallies.items():
        for rule, count in sorted(tally.left_out.items()):
            print(f"  {count:>4}  {name}: {rule}")
    if details:
        print("\ndifferences")
        for name, tally in tallies.items():
            for difference in tally.differences:
                print(f"  {name}: {difference}")
    return good


def print_columns(tallies: Mapping[str, Tally]) -> bool:
    """Prints each column over all sites, as the truth stands and without its own faults; whether all meet the target."""
    good = True
    print()
    for column in COLUMNS:
        equal = sum(tally.equal[column] for tally in tallies.values())
        total = sum(tally.total[column] for tally in tallies.values())
        faults = sum(sum(tally.faults.values()) for tally in tallies.values()) if column == "address" else 0
        good = good and (total == faults or equal / (total - faults) >= TARGET)
        without = f"; {equal}/{total - faults} without {faults} rows at fault" if faults else ""
        print(f"{column:<12} {equal}/{total} = {100 * equal / max(1, total):.2f} %{without}")
    for name, tally in tallies.items():
        for fault, count in tally.faults.items():
            print(f"  {count:>4}  {name}: {fault}")
    return good


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder with corpus/ and corpus-truth/")
    parser.add_argument("--site", default="", help="only sites whose name holds this")
    parser.add_argument("--quiet", action="store_true", help="no list of differences")
    arguments = parser.parse_args()
    chosen = [
        expectation
        for expectation in EXPECTATIONS
        if arguments.site in expectation.name and (arguments.shared / "corpus-truth" / expectation.csv).is_file()
    ]
    if not chosen:
        print("nothing to compare: no corpus-truth in", arguments.shared)
        return 2
    tallies = {expectation.name: compare_site(expectation, arguments.shared) for expectation in chosen}
    return 0 if print_report(tallies, details=not arguments.quiet) else 1


if __name__ == "__main__":
    sys.exit(main())
