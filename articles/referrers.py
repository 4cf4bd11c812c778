"""Posts whose references mean something else now, because another post or file appeared, went away or moved.

A reference shows a link only to what the public may see, so that no page tells of a draft. When that changes, the
references that may be concerned are found by their key (:func:`articles.references.link_key`) or by the address that they
lead to; both are indexed, so that a save costs what it changes and not what the archive holds. Only the posts in which a
reference leads elsewhere now are rendered again. The source text is never touched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from articles.derive import save_derived
from articles.links import Library, Reference, hosts_of, portions
from articles.markup.document import LinkKind
from articles.models import ImportItem, ImportRun, Post, PostLink, Source, SourceFile
from articles.references import Place, address_key, name_key

LINKS_AT_ONCE = 300
TARGETS_AT_ONCE = 100
POSTS_AT_ONCE = 50
MAX_NOW = 1_000
"""References that one save looks at. The posts with more are marked, and ``manage.py render_posts`` renders them."""
NAMED: tuple[LinkKind, ...] = ("wikilink", "embed", "ref", "relref", "post_url", "hexo_post")
"""Kinds that name a post, not its address: with a better one of the name, they mean that."""
KEYS = ("name_key", "title_key", "address_key")
Prepare = Callable[[Sequence[Post]], None]
"""Called in the transaction of a rendering, with the posts that it will change, before anything is changed."""
_COLUMNS = ("pk", "post_id", "kind", "target", "url", "post__source_path", "post__path", "post__language", "post__source_id")


@dataclass(frozen=True, slots=True)
class Target:
    """A post as references see it. ``old_path`` is where references may have led so far."""

    source_id: int | None
    source_path: str
    source_permalink: str
    path: str
    title: str
    is_public: bool
    old_path: str = ""

    @property
    def keys(self) -> set[str]:
        """The keys that any reference to it has."""
        return {
            name_key(self.source_path or self.path),
            name_key(self.path),
            name_key(self.title),
            address_key(self.path, self.source_permalink),
        }


def target_of(post: Post, *, old_path: str = "") -> Target:
    """The post as it is in hand."""
    names = (post.source_id, post.source_path, post.source_permalink, post.path, post.title)
    return Target(*names, post.is_public, old_path or post.path)


# --- What changed -----------------------------------------------------------------------------------------------------


def refresh_referrers(targets: Iterable[Target], *, outside: int | None = None, prepare: Prepare | None = None) -> list[int]:
    """Renders the posts again whose references lead to one of ``targets``, or could lead there now; gives their keys.

    A reference by a title that the post has no more stays where it leads, while the post stands at its address.
    ``outside`` leaves out the posts of a source, whose references the caller has resolved itself. Posts are locked, so call it
    outside of a transaction that holds others.
    """
    changed: list[QuerySet[PostLink]] = []
    for portion in portions(list(targets), TARGETS_AT_ONCE):
        keys = {key for target in portion if target.is_public for key in target.keys}
        left = {target.old_path for target in portion if target.is_public and target.old_path != target.path}
        left.update(path for target in portion if not target.is_public for path in (target.path, target.old_path))
        changed += [PostLink.objects.filter(key__in=keys).filter(Q(url="") | Q(kind__in=NAMED))] if keys else []
        changed += [PostLink.objects.filter(url__in=left - {""})] if left - {""} else []
    if outside is not None:
        changed = [links.exclude(post__source=outside) for links in changed]
    return recheck(*changed, limit=MAX_NOW, prepare=prepare)


def refresh_due(since: datetime, until: datetime) -> list[int]:
    """The same for posts that appeared or expired by themselves between two moments: nothing is saved when their time comes."""
    due = Q(published_at__gt=since, published_at__lte=until) | Q(expires_at__gt=since, expires_at__lte=until)
    live = (Post.State.SCHEDULED, Post.State.PUBLISHED)
    posts = Post.objects.filter(due, state__in=live, trashed_at__isnull=True).light()
    return refresh_referrers(target_of(post) for post in posts.iterator(TARGETS_AT_ONCE))


def refresh_after_import(
    run: ImportRun,
    source: Source,
    left: Iterable[str] = (),
    *,
    is_new_host: bool = False,
    prepare: Prepare | None = None,
) -> list[int]:
    """Once an import has resolved the references within ``source``: all others that its posts and files concern.

    Those of other sources and of texts written here to what it brought; its own to what others have; those to addresses that
    its posts have left (``left``); and those to the host of a site that is new here.
    """
    keys = [*_resolve_waiting(source, prepare), *_resolve_files(source, prepare), *_resolve_from_elsewhere(source, prepare)]
    keys += recheck_addresses(left, prepare=prepare)
    verdicts = (ImportItem.Verdict.CREATE, ImportItem.Verdict.UPDATE)
    if PostLink.objects.filter(post__source__isnull=True, kind__in=NAMED).exclude(url="").exists():
        brought = Post.objects.published().filter(import_items__in=ImportItem.objects.filter(run=run, verdict__in=verdicts))
        keys += refresh_referrers(map(target_of, brought.light().iterator(TARGETS_AT_ONCE)), outside=source.pk, prepare=prepare)
    if is_new_host:
        keys += recognise_host(source, prepare)
    return sorted(set(keys))


def recheck_addresses(addresses: Iterable[str], *, prepare: Prepare | None = None) -> list[int]:
    """Looks again at the references that lead to ``addresses``, which changed hands or went; the posts rendered again."""
    known = portions(sorted(set(addresses) - {""}), LINKS_AT_ONCE)
    return recheck(*(PostLink.objects.filter(url__in=portion) for portion in known), prepare=prepare)


def recognise_host(source: Source, prepare: Prepare | None = None) -> list[int]:
    """Renders the posts again that name the old host of a source new to this site: until now it was just another site.

    The one question that reads every text. It is asked when a site arrives, and never again.
    """
    keys: set[int] = set()
    for host in hosts_of(source):
        named = Q(body__contains=f"//{host}") | Q(body__contains=f"//www.{host}")
        keys.update(Post.objects.exclude(source=source).filter(named).values_list("pk", flat=True))
    return render_again(sorted(keys), prepare)


def _resolve_waiting(source: Source, prepare: Prepare | None) -> list[int]:
    """All posts of the source, not those of one run alone: a run before it may have been killed in between."""
    return _recheck_waiting(PostLink.objects.exclude(kind="image"), Post.objects.published().filter(source=source), prepare)


def _resolve_from_elsewhere(source: Source, prepare: Prepare | None) -> list[int]:
    links = PostLink.objects.filter(post__source=source).exclude(kind="image")
    return _recheck_waiting(links, Post.objects.published().exclude(source=source), prepare)


def _recheck_waiting(links: QuerySet[PostLink], posts: QuerySet[Post], prepare: Prepare | None) -> list[int]:
    # One question per column: joined by OR, the keys could not be looked up by their index.
    # Asked of each reference that waits, which are few, rather than of all posts.
    rows = posts.order_by()
    waiting = (links.filter(Exists(rows.filter(**{column: OuterRef("key")})), ~Q(key=""), url="") for column in KEYS)
    return recheck(*waiting, prepare=prepare)


def _resolve_files(source: Source, prepare: Prepare | None) -> list[int]:
    names = SourceFile.objects.filter(source=source, media__isnull=False).order_by().values("name_key")
    return recheck(PostLink.objects.filter(post__source=source, url="", key__in=names), prepare=prepare)


# --- Looking again ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Changes:
    """What looking again found: posts to render, and references whose HTML stays while they lead somewhere else now."""

    stale: set[int] = field(default_factory=set)
    known: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def recheck(*links: QuerySet[PostLink], limit: int | None = None, prepare: Prepare | None = None) -> list[int]:
    """Renders the posts again in which one of ``links`` leads elsewhere now; gives their keys.

    At most ``limit`` references of each are looked at now. The posts with more are marked for ``render_posts``.
    """
    changes = _Changes()
    for rows in links:
        last, seen = 0, 0
        while portion := list(rows.filter(pk__gt=last).order_by("pk").values_list(*_COLUMNS)[:LINKS_AT_ONCE]):
            _find_changes(portion, changes)
            last, seen = portion[-1][0], seen + len(portion)
            if limit is not None and seen >= limit:
                left = rows.filter(pk__gt=last).order_by()
                Post.objects.filter(pk__in=left.values("post")).update(renderer_version=0)
                break
    for url, keys in changes.known.items():
        PostLink.objects.filter(pk__in=keys).update(url=url)
    return render_again(sorted(changes.stale), prepare)


def _find_changes(rows: list[Any], changes: _Changes) -> None:
    """Notes which of the stored links lead elsewhere now; a constant number of queries."""
    sources = Source.objects.in_bulk({row[-1] for row in rows if row[-1]})
    library, references = Library(), []
    for _pk, _post, kind, target, _url, path, permalink, language, source in rows:
        home = sources.get(source)
        place = Place(path, permalink, home.base_path if home else "", language, hosts_of(home))
        references.append(Reference(cast(LinkKind, kind), target, place, source))
    library.load(references)
    for (pk, post, kind, target, url, *_place), reference in zip(rows, references, strict=True):
        now = _leads_to(library, reference)
        if now == url:
            continue
        # An address that is written out is shown as it is written, wherever it leads.
        if kind == "path" and target.startswith("/") and (now or target) == (url or target):
            changes.known[now].append(pk)
        else:
            changes.stale.add(post)


def _leads_to(library: Library, reference: Reference) -> str:
    """The address that a rendering now would write for the reference."""
    if reference.kind not in ("post_url", "hexo_post") and (file := library.media_file(reference)):
        return file.url
    return "" if reference.kind == "image" else library.link(reference) or ""


def render_again(keys: Collection[int], prepare: Prepare | None = None) -> list[int]:
    """Renders posts, a portion at a time, each portion in a transaction of its own where the caller has none; gives their keys.

    The rows are locked: an editor may save one of them meanwhile, and the HTML must be that of the text as saved.
    """
    for portion in portions(keys, POSTS_AT_ONCE):
        with transaction.atomic():
            rows = Post.objects.select_for_update(of=("self",)).filter(pk__in=portion)
            posts = list(rows.select_related("source").order_by("pk"))
            if prepare is not None:
                prepare(posts)
            for post in posts:
                save_derived(post)
    return list(keys)
