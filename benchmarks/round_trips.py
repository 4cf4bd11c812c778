"""Takes real sites out in every layout, in again, and back to where they came from; and has them built by real generators.

    python benchmarks/round_trips.py SHARED [--layout NAME ...] [--source PART] [--show N]

SHARED holds seeds/ and corpus/. Each source is imported, exported in each layout, imported from there into an empty
database, exported again in its own dialect, and imported once more; after each way titles, instants, states, terms,
by-lines, covers, links and words are compared with the first import. Exports for Hugo and Jekyll are built by the real
programs, and addresses, titles, dates, drafts and words of the built pages are compared too.

A difference counts as named where the receipt of the export says it of that post. The exit code is 1 where a difference is
not named, or a share lies below its goal.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

PROJECT = Path(__file__).resolve().parent.parent
LAYOUTS = ("jekyll", "hugo", "obsidian", "zenn", "hexo", "plain")
FIELDS = (
    "address",
    "title",
    "published_at",
    "updated_at",
    "expires_at",
    "public",
    "tags",
    "categories",
    "authors",
    "series",
    "cover",
    "aliases",
    "links",
    "words",
)
GOALS = dict.fromkeys(FIELDS, 99.0) | {"address": 98.5, "words": 95.0, "links": 98.0}
"""Percent, over all pairs, of posts that are equal after one way."""
# Which finding of a receipt names a difference of which field.
_OF_TEXTS = {"reads-otherwise", "foreign-template-code", "reference-unresolved", "html-not-shown", "toc-left-out"}
NAMED_BY = {
    "words": _OF_TEXTS | {"remark-left-out", "formulas-for-themes"},
    "links": _OF_TEXTS | {"not-expressed", "own-host-kept"},
    "public": {"expired-as-draft", "not-expressed", "state-as-draft", "address-unfit"},
    "address": {"not-expressed", "address-unfit"},
}
JEKYLL_DUMP = """
require "jekyll"; require "json"
options = {"source" => ARGV[0], "destination" => ARGV[1], "quiet" => true}
options.update({"show_drafts" => true, "future" => true, "unpublished" => true}) if ARGV[2] == "all"
site = Jekyll::Site.new(Jekyll.configuration(options))
site.process
rows = (site.documents + site.pages).map do |page|
  date = page.data["date"]
  {"path" => page.relative_path, "url" => page.url, "title" => page.data["title"].to_s,
   "date" => (date.respond_to?(:utc) ? date.dup.utc.strftime("%Y-%m-%dT%H:%M:%S+00:00") : ""),
   "file" => page.destination(ARGV[1])}
end
puts JSON.generate(rows)
"""


@dataclass
class Tally:
    """Equal and all, by field; and examples of what differs."""

    equal: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def count(self, name: str, wanted: Any, found: Any, where: str, *, is_named: bool = False) -> None:
        self.total[name] += 1
        if wanted == found:
            self.equal[name] += 1
            return
        if not is_named:
            self.unnamed[name] += 1
        if isinstance(wanted, str) and isinstance(found, str):
            same = max(next((at for at, pair in enumerate(zip(wanted, found, strict=False)) if pair[0] != pair[1]), 20) - 20, 0)
            wanted, found = wanted[same:], found[same:]
        self.examples[name].append(f"{'named ' if is_named else ''}{where}: {_clip(wanted)} → {_clip(found)}")

    def add(self, other: Tally) -> None:
        self.equal.update(other.equal)
        self.total.update(other.total)
        self.unnamed.update(other.unnamed)


def _clip(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 110 else text[:107] + "…"


# --- a site as it reads here --------------------------------------------------------------------------------------------


def start_django() -> None:
    sys.path.insert(0, str(PROJECT))
    os.environ.update(DJANGO_SETTINGS_MODULE="cms.settings", DEBUG="true", LOG_LEVEL="ERROR")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def describe(source: str) -> dict[str, dict[str, Any]]:
    """Every post of a source by its address: what is compared, as plain data."""
    from articles.formats.terms import identity
    from articles.models import Post, PostAuthor, PostCategory, TaggedPost

    described = {}
    # An absolute link to another site that was moved in too leads there within this one; on its own a site has no such link.
    elsewhere = set(Post.objects.exclude(source__name=source).values_list("path", flat=True))
    posts = Post.objects.filter(source__name=source).select_related("cover", "series")
    for post in posts.prefetch_related("redirects"):
        by_line = PostAuthor.objects.filter(post=post).order_by("position").values_list("author__name", flat=True)
        tags = TaggedPost.objects.filter(content_object=post).values_list("tag__name", flat=True)
        categories = PostCategory.objects.filter(post=post).values_list("category__full_slug", flat=True)
        described[post.path] = {
            "address": post.path,
            "title": post.title,
            "published_at": _instant(post.published_at),
            "updated_at": _instant(post.updated_at),
            "expires_at": _instant(post.expires_at),
            "public": post.state in ("published", "scheduled"),
            "tags": sorted(map(identity, tags)),
            "categories": sorted(categories),
            "authors": list(by_line),
            "series": post.series.name if post.series else "",
            "cover": post.cover.sha256 if post.cover else _file_name(post.cover_target),
            "aliases": sorted({redirect.old_path.rstrip("/") for redirect in post.redirects.all()}),
            "links": sorted(link for link in _links(post.body_html) if link not in elsewhere),
            "words": words_of(post.body_html),
            "dialect": post.dialect,
            "findings": [finding["code"] for finding in post.findings],
        }
    return described


def _instant(moment: datetime | None) -> str:
    return moment.astimezone().isoformat() if moment else ""


def _file_name(target: str) -> str:
    return unquote(target).rpartition("/")[2]


def _links(html: str) -> Iterator[str]:
    """Where links lead and what pictures show, within the site; addresses of other hosts are words."""
    for _name, address in re.findall(r'<(a|img)\s[^>]*?(?:href|src)="([^"]*)"', html):
        path = unescape(address).partition("#")[0]
        if path and not re.match(r"[a-z]+:|//", path):
            yield unquote(path)


def words_of(html: str) -> str:
    """What a reader reads, without white space, quotation marks and dashes; template code shown as such counts as words.

    What stands for a picture that is not there does not: another program shows its alternative text as an attribute.
    """
    html = re.sub(r"<(script|style|annotation)\b.*?</\1>|<!--.*?-->|<r[tp]>.*?</r[tp]>", "", html, flags=re.S)
    html = re.sub(r'<span class="unresolved missing-picture">.*?</span>', "", html, flags=re.S)
    # A film or a card: what stands for it is the generator's.
    html = re.sub(
        r'<p class="embed[^"]*"><a [^>]*>.*?</a></p>|<iframe\b.*?</iframe>|<p><a [^>]*href="(https?://[^"]*)"[^>]*>\1</a></p>',
        "",
        html,
        flags=re.S,
    )
    html = re.sub(r'<p class="callout-title">.*?</p>|<summary class="callout-title">.*?</summary>', "", html, flags=re.S)
    text = unescape(re.sub(r"<[^>]*>", "", html)).translate(str.maketrans(dict.fromkeys("\"'`“”‘’„‚«»-–—…._\ufe0e↩", "")))
    return re.sub(r"\s+", "", text)


# --- the ways ------------------------------------------------------------------------------------------------------------


def clear() -> None:
    from articles.models import Author, Category, ImportRun, MediaFile, Post, Series, Source, Tag

    for model in (ImportRun, Post, Source, MediaFile, Tag, Author, Series):
        model.objects.all().delete()
    while Category.objects.exists():
        Category.objects.filter(children__isnull=True).delete()


def run_import(path: Path, name: str = "", dialect: str = "") -> None:
    from django.core.management import call_command

    call_command(
        "import_posts",
        str(path),
        source=name,
        dialect=dialect,
        time_zone="Asia/Tokyo",
        stdout=io.StringIO(),
        stderr=io.StringIO(),
        verbosity=0,
    )


def compare(wanted: dict[str, dict[str, Any]], found: dict[str, dict[str, Any]], named: dict[str, set[str]], where: str) -> Tally:
    """Each post of the first reading beside that of the second. ``named`` are the codes of the receipt by address."""
    tally = Tally()
    for address, post in wanted.items():
        codes = named.get(address, set())
        # Hugo cannot serve a page at an address without a final slash: it is then one more.
        other = found.get(address) or found.get(f"{address}/")
        for name in FIELDS:
            if name == "aliases" and other and set(post[name]) <= set(other[name]):
                # A vault and Zenn give addresses of their own, which are former ones here.
                other[name] = post[name]
            # A post that is at another address has nothing to compare at this one.
            names = NAMED_BY["address"] if other is None else NAMED_BY.get(name, {"not-expressed"})
            is_named = bool(codes & names)
            tally.count(name, post[name], other[name] if other else None, f"{where} {address}", is_named=is_named)
    return tally


def export(folder: Path, source: str, layout: str) -> dict[str, set[str]]:
    """Exports one source; gives the codes of the receipt by the post's address."""
    from articles.transfer.exporting import Selection, export_posts

    receipt = export_posts(folder, layout=layout, selection=Selection(source=source))
    return {entry.post: {finding.code for finding in entry.findings} for entry in receipt.entries if entry.post}


def travel(shared: Path, layouts: list[str], part: str, show: int, work: Path) -> dict[tuple[str, str, str], Tally]:
    """All ways of all sources; tallies by origin, layout and way."""
    start_django()
    from articles.models import Source

    run_import(shared / "corpus")
    run_import(shared / "seeds", name="seeds")
    sources = [(source.name, source.dialect) for source in Source.objects.order_by("name") if part in source.name]
    first: dict[str, dict[str, dict[str, Any]]] = {}
    named: dict[tuple[str, str], dict[str, set[str]]] = {}
    for name, _dialect in sources:
        first[name] = describe(name)
        for layout in layouts:
            named[name, layout] = export(work / layout / _folder(name), name, layout)
    tallies: dict[tuple[str, str, str], Tally] = defaultdict(Tally)
    for name, dialect in sources:
        for layout in layouts:
            clear()
            # A vault has no language, a source of no configuration takes the name it is given.
            run_import(work / layout / _folder(name), name=name, dialect=layout)
            there = describe(name)
            one = compare(first[name], there, named[name, layout], f"{name} → {layout}")
            back = dialect if dialect in LAYOUTS else "plain"
            codes = export(work / "back" / layout / _folder(name), name, back)
            clear()
            run_import(work / "back" / layout / _folder(name), name=name, dialect=back)
            both = {address: named[name, layout].get(address, set()) | codes.get(address, set()) for address in first[name]}
            two = compare(first[name], describe(name), both, f"{name} → {layout} → {back}")
            for way, tally in (("there", one), ("back", two)):
                kept = tallies[dialect, layout, way]
                kept.add(tally)
                for key, lines in tally.examples.items():
                    kept.examples[key] += lines
    if layouts_built := [layout for layout in layouts if layout in ("hugo", "jekyll")]:
        for layout in layouts_built:
            for name, dialect in sources:
                if dialect == layout:
                    # It left as it came, with the theme that it has or lacks: benchmarks/truth.py looks at those.
                    continue
                tally = build(
                    layout, work / layout / _folder(name), first[name], named[name, layout], f"{name} built by {layout}"
                )
                kept = tallies[dialect, layout, "built"]
                kept.add(tally)
                for key, lines in tally.examples.items():
                    kept.examples[key] += lines
    _report(tallies, show)
    return tallies


def _folder(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


# --- real generators ---------------------------------------------------------------------------------------------------------


def build(layout: str, folder: Path, wanted: dict[str, dict[str, Any]], named: dict[str, set[str]], where: str) -> Tally:
    """Builds the export twice, as readers get it and with drafts, and compares addresses, titles, dates, drafts and words."""
    rows = build_hugo(folder) if layout == "hugo" else build_jekyll(folder)
    tally = Tally()
    for address, post in wanted.items():
        built = rows.get(address) or rows.get(f"{address}/" if not address.endswith("/") else address)
        codes = named.get(address, set())
        place = f"{where} {address}"
        tally.count("address", address, built["address"] if built else None, place, is_named=_is_named(built, codes))
        if built is None:
            continue
        tally.count("title", post["title"], built["title"], place)
        wanted_date = datetime.fromisoformat(post["published_at"]).timestamp() if post["published_at"] else 0
        # Jekyll dates a page without a date by its moment of building, which is no statement of the file's.
        if wanted_date or layout == "hugo":
            tally.count("published_at", wanted_date, built["date"], place)
        tally.count(
            "public",
            post["public"] and not built["is_future"],
            built["is_public"],
            place,
            is_named=bool(codes & NAMED_BY["public"]),
        )
        # The text may begin with its own title, which a page here shows once.
        words = built["words"].removeprefix(words_of(post["title"]))
        tally.count(
            "words", post["words"].removeprefix(words_of(post["title"])), words, place, is_named=bool(codes & NAMED_BY["words"])
        )
    return tally


def _is_named(built: Any, codes: set[str]) -> bool:
    return "not-expressed" in codes


def _text_of(page: Path) -> str:
    html = page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
    found = re.search(r'<div class="text">(.*)</div>\s*(?:</article>|<ul>)', html, re.S)
    return words_of(found[1]) if found else ""


def build_hugo(folder: Path) -> dict[str, dict[str, Any]]:
    """What Hugo makes of the site, by address."""
    done = subprocess.run(["hugo", "list", "all"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"FAIL  hugo {folder.name}: {(done.stdout + done.stderr)[:400]}")
        return {}
    public, everything = folder / "public", folder / "public-all"
    # Hugo's own list leaves out home pages, sections and pages with no file; the built folders know them.
    for target, flags in ((public, []), (everything, ["-D", "-F", "-E"])):
        built = subprocess.run(
            ["hugo", "--quiet", "-d", str(target), *flags], cwd=folder, capture_output=True, text=True, check=False
        )
        if built.returncode:
            print(f"FAIL  hugo {folder.name}: {(built.stdout + built.stderr)[:600]}")
            return {}
    rows = {}
    now = datetime.now().timestamp()
    for row in csv.DictReader(io.StringIO(done.stdout)):
        address = unquote(urlsplit(row["permalink"]).path)
        file = address + "index.html" if address.endswith("/") else address
        moment = datetime.fromisoformat(row["publishDate"].replace("Z", "+00:00"))
        date = 0.0 if moment.year == 1 else moment.timestamp()
        expiry = row.get("expiryDate", "")
        has_expired = not expiry.startswith("0001") and datetime.fromisoformat(expiry.replace("Z", "+00:00")).timestamp() <= now
        rows[address] = {
            "address": address,
            "title": row["title"],
            "date": date,
            "is_future": date > now or has_expired,
            "is_public": (public / file.lstrip("/")).is_file(),
            "words": _text_of(everything / file.lstrip("/")),
        }
    return rows


def build_jekyll(folder: Path) -> dict[str, dict[str, Any]]:
    """What Jekyll makes of the site, by address."""
    rows: dict[str, dict[str, Any]] = {}
    now = datetime.now().timestamp()
    with tempfile.TemporaryDirectory() as built:
        script = Path(built) / "dump.rb"
        script.write_text(JEKYLL_DUMP, encoding="utf-8")
        for kind in ("all", "public"):
            done = subprocess.run(
                ["ruby", str(script), str(folder), f"{built}/{kind}", kind],
                capture_output=True,
                text=True,
                check=False,
                env=os.environ | {"JEKYLL_NO_BUNDLER_REQUIRE": "true"},
            )
            if done.returncode:
                print(f"FAIL  jekyll {folder.name}: {(done.stdout + done.stderr)[:600]}")
                return {}
            for row in json.loads(done.stdout.strip().splitlines()[-1]):
                address = unquote(row["url"])
                if kind == "public":
                    rows[address]["is_public"] = True
                    continue
                moment = datetime.fromisoformat(row["date"]).timestamp() if row["date"] else 0.0
                rows[address] = {
                    "address": address,
                    "title": row["title"],
                    "date": moment,
                    "is_future": moment > now,
                    "is_public": False,
                    "words": _text_of(Path(row["file"])),
                }
    shutil.rmtree(folder / ".jekyll-cache", ignore_errors=True)
    return rows


# --- what is printed ----------------------------------------------------------------------------------------------------------


def _report(tallies: dict[tuple[str, str, str], Tally], show: int) -> None:
    for way, heading in (("there", "one way"), ("back", "there and back"), ("built", "built by the real generator")):
        rows = {(origin, layout): tally for (origin, layout, kind), tally in tallies.items() if kind == way}
        if not rows:
            continue
        names = [name for name in FIELDS if any(tally.total[name] for tally in rows.values())]
        print(
            f"\n{heading}: percent equal\n\n| from → to | posts | " + " | ".join(names) + " |\n|---|" + "---|" * (len(names) + 1)
        )
        for (origin, layout), tally in sorted(rows.items()):
            shares = [_share(tally.equal[name], tally.total[name]) for name in names]
            print(f"| {origin} → {layout} | {tally.total['address']} | " + " | ".join(shares) + " |")
        whole = Tally()
        for tally in rows.values():
            whole.add(tally)
        print(
            "| all | "
            + str(whole.total["address"])
            + " | "
            + " | ".join(_share(whole.equal[n], whole.total[n]) for n in names)
            + " |"
        )
        print("| differs, not named | | " + " | ".join(str(whole.unnamed[name]) for name in names) + " |")
        if show:
            for (origin, layout), tally in sorted(rows.items()):
                for name in names:
                    for line in tally.examples[name][:show]:
                        print(f"      {way} {origin} → {layout} {name}: {line}")


def _share(equal: int, total: int) -> str:
    return "–" if not total else "100" if equal == total else f"{100 * equal / total:.1f}"


def judge(tallies: dict[tuple[str, str, str], Tally]) -> list[str]:
    """The promises that do not hold."""
    broken = []
    whole: dict[str, Tally] = defaultdict(Tally)
    for (_origin, _layout, way), tally in tallies.items():
        whole[way].add(tally)
    for name in FIELDS:
        tally = whole["there"]
        if tally.total[name] and 100 * tally.equal[name] < GOALS[name] * tally.total[name]:
            broken.append(f"{name}: {_share(tally.equal[name], tally.total[name])} % equal, goal {GOALS[name]} %")
        if tally.unnamed[name]:
            broken.append(f"{name}: {tally.unnamed[name]} differences that no receipt names")
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--layout", action="append", choices=LAYOUTS)
    parser.add_argument("--source", default="", help="only sources whose name holds this")
    parser.add_argument("--show", type=int, default=0, help="examples of differences per pair and field")
    parser.add_argument("--keep", type=Path, help="a folder for the exports, which is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        os.environ["DATA_DIR"] = data
        for name in ("DATABASE_URL", "MEDIA_ROOT", "PRIVATE_ROOT"):
            os.environ.pop(name, None)
        work = options.keep or Path(data) / "work"
        tallies = travel(options.shared.resolve(), options.layout or list(LAYOUTS), options.source, options.show, work)
    broken = judge(tallies)
    for line in broken:
        print(f"FAIL  {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
