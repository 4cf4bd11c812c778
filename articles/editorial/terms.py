"""Finds terms by what an editor types; another spelling of a known term is kept as an alias, never as a second term."""

from __future__ import annotations

from collections.abc import Iterable

from articles.formats.terms import identity
from articles.models import Tag


def find_known_tags(names: Iterable[str]) -> dict[str, Tag]:
    """The tags that exist among ``names``, by identity."""
    return {tag.identity: tag for tag in Tag.objects.filter(identity__in={identity(name) for name in names})}


def unknown_tags(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that no tag has, in their order."""
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
