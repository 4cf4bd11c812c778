"""Resolves references once all posts of a source are there, and renders again only the posts that this changes."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

from django.db import transaction
from django.db.models import Q, QuerySet

from articles.addresses import loose_form
from articles.derive import save_derived
from articles.formats.values import names_in
from articles.markup.document import LinkKind
from articles.models import ImportItem, ImportRun, Post, PostLink, Redirect, Source
from articles.references import MemoryIndex, Place, wanted_names
from articles.referrers import Prepare

BATCH = 100


def relink(source: Source, index: MemoryIndex, prepare: Prepare | None = None) -> int:
    """Resolves what can be resolved now; gives the number of posts rendered again.

    ``index`` knows the source's files. Only the names that unresolved references need are looked up, so memory
    grows with the references, not with the posts. A path that is already the target's permalink needs no rendering.
    """
    links_of_posts = PostLink.objects.exclude(kind="image")
    unresolved = links_of_posts.filter(post__source=source, url="")
    rows = unresolved.values_list("pk", "kind", "target", "post_id", "post__source_path", "post__path", "post__language")
    links = [
        (pk, cast(LinkKind, kind), target, post, path, address, language)
        for pk, kind, target, post, path, address, language in rows
    ]
    # A post is rendered whole: what its other references resolved to before must be found again.
    resolved = links_of_posts.filter(post__in=unresolved.values("post")).exclude(url="")
    places = [(kind, target, path, permalink, language) for _pk, kind, target, _post, path, permalink, language in links]
    places += [
        (cast(LinkKind, kind), target, path, permalink, language)
        for kind, target, path, permalink, language in resolved.values_list(
            "kind", "target", "post__source_path", "post__path", "post__language"
        )
    ]
    wanted = {
        name
        for kind, target, path, permalink, language in places
        for name in wanted_names(kind, target, Place(path, permalink, source.base_path, language))
    }
    if not wanted:
        return 0
    _add_posts(source, index, wanted)
    stale: set[int] = set()
    known: dict[str, list[int]] = defaultdict(list)
    for pk, kind, target, post, path, permalink, language in links:
        url = index.resolver(path, permalink, language).link(kind, target)
        if url is None:
            continue
        if kind == "path" and url == target:
            known[url].append(pk)
        else:
            stale.add(post)
    with transaction.atomic():
        if prepare is not None:
            prepare(())
        for url, keys in known.items():
            PostLink.objects.filter(pk__in=keys).update(url=url)
    render_again(sorted(stale), index, prepare)
    return len(stale)


def _add_posts(source: Source, index: MemoryIndex, wanted: set[str]) -> None:
    """Tells the index those of the source's public posts that references may mean, by all addresses that they have had."""
    former: dict[int, list[str]] = defaultdict(list)
    for old_path, post in (
        Redirect.objects.filter(post__source=source).order_by("pk").values_list("old_path", "post_id").iterator()
    ):
        if not wanted.isdisjoint((f"permalink:{old_path}", f"loose:{loose_form(old_path)}")):
            former[post].append(old_path)
    posts = Post.objects.published().filter(source=source).order_by("pk")
    rows = posts.values_list("pk", "source_path", "path", "source_permalink", "title", "language")
    for pk, path, permalink, asked, title, language in rows.iterator():
        addresses = [*([asked] if asked else []), *former.get(pk, ())]
        index.add_post(path, permalink, title, wanted, former=addresses, language=language)


def names_printed(source: Source) -> set[str]:
    """The names of values of the site that the source's texts print.

    Those that only somebody at the desk wrote are none of them: an import brings no value of a configuration for these.
    """
    named = set(source.values)
    for _pk, body in _printing(source).filter(is_edited=False).iterator():
        named |= names_in(body)
    return named


def find_printing(source: Source, names: set[str], run: ImportRun) -> list[int]:
    """The keys of the source's posts that print one of ``names``, but for those that ``run`` rendered with the site's values."""
    rendered = ImportItem.objects.filter(run=run, written_at__isnull=False).values("post")
    rows = _printing(source).exclude(is_edited=False, pk__in=rendered)
    return sorted(pk for pk, body in rows.iterator() if not names.isdisjoint(names_in(body)))


def _printing(source: Source) -> QuerySet[Post, tuple[int, str]]:
    """Keys and texts of posts that may print a value of the site."""
    posts = Post.objects.filter(Q(body__contains="site.") | Q(body__contains="param"), source=source, body__contains="{{")
    return posts.order_by("pk").values_list("pk", "body")


def render_again(keys: list[int], index: MemoryIndex, prepare: Prepare | None = None) -> None:
    for start in range(0, len(keys), BATCH):
        with transaction.atomic():
            # Locked: who saves the text meanwhile must not get the rendering of the old one.
            rows = Post.objects.select_for_update(of=("self",)).select_related("source")
            posts = list(rows.filter(pk__in=keys[start : start + BATCH]))
            if prepare is not None:
                prepare(posts)
            for post in posts:
                save_derived(post, index.resolver(post.source_path, post.path, post.language))
