"""Resolves references once all posts of a source are there, and renders again only the posts that this changes."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

from django.db import transaction

from articles.derive import save_derived
from articles.markup.document import LinkKind
from articles.models import Post, PostLink, Source
from articles.references import MemoryIndex, Place, wanted_names

BATCH = 100


def relink(source: Source, index: MemoryIndex) -> int:
    """Resolves what can be resolved now; gives the number of posts rendered again.

    ``index`` knows the source's files. Only the names that unresolved references need are looked up, so memory
    grows with the references, not with the posts. A path that is already the target's permalink needs no rendering.
    """
    unresolved = PostLink.objects.filter(post__source=source, url="").exclude(kind="image")
    rows = unresolved.values_list("pk", "kind", "target", "post_id", "post__source_path", "post__path")
    links = [(pk, cast(LinkKind, kind), target, post, path, address) for pk, kind, target, post, path, address in rows]
    wanted = {
        name
        for _pk, kind, target, _post, path, permalink in links
        for name in wanted_names(kind, target, Place(path, permalink, source.base_path))
    }
    if not wanted:
        return 0
    for path, permalink, title in source.posts.order_by("pk").values_list("source_path", "path", "title").iterator():
        index.add_post(path, permalink, title, wanted)
    stale: set[int] = set()
    known: dict[str, list[int]] = defaultdict(list)
    for pk, kind, target, post, path, permalink in links:
        url = index.resolver(path, permalink).link(kind, target)
        if url is None:
            continue
        if kind == "path" and url == target:
            known[url].append(pk)
        else:
            stale.add(post)
    with transaction.atomic():
        for url, keys in known.items():
            PostLink.objects.filter(pk__in=keys).update(url=url)
    render_again(sorted(stale), index)
    return len(stale)


def render_again(keys: list[int], index: MemoryIndex) -> None:
    for start in range(0, len(keys), BATCH):
        with transaction.atomic():
            for post in Post.objects.filter(pk__in=keys[start : start + BATCH]).select_related("source"):
                save_derived(post, index.resolver(post.source_path, post.path))
