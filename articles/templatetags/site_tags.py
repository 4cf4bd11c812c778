"""What the public templates need beyond Django's own tags: dates, phrases, reading time, addresses, structured data."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import budoux
from django import template
from django.conf import settings
from django.template.base import FilterExpression, Parser, Token
from django.template.loader_tags import BlockNode
from django.urls import get_script_prefix, reverse
from django.utils import timezone, translation
from django.utils.dateformat import format as format_date
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from articles.formats.terms import identity
from articles.markup.text import count_minutes
from articles.models import Post
from articles.pictures import write_themed
from articles.site_settings import Link, Settings, last_known

register = template.Library()

# Django's own Japanese formats write 2026年11月21日9:00 without the blank.
_FORMATS = {
    "moment": {"ja": "Y年n月j日 G:i", "en": "j F Y, H:i"},
    "day": {"ja": "Y年n月j日", "en": "j F Y"},
    "month": {"ja": "Y年n月", "en": "F Y"},
    "month_only": {"ja": "n月", "en": "F"},
    "year": {"ja": "Y年", "en": "Y"},
}
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")

LOGO_SIZES = "20rem"

#: What a process keeps of one place that is remembered: for so many sets of values.
MAX_DRAWN = 64

#: In the width of Latin letters: sixty Japanese ones.
LONG_TITLE = 120

#: schema.org and Open Graph are read by machines inside a page: nothing in them may end the element around them.
_ENDS_SCRIPT = re.compile("[<>&\u2028\u2029]")


class _Same:
    """A value in a key, which is equal to itself alone; kept, so that its place in memory is nobody else's."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value


class RememberedNode(template.Node):
    """What stands between the tags, by language, script prefix and the values of ``names``."""

    def __init__(self, names: list[FilterExpression], nodelist: template.NodeList) -> None:
        self.names, self.nodelist = names, nodelist
        self.drawn: dict[tuple[Any, ...], SafeString] = {}

    def render(self, context: template.Context) -> SafeString:
        values = (name.resolve(context, ignore_failures=True) for name in self.names)
        key = tuple(value if value is None or isinstance(value, str | bool) else _Same(value) for value in values)
        key = (translation.get_language(), get_script_prefix(), *key)
        found = self.drawn.get(key)
        if found is None:
            if len(self.drawn) >= MAX_DRAWN:
                self.drawn.clear()
            found = self.drawn[key] = self.nodelist.render(context)
        return found


@register.tag
def remember(parser: Parser, token: Token) -> RememberedNode:
    """``{% remember site kind %}…{% endremember %}``: drawn once in a process for each set of values of what it names.

    It names all that stands between and may differ from page to page; texts and switches are compared by what they say,
    everything else by being the same object. Blocks do not stand in it: those of a theme may show anything.
    """
    names = [parser.compile_filter(name) for name in token.split_contents()[1:]]
    nodelist = parser.parse(("endremember",))
    parser.delete_first_token()
    if nodelist.get_nodes_by_type(BlockNode):
        raise template.TemplateSyntaxError("remember holds no block: what takes its place might show something else")
    return RememberedNode(names, nodelist)


@register.filter
def among(address: str, links: Sequence[Link]) -> str:
    """An absolute address where one of ``links`` leads to it; else nothing."""
    return address if any(absolute(link.url) == address for link in links or ()) else ""


@register.filter
def moment(value: datetime | None) -> str:
    """A time in the site's zone, to the minute, as the page's language writes it."""
    return _date_text(value, "moment")


@register.filter
def day(value: datetime | None) -> str:
    """A day in the site's zone."""
    return _date_text(value, "day")


@register.filter
def month_name(value: datetime | None) -> str:
    """A month with its year, in the site's zone."""
    return _date_text(value, "month")


@register.filter
def month_only(value: datetime | None) -> str:
    """A month where its year stands beside it, in the site's zone."""
    return _date_text(value, "month_only")


@register.filter
def year_name(value: datetime | None) -> str:
    """A year, in the site's zone."""
    return _date_text(value, "year")


@register.filter
def iso(value: datetime | None) -> str:
    """A time in the site's zone, as machines read it: ISO 8601 with the zone's offset."""
    return "" if value is None else _in_zone(value).isoformat()


def _in_zone(value: datetime) -> datetime:
    # The site's, not that of the thread, which is the same and costs a look-up for each of the many times of a page.
    return value.astimezone(timezone.get_default_timezone())


def _date_text(value: datetime | None, precision: str) -> str:
    if value is None:
        return ""
    local = _in_zone(value)
    clock = (local.hour, local.minute) if precision == "moment" else (0, 0)
    return _known_date(local.year, local.month, local.day, *clock, precision, translation.get_language() or "")


@lru_cache(maxsize=8192)
def _known_date(year: int, month: int, day: int, hour: int, minute: int, precision: str, language: str) -> str:
    """A date as a language writes it, which must be the active one: the names of months are translated."""
    formats = _FORMATS[precision]
    return format_date(datetime(year, month, day, hour, minute, tzinfo=UTC), formats.get(language, formats["en"]))


@register.filter
def phrases(title: str) -> SafeString:
    """A title that breaks only between phrases: escaped, with ``<wbr>`` where a Japanese line may end."""
    return _phrases(str(title))


@lru_cache(maxsize=4096)
def _phrases(title: str) -> SafeString:
    if not _JAPANESE.search(title):
        return escape(title)
    parts = (escape(part) for part in _parser().parse(title))
    return mark_safe(f'<span class="phrases">{"<wbr>".join(parts)}</span>')


@lru_cache(maxsize=1)
def _parser() -> Any:
    return budoux.load_default_japanese_parser()


@register.filter
def is_long(title: str) -> bool:
    """Whether a title is one that fills a screen in the size of headlines. A Japanese letter is as wide as two others."""
    return sum(2 if _JAPANESE.match(letter) else 1 for letter in title) > LONG_TITLE


@register.filter
def reading_minutes(post: Post) -> int:
    """Minutes that reading takes, at least one."""
    return count_minutes(post.character_count, post.language or settings.LANGUAGE_CODE)


@register.filter
def thousands(number: int) -> str:
    """``3120`` → ``3,120``."""
    return f"{number:,}"


@register.filter
def teaser(post: Post) -> str:
    """The text of a card: what somebody wrote for it, else the first paragraph; never the title again."""
    title = identity(post.title)
    texts = (post.custom_excerpt.strip(), post.description.strip(), post.excerpt)
    return next((text for text in texts if text and identity(text) != title), "")


@register.filter
def absolute(path: str) -> str:
    """An address of this site with scheme and host."""
    return f"{settings.SITE_URL}{path}"


@register.filter
def json_ld(data: Any) -> SafeString:
    """Data for a ``<script type="application/ld+json">``."""
    return mark_safe(_ENDS_SCRIPT.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(data, ensure_ascii=False)))


@register.filter
def direction(language: str) -> str:
    """``rtl`` for Arabic, Hebrew, Persian, Urdu and the like."""
    try:
        return "rtl" if translation.get_language_info(language)["bidi"] else "ltr"
    except KeyError:
        return "ltr"


@register.filter
def language_name(language: str) -> str:
    """What a language calls itself; its tag where Django does not know it."""
    try:
        return str(translation.get_language_info(language)["name_local"])
    except KeyError:
        return language


@register.simple_tag(takes_context=True)
def site_name(context: template.Context) -> str:
    """What the site is called, on every page; those of a fault ask the database nothing."""
    site: Settings = context.get("site") or last_known()
    return site.name


@register.simple_tag
def logo(site: Settings) -> SafeString:
    """The picture in the masthead, its name read aloud; another in its place on dark screens where there is one."""
    assert site.logo is not None
    attributes: dict[str, str | int | None] = {"class": "logo", "alt": site.name, "decoding": "async"}
    return mark_safe(write_themed(site.logo, site.logo_dark, LOGO_SIZES, attributes))


@register.filter
def locale_name(language: str) -> str:
    """A language as Open Graph writes it: ``ja`` → ``ja_JP``, ``en-GB`` → ``en_GB``; alone where its country is not known."""
    code, _dash, country = language.replace("_", "-").partition("-")
    country = country or _COUNTRIES.get(code.lower(), "")
    return f"{code.lower()}_{country.upper()}" if country else code.lower()


_COUNTRIES = {"ja": "JP", "en": "US", "ko": "KR", "fr": "FR", "de": "DE", "es": "ES", "it": "IT", "zh": "CN"}


@register.filter
def kind_label(kind: str) -> str:
    """What stands above the heading of a list."""
    return str(_KIND_LABELS.get(kind, ""))


_KIND_LABELS = {
    "category": gettext_lazy("Section"),
    "tag": gettext_lazy("Tag"),
    "author": gettext_lazy("By-line"),
    "series": gettext_lazy("Series"),
    "year": gettext_lazy("Archive"),
    "month": gettext_lazy("Archive"),
}


@register.filter
def root(full_slug: str) -> str:
    """The root section of a category's address."""
    return full_slug.partition("/")[0]


@register.filter
def leads_to(link: Link, full_slug: str) -> bool:
    """Whether a link of the navigation leads to a category or to its root section."""
    return link.url in {reverse("articles:category", args=[slug]) for slug in (full_slug, root(full_slug))}


@register.filter
def local_month(value: datetime) -> int:
    """The number of the month in the site's zone, for addresses."""
    return _in_zone(value).month


@register.filter
def local_year(value: datetime) -> int:
    """The year in the site's zone, for addresses."""
    return _in_zone(value).year
