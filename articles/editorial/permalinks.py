"""Addresses made or stated at the desk: the house pattern, and who may have which address."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from django.utils import timezone
from django.utils.translation import gettext as _

from articles.addresses import RESERVED_PREFIXES, bare_form, is_reserved, split_address, with_number
from articles.editorial.terms import shows_posts
from articles.formats.terms import slugify
from articles.models import Author, Category, Post, Redirect, Series, Tag
from articles.site_settings import current

MAX_PATH = 800
PLACEHOLDERS = ("year", "month", "day", "slug")
#: First parts of the site's own lists and pages: a post there would hide behind them, or they behind it.
LISTS = frozenset({"categories", "tags", "authors", "series", "search", "feeds", "media"})
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# At these a list would stand in front of the post, or the post in front of it.
_OF_LIST = re.compile(rf"/(?:[0-9]{{4}}(?:/[0-9]{{2}})?|{'|'.join(sorted(LISTS))}|archives)/?", re.IGNORECASE)
_WHOLE = re.compile(r"https?://[^/]", re.IGNORECASE)
_PERIOD = re.compile(r"/(?P<year>[0-9]{4})(?:/(?P<month>[0-9]{2}))?")
_FOLDERS: dict[str, Any] = {"categories": Category, "tags": Tag, "authors": Author, "series": Series}
_TERM = re.compile(rf"/(?P<folder>{'|'.join(_FOLDERS)})(?:/(?P<slug>.+?)(?:/(?:rss\.xml|atom\.xml|feed\.json))?)?", re.DOTALL)
LAST_YEAR, MONTHS = 9998, 12
_NUMBERED = re.compile(r"-(?P<number>\d{1,6})/?$")
_UNFIT = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff?#\\]")
_DOTS = re.compile(r"/\.{1,2}(/|$)")


class BadAddress(ValueError):
    """An address that a post cannot have. The message is a sentence in the active language."""


def house_path(post: Post) -> str:
    """By the site's pattern, with the day of publication in the site's zone, else of writing; ``/{slug}/`` for a page."""
    slug = post.slug or slugify(post.title)
    if post.kind == Post.Kind.PAGE:
        return f"/{slug}/"
    return fill_pattern(current().permalink, slug, timezone.localtime(post.published_at or post.created_at))


def fill_pattern(pattern: str, slug: str, day: datetime) -> str:
    """The address that a pattern which :func:`check_pattern` takes gives."""
    # strftime writes the year 50 as "50".
    values = {"year": f"{day.year:04}", "month": f"{day:%m}", "day": f"{day:%d}", "slug": slug}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], pattern)


def check_pattern(pattern: str) -> None:
    """Raises BadAddress, with the remedy, for a pattern from which no good addresses come."""
    names = _PLACEHOLDER.findall(pattern)
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    if (unknown := next((name for name in names if name not in PLACEHOLDERS), None)) is not None:
        raise BadAddress(_("“{%(name)s}” is none of the parts that are known: %(known)s.") % {"name": unknown, "known": known})
    if names.count("slug") != 1 or len(set(names)) != len(names) or set("{}") & set(_PLACEHOLDER.sub("", pattern)):
        raise BadAddress(
            _("Write {slug} once, or posts of one day would have one address, and every other part at most once: %(known)s.")
            % {"known": known}
        )
    path = fill_pattern(pattern, "x", datetime(2000, 1, 2))  # noqa: DTZ001
    if not path.startswith("/") or _UNFIT.search(path) or _DOTS.search(path) or "//" in path:
        raise BadAddress(_("Begin with “/”, and leave out blanks, “?”, “#”, “\\”, “//” and the parts “.” and “..”."))
    if not pattern.endswith(("/", "{slug}", ".html")):
        raise BadAddress(_("End with “/”, with {slug} or with “.html”."))
    first = path.split("/")[1].casefold()
    if first in LISTS or first in RESERVED_PREFIXES:
        raise BadAddress(_("“/%(part)s/” belongs to the site itself. Begin with something else.") % {"part": first})


def follows_house(post: Post) -> bool:
    """Whether the address is one that :func:`fill` made: an imported or stated address is not to be remade."""
    if post.source_id is not None or not post.path:
        return False
    base = house_path(post)
    numbered = _NUMBERED.search(post.path)
    return post.path == base or (numbered is not None and post.path == with_number(base, int(numbered["number"])))


def fill(post: Post) -> None:
    """Gives a post without an address the next free one by the house pattern; saves nothing."""
    if post.path:
        return
    post.slug = post.slug or slugify(post.title)
    base = house_path(post)
    candidate, number = base, 1
    while is_reserved(candidate) or _OF_LIST.fullmatch(candidate) or find_holder(candidate, post) is not None:
        number += 1
        candidate = with_number(base, number)
    post.path = candidate


def claim(post: Post, stated: str, *, besides: Redirect | None = None) -> str:
    """The address ``stated`` in the form in which it is stored, if the post may have it. Raises BadAddress.

    ``besides`` is a redirect that may hold it: the very one that is being changed.
    """
    path = unicodedata.normalize("NFC", stated.strip())
    if path.startswith("／"):
        raise BadAddress(_("The slashes are full-width (／). Write “/”."))
    path = path if path.startswith("/") else f"/{path}"
    if path == post.path:
        return path
    if len(path) > MAX_PATH:
        raise BadAddress(_("The address is longer than %(limit)d characters.") % {"limit": MAX_PATH})
    if _UNFIT.search(path) or _DOTS.search(path) or "//" in path:
        raise BadAddress(
            _("“%(path)s” cannot be an address: leave out blanks, “?”, “#”, “\\”, “//” and the parts “.” and “..”.")
            % {"path": path}
        )
    if is_reserved(path):
        raise BadAddress(_("“%(path)s” belongs to the site itself. Choose another address.") % {"path": path})
    if find_holder(path, post, besides=besides) is not None:
        raise BadAddress(_("“%(path)s” is the address of another post, or was. Choose another.") % {"path": path})
    return path


def claim_former(post: Post, stated: str, redirect: Redirect) -> str:
    """``stated`` as a former address that ``redirect`` leads to the post, in the form in which it is stored.

    Raises BadAddress.
    """
    path = claim(post, stated, besides=redirect)
    if path == post.path:
        raise BadAddress(_("This is the post's present address, which needs no redirect."))
    if shown := describe_answer(path):
        raise BadAddress(
            _("At “%(path)s” readers find %(shown)s, so that nobody would get to the post. Write another address.")
            % {"path": path, "shown": shown}
        )
    if Redirect.objects.filter(old_path=path).exclude(pk=redirect.pk).exists():
        raise BadAddress(_("“%(path)s” leads to this post already.") % {"path": path})
    return path


def read_former(stated: str) -> str:
    """The path of an address of an old site as people paste it: with or without scheme and host, encoded or not.

    Raises BadAddress for one with a query, which is no part of an address here.
    """
    text = stated.strip()
    if "?" in text or "#" in text:
        raise BadAddress(_("Write the address without host and without what begins with “?” or “#”, as in “/2019/05/spring/”."))
    if _WHOLE.match(text):
        return split_address(text)[1]
    return unquote(text) if "%" in text else text


def describe_answer(path: str) -> str:
    """What of the site's own readers find at an address, in the active language; empty where a former address may answer."""
    bare = bare_form(path)
    if bare.strip("/") == "":
        return _("the front page")
    if bare in ("/search", "/feeds"):
        return _("the search page") if bare == "/search" else _("the list of the site's feeds")
    if (period := _PERIOD.fullmatch(bare)) or bare == "/archives":
        return _("the archive") if _has_posts(period) else ""
    match = _TERM.fullmatch(bare)
    if match is None:
        return ""
    kind = _FOLDERS[match["folder"]]
    if match["slug"] is None:
        return _("the list of all %(kind)s") % {"kind": kind._meta.verbose_name_plural} if kind.objects.exists() else ""
    column = "full_slug" if kind is Category else "slug"
    term = kind.objects.filter(**{column: match["slug"]}).first()
    return _("the list of “%(name)s”") % {"name": term} if term is not None and shows_posts(term) else ""


def _has_posts(period: re.Match[str] | None) -> bool:
    posts = Post.objects.published().dated()
    if period is None:
        return posts.exists()
    year, month = int(period["year"]), int(period["month"] or 1)
    if not 1 < year < LAST_YEAR or not 1 <= month <= MONTHS:
        return False
    zone = timezone.get_default_timezone()
    start = datetime(year, month, 1, tzinfo=zone)
    until = datetime(year + 1, 1, 1, tzinfo=zone)
    if period["month"] and month < MONTHS:
        until = datetime(year, month + 1, 1, tzinfo=zone)
    return posts.filter(published_at__gte=start, published_at__lt=until).exists()


def find_holder(path: str, post: Post, *, besides: Redirect | None = None) -> int | None:
    """The key of another post that has the address or had it, if any; the redirect ``besides`` does not count."""
    former = Redirect.objects.filter(old_path=path).exclude(post=post.pk)
    if besides is not None and besides.pk is not None:
        former = former.exclude(pk=besides.pk)
    return (
        Post.objects.filter(path=path).exclude(pk=post.pk).values_list("pk", flat=True).first()
        or former.values_list("post_id", flat=True).first()
    )
