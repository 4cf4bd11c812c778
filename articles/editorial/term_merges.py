"""Makes several terms one, and undoes that: their posts, names, addresses and what lies below them go to the one that stays.

The spelling in the files stays as it is; imports find the one that stayed by the names of those that went. Each post keeps
a version before and after. The record of a merge is ``{"terms": […], "into": {…}, "posts": {…}}``:

- ``terms``: of each that went its ``key``, ``fields``, the ``former`` addresses that led to it, and the keys of its
  ``children`` and of the site's ``links`` to it;
- ``into``: of the one that stayed its ``aliases`` as they were, and what it took over where it had nothing: ``filled``;
- ``places``: addresses under which imports look for a category that went, and that it never had;
- ``views``: of saved lists that were filtered by one, the key, the filters as they were and as they became;
- ``choices``: of sources and imports whose names were joined with a by-line that went: the model, the row's key, the names
  with the by-lines' keys;
- ``posts``: by the key of a post the rows that it had, each as key of the row, key of the term, and position.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from articles.editorial.permissions import Account
from articles.editorial.term_posts import CHUNK, MEMBERS, Held, change_terms, name_terms, portions, posts_with
from articles.editorial.terms import RefusedTerm, Term, check_term, former_address
from articles.editorial.versions import category_names
from articles.models import (
    Assignment,
    Author,
    Category,
    ImportRun,
    MediaFile,
    Post,
    SavedView,
    Series,
    SiteLink,
    Source,
    Tag,
    TermMerge,
    TermRedirect,
)
from articles.models.taxonomy import MAX_NAME, free_slug, term_identity

MERGED = gettext_noop("terms were merged")
PARTED = gettext_noop("a merge of terms was undone")

_NAMED = ("name", "slug", "aliases")
_FIELDS: Mapping[Any, tuple[str, ...]] = {
    Tag: (*_NAMED, "description"),
    Series: (*_NAMED, "description"),
    Category: (*_NAMED, "description", "parent_id", "position"),
    Author: (*_NAMED, "kind", "bio", "picture_id", "links"),
}
# What the one that stays takes over where it has nothing.
_FILLED = ("description", "bio", "picture_id", "links")
Rows = list[list[int]]
MAX_SHOWN, MAX_LIST = 60, 130
"""Characters of a name, and of all that went, in the note of a version, which holds 200."""


@transaction.atomic
def merge_terms(terms: Sequence[Term], into: Term, user: Account | None) -> TermMerge:
    """Makes ``terms`` one with ``into``, all of one kind, and gives what undoes it.

    Raises RefusedTerm, with nothing changed, where one of them cannot go: see :func:`check_merge`.
    """
    into, terms = _lock(terms, into)
    check_merge(terms, into)
    record: dict[str, Any] = {"terms": [_describe(term) for term in terms], "posts": {}}
    names = [name_in_full(term) for term in terms]

    def note(before: Held, after: Held) -> str:
        staying = {term.pk for _name, term in after if isinstance(term, type(into))}
        went = [term.name for _name, term in before if isinstance(term, type(into)) and term.pk not in staying]
        return f"{name_terms(MERGED, list(map(_shorten, went)))[:MAX_LIST]} → {_shorten(into.name)}"

    # Until none is left: a save that was under way may have given one of them to a post since they were looked for.
    number = 1
    while number:
        number = 0
        for posts in portions(posts_with(terms)):
            change_terms(posts, partial(_join_rows, record["posts"], terms, into), note, user)
            number += len(posts)
    record |= _hand_over(terms, into)
    record["into"] = _take_over(terms, into)
    return TermMerge.objects.create(
        kind=_kind(into),
        into_key=into.pk,
        into_name=name_in_full(into)[:MAX_NAME],
        names=names,
        number_of_posts=len(record["posts"]),
        record=record,
        user_id=user.pk if user else None,
    )


def name_in_full(term: Term) -> str:
    """The name, of a category with those above it: names of categories are told apart by their place only."""
    return " › ".join(category_names(term)) if isinstance(term, Category) else term.name


def _shorten(name: str) -> str:
    return name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"


def check_merge(terms: Sequence[Term], into: Term) -> None:
    """Raises RefusedTerm where ``terms`` cannot become one with ``into``: there would be no undoing it, or somebody would
    get rights by it."""
    if not terms or into.pk in {term.pk for term in terms}:
        raise RefusedTerm(_("Choose two or more, and which of them stays."))
    if isinstance(into, Category):
        _check_tree([term for term in terms if isinstance(term, Category)], into)
    for term in terms:
        if isinstance(term, Author) and term.user_id:
            text = _("“%(name)s” is the by-line of an account. Let that one stay, or take the account from it first.")
            raise RefusedTerm(text % {"name": term})


def _check_tree(terms: Sequence[Category], into: Category) -> None:
    going = {term.pk for term in terms}
    above = into.parent
    while above is not None:
        if above.pk in going:
            text = _("“%(into)s” lies below “%(name)s”. Let “%(name)s” stay, or move “%(into)s” first.")
            raise RefusedTerm(text % {"into": into, "name": above})
        above = above.parent
    if limited := Assignment.objects.filter(category__in=going).select_related("category").first():
        text = _("Accounts are limited to “%(name)s”. Let that one stay, or give these accounts other limits first.")
        raise RefusedTerm(text % {"name": limited.category})
    held = {child.identity: child for child in into.children.exclude(pk__in=going)}
    for child in _children(terms):
        if child.identity in held:
            text = _("“%(name)s” lies below more than one of them. Merge these first, or rename one.")
            raise RefusedTerm(text % {"name": child})
        held[child.identity] = child


def _children(terms: Sequence[Category]) -> list[Category]:
    """What lies right below ``terms`` and is none of them, in the order of addresses."""
    keys = [term.pk for term in terms]
    return list(Category.objects.filter(parent__in=keys).exclude(pk__in=keys).order_by("full_slug"))


def _lock(terms: Sequence[Term], into: Term) -> tuple[Any, list[Any]]:
    """The terms as they are now, kept from others until the transaction ends. Raises RefusedTerm where one is gone."""
    # Whoever saves a post holds it and then looks at its terms: a stronger lock would have both wait for each other.
    rows: Any = type(into)._default_manager.select_for_update(no_key=True)
    found = {row.pk: row for row in rows.filter(pk__in=[into.pk, *(term.pk for term in terms)]).order_by("pk")}
    for term in (into, *terms):
        if term.pk not in found:
            raise RefusedTerm(_("“%(name)s” is not there any more. Look at the list again.") % {"name": term})
    return found[into.pk], [found[term.pk] for term in terms]


def _kind(term: Term) -> str:
    return str(term._meta.model_name)


def _describe(term: Any) -> dict[str, Any]:
    kind = _kind(term)
    is_linked = isinstance(term, Category | Tag)
    return {
        "key": term.pk,
        "fields": {name: getattr(term, name) for name in _FIELDS[type(term)]},
        "former": list(TermRedirect.objects.filter(kind=kind, **{kind: term}).values_list("old_slug", flat=True)),
        "children": [child.pk for child in _children([term])] if isinstance(term, Category) else [],
        "links": list(SiteLink.objects.filter(**{kind: term}).values_list("pk", flat=True)) if is_linked else [],
    }


def _has_places(model: Any) -> bool:
    """Whether rows of this kind say where they stand; those of tags stand in the order of their keys."""
    return any(field.name == "position" for field in model._meta.fields)


def _join_rows(had: dict[str, Rows], terms: Sequence[Term], into: Term, posts: Sequence[Post]) -> None:
    """Gives a portion of posts the one term in the place of the first of its terms, and notes in ``had`` the rows that it had."""
    keys = [post.pk for post in posts]
    if isinstance(into, Series):
        had.update({str(post.pk): [[0, int(post.series_id or 0), 0]] for post in posts})
        Post.objects.filter(pk__in=keys).update(series=into)
        return
    model, column, post_column = MEMBERS[type(into)]
    places = _has_places(model)
    by_post: dict[str, Rows] = defaultdict(list)
    wanted = {f"{post_column}__in": keys, f"{column}__in": [into.pk, *(term.pk for term in terms)]}
    for row in model.objects.filter(**wanted):
        by_post[str(getattr(row, f"{post_column}_id"))].append(
            [row.pk, getattr(row, f"{column}_id"), row.position if places else 0]
        )
    model.objects.filter(pk__in=[row[0] for rows in by_post.values() for row in rows[1:]]).delete()
    model.objects.filter(pk__in=[rows[0][0] for rows in by_post.values()]).update(**{column: into})
    had.update(by_post)


def _hand_over(terms: Sequence[Term], into: Term) -> dict[str, Any]:
    """Gives ``into`` what lies below the terms and what leads to them, and deletes them. Gives what else it changed."""
    kind, keys = _kind(into), [term.pk for term in terms]
    places = _note_places([term for term in terms if isinstance(term, Category)])
    changed = {"views": _follow_in_views(kind, keys, into.pk), "choices": _follow_in_choices(kind, keys, into.pk)}
    if isinstance(into, Category):
        for child in _children([term for term in terms if isinstance(term, Category)]):
            child.parent = into
            check_term(child)
            child.save()
    if isinstance(into, Category | Tag):
        SiteLink.objects.filter(**{f"{kind}__in": keys}).update(**{kind: into})
    TermRedirect.objects.filter(kind=kind, **{f"{kind}__in": keys}).update(**{kind: into})
    column = type(into).address_column
    # A category among them may lie below another: a parent only goes after its children.
    for term in sorted(terms, key=lambda term: -len(getattr(term, column))):
        former = getattr(term, column)
        type(into)._default_manager.filter(pk=term.pk).delete()
        TermRedirect.objects.note_move(into, former, getattr(into, column))
    taken = set(TermRedirect.objects.filter(kind=kind, old_slug__in=places).values_list("old_slug", flat=True))
    taken |= set(Category.objects.filter(full_slug__in=places).values_list("full_slug", flat=True))
    places = [place for place in places if place not in taken]
    for place in places:
        TermRedirect.objects.note_move(into, place, getattr(into, column))
    return {**changed, "places": places}


def _note_places(terms: Sequence[Category]) -> list[str]:
    """Where imports and old versions look for categories whose slug is not made of their name."""
    found = dict.fromkeys(former_address(term.parent.full_slug if term.parent else "", term.name) for term in terms)
    return [place for place in found if place not in {term.full_slug for term in terms}]


def _follow_in_views(kind: str, keys: Sequence[int], into: int) -> list[list[Any]]:
    """Lists that are filtered by a term that goes are filtered by the one that stays."""
    found = []
    for view in SavedView.objects.filter(query__contains=f"{kind}="):
        pairs = parse_qsl(view.query, keep_blank_values=True)
        new = urlencode([(name, str(into) if name == kind and value in map(str, keys) else value) for name, value in pairs])
        if parse_qsl(new, keep_blank_values=True) != pairs:
            found.append([view.pk, view.query, new])
            view.query = new
            view.save(update_fields=["query"])
    return found


def _follow_in_choices(kind: str, keys: Sequence[int], into: int) -> list[list[Any]]:
    """Names of files that were joined with a by-line that goes are joined with the one that stays."""
    found: list[list[Any]] = []
    for model in (Source, ImportRun) if kind == "author" else ():
        for row in model.objects.filter(choices__has_key="authors").only("choices"):
            old = {name: target["author"] for name, target in row.choices["authors"].items() if target.get("author") in keys}
            if old:
                found.append([model._meta.model_name, row.pk, old])
                _set_authors(row, dict.fromkeys(old, into))
    return found


def _set_authors(row: Source | ImportRun, authors: Mapping[str, int]) -> None:
    chosen = {**row.choices["authors"], **{name: {"author": key} for name, key in authors.items()}}
    row.choices = {**row.choices, "authors": chosen}
    row.save(update_fields=["choices"])


def _take_over(terms: Sequence[Any], into: Any) -> dict[str, Any]:
    """Gives ``into`` the names of the terms, and what they had where it has nothing. Gives what it had before."""
    before: dict[str, Any] = {"aliases": list(into.aliases), "filled": {}}
    names = dict.fromkeys(str(name) for term in terms for name in (term.name, *term.aliases))
    if isinstance(into, Category) and any(term.parent_id != into.parent_id for term in terms):
        # Among the siblings of the one that stays the name may mean one of these.
        siblings = Category.objects.filter(parent=into.parent_id).exclude(pk=into.pk).values_list("name", "aliases")
        held = {term_identity(str(name)) for own, others in siblings for name in (own, *others)}
        names = {name: None for name in names if term_identity(name) not in held}
    into.aliases = [*into.aliases, *(name for name in names if name != into.name and name not in into.aliases)]
    for name in _FILLED:
        found = next((getattr(term, name) for term in terms if getattr(term, name, None)), None)
        if found and not getattr(into, name):
            before["filled"][name] = found
            setattr(into, name, found)
    into.save(update_fields=["aliases", *before["filled"]])
    return before


# --- Undoing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def undo_merge(merge: TermMerge, user: Account | None) -> int:
    """Brings back the terms of a merge, to the posts that still have the one that stayed. Gives the number of these posts.

    Raises RefusedTerm, with nothing changed, where that one is gone, where others became one with it since, or where the
    name or the place of one that went is taken.
    """
    merge = TermMerge.objects.select_for_update().get(pk=merge.pk)
    into = _find_into(merge)
    parted = merge.record["terms"]
    _give_back(merge.record, into)
    # Those above first: a category that went may have lain below another one that went.
    back = [(_bring_back(type(into), kept), kept) for kept in sorted(parted, key=lambda kept: _depth(kept, parted))]
    number = _part_posts(merge.record["posts"], into, user)
    for term, kept in back:
        _return_what_led(merge.kind, term, kept, into)
    _return_views_and_choices(merge.record, into.pk)
    places = TermRedirect.objects.filter(kind=merge.kind, old_slug__in=merge.record.get("places", []))
    places.filter(**{merge.kind: into}).delete()
    merge.undone_at = timezone.now()
    merge.save(update_fields=["undone_at"])
    return number


def _find_into(merge: TermMerge) -> Any:
    """The term that stayed. Raises RefusedTerm where the merge cannot be undone."""
    model: Any = next(model for model in _FIELDS if model._meta.model_name == merge.kind)
    into = model._default_manager.select_for_update(no_key=True).filter(pk=merge.into_key).first()
    if merge.undone_at is not None:
        raise RefusedTerm(_("This merge was undone already."))
    if into is None:
        text = _("“%(name)s” is not there any more: it was deleted, or merged itself. If it was merged, undo that merge first.")
        raise RefusedTerm(text % {"name": merge.into_name})
    later = TermMerge.objects.filter(kind=merge.kind, into_key=merge.into_key, undone_at__isnull=True, pk__gt=merge.pk)
    if later.exists():
        raise RefusedTerm(_("More was merged into “%(name)s” later. Undo that merge first.") % {"name": into})
    return into


def places_of_return(merge: TermMerge) -> set[int | None]:
    """The keys of the categories below which those that went would come back; ``None`` for the top."""
    parted = merge.record["terms"]
    own = {kept["key"] for kept in parted}
    return {kept["fields"].get("parent_id") for kept in parted} - own


def _depth(kept: Mapping[str, Any], parted: Sequence[Mapping[str, Any]]) -> int:
    above = {other["key"]: other["fields"].get("parent_id") for other in parted}
    depth, key = 0, kept["key"]
    while (key := above.get(key)) is not None:
        depth += 1
    return depth


def _give_back(record: Mapping[str, Any], into: Any) -> None:
    """Takes from ``into`` the names and the rest that it took over, as far as nobody changed them since."""
    before = record["into"]
    gone = [kept["fields"] for kept in record["terms"]]
    taken = {term_identity(str(name)) for fields in gone for name in (fields["name"], *fields["aliases"])}
    into.aliases = [name for name in into.aliases if name in before["aliases"] or term_identity(str(name)) not in taken]
    filled = [name for name, value in before["filled"].items() if getattr(into, name) == value]
    for name in filled:
        setattr(into, name, into._meta.get_field(name.removesuffix("_id")).get_default())
    into.save(update_fields=["aliases", *filled])


def _bring_back(model: Any, kept: Mapping[str, Any]) -> Any:
    fields = dict(kept["fields"])
    slug = fields.pop("slug")
    if (parent := fields.get("parent_id")) and not Category.objects.filter(pk=parent).exists():
        text = _("The category above “%(name)s” is not there any more, so that it has no place to come back to.")
        raise RefusedTerm(text % {"name": fields["name"]})
    if (picture := fields.get("picture_id")) and not MediaFile.objects.filter(pk=picture).exists():
        fields["picture_id"] = None
    term = model(pk=kept["key"], **fields)
    _check_place_to_return(term)
    # Its address may be another one's now, and then it gets a number.
    term.slug = slug if isinstance(term, Category) else free_slug(term, slug, is_given=True)
    term.save(force_insert=True)
    return term


def _check_place_to_return(term: Any) -> None:
    """Raises RefusedTerm where another has the name, or the number, of a term that would come back."""
    rows: Any = type(term)._default_manager.all()
    if rows.filter(pk=term.pk).exists():
        text = _("“%(name)s” cannot come back: another entry has its number in the database.")
        raise RefusedTerm(text % {"name": term.name})
    if isinstance(term, Category):
        rows = rows.filter(parent=term.parent_id)
    if rows.filter(identity=term_identity(term.name)).exists():
        text = _("“%(name)s” is the name of another entry by now. Rename that one, and undo the merge then.")
        raise RefusedTerm(text % {"name": term.name})
    check_term(term)


def _return_what_led(kind: str, term: Any, kept: Mapping[str, Any], into: Any) -> None:
    """Gives a term that is back the addresses, the links of the site and the children that ``into`` still has of it."""
    former = TermRedirect.objects.filter(kind=kind, old_slug__in=kept["former"])
    former.filter(**{kind: into}).update(**{kind: term})
    if kept["links"]:
        SiteLink.objects.filter(pk__in=kept["links"], **{kind: into}).update(**{kind: term})
    for child in Category.objects.filter(pk__in=kept["children"], parent=into.pk) if kept["children"] else ():
        child.parent = term
        check_term(child)
        child.save()


def _return_views_and_choices(record: Mapping[str, Any], into: int) -> None:
    for key, old, new in record.get("views", []):
        SavedView.objects.filter(pk=key, query=new).update(query=old)
    for name, key, old in record.get("choices", []):
        model: Any = {"source": Source, "importrun": ImportRun}[name]
        for row in model.objects.filter(pk=key, choices__has_key="authors"):
            now = row.choices["authors"]
            _set_authors(row, {name: author for name, author in old.items() if now.get(name) == {"author": into}})


def _part_posts(had: Mapping[str, Rows], into: Term, user: Account | None) -> int:
    """Gives the rows that posts had back to those that still have ``into``."""
    keys = sorted(map(int, had))
    number = 0

    def note(before: Held, after: Held) -> str:
        own = {term.pk for _name, term in before if isinstance(term, type(into))}
        back = [term.name for _name, term in after if isinstance(term, type(into)) and term.pk not in own]
        return name_terms(PARTED, list(map(_shorten, back)))

    for start in range(0, len(keys), CHUNK):
        for posts in portions(posts_with([into]).filter(pk__in=keys[start : start + CHUNK])):
            change_terms(posts, partial(_part_rows, had, into), note, user)
            number += len(posts)
    return number


def _part_rows(had: Mapping[str, Rows], into: Term, posts: Sequence[Post]) -> None:
    if isinstance(into, Series):
        by_series: dict[int, list[int]] = defaultdict(list)
        for post in posts:
            by_series[had[str(post.pk)][0][1]].append(post.pk)
        for series, keys in by_series.items():
            Post.objects.filter(pk__in=keys).update(series=series)
        return
    model, column, post_column = MEMBERS[type(into)]
    places = _has_places(model)
    by_post: dict[int, list[Any]] = defaultdict(list)
    for row in model.objects.filter(**{f"{post_column}__in": [post.pk for post in posts]}):
        by_post[getattr(row, f"{post_column}_id")].append(row)
    gone: list[int] = []
    new: list[tuple[int | None, int, int, int]] = []
    for key, rows in by_post.items():
        recorded = had[str(key)]
        own = next(row for row in rows if getattr(row, f"{column}_id") == into.pk)
        if [own.pk, own.position if places else 0] == [recorded[0][0], recorded[0][2]]:
            gone.append(own.pk)
            new += [(row_key, key, term, place) for row_key, term, place in recorded]
            continue
        # Somebody wrote them anew since: those that come back stand where the one that stayed stands now.
        gone += [row.pk for row in rows]
        terms = [
            term for row in rows for term in ([entry[1] for entry in recorded] if row is own else [getattr(row, f"{column}_id")])
        ]
        new += [(None, key, term, place) for place, term in enumerate(dict.fromkeys(terms))]
    model.objects.filter(pk__in=gone).delete()
    taken = set(model.objects.filter(pk__in=[entry[0] for entry in new if entry[0]]).values_list("pk", flat=True))
    made = []
    for row_key, key, term, place in new:
        row = model(pk=None if row_key in taken else row_key, **{f"{post_column}_id": key, f"{column}_id": term})
        if places:
            row.position = place
        made.append(row)
    model.objects.bulk_create(made)
