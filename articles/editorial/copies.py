"""A post as the beginning of another one."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from articles.editorial import workflow
from articles.editorial.permissions import Account, Verb, can
from articles.formats.frontmatter import dump
from articles.models import Post

MAX_TITLE = 500
# What makes a text what it is. Dates, address, translation and the file that it came from stay with the first one.
COPIED = (
    "kind",
    "language",
    "series",
    "cover",
    "cover_alt",
    "cover_caption",
    "custom_excerpt",
    "description",
    "source_url",
    "flavour",
    "features",
    "body",
)


@transaction.atomic
def duplicate(post: Post, user: Account | None) -> Post:
    """A new draft of ``user`` with the text, terms, by-lines, cover and other front matter keys of ``post``.

    Its title says that it is a copy, and its address is made anew. Raises NotAllowed where the user may not see the post
    or not write new ones, and what :func:`articles.editorial.workflow.save_post` raises.
    """
    row = Post.objects.get(pk=post.pk)
    if not can(user, Verb.VIEW, row):
        raise workflow.NotAllowed(_("You may not see this post."))
    changes = {name: getattr(row, name) for name in COPIED}
    mark = _("%(title)s (copy)")
    room = MAX_TITLE - len(mark % {"title": ""})
    changes |= {
        "title": mark % {"title": row.title[:room]},
        "authors": workflow.ordered_authors(row),
        "categories": workflow.ordered_categories(row),
        "tags": [tag.name for tag in workflow.ordered_tags(row)],
    }
    if row.extra:
        changes |= {"extra": row.extra, "front_matter": dump(row.extra)}
    return workflow.save_post(Post(), user, changes)
