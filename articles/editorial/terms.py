"""Finds terms by what an editor types; another spelling of a known term is kept as an alias, never as a second term."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from articles.formats.terms import identity, slugify
from articles.models import Author, Category, Post, PostCategory, Series, Tag, TermRedirect
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


def shows_posts(term: Term) -> bool:
    """Whether readers find anything in the list of the term."""
    posts = Post.objects.published()
    if isinstance(term, Tag):
        return posts.filter(tagged_items__tag=term).exists()
    if isinstance(term, Category):
        below = Category.objects.filter(Q(pk=term.pk) | Q(full_slug__startswith=term.full_slug + "/"))
        return posts.filter(pk__in=PostCategory.objects.filter(category__in=below).values("post")).exists()
    return posts.filter(**{"authors": term} if isinstance(term, Author) else {"series": term}).exists()


def load_other_names(model: type[Term]) -> dict[tuple[int | None, str], int]:
    """The keys of terms by the identities of their other names, those that are no mere spelling of the name; one query.

    Of a category they hold among the children of one parent, which is the first part of what they are found by.
    """
    above = "parent_id" if model is Category else None
    columns = ("pk", "identity", "aliases", *([above] if above else ()))
    found: dict[tuple[int | None, str], int] = {}
    for pk, own, names, *parent in model._default_manager.exclude(aliases=[]).order_by("-pk").values_list(*columns):
        for name in names:
            if (key := term_identity(str(name))) != own:
                found[parent[0] if parent else None, key] = pk
    return found


def find_known(model: type[Term], names: Iterable[str]) -> dict[str, Any]:
    """The terms that have one of ``names`` or had it, by its identity; no categories, whose names are told apart by parents.

    One query where all are known by the names that they have, else three.
    """
    wanted = {term_identity(name) for name in names}
    rows: Any = model._default_manager.all()
    found: dict[str, Any] = {row.identity: row for row in rows.filter(identity__in=wanted)}
    if not wanted - found.keys():
        return found
    keys = {key: pk for (_above, key), pk in load_other_names(model).items() if key in wanted and key not in found}
    by_key = rows.in_bulk(set(keys.values())) if keys else {}
    return found | {key: by_key[pk] for key, pk in keys.items() if pk in by_key}


def find_category(parent: Category | None, name: str) -> Category | None:
    """The category of this name below ``parent``, or the one below it that had the name."""
    key = term_identity(name)
    below = Category.objects.filter(parent=parent)
    found = below.filter(identity=key).first()
    if found is not None:
        return found
    others = below.exclude(aliases=[]).order_by("pk")
    return next((row for row in others if key in map(term_identity, row.aliases)), None)


def find_moved_category(parent: Category | None, name: str) -> Category | None:
    """The category that lay below ``parent`` under this name and lies elsewhere now.

    Only for what was written of that very category: anything else that has the name means one that lies here.
    """
    address = former_address(parent.full_slug if parent else "", name)
    former = TermRedirect.objects.filter(kind="category", old_slug=address).select_related("category").first()
    moved = former.category if former is not None else None
    return moved if moved is not None and is_called(moved, name) else None


def former_address(above: str, name: str) -> str:
    """The address that a category of this name had, unless somebody wrote it another slug. ``above`` is that of its parent."""
    return "/".join([*([above] if above else ()), slugify(name)[:130]])


def is_called(term: Term, name: str) -> bool:
    """Whether the term has this name or had it."""
    return term_identity(name) in (term.identity, *(term_identity(str(alias)) for alias in term.aliases))


def load_moved_categories(sources: Collection[int]) -> dict[str, int]:
    """The keys of categories by the addresses that they left, of those that posts of ``sources`` are in or below.

    One query where no category ever moved, else two.
    """
    rows = TermRedirect.objects.filter(kind="category").values_list("old_slug", "category_id", "category__full_slug")
    former = list(rows) if sources else []
    if not former:
        return {}
    own = PostCategory.objects.filter(post__source__in=sources)
    used: set[str] = set()
    for address in Category.objects.filter(pk__in=own.values("category")).values_list("full_slug", flat=True):
        slugs = address.split("/")
        used.update("/".join(slugs[:depth]) for depth in range(1, len(slugs) + 1))
    return {old: key for old, key, address in former if key is not None and address in used}


def find_known_tags(names: Iterable[str]) -> dict[str, Tag]:
    """The tags that have one of ``names`` or had it, by its identity."""
    return find_known(Tag, names)


def unknown_tags(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that no tag has, in their order."""
    names = list(names)
    known = find_known_tags(names)
    return [name for name in names if identity(name) not in known]


def find_or_make_tags(names: Iterable[str]) -> list[Tag]:
    """One tag per name, in the order of the names; a name met twice in different spellings counts once.

    A tag that is not there is made with the spelling given; a new spelling of an existing tag becomes its alias. One that was
    renamed is found by its former name too.
    """
    known = find_known_tags(names)
    found: dict[str, Tag] = {}
    for name in names:
        key = identity(name)
        if not key or key in found:
            continue
        tag = known.get(key) or Tag.objects.create(name=name)
        if tag.identity in found:
            # Both its names were written.
            continue
        if name != tag.name and name not in tag.aliases:
            tag.aliases = [*tag.aliases, name]
            tag.save(update_fields=["aliases"])
        found[tag.identity] = tag
    return list(found.values())
