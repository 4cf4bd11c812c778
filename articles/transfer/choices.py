"""What staff decide about an import: kept on the run, and, where it says how files are read, on their source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from articles.formats import DIALECTS, sites
from articles.formats.document import Document, Site
from articles.formats.terms import identity
from articles.formats.writing import Field
from articles.models import Author, ImportTerm
from articles.models.taxonomy import MAX_NAME, term_identity

Kind = ImportTerm.Kind
ON_CONFLICT = ("merge", "keep", "replace")
MAPPABLE: tuple[str, ...] = tuple(name for name in get_args(Field) if name != "draft")
"""Fields that a key of the front matter may be read as. What is public is never decided by a mapping."""
PATH_MARK = " / "
"""Between the names of a category's path, where one text names it."""
_INNER_MARK = "\x1f"
MAX_MAPPED = 5_000


class BadChoice(ValueError):
    """A choice that cannot be. The message is a sentence in the active language."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Empty means: as the site says.

    ``excluded`` are paths in the archive that are left out. ``terms`` maps, per kind of :class:`ImportTerm`, the identity of a
    term as files name it to the name of the term it becomes, which is there or is made. ``authors`` maps the identity of a
    name to ``{"author": key}`` or ``{"user": key}``. ``fields`` maps keys of the front matter to one of :data:`MAPPABLE`.
    """

    source_name: str = ""
    dialect: str = ""
    timezone: str = ""
    language: str = ""
    encoding: str = ""
    on_conflict: str = "merge"
    default_author: str = ""
    withdraw_missing: bool = False
    excluded: tuple[str, ...] = ()
    terms: dict[str, dict[str, str]] = field(default_factory=dict)
    authors: dict[str, dict[str, int]] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data, without what is empty."""
        values = {**asdict(self), "excluded": list(self.excluded)}
        return {name: value for name, value in values.items() if value not in ("", [], {}, False)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Choices:
        """The choices that :meth:`as_json` gave; names that are unknown by now are passed over."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        return cls(**{**values, "excluded": tuple(values.get("excluded", ()))})

    def reading(self) -> dict[str, Any]:
        """Those that say how a source's files are read, at later imports too."""
        return {name: value for name in ("default_author", "terms", "authors", "fields") if (value := getattr(self, name))}

    def over(self, earlier: Mapping[str, Any]) -> Choices:
        """These choices, with those of the source's last import where nothing was chosen."""
        base = Choices.from_json(earlier)
        kinds = {*base.terms, *self.terms}
        return replace(
            self,
            default_author=self.default_author or base.default_author,
            terms={kind: {**base.terms.get(kind, {}), **self.terms.get(kind, {})} for kind in sorted(kinds)},
            authors={**base.authors, **self.authors},
            fields={**base.fields, **self.fields},
        )

    def prepare(self, site: Site) -> None:
        """Makes the site's files be read by these choices, anew where they were read otherwise before."""
        site.field_names = {key: name for key, name in self.fields.items() if name}
        if reading := self.reading():
            site.fingerprint = sites.fingerprint(site.fingerprint, json.dumps(reading, sort_keys=True))

    def fill(self, document: Document) -> None:
        """Gives a document without a by-line the default one. Its text stays as it is."""
        if self.default_author and not document.authors:
            document.authors = [self.default_author]


def check_choices(values: Mapping[str, Any], user: User | None) -> Choices:
    """The choices in ``values``, each checked. Raises BadChoice, which names the one that cannot be.

    Mapping a name to an account gives that account a by-line, which needs the right to change authors.
    """
    if unknown := set(values) - {field.name for field in fields(Choices)}:
        raise BadChoice(_("“%(name)s” is no choice of an import.") % {"name": sorted(unknown)[0]})
    choices = Choices.from_json(values)
    if choices.dialect and choices.dialect not in DIALECTS:
        raise BadChoice(_("“%(name)s” is no dialect. Choose one of: %(known)s.") % _options(choices.dialect, DIALECTS))
    if choices.on_conflict not in ON_CONFLICT:
        raise BadChoice(
            _("“%(name)s” is no way out of a conflict. Choose one of: %(known)s.") % _options(choices.on_conflict, ON_CONFLICT)
        )
    check_zone(choices.timezone)
    check_encoding(choices.encoding)
    for key, name in choices.fields.items():
        if name and name not in MAPPABLE:
            raise BadChoice(
                _("“%(key)s” cannot be read as “%(name)s”. Choose one of: %(known)s.") % _options(name, MAPPABLE, key=key)
            )
    for kind in choices.terms:
        if kind not in Kind.values:
            raise BadChoice(_("“%(name)s” is no kind of term. Choose one of: %(known)s.") % _options(kind, Kind.values))
    _check_lengths(choices)
    _check_authors(choices.authors, user)
    return choices


def _options(name: str, known: Iterable[str], **others: str) -> dict[str, str]:
    return {"name": name[:80], "known": ", ".join(known), **others}


def check_zone(name: str) -> None:
    """Raises BadChoice for what is no IANA time zone; empty is none chosen."""
    try:
        if name:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadChoice(_("“%(zone)s” is no time zone. Give one like Asia/Tokyo.") % {"zone": name[:80]}) from None


def check_encoding(name: str) -> None:
    """Raises BadChoice for what is no encoding of text; empty is none chosen."""
    try:
        if name:
            "".encode(name)
    except (LookupError, ValueError):
        raise BadChoice(_("“%(encoding)s” is no encoding. Give one like cp932 or euc_jp.") % {"encoding": name[:80]}) from None


def _check_lengths(choices: Choices) -> None:
    count = len(choices.authors) + len(choices.fields) + sum(map(len, choices.terms.values()))
    if count > MAX_MAPPED:
        raise BadChoice(
            _("%(count)s decisions on terms, authors and keys are too many; %(limit)s are possible.")
            % {"count": count, "limit": MAX_MAPPED}
        )
    names = [choices.default_author, *(name for names in choices.terms.values() for name in names.values())]
    for name in names:
        if len(name) > MAX_NAME * 6 or (name and not identity(name)):
            raise BadChoice(_("“%(name)s” cannot be a name here.") % {"name": name[:80]})


def _check_authors(chosen: Mapping[str, Mapping[str, int]], user: User | None) -> None:
    authors = set(Author.objects.filter(pk__in=_keys(chosen, "author")).values_list("pk", flat=True))
    accounts = set(User.objects.filter(pk__in=_keys(chosen, "user"), is_active=True).values_list("pk", flat=True))
    for name, target in chosen.items():
        if set(target) == {"author"} and target["author"] in authors:
            continue
        if set(target) == {"user"} and target["user"] in accounts:
            if user is not None and not user.has_perm("articles.change_author"):
                raise BadChoice(_("Giving an account a by-line needs the right to change authors. Ask an editor."))
            continue
        raise BadChoice(
            _("“%(name)s” was mapped to an author or account that is not there any more. Choose again.") % {"name": name[:80]}
        )


def _keys(chosen: Mapping[str, Mapping[str, int]], kind: str) -> list[int]:
    return [target[kind] for target in chosen.values() if isinstance(target.get(kind), int)]


# --- Categories, which are paths ------------------------------------------------------------------------------------


def category_identity(path: Iterable[str]) -> str:
    """What makes two paths of names one category."""
    return _INNER_MARK.join(term_identity(name) for name in path)


def join_category(path: Iterable[str]) -> str:
    """One text that names a category by its path, outermost first."""
    return PATH_MARK.join(path)


def split_category(text: str) -> tuple[str, ...]:
    """The path that :func:`join_category` joined."""
    return tuple(part for part in (part.strip() for part in text.split(PATH_MARK)) if part)
