"""Asks for every page that a reader or a program can reach on a site of real texts: ``python benchmarks/crawl.py SHARED``.

Imports SHARED/corpus and SHARED/seeds as the command does, then follows every link from the front page, the sitemaps, the
feeds and ``llms.txt``: pages, pictures, style sheets, feeds, Markdown. A link that a writer set to an address that never
was here is counted as the writer's; all else that does not hold is listed, and the exit code is 1. ``--keep FOLDER`` leaves
the site there (``DATA_DIR=FOLDER``), to be looked at.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("shared", type=Path)
PARSER.add_argument("--keep", type=Path)
OPTIONS = PARSER.parse_args()

DATA = OPTIONS.keep.resolve() if OPTIONS.keep else Path(tempfile.mkdtemp(prefix="kawaraban-crawl-"))
SITE = "http://crawl.example"
os.environ.update(
    DJANGO_SETTINGS_MODULE="cms.settings",
    DEBUG="false",
    SECRET_KEY="only-for-this-measurement-" + "kawaraban" * 5,
    ALLOWED_HOSTS="crawl.example",
    SITE_URL=SITE,
    SITE_DESCRIPTION="実在の公開サイトの原稿を取り込んだ、測定のためのサイト。",
    DATA_DIR=str(DATA),
    DATABASE_URL="",
    REDIS_URL="",
    LOG_LEVEL="CRITICAL",
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, reset_queries  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402
from lxml import etree, html  # noqa: E402

from articles.models import Post, PostLink  # noqa: E402

STARTS = ("/", "/sitemap.xml", "/sitemap-news.xml", "/rss.xml", "/llms.txt", "/robots.txt", "/manifest.webmanifest", "/search/")
#: Statements that a page may need, by the template that drew it.
# Of a list whose pages have no dates, and what stands at its address, one more each.
BUDGETS = {"articles/post.html": 4, "articles/list.html": 6, "articles/home.html": 5}
# A page that stands above a list: its own statements, those of a list, and of the terms of its old site.
ABOVE = "articles/post.html above a list"
BUDGETS[ABOVE] = 9
MAX_WEIGHT = 60_000
MAX_SHOWN = 12
_XML = "application/xml", "text/xml", "application/rss+xml", "application/atom+xml"
_JSON = "application/json", "application/feed+json", "application/manifest+json"


@dataclass(frozen=True, slots=True)
class Reference:
    """What a page names: where, by which attribute, and whether a writer wrote it into a text."""

    address: str
    page: str
    by: str
    is_written: bool = False


@dataclass(slots=True)
class Weight:
    """Bytes of a page without its pictures. ``text`` is its article alone."""

    page: str
    html: int
    text: int
    sheets: int

    @property
    def whole(self) -> int:
        return self.html + self.sheets


@dataclass(slots=True)
class Crawl:
    """What was asked, what was answered, and what does not hold."""

    client: Client
    resolved: set[tuple[str, str]]
    wordless: set[str]
    statuses: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    waiting: deque[str] = field(default_factory=deque)
    named: dict[str, list[Reference]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    kinds: Counter[str] = field(default_factory=Counter)
    queries: dict[str, int] = field(default_factory=dict)
    pages: list[tuple[str, int, int, list[str]]] = field(default_factory=list)
    unsized: list[tuple[str, str]] = field(default_factory=list)

    def complain(self, rule: str, where: str) -> None:
        self.faults[rule].append(where)

    def ask(self, address: str) -> None:
        """Adds an address that was not asked for yet."""
        if address not in self.statuses:
            self.statuses[address] = 0
            self.waiting.append(address)

    def run(self) -> None:
        for address in STARTS:
            self.ask(address)
        while self.waiting:
            self.take(self.waiting.popleft())

    def take(self, address: str) -> None:
        reset_queries()
        with CaptureQueriesContext(connection) as queries:
            answer = self.client.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        answer.close()
        self.statuses[address], self.sizes[address] = answer.status_code, len(content)
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        if answer.status_code >= 500:
            self.complain("500", address)
        if answer.status_code in (301, 302) and (target := self.inside(urljoin(SITE + address, answer.headers["Location"]))):
            self.kinds["redirect"] += 1
            self.name(Reference(target, address, "Location"))
        if answer.status_code != 200:
            return
        self.kinds[kind] += 1
        if kind == "text/html":
            template = next((each.name for each in answer.templates if each.name in BUDGETS), "")
            if template and answer.context and answer.context.get("listing") and template == "articles/post.html":
                template = ABOVE
            self.count(address, template, len(queries))
            self.read_page(address, content, answer.headers)
        elif kind in _XML:
            self.read_xml(address, content)
        elif kind in _JSON:
            self.read_json(address, content)
        elif kind == "text/plain" and address == "/llms.txt":
            for target in re.findall(r"\((https?://[^\s)]+)\)", content.decode()):
                self.follow(target, address, "llms.txt")

    def count(self, address: str, template: str, number: int) -> None:
        self.queries[template] = max(self.queries.get(template, 0), number)
        if template and number > BUDGETS[template]:
            self.complain(f"more than {BUDGETS[template]} statements for {template}", f"{address}: {number}")

    def inside(self, address: str) -> str:
        """The path and query of an address of this site, without its fragment; nothing for any other."""
        parts = urlsplit(address)
        if f"{parts.scheme}://{parts.netloc}" != SITE:
            return ""
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def name(self, reference: Reference) -> None:
        self.named[reference.address].append(reference)
        self.ask(reference.address)

    def follow(self, address: str, page: str, by: str, *, is_written: bool = False) -> None:
        """Asks for what a page names, where it is an address of this site."""
        try:
            target = self.inside(urljoin(SITE + page, address.strip()))
        except ValueError:
            # A writer may write anything, such as http://[.
            return
        if target:
            self.name(Reference(target, page, by, is_written))

    # --- what one page says -------------------------------------------------------------------------------------------

    def read_page(self, address: str, content: bytes, headers: dict[str, str]) -> None:
        tree = html.document_fromstring(content.decode())
        written = {node for text in tree.xpath("//*[contains(@class, 'prose')]") for node in text.iter()}
        for reference in _find_references(tree, address, written):
            self.follow(reference.address, address, reference.by, is_written=reference.is_written)
            self.check_host(reference)
        sheets = [
            self.inside(urljoin(SITE + address, link)) for link in tree.xpath("//link[@rel='stylesheet']/@href | //script/@src")
        ]
        prose = sum(len(html.tostring(text, encoding="utf-8")) for text in tree.xpath("//article//div[@class='prose']"))
        self.pages.append((address, len(content), prose, sheets))
        self.check_form(address, tree)
        self.check_head(address, tree, headers)
        for picture in tree.xpath("//img[not(@width) or not(@height)]"):
            self.unsized.append((urljoin(SITE + address, picture.get("src", "")), address))

    def check_host(self, reference: Reference) -> None:
        """What a browser loads by itself comes from this site."""
        loads = reference.by in ("img", "source", "script", "iframe", "video", "audio", "embed", "object", "stylesheet", "icon")
        host = urlsplit(reference.address).netloc
        if loads and host and host != urlsplit(SITE).netloc:
            where = "in a text" if reference.is_written else "on a page"
            self.complain(f"something of another host {where}", f"{reference.page}: {reference.by} {reference.address[:100]}")

    def check_form(self, address: str, tree: html.HtmlElement) -> None:
        if (number := len(tree.xpath("//h1"))) != 1:
            self.complain("not exactly one h1", f"{address}: {number}")
        ids = Counter(tree.xpath("//@id"))
        if double := [name for name, number in ids.items() if number > 1]:
            self.complain("an id twice", f"{address}: {', '.join(double[:5])}")
        for link in tree.xpath("//nav//a[starts-with(@href, '#')]/@href | //header//a[starts-with(@href, '#')]/@href"):
            if unquote(link[1:]) not in ids:
                self.complain("a link to a place that is not on the page", f"{address}: {link}")

    def check_head(self, address: str, tree: html.HtmlElement, headers: dict[str, str]) -> None:
        asks_robots = " ".join([*tree.xpath("//meta[@name='robots']/@content"), headers.get("X-Robots-Tag", "")])
        wanted = {"title": "string(//title)", "lang": "string(/html/@lang)"}
        # A text of template code alone has no words that could describe it.
        if "noindex" not in asks_robots and address not in self.wordless:
            wanted["description"] = "string(//meta[@name='description']/@content)"
        # An older page of a list is no copy of another.
        if "noindex" not in asks_robots and "?before=" not in address:
            wanted["canonical"] = "string(//link[@rel='canonical']/@href)"
        for name, path in wanted.items():
            if not str(tree.xpath(path)).strip():
                self.complain(f"no {name}", address)
        for text in tree.xpath("//script[@type='application/ld+json']/text()"):
            try:
                json.loads(text)
            except ValueError as error:
                self.complain("JSON-LD that is no JSON", f"{address}: {error}")

    def read_xml(self, address: str, content: bytes) -> None:
        try:
            tree = etree.fromstring(content)
        except etree.XMLSyntaxError as error:
            self.complain("XML that is none", f"{address}: {error}")
            return
        for node in tree.iter("{*}loc", "{*}link", "{*}enclosure", "{*}guid"):
            target = node.get("href") or node.get("url") or (node.text or "")
            if target.startswith("http"):
                self.follow(target, address, "feed or sitemap")

    def read_json(self, address: str, content: bytes) -> None:
        try:
            data = json.loads(content)
        except ValueError as error:
            self.complain("JSON that is none", f"{address}: {error}")
            return
        for value in _strings(data):
            if value.startswith(SITE):
                self.follow(value, address, "JSON")

    # --- what all of it says ------------------------------------------------------------------------------------------

    def judge_links(self) -> Counter[str]:
        """Complains of links of ours that lead nowhere; counts those that a writer set to what never was here."""
        writers: Counter[str] = Counter()
        for address, references in self.named.items():
            if self.statuses[address] not in (404, 410):
                continue
            for reference in references:
                if reference.is_written and not self.is_resolved(reference):
                    writers[f"{reference.by} {reference.page} → {address}"] += 1
                else:
                    self.complain("a link that leads nowhere", f"{reference.page} ({reference.by}) → {address}")
        return writers

    def is_resolved(self, reference: Reference) -> bool:
        """Whether the renderer found what the writer meant, so that the link is ours."""
        return (unquote(urlsplit(reference.page).path), unquote(urlsplit(reference.address).path)) in self.resolved

    def judge_pictures(self) -> None:
        """Complains of pictures that are here and whose place a page does not keep free."""
        for source, page in self.unsized:
            if self.statuses.get(self.inside(source)) == 200:
                self.complain("a picture without width and height", f"{page}: {source}")

    def weigh(self) -> list[Weight]:
        return [
            Weight(page, size, text, sum(self.sizes.get(sheet, 0) for sheet in sheets)) for page, size, text, sheets in self.pages
        ]


def _find_references(tree: html.HtmlElement, page: str, written: set[html.HtmlElement]) -> Iterator[Reference]:
    for node in tree.iter("a", "area", "link", "img", "source", "script", "iframe", "video", "audio", "embed", "object", "form"):
        by = str(node.get("rel") or "link") if node.tag == "link" else str(node.tag)
        for attribute in ("href", "src", "data", "poster", "action"):
            if value := node.get(attribute):
                yield Reference(value, page, by, node in written)
        for part in (node.get("srcset") or "").split(","):
            if part.strip():
                yield Reference(part.split()[0], page, by, node in written)
    for value in tree.xpath("//meta[@property='og:image' or @property='og:url']/@content"):
        yield Reference(value, page, "meta")


def _strings(data: object) -> Iterator[str]:
    """The values of a JSON document that are texts, but for long ones, which are texts of articles."""
    if isinstance(data, str):
        if len(data) < 2000:
            yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _strings(value)
    elif isinstance(data, list):
        for value in data:
            yield from _strings(value)


def make_site(shared: Path) -> None:
    """The corpus and the founding texts, imported as the command does by default; variants and cards are made."""
    quiet = io.StringIO()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("import_posts", str(shared / "corpus"), stdout=quiet, stderr=quiet)
    call_command("import_posts", str(shared / "seeds"), time_zone="Asia/Tokyo", stdout=quiet, stderr=quiet)
    call_command("relate_posts", stdout=quiet)
    call_command("make_variants", stdout=quiet)


def crawl_site() -> Crawl:
    setup_test_environment()
    links = PostLink.objects.exclude(url="").values_list("post__path", "url")
    resolved = {(path, unquote(url.partition("#")[0].partition("?")[0])) for path, url in links}
    wordless = {post.get_absolute_url() for post in Post.objects.filter(plain_text="").only("path")}
    crawl = Crawl(Client(raise_request_exception=False, SERVER_NAME="crawl.example"), resolved, wordless)
    # What a process reads once, such as the site's settings, is no page's.
    crawl.client.get("/")
    crawl.run()
    return crawl


def report(crawl: Crawl, writers: Counter[str]) -> None:
    public = Post.objects.published().count()
    asked = {path for path, status in crawl.statuses.items() if status == 200}
    unreached = [path for path in Post.objects.published().values_list("path", flat=True) if not _was_asked(path, asked)]
    for path in unreached:
        crawl.complain("a public text that nothing leads to", path)
    print(f"{len(crawl.statuses)} addresses asked, {public} public texts of {Post.objects.count()}")
    print(f"answers: {dict(Counter(crawl.statuses.values()).most_common())}; kinds: {dict(crawl.kinds.most_common())}")
    print(f"statements at most: { {name or 'other': number for name, number in crawl.queries.items()} }")
    kinds = Counter(place.partition(" ")[0] for place in writers.elements())
    print(f"what writers named and never was here, by element: {dict(kinds.most_common())}")
    _report_weights(crawl.weigh())
    for rule, places in sorted(crawl.faults.items()):
        print(f"FAIL  {rule}: {len(places)}")
        for place in places[:MAX_SHOWN]:
            print(f"      {unquote(place)[:200]}")
    if not crawl.faults:
        print("ok    every page, link, picture, feed and Markdown text holds")


def _was_asked(path: str, asked: set[str]) -> bool:
    return Post(path=path).get_absolute_url() in asked


def _report_weights(weights: list[Weight]) -> None:
    heavy = sorted((each for each in weights if each.whole > MAX_WEIGHT), key=lambda each: -each.whole)
    by_text = sum(each.whole - each.text <= MAX_WEIGHT for each in heavy)
    print(
        f"{len(weights)} pages; heavier than {MAX_WEIGHT // 1000} kB without pictures, uncompressed: {len(heavy)},"
        f" {by_text} of them because of their own text"
    )
    for each in heavy[:MAX_SHOWN]:
        parts = f"{each.whole / 1000:6.0f} kB, text {each.text / 1000:6.0f}, sheets {each.sheets / 1000:4.0f}"
        print(f"      {parts}: {unquote(each.page)}")


def main() -> int:
    began = time.monotonic()
    make_site(OPTIONS.shared.resolve())
    made = time.monotonic() - began
    crawl = crawl_site()
    writers = crawl.judge_links()
    crawl.judge_pictures()
    report(crawl, writers)
    print(f"import {made:.0f} s, crawl {time.monotonic() - began - made:.0f} s")
    if not OPTIONS.keep:
        shutil.rmtree(DATA, ignore_errors=True)
    return 1 if crawl.faults else 0


if __name__ == "__main__":
    sys.exit(main())
