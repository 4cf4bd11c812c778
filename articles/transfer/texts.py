"""The text of a post before an import wrote it and after, from the journal: the archive need not be there any more."""

from __future__ import annotations

from articles.models import ImportItem, ImportRun, Post, Revision
from articles.transfer.journal import unpack


def applied_texts(run: ImportRun, item: ImportItem) -> tuple[str, str] | None:
    """Both texts of an item that was carried out, front matter included; the first is empty where the post was made.

    ``None`` where the item wrote no post, or the post and its versions are gone.
    """
    if item.written_at is None or item.post_id is None:
        return None
    kept = Revision.objects.filter(run=run, post=item.post_id, origin=Revision.Origin.IMPORT).order_by("pk").last()
    if kept is not None:
        after = str(kept.snapshot.get("front_matter", "")) + str(kept.snapshot.get("body", ""))
    elif item.before is not None and (post := Post.objects.filter(pk=item.post_id).only("front_matter", "body").first()):
        after = post.front_matter + post.body
    else:
        return None
    if item.before is None:
        return "", after
    columns = unpack(item.before)["columns"]
    return columns["front_matter"] + columns["body"], after
