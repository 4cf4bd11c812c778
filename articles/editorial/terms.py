"""Finds terms by what an editor types; another spelling of a known term is kept as an alias, never as a second term."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from articles.formats.terms import identity, slugify
from articles.models import Author, Category, Series, Tag
from articles.models.taxonomy import MAX_NAME, term_identity

Term = Tag | Author | Series | Category
MAX_ADDRESS = 700  # Category.full_slug


class RefusedTerm(Exception):
    """A term that cannot be as it is wanted. The message is a sentence in the active language."""


def check_term(term: Term) -> None:
    """Refuses a term that would be a second spelling of another, has no readable name, takes a slug or lies below itself.

    ``term`` has its new values and is not saved; an empty slug is made from the name when it is. Raises RefusedTerm.
    """
    check_readable(term.name)
    if isinstance(term, Category):
        _check_place(term)
    rows: Any = type(term)._default_manager.exclude(pk=term.pk)
    if isinstance(term, Category):
        rows = rows.filter(parent=term.parent)
    held = rows.filter(identity=term_identity(term.name)).first()
    if held is not None:
        raise RefusedTerm(_("“%(name)s” is there already, and width and case make no difference. Use that one.") % {"name": held})
    if term.slug and (taken := rows.filter(slug=term.slug).first()) is not None:
        raise RefusedTerm(_("The slug “%(slug)s” belongs to “%(name)s”. Write another.") % {"slug": term.slug, "name": taken})


def check_readable(name: str) -> None:
    """Refuses a name that nobody could see or no column could hold. Raises RefusedTerm."""
    if not identity(name):
        raise RefusedTerm(_("This name shows nothing. Give it letters or digits."))
    if len(name) > MAX_NAME:
        raise RefusedTerm(_("“%(name)s…” is longer than 200 characters. Shorten it.") % {"name": name[:40]})


def _check_place(term: Category) -> None:
    above, length = term.parent, len(term.slug or slugify(term.name)[:130])
    while above is not None:
        if above.pk == term.pk:
            raise RefusedTerm(_("A category cannot lie below itself. Choose another parent."))
        length += len(above.slug) + 1
        above = above.parent
    if length > MAX_ADDRESS:
        raise RefusedTerm(
            _("The category lies too deep: its address would be longer than %(limit)d characters.") % {"limit": MAX_ADDRESS}
        )


def find_known_tags(names: Iterable[str]) -> dict[str, Tag]:
    """The tags that exist among ``names``, by identity."""
    return {tag.identity: tag for tag in Tag.objects.filter(identity__in={identity(name) for name in names})}


def unknown_tags(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that no tag has, in their order."""
    names = list(names)
    known = find_known_tags(names)
    return [name for name in names if identity(name) not in known]


def find_or_make_tags(names: Iterable[str]) -> list[Tag]:
    """One tag per name, in the order of the names; a name met twice in different spellings counts once.

    A tag that is not there is made with the spelling given; a new spelling of an existing tag becomes its alias.
    """
    known = find_known_tags(names)
    found: dict[str, Tag] = {}
    for name in names:
        key = identity(name)
        if not key or key in found:
            continue
        tag = known.get(key) or Tag.objects.create(name=name)
        if name != tag.name and name not in tag.aliases:
            tag.aliases = [*tag.aliases, name]
            tag.save(update_fields=["aliases"])
        found[key] = tag
    return list(found.values())
