"""What the site is called and how it looks: the settings that staff saved, over those of the environment.

A process remembers them for :data:`REMEMBERED` seconds, so that a busy site asks once for many pages; the process that
saves forgets at once. Reading them costs one statement, which brings the categories along: a page that needs those anyway
(:func:`load_frame`) asks no more with settings than without.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField, Case, CharField, Exists, F, IntegerField, OuterRef, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, JSONObject
from django.utils import timezone
from django.utils.encoding import iri_to_uri

from articles.addresses import host_of
from articles.colours import DEFAULTS, make_scheme, write_sheet
from articles.models import Category, Post, SiteLink, SiteSettings
from articles.pictures import Picture
from articles.routes import address_of, path_address
from articles.shown import note_frame
from articles.statements import fetch

REMEMBERED = 2.0
"""Seconds. How long another process may go on with what was before."""
PAGE_SIZE = 20
PERMALINK = "/{year}/{month}/{slug}/"
_TWITTER = re.compile("/@?([A-Za-z0-9_]{1,15})/?")
_PLAIN = (
    *("name", "description", "footer_text", "copyright", "permalink", "posts_per_page"),
    *("accent_light", "accent_dark", "paper_light", "paper_dark"),
    *("has_analytics", "analytics_script", "analytics_domain", "advertising_label", "advertising_label_short"),
)
_LOGO = ("public_name", "content_type", "width", "height", "sha256", "variants__sha256")
_TEXT, _NUMBER, _FLAG = CharField(), IntegerField(), BooleanField()


@dataclass(frozen=True, slots=True)
class Link:
    """A link that readers see now."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Analytics:
    """A script of another host that counts visits. ``host`` is what the policy has to allow: scheme, name and port."""

    script: str
    host: str
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds now. Empty navigation: the sections; empty labels: the product's own words in the page's language."""

    version: int
    name: str
    description: str
    logo: Picture | None = None
    logo_dark: Picture | None = None
    navigation: tuple[Link, ...] = ()
    footer: tuple[Link, ...] = ()
    social: tuple[Link, ...] = ()
    footer_text: str = ""
    copyright: str = ""
    paper_light: str = DEFAULTS["light"].paper
    paper_dark: str = DEFAULTS["dark"].paper
    colours: str = ""
    permalink: str = PERMALINK
    posts_per_page: int = PAGE_SIZE
    analytics: Analytics | None = None
    advertising_label: str = ""
    advertising_label_short: str = ""

    @property
    def colours_key(self) -> str:
        """What the address of the style sheet names: its content, so that a cached one is never another's."""
        return hashlib.sha256(self.colours.encode()).hexdigest()[:12] if self.colours else ""

    @property
    def search_url(self) -> str:
        """Where readers search; empty where pages are to offer no search (see :func:`search_elsewhere`)."""
        elsewhere = _search_elsewhere.get()
        return address_of("search") if elsewhere is None else elsewhere

    @property
    def twitter(self) -> str:
        """``@name`` of the account on X, if there is one among the accounts."""
        names = (_twitter_name(link.url) for link in self.social)
        return next((f"@{name}" for name in names if name), "")

    @property
    def has_parts(self) -> bool:
        """Whether a page has parts that only settings bring, which need a style sheet."""
        return bool(self.logo or self.footer or self.social or self.footer_text or self.copyright)


@dataclass(frozen=True, slots=True)
class SectionRow:
    """A category, in the order of categories. ``has_posts``: something public stands in it, not only below it."""

    full_slug: str
    name: str
    has_posts: bool


#: Place, position, label, what it leads to, whether that is public. Of categories, the sections know the last.
LinkRow = tuple[str, int, str, dict[str, str], bool]


@dataclass(frozen=True, slots=True)
class _Memory:
    value: Settings
    read_at: float
    fingerprint: str


_memory: _Memory | None = None
_search_elsewhere: ContextVar[str | None] = ContextVar("search_elsewhere", default=None)


@contextmanager
def search_elsewhere(address: str) -> Iterator[None]:
    """Has the pages made meanwhile send who searches to ``address``; empty: they offer no search. For a site of files."""
    token = _search_elsewhere.set(address)
    try:
        yield
    finally:
        _search_elsewhere.reset(token)


def current() -> Settings:
    """The settings, at most :data:`REMEMBERED` seconds old; one query where they are older."""
    memory = _memory
    if memory is None or _age(memory) >= REMEMBERED:
        memory = _read()[0]
    note_frame(settings=memory.fingerprint)
    return memory.value


def last_known() -> Settings:
    """The settings without asking the database, however old: for pages that say that it does not answer."""
    return _memory.value if _memory else _merge(None, (), frozenset())


def load_frame() -> tuple[Settings, list[SectionRow]]:
    """The settings, and all categories as they are at this moment; one query.

    What is half past is read anew, which costs nothing here, so that :func:`current` need not while the page is made.
    """
    memory = _memory
    if memory and _age(memory) < REMEMBERED / 2:
        rows = _order((one, two, flag, place) for _kind, place, one, two, _detail, flag in fetch(_sections, timezone.now()))
    else:
        memory, rows = _read()
    rows, fingerprint = _same(rows)
    note_frame(settings=memory.fingerprint, sections=fingerprint)
    return memory.value, rows


def find_fingerprints() -> tuple[str, str]:
    """Of the settings and of the sections as they are at this moment, as pages note them; one query."""
    _forget()
    memory, rows = _read()
    return memory.fingerprint, _same(rows)[1]


_rows: tuple[list[SectionRow], str] = ([], "")


def _same(rows: list[SectionRow]) -> tuple[list[SectionRow], str]:
    """The rows with their fingerprint, which is made once while they say the same; then they are the same object, too."""
    global _rows
    if not _rows[1] or rows != _rows[0]:
        _rows = (rows, _fingerprint(rows))
    return _rows


def _fingerprint(value: object) -> str:
    """The same in every process for what is shown alike."""
    return hashlib.blake2b(repr(value).encode(), digest_size=8).hexdigest()


def forget() -> None:
    """Has the next reader of this process ask again: at once, and once more when the transaction is there for all."""
    _forget()
    transaction.on_commit(_forget)


def _forget() -> None:
    global _memory
    _memory = None


def _age(memory: _Memory) -> float:
    return time.monotonic() - memory.read_at


def _twitter_name(address: str) -> str:
    """The account's name where an address is that of an account on X."""
    found = _TWITTER.fullmatch(urlsplit(address).path) if host_of(address) in ("x.com", "twitter.com") else None
    return found[1] if found else ""


# --- One statement --------------------------------------------------------------------------------------------------


def _read() -> tuple[_Memory, list[SectionRow]]:
    global _memory
    read_at = time.monotonic()
    row: dict[str, Any] | None = None
    links: list[LinkRow] = []
    categories = []
    for kind, place, one, two, detail, flag in fetch(_everything, timezone.now()):
        if kind == "section":
            categories.append((one, two, flag, place))
        elif kind == "settings":
            row = json.loads(detail)
        else:
            links.append((one, place, two, json.loads(detail), bool(flag)))
    rows = _order(categories)
    value = _merge(row, sorted(links, key=lambda link: link[:2]), show_sections(rows))
    if _memory and _memory.value == value:
        # The same object while it says the same: what was drawn from it holds on.
        value = _memory.value
    memory = _Memory(value, read_at, _fingerprint(value))
    _memory = memory
    return memory, rows


def _everything(now: datetime) -> QuerySet[Category, Any]:
    return _sections(now).union(_row(), _links(now), all=True)


def _sections(now: datetime) -> QuerySet[Category, Any]:
    has_posts = Exists(Post.objects.published(now).filter(postcategory__category=OuterRef("pk")).order_by())
    return Category.objects.order_by().values_list(
        Value("section", _TEXT), "position", "full_slug", "name", Value("", TextField()), has_posts
    )


def _newest() -> QuerySet[SiteSettings]:
    return SiteSettings.objects.order_by("-number")[:1]


def _row() -> QuerySet[SiteSettings, Any]:
    fields: dict[str, Any] = {name: F(name) for name in (*_PLAIN, "number")}
    for logo in ("logo", "logo_dark"):
        fields |= {f"{logo}__{name}": F(f"{logo}__{name}") for name in _LOGO}
        fields[f"{logo}__shapes"] = Cast(f"{logo}__variants__shapes", TextField())
    # Not the slice itself: SQLite takes none inside a compound.
    newest = SiteSettings.objects.order_by().filter(pk__in=_newest().values("pk"))
    return newest.values_list(
        Value("settings", _TEXT),
        Cast("number", _NUMBER),
        Value("", _TEXT),
        Value("", _TEXT),
        Cast(JSONObject(**fields), TextField()),
        Value(True, _FLAG),
    )


def _links(now: datetime) -> QuerySet[SiteLink, Any]:
    public = Post.objects.published(now).order_by()
    tagged = public.filter(tagged_items__tag=OuterRef("tag"))
    is_shown = Case(
        When(post__isnull=False, then=Exists(public.filter(pk=OuterRef("post")))),
        When(tag__isnull=False, then=Exists(tagged)),
        default=Value(True),
        output_field=_FLAG,
    )
    target = JSONObject(category=F("category__full_slug"), tag=F("tag__slug"), post=F("post__path"), address=F("address"))
    links = SiteLink.objects.order_by().filter(settings__in=_newest().values("pk"))
    return links.values_list(
        Value("link", _TEXT), Cast("position", _NUMBER), "place", "label", Cast(target, TextField()), is_shown
    )


def _order(rows: Any) -> list[SectionRow]:
    """By position, then by address. Not by the database: one that compares by a language would order otherwise than another."""
    return [
        SectionRow(full_slug, name, bool(has_posts))
        for full_slug, name, has_posts, _position in sorted(rows, key=lambda row: (row[3], row[0]))
    ]


def show_sections(rows: Sequence[SectionRow]) -> frozenset[str]:
    """The addresses of the categories that have something public in them or below."""
    parts = [row.full_slug.split("/") for row in rows if row.has_posts]
    return frozenset("/".join(names[:count]) for names in parts for count in range(1, len(names) + 1))


# --- Rows over the environment --------------------------------------------------------------------------------------


def _merge(row: dict[str, Any] | None, links: Sequence[LinkRow], shown: frozenset[str]) -> Settings:
    """What holds: of the row where it says something, else of the environment and the product."""
    if row is None:
        return Settings(version=0, name=settings.SITE_NAME, description=settings.SITE_DESCRIPTION)
    light = make_scheme("light", row["paper_light"], row["accent_light"])
    dark = make_scheme("dark", row["paper_dark"], row["accent_dark"])
    is_coloured = (light, dark) != (DEFAULTS["light"], DEFAULTS["dark"])
    by_place: dict[str, list[Link]] = {place: [] for place in SiteLink.Place.values}
    for place, _position, label, target, is_shown in links:
        address = _address_of(target, is_shown=is_shown, shown=shown)
        if address:
            by_place[place].append(Link(label, address))
    logo = _logo(row, "logo")
    return Settings(
        version=row["number"],
        name=row["name"] or settings.SITE_NAME,
        description=row["description"] or settings.SITE_DESCRIPTION,
        logo=logo,
        logo_dark=_logo(row, "logo_dark") if logo else None,
        navigation=tuple(by_place[SiteLink.Place.NAVIGATION]),
        footer=tuple(by_place[SiteLink.Place.FOOTER]),
        social=tuple(by_place[SiteLink.Place.SOCIAL]),
        footer_text=row["footer_text"],
        copyright=row["copyright"],
        paper_light=light.paper,
        paper_dark=dark.paper,
        colours=write_sheet(light, dark) if is_coloured else "",
        permalink=row["permalink"] or PERMALINK,
        posts_per_page=row["posts_per_page"] or PAGE_SIZE,
        analytics=_analytics(row),
        advertising_label=row["advertising_label"],
        advertising_label_short=row["advertising_label_short"] or row["advertising_label"],
    )


def _address_of(target: dict[str, str], *, is_shown: bool, shown: frozenset[str]) -> str:
    """Where a link leads; empty where readers would find nothing there."""
    if not is_shown:
        return ""
    if target["category"]:
        return address_of("category", target["category"]) if target["category"] in shown else ""
    if target["tag"]:
        return address_of("tag", target["tag"])
    return path_address(target["post"]) if target["post"] else iri_to_uri(target["address"])


def _logo(row: dict[str, Any], which: str) -> Picture | None:
    """The picture, with its variants as far as they are of its present content; nothing where readers do not get it."""
    found = {name: row[f"{which}__{name}"] for name in _LOGO}
    if not found["public_name"] or not str(found["content_type"]).startswith("image/"):
        return None
    fits = found["variants__sha256"] == found["sha256"]
    shapes = json.loads(row[f"{which}__shapes"] or "{}") if fits else {}
    return Picture(iri_to_uri(settings.MEDIA_URL + found["public_name"]), shapes, found["width"], found["height"])


def _analytics(row: dict[str, Any]) -> Analytics | None:
    if not row["has_analytics"] or not row["analytics_script"]:
        return None
    parts = urlsplit(row["analytics_script"])
    return Analytics(row["analytics_script"], f"{parts.scheme}://{parts.netloc}", row["analytics_domain"])
