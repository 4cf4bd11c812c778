"""Which posts an export takes: what was chosen, of what the user may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop as _

from articles.editorial.permissions import Account, sees_others, visible_posts
from articles.findings import Finding, RefusedFile
from articles.models import Author, Category, Post, Source, Tag
from articles.models.taxonomy import term_identity

SHOWN = 12
NO_SUCH = {
    "source": ("unknown-source", _("There is no source “%(name)s”. Known: %(known)s.")),
    "category": ("unknown-category", _("There is no category “%(name)s”. Known: %(known)s.")),
    "tag": ("unknown-tag", _("There is no tag “%(name)s”. Known: %(known)s.")),
    "author": ("unknown-author", _("There is no author “%(name)s”. Known: %(known)s.")),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen; everything that is left empty chooses nothing out. Posts in the trash are never taken.

    ``source`` is a source's name; ``category`` an address or a name (what lies below it is taken too); ``tag`` and
    ``author`` are names in any spelling; ``since`` and ``until`` are days in the site's zone, both taken; ``paths`` are
    addresses, with ``*`` at the end for all that begin so; ``keys`` are row numbers, as a list at the desk gives them.
    """

    source: str = ""
    states: tuple[str, ...] = ()
    category: str = ""
    tag: str = ""
    author: str = ""
    since: date | None = None
    until: date | None = None
    paths: tuple[str, ...] = ()
    keys: tuple[int, ...] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it takes every post, of one source or of all."""
        return self == Selection(source=self.source)

    def as_json(self) -> dict[str, Any]:
        """What :meth:`from_json` reads back; what was left empty is left out. Row numbers mean nothing to people."""
        said: dict[str, Any] = {
            "source": self.source,
            "states": list(self.states),
            "category": self.category,
            "tag": self.tag,
            "author": self.author,
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "paths": list(self.paths),
        }
        chosen = {name: value for name, value in said.items() if value}
        return chosen if self.keys is None else chosen | {"keys": list(self.keys)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Selection:
        """Raises ValueError, TypeError and KeyError for what :meth:`as_json` never writes."""
        keys = data.get("keys")
        return cls(
            source=str(data.get("source", "")),
            states=tuple(map(str, data.get("states", ()))),
            category=str(data.get("category", "")),
            tag=str(data.get("tag", "")),
            author=str(data.get("author", "")),
            since=date.fromisoformat(data["since"]) if data.get("since") else None,
            until=date.fromisoformat(data["until"]) if data.get("until") else None,
            paths=tuple(map(str, data.get("paths", ()))),
            keys=None if keys is None else tuple(map(int, keys)),
        )


def select_posts(selection: Selection, user: Account | None) -> QuerySet[Post]:
    """The chosen posts that ``user`` may see (``None``: the system, which sees all), in no order.

    Raises RefusedFile where a name that was given does not exist: a slip of the pen must not look like an empty site.
    """
    posts = (Post.objects.all() if user is None else visible_posts(user)).filter(trashed_at__isnull=True)
    if selection.source:
        posts = posts.filter(source=_find_source(selection.source))
    if selection.states:
        posts = posts.filter(state__in=selection.states)
    if selection.category:
        posts = posts.filter(pk__in=_posts_in(selection.category))
    if selection.tag:
        posts = posts.filter(tagged_items__tag=_find_named("tag", Tag, selection.tag))
    if selection.author:
        posts = posts.filter(postauthor__author=_find_named("author", Author, selection.author))
    if selection.since:
        posts = posts.filter(published_at__gte=_start_of(selection.since))
    if selection.until:
        posts = posts.filter(published_at__lt=_start_of(selection.until + timedelta(days=1)))
    if selection.paths:
        posts = posts.filter(_at_paths(selection.paths))
    if selection.keys is not None:
        posts = posts.filter(_with_keys(selection.keys))
    return posts


def sees_everything(user: Account | None) -> bool:
    """Whether files that belong to no post may leave with the posts."""
    return user is None or sees_others(user)


def _find_source(name: str) -> Source:
    found = Source.objects.filter(name=name).first()
    if found is None:
        raise _no_such("source", name, Source.objects.values_list("name", flat=True))
    return found


def _find_named(kind: str, model: Any, name: str) -> Any:
    found = model.objects.filter(Q(identity=term_identity(name)) | Q(slug=name)).order_by("pk").first()
    if found is None:
        raise _no_such(kind, name, model.objects.values_list("name", flat=True))
    return found


def _posts_in(name: str) -> QuerySet[Any]:
    """The posts of the categories of this address or name, and of those below them."""
    address = name.strip("/")
    roots = list(
        Category.objects.filter(Q(full_slug=address) | Q(identity=term_identity(name))).values_list("full_slug", flat=True)
    )
    if not roots:
        raise _no_such("category", name, Category.objects.values_list("full_slug", flat=True))
    below = Q()
    for root in roots:
        below |= Q(full_slug=root) | Q(full_slug__startswith=f"{root}/")
    return Post.objects.filter(postcategory__category__in=Category.objects.filter(below)).values("pk")


def _no_such(kind: str, name: str, known: Any) -> RefusedFile:
    code, template = NO_SUCH[kind]
    names = [str(one) for one in known.order_by("pk")[: SHOWN + 1]]
    shown = "、".join(names[:SHOWN]) + ("…" if len(names) > SHOWN else "")
    return RefusedFile(Finding(code, "error", template, {"name": name, "known": shown or "–"}))


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(settings.TIME_ZONE))


def _at_paths(paths: tuple[str, ...]) -> Q:
    wanted = Q()
    for path in paths:
        address = unquote(path.strip())
        address = address if address.startswith("/") else f"/{address}"
        wanted |= Q(path__startswith=address[:-1]) if address.endswith("*") else Q(path=address)
    return wanted


def _with_keys(keys: tuple[int, ...]) -> Q:
    """Row numbers in portions: SQLite takes a limited number of parameters."""
    wanted = Q(pk__in=[])
    for start in range(0, len(keys), 500):
        wanted |= Q(pk__in=keys[start : start + 500])
    return wanted
