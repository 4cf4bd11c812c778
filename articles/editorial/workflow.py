"""What editors do with posts. Each verb is one transaction: permission, transition, row, derived columns, revision.

Every verb reads the row again under a lock, so that what it checks is what is stored and not what a form has seen, and
gives back the row as saved. ``user`` is who acts; ``None`` is the system itself (a command).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from articles.derive import save_derived
from articles.editorial import permalinks
from articles.editorial.permissions import Account, Verb, can
from articles.editorial.terms import find_or_make_tags
from articles.findings import RefusedFile
from articles.formats.frontmatter import EditError
from articles.formats.terms import slugify
from articles.formats.writing import Field
from articles.markup import DEFAULT_FEATURES
from articles.models import Author, Category, Post, PostAuthor, PostCategory, Redirect, Revision, TaggedPost
from articles.sources import set_text, write_fields

State = Post.State
LIVE = (State.SCHEDULED, State.PUBLISHED)
# From which states each verb leads on.
TRANSITIONS: Mapping[Verb, tuple[str, ...]] = {
    Verb.SUBMIT: (State.DRAFT,),
    Verb.RETURN: (State.IN_REVIEW, State.WITHDRAWN),
    Verb.PUBLISH: (State.DRAFT, State.IN_REVIEW, State.SCHEDULED, State.WITHDRAWN),
    Verb.WITHDRAW: LIVE,
}

COLUMNS = (
    "kind",
    "title",
    "slug",
    "path",
    "language",
    "translation_key",
    "published_at",
    "updated_at",
    "expires_at",
    "series",
    "series_order",
    "cover",
    "cover_alt",
    "cover_caption",
    "custom_excerpt",
    "description",
    "canonical_url",
    "source_url",
    "flavour",
    "features",
    "body",
    "front_matter",
    "extra",
)
RELATIONS = ("authors", "categories", "tags")
EDITABLE = frozenset(COLUMNS + RELATIONS)
_WRITTEN_COLUMNS: tuple[Field, ...] = (
    "title",
    "slug",
    "path",
    "published_at",
    "updated_at",
    "expires_at",
    "language",
    "description",
    "custom_excerpt",
    "canonical_url",
    "cover_alt",
    "cover_caption",
)
# What the rendering depends on: relative links on the address, the lines of findings on the front matter.
_RENDERED_FROM = frozenset({"title", "path", "language", "custom_excerpt", "flavour", "features", "body", "front_matter"})


class EditorialError(Exception):
    """A verb that was refused. The message is a sentence for the person who tried, in the active language."""


class NotAllowed(EditorialError):
    """The user may not do this with this post, as it is now."""


class WrongState(EditorialError):
    """The verb does not lead on from the state in which the post is."""


class RefusedChange(EditorialError):
    """The change itself cannot be: an address that is taken, front matter that cannot be read or written."""


class ChangedMeanwhile(EditorialError):
    """Someone saved the post after the user had opened it."""


def snapshot(post: Post) -> dict[str, Any]:
    """The whole editable state as plain data: times in UTC as ISO text, authors, terms and cover by natural key, in order."""
    return snapshot_of(
        post,
        authors=[author.name for author in ordered_authors(post)],
        categories=[category_names(category) for category in ordered_categories(post)],
        tags=[tag.name for tag in ordered_tags(post)],
    )


def snapshot_of(post: Post, *, authors: list[str], categories: list[list[str]], tags: list[str]) -> dict[str, Any]:
    """The same where the caller has the names in hand, as an import of thousands of posts does."""
    values: dict[str, Any] = {name: _as_plain(getattr(post, name)) for name in COLUMNS if name not in ("series", "cover")}
    values["state"] = str(post.state)
    values["series"] = post.series.name if post.series else ""
    values["cover"] = post.cover.sha256 if post.cover else ""
    values["authors"] = authors
    values["categories"] = categories
    values["tags"] = tags
    return values


def ordered_authors(post: Post) -> list[Author]:
    """The by-lines in the order in which they are printed."""
    return [credit.author for credit in PostAuthor.objects.filter(post=post).select_related("author")]


def ordered_categories(post: Post) -> list[Category]:
    """The categories, the main one first."""
    return [place.category for place in PostCategory.objects.filter(post=post).select_related("category__parent__parent")]


def ordered_tags(post: Post) -> list[Any]:
    """The tags in the order in which the text names them."""
    return [tagged.tag for tagged in TaggedPost.objects.filter(content_object=post).select_related("tag")]


def category_names(category: Category) -> list[str]:
    """The names from the root of the tree down to the category."""
    names = [category.name]
    while category.parent is not None:
        category = category.parent
        names.append(category.name)
    return names[::-1]


def was_ever_public(post: Post) -> bool:
    """Whether readers can have seen the post, so that its address must go on answering."""
    return post.first_published_at is not None and post.first_published_at <= timezone.now()


@transaction.atomic
def save_post(
    post: Post, user: Account | None, changes: Mapping[str, Any], *, expected: datetime | None = None, note: str = ""
) -> Post:
    """Changes the post, or makes it where ``post`` is new, and keeps a revision.

    ``changes`` maps names of :data:`EDITABLE` to their new values: a column's value, a sequence of Author or Category,
    or names of tags. ``expected`` is the ``modified_at`` that the user has seen. An address left empty is made by the
    house pattern; one that was made so follows title and date until readers can have seen it. A save that changes
    nothing writes nothing. Raises NotAllowed, ChangedMeanwhile, RefusedChange, and ValueError for a name that is not
    editable.
    """
    if unknown := changes.keys() - EDITABLE:
        raise ValueError(f"not editable: {', '.join(sorted(unknown))}")
    is_new = post.pk is None
    row = _start(user) if is_new else _open(post, user, Verb.CHANGE, expected)
    before = {} if is_new else snapshot(row)
    old_path = row.path
    _apply(row, changes)
    if row.state in LIVE:
        row.state = State.SCHEDULED if row.published_at and row.published_at > timezone.now() else State.PUBLISHED
    if is_new:
        _insert(row)
    _set_relations(row, changes)
    changed = _changed_names(before, row)
    if not changed:
        return row
    if not is_new:
        _write_to_source(row, changed & changes.keys())
        changed = _changed_names(before, row)
    _finish(row, user, note, derived=bool(changed & _RENDERED_FROM))
    _leave_redirect(row, old_path)
    return row


@transaction.atomic
def publish(post: Post, user: Account | None, at: datetime | None = None, *, expected: datetime | None = None) -> Post:
    """Makes the post public: now, or from ``at`` on, where that is to come.

    Without ``at`` a date in the past stays as it is and any other becomes now; a standing page may have no date.
    Raises NotAllowed, ChangedMeanwhile, and WrongState where it is public already or would have expired.
    """
    row = _open(post, user, Verb.PUBLISH, expected)
    now = timezone.now()
    if not (at and row.state == State.PUBLISHED):
        _require_transition(row, Verb.PUBLISH)
    old_path, old_date = row.path, row.published_at
    old_base = permalinks.house_path(row) if permalinks.follows_house(row) and not was_ever_public(row) else ""
    if at:
        row.published_at = at
    elif row.published_at is None:
        row.published_at = now if row.kind == Post.Kind.ARTICLE else None
    else:
        row.published_at = min(row.published_at, now)
    if row.expires_at is not None and row.expires_at <= max(now, row.published_at or now):
        raise WrongState(
            _("“%(title)s” would have expired on %(date)s. Change or clear its expiry first.")
            % {"title": row.title, "date": local_text(row.expires_at)}
        )
    if not was_ever_public(row):
        row.first_published_at = row.published_at or now
    if old_base and permalinks.house_path(row) != old_base:
        row.path = ""
        permalinks.fill(row)
    row.state = State.SCHEDULED if row.published_at is not None and row.published_at > now else State.PUBLISHED
    fields: dict[Field, Any] = {"draft": False}
    if row.published_at != old_date:
        fields["published_at"] = row.published_at
    _write(row, fields)
    note = gettext_noop("scheduled") if row.state == State.SCHEDULED else gettext_noop("published")
    _finish(row, user, note, derived=row.path != old_path)
    _leave_redirect(row, old_path)
    return row


@transaction.atomic
def withdraw(post: Post, user: Account | None, *, expected: datetime | None = None) -> Post:
    """Takes the post off the site; its address then answers 410. One that nobody can have seen becomes a draft again."""
    row = _open(post, user, Verb.WITHDRAW, expected)
    _require_transition(row, Verb.WITHDRAW)
    if was_ever_public(row):
        row.state = State.WITHDRAWN
    else:
        row.state, row.first_published_at = State.DRAFT, None
    _write(row, {"draft": True})
    _finish(row, user, gettext_noop("withdrawn"), derived=False)
    return row


@transaction.atomic
def submit_for_review(post: Post, user: Account | None, *, expected: datetime | None = None) -> Post:
    """Hands a draft to the editors."""
    return _move(post, user, Verb.SUBMIT, State.IN_REVIEW, gettext_noop("submitted"), expected)


@transaction.atomic
def return_to_draft(post: Post, user: Account | None, *, expected: datetime | None = None) -> Post:
    """Gives a post under review back, or makes a withdrawn one a draft to work on; the address of that still answers 410."""
    return _move(post, user, Verb.RETURN, State.DRAFT, gettext_noop("returned to draft"), expected)


@transaction.atomic
def move_to_trash(post: Post, user: Account | None) -> Post:
    """Takes the post off the site and off the lists. Nothing is deleted; :func:`restore` brings it back."""
    row = _open(post, user, Verb.TRASH, None)
    if row.trashed_at is not None:
        raise WrongState(_("“%(title)s” is in the trash already.") % {"title": row.title})
    row.trashed_at = timezone.now()
    _finish(row, user, gettext_noop("moved to the trash"), derived=False)
    return row


@transaction.atomic
def restore(post: Post, user: Account | None) -> Post:
    """Brings a post back from the trash, never straight to readers: one that was public comes back withdrawn."""
    row = _open(post, user, Verb.RESTORE, None)
    if row.trashed_at is None:
        raise WrongState(_("“%(title)s” is not in the trash.") % {"title": row.title})
    row.trashed_at = None
    if row.state in LIVE:
        row.state = State.WITHDRAWN if was_ever_public(row) else State.DRAFT
        _write(row, {"draft": True})
    _finish(row, user, gettext_noop("restored from the trash"), derived=False)
    return row


def local_text(moment: datetime) -> str:
    """A moment as people write it, in the site's zone."""
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")


def _start(user: Account | None) -> Post:
    if not can(user, Verb.ADD):
        raise NotAllowed(_("You may not write new posts. Ask an administrator for the right."))
    return Post(owner_id=user.pk if user else None, features=sorted(DEFAULT_FEATURES[""]))


def _apply(row: Post, changes: Mapping[str, Any]) -> None:
    """Sets the changed columns on the row, and the address that follows from them."""
    makes_address = permalinks.follows_house(row) and not was_ever_public(row)
    old_base, made_slug = permalinks.house_path(row), slugify(row.title)
    texts = {name: changes[name] for name in ("front_matter", "body") if name in changes}
    try:
        set_text(row, **texts)
        path = permalinks.claim(row, changes["path"]) if changes.get("path") else ""
    except RefusedFile as refused:
        raise RefusedChange(refused.finding.localised()) from refused
    except permalinks.BadAddress as bad:
        raise RefusedChange(str(bad)) from bad
    for name in changes.keys() & (set(COLUMNS) - {"front_matter", "body", "path"}):
        setattr(row, name, changes[name])
    if "cover" in changes:
        row.cover_target = row.cover.url if row.cover else ""
    if makes_address and row.slug == made_slug and "slug" not in changes:
        row.slug = ""
    if "path" in changes:
        row.path = path
    elif makes_address and permalinks.house_path(row) != old_base:
        row.path = ""
    row.slug = row.slug or slugify(row.title)
    permalinks.fill(row)


def _insert(row: Post) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise ChangedMeanwhile(_("Another post took this address at the same moment. Save again.")) from error


def _changed_names(before: Mapping[str, Any], row: Post) -> set[str]:
    return {name for name, value in snapshot(row).items() if name not in before or before[name] != value}


def _open(post: Post, user: Account | None, verb: Verb, expected: datetime | None) -> Post:
    """The row as it is now, locked, once ``user`` may do ``verb`` with it and nobody saved it since ``expected``."""
    row = Post.objects.select_for_update().filter(pk=post.pk).first()
    if row is None:
        raise ChangedMeanwhile(_("This post was deleted while you had it open. Copy your text before you leave the page."))
    if not can(user, verb, row):
        if row.trashed_at is not None and verb is not Verb.TRASH and can(user, Verb.RESTORE, row):
            raise WrongState(_("“%(title)s” is in the trash. Restore it first.") % {"title": row.title})
        raise NotAllowed(_refusal(verb, row))
    if expected is not None and row.modified_at != expected:
        raise ChangedMeanwhile(meanwhile_sentence(row))
    return row


def meanwhile_sentence(row: Post) -> str:
    """Who saved the post last, and what the other person can do now."""
    last = row.revisions.select_related("user").first()
    who = str(last.user) if last and last.user else _("the system")
    return _(
        "%(who)s saved this post at %(time)s, after you had opened it. Your text is kept below and nothing was saved: "
        "open the post in another tab, bring the two together, and save there."
    ) % {"who": who, "time": local_text(row.modified_at)}


def _refusal(verb: Verb, row: Post) -> str:
    words = {
        Verb.CHANGE: _("change this post"),
        Verb.SUBMIT: _("submit this post"),
        Verb.RETURN: _("return this post"),
        Verb.PUBLISH: _("publish this post"),
        Verb.WITHDRAW: _("withdraw this post"),
        Verb.TRASH: _("move this post to the trash"),
        Verb.RESTORE: _("restore this post"),
    }
    return _("You may not %(action)s while it is “%(state)s”. Ask someone who may publish.") % {
        "action": words[verb],
        "state": row.get_state_display(),
    }


def _require_transition(row: Post, verb: Verb) -> None:
    if row.state in TRANSITIONS[verb]:
        return
    raise WrongState(
        _("“%(title)s” is “%(state)s”, from which this step does not lead on.")
        % {"title": row.title, "state": row.get_state_display()}
    )


def _move(post: Post, user: Account | None, verb: Verb, state: str, note: str, expected: datetime | None) -> Post:
    row = _open(post, user, verb, expected)
    _require_transition(row, verb)
    row.state = state
    _finish(row, user, note, derived=False)
    return row


def _set_relations(row: Post, changes: Mapping[str, Any]) -> None:
    if "authors" in changes and list(changes["authors"]) != ordered_authors(row):
        PostAuthor.objects.filter(post=row).delete()
        PostAuthor.objects.bulk_create(
            PostAuthor(post=row, author=author, position=place) for place, author in enumerate(_once(changes["authors"]), 1)
        )
    if "categories" in changes and list(changes["categories"]) != ordered_categories(row):
        PostCategory.objects.filter(post=row).delete()
        PostCategory.objects.bulk_create(
            PostCategory(post=row, category=category, position=place)
            for place, category in enumerate(_once(changes["categories"]), 1)
        )
    if "tags" in changes:
        tags = find_or_make_tags(changes["tags"])
        if tags != ordered_tags(row):
            TaggedPost.objects.filter(content_object=row).delete()
            TaggedPost.objects.bulk_create(TaggedPost(content_object=row, tag=tag) for tag in tags)


def _once(rows: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(rows))


def _write_to_source(row: Post, changed: set[str]) -> None:
    """Hands the changed fields to the front matter, each as a change of the file's own key."""
    values: dict[Field, Any] = {name: getattr(row, name) for name in _WRITTEN_COLUMNS if name in changed}
    if "cover" in changed:
        values["cover_target"] = row.cover_target
    if "authors" in changed:
        values["authors"] = [author.name for author in ordered_authors(row)]
    if "categories" in changed:
        values["categories"] = [category.name for category in ordered_categories(row)]
    if "tags" in changed:
        values["tags"] = [tag.name for tag in ordered_tags(row)]
    if "series" in changed:
        values["series"] = row.series.name if row.series else ""
    _write(row, values)


def _write(row: Post, values: Mapping[Field, Any]) -> None:
    try:
        write_fields(row, values)
    except RefusedFile as refused:
        raise RefusedChange(refused.finding.localised()) from refused
    except EditError as error:
        raise RefusedChange(
            _("The front matter as it is written does not let this be changed alone. Change it there: %(keys)s")
            % {"keys": ", ".join(values)}
        ) from error


def _finish(row: Post, user: Account | None, note: str, *, derived: bool) -> None:
    row.is_edited = True
    row.modified_at = timezone.now()
    row.save()
    if derived:
        save_derived(row)
    Revision.objects.create(
        post=row,
        origin=Revision.Origin.DESK,
        user_id=user.pk if user else None,
        note=note[:200],
        snapshot=snapshot(row),
    )


def _leave_redirect(row: Post, old_path: str) -> None:
    """Makes the former address of a post that readers may know lead to it, and frees the address it has now."""
    row.redirects.filter(old_path=row.path).delete()
    if old_path and old_path != row.path and was_ever_public(row):
        Redirect.objects.update_or_create(old_path=old_path, defaults={"post": row})


def _as_plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value
