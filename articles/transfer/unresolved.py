"""Says which references of the posts that an import brought lead to nothing, once all that came with them is there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple, cast

from django.db import transaction
from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.markup.document import LinkKind
from articles.markup.wikilinks import FILE
from articles.models import ImportItem, ImportRun, Post, PostLink, Source
from articles.references import MARKDOWN_SUFFIX, MemoryIndex, Place, wanted_names

CODE = "links-unresolved"
NAMED = 10
"""Targets that one finding names."""
BATCH = 500
TAKEN_IN = (ImportItem.Verdict.CREATE, ImportItem.Verdict.UPDATE)


class _Reference(NamedTuple):
    post: int
    kind: LinkKind
    target: str
    place: Place


def note_unresolved(run: ImportRun, source: Source, hold: Callable[[], object]) -> list[Finding]:
    """Adds a finding to each item of the run whose post names what is not here; gives one for the run, or none.

    What is here and not public is no fault: the link works once it is. ``hold`` is called in each transaction, and may
    raise. Doing it again changes nothing.
    """
    lost = find_unresolved(run, source)
    for keys in _portions(sorted(lost)):
        with transaction.atomic():
            hold()
            items = list(run.items.filter(source=source, post__in=keys, verdict__in=TAKEN_IN).only("pk", "post_id", "findings"))
            for item in items:
                others = [finding for finding in item.findings if finding["code"] != CODE]
                item.findings = [*others, _describe(lost[cast(int, item.post_id)]).as_json()]
            ImportItem.objects.bulk_update(items, ["findings"], batch_size=BATCH)
    if not lost:
        return []
    template = _(
        "%(links)s links in %(posts)s posts lead to nothing that is here; the findings of these files name their targets."
    )
    return [Finding(CODE, "warning", template, {"links": sum(map(len, lost.values())), "posts": len(lost)})]


def find_unresolved(run: ImportRun, source: Source) -> dict[int, list[str]]:
    """Post → what its text names and no post of the source is, each target once."""
    posts = run.items.filter(source=source, verdict__in=TAKEN_IN).values("post")
    rows = PostLink.objects.filter(post__source=source, url="", post__in=posts).exclude(kind__in=("image", "url")).order_by("pk")
    columns = ("post_id", "kind", "target", "post__source_path", "post__path", "post__language")
    references = [
        _Reference(post, cast(LinkKind, kind), target, Place(path, permalink, source.base_path, language))
        for post, kind, target, path, permalink, language in rows.values_list(*columns).iterator()
        if is_reference_to_text(kind, target)
    ]
    if not references:
        return {}
    index = _index_all(source, references)
    lost: dict[int, dict[str, None]] = defaultdict(dict)
    for reference in references:
        place = reference.place
        resolver = index.resolver(place.path, place.permalink, place.language)
        if not any(resolver.link(reference.kind, target) for target in _spellings(reference)):
            lost[reference.post][reference.target] = None
    return {post: list(targets) for post, targets in lost.items()}


def is_reference_to_text(kind: str, target: str) -> bool:
    """Whether a reference names a text, so that one which leads nowhere is a fault of the text.

    An ordinary link does where it names a file of Markdown: any other may be a page that is no post, such as a list. An
    embedded file that is missing is reported as one.
    """
    if kind == "path":
        return MARKDOWN_SUFFIX.search(target) is not None
    return not (kind == "embed" and FILE.search(target))


def _spellings(reference: _Reference) -> list[str]:
    """The target, and for an address the pages whose Markdown this site gives out beside them."""
    target = reference.target
    if reference.kind != "path" or not target.startswith("/"):
        return [target]
    stem = re.sub(r"\.\w+$", "", target)
    return [target, stem, f"{stem}/", f"{stem}.html"]


def _index_all(source: Source, references: Iterable[_Reference]) -> MemoryIndex:
    """The posts of the source that the references may mean, public or not, trash included."""
    wanted = {name for one in references for target in _spellings(one) for name in wanted_names(one.kind, target, one.place)}
    index = MemoryIndex(source.base_path)
    posts = Post._base_manager.filter(source=source).order_by("pk")
    rows = posts.values_list("source_path", "path", "source_permalink", "title", "language")
    for path, permalink, asked, title, language in rows.iterator():
        index.add_post(path, permalink, title, wanted, former=[asked] if asked else (), language=language)
    return index


def _describe(targets: list[str]) -> Finding:
    shown = "、".join(target[:100] for target in targets[:NAMED])
    params = {"count": len(targets), "targets": shown + ("…" if len(targets) > NAMED else "")}
    template = _(
        "%(count)s targets of links are not here, so the links are shown as text: %(targets)s. Correct them, or bring in what "
        "they name."
    )
    return Finding(CODE, "warning", template, params)


def _portions(keys: list[int]) -> Iterable[list[int]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))
