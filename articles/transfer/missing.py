"""Posts whose files went from their source: reported, and taken off the site only where staff asked for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from articles.editorial.versions import category_names, snapshot_of
from articles.editorial.workflow import LIVE, was_ever_public
from articles.findings import Finding
from articles.formats.document import Site
from articles.models import ImportItem, Post, PostAuthor, PostCategory, Revision, Source, TaggedPost
from articles.transfer.choices import Choices
from articles.transfer.journal import capture
from articles.transfer.passages import GONE, Passage
from articles.transfer.storing import StalePlan, see

STAY = _("%(count)s posts of “%(source)s” have no file in this archive. They stay as they are.")
GONE_ONLY = _("%(count)s posts of “%(source)s” have no file in this archive.")
BATCH = 100
Verdict = ImportItem.Verdict


@dataclass
class MissingPosts:
    """The posts of one source whose files are not in the archive.

    They are items of the run: ``missing``, and ``withdraw`` where they are to be withdrawn. A file that comes under another
    path with the same bytes is theirs, and takes the item away. Public posts are withdrawn; drafts, posts that people changed
    here (but with ``replace``) and those in the trash stay.
    """

    passage: Passage
    source: Source
    site: Site
    choices: Choices

    def __post_init__(self) -> None:
        self.run, self.lease = self.passage.run, self.passage.lease

    def note(self, documents: Collection[str]) -> None:
        """Makes an item per post that has no file among ``documents``; none where the archive is only a part of the source."""
        if not self.source.pk:
            return
        known = dict(self.source.posts.values_list("source_path", "pk"))
        here = set(documents)
        gone = [pk for path, pk in known.items() if path not in here]
        if not gone or self._is_part(len(gone), len(known)):
            return
        columns = ("source_path", "path", "modified_at", "source_sha256")
        for start in range(0, len(gone), 500):
            ImportItem.objects.bulk_create(
                [
                    ImportItem(
                        run=self.run,
                        source=self.source,
                        path=(self.site.root + post.source_path)[:1000],
                        verdict=Verdict.MISSING,
                        post=post,
                        permalink=post.path,
                        seen=see(post),
                    )
                    for post in Post.objects.filter(pk__in=gone[start : start + 500]).only(*columns)
                ]
            )

    def _is_part(self, gone: int, known: int) -> bool:
        if 2 * gone <= known:
            return False
        if self.choices.withdraw_missing:
            template = _("More than half of the posts of “%(source)s” have no file in this archive: none of them is withdrawn.")
            self.passage.findings.append(Finding("partial-archive", "warning", template, {"source": self.source.name}))
        return True

    def by_content(self) -> dict[str, Post]:
        """Those posts by the sha256 of their last file, and those that the plan saw move."""
        if not self.source.pk:
            return {}
        items = self.run.items.filter(applied_at=None)
        missing = items.filter(verdict=Verdict.MISSING, source=self.source).values("post")
        moved = items.filter(verdict=Verdict.UPDATE, seen__moved=True).values("post")
        posts = self.source.posts.filter(Q(pk__in=missing) | Q(pk__in=moved))
        return {post.source_sha256: post for post in posts}

    def treat(self) -> None:
        """Says how many posts have no file any more, and withdraws them if that was asked. Raises StalePlan, LostLease."""
        items = self.run.items.filter(source=self.source, verdict__in=GONE) if self.source.pk else self.run.items.none()
        if not (count := items.count()):
            return
        template = GONE_ONLY if self.choices.withdraw_missing else STAY
        self.passage.findings.append(Finding("missing-files", "info", template, {"count": count, "source": self.source.name}))
        if self.choices.withdraw_missing:
            self._withdraw_all()

    def _withdraw_all(self) -> None:
        last = 0
        while True:
            with transaction.atomic():
                self.lease.hold()
                self.passage.check_rights()
                items = self.run.items.filter(source=self.source, verdict__in=GONE, applied_at=None, pk__gt=last)
                batch = list(items.order_by("pk")[:BATCH])
                if not batch:
                    return
                last = batch[-1].pk
                self._treat(batch)

    def _treat(self, items: list[ImportItem]) -> None:
        keys = [item.post_id for item in items if item.post_id]
        rows = Post.objects.select_for_update(of=("self",)).select_related("series", "cover")
        posts = rows.in_bulk(keys)
        chosen: list[tuple[ImportItem, Post]] = []
        stale = []
        for item in items:
            post = posts.get(item.post_id or 0)
            planned = item.verdict
            item.excluded = item.path in self.passage.excluded
            item.verdict, finding = self._judge(post, is_excluded=item.excluded)
            item.findings = [finding.as_json()] if finding else []
            if self.passage.is_planned and (planned != item.verdict or (post is not None and item.seen != see(post))):
                stale.append((item.path, "post"))
            if item.verdict == Verdict.WITHDRAW and post is not None:
                chosen.append((item, post))
        if stale:
            raise StalePlan(stale)
        if self.passage.writes:
            self._withdraw(chosen)
            now = timezone.now()
            for item in items:
                item.applied_at = now
        fields = ["verdict", "excluded", "findings", "applied_at", "written_at", "before"]
        ImportItem.objects.bulk_update(items, fields)

    def _judge(self, post: Post | None, *, is_excluded: bool) -> tuple[str, Finding | None]:
        if post is None or post.trashed_at is not None or post.state not in LIVE or is_excluded:
            return Verdict.MISSING, None
        if post.is_edited and self.choices.on_conflict != "replace":
            template = _("Its file is gone, but people changed the post here: it stays. Withdraw it at the desk if it is to go.")
            return Verdict.MISSING, Finding("edited-here", "warning", template)
        if not self.passage.may_publish:
            template = _("Its file is gone, but the post is public: only an account that may publish can withdraw it.")
            return Verdict.MISSING, Finding("live-post", "warning", template)
        return Verdict.WITHDRAW, Finding(
            "withdrawn", "info", _("Its file is gone; the post is withdrawn and its address answers 410.")
        )

    def _withdraw(self, chosen: Sequence[tuple[ImportItem, Post]]) -> None:
        """A state that the import imposes: the file, which is gone, is not written to."""
        posts = [post for _item, post in chosen]
        states = capture(posts)
        for item, post in chosen:
            item.before, item.written_at = states[post.pk], self.run.moment
            if was_ever_public(post):
                post.state = Post.State.WITHDRAWN
            else:
                post.state, post.first_published_at = Post.State.DRAFT, None
            assert self.run.moment is not None, "a run that writes has its moment"
            post.modified_at = self.run.moment
        Post.objects.bulk_update(posts, ["state", "first_published_at", "modified_at"])
        self._keep_revisions(posts)

    def _keep_revisions(self, posts: Sequence[Post]) -> None:
        authors, categories, tags = defaultdict(list), defaultdict(list), defaultdict(list)
        for credit in PostAuthor.objects.filter(post__in=posts).select_related("author"):
            authors[credit.post_id].append(credit.author.name)
        ancestors = "category__parent__parent__parent__parent"
        for place in PostCategory.objects.filter(post__in=posts).select_related(ancestors):
            categories[place.post_id].append(category_names(place.category))
        for tagged in TaggedPost.objects.filter(content_object__in=posts).select_related("tag"):
            tags[tagged.content_object_id].append(tagged.tag.name)
        Revision.objects.bulk_create(
            [
                Revision(
                    post=post,
                    origin=Revision.Origin.IMPORT,
                    user=self.passage.user,
                    run=self.run,
                    note=_("withdrawn"),
                    snapshot=snapshot_of(post, authors=authors[post.pk], categories=categories[post.pk], tags=tags[post.pk]),
                )
                for post in posts
            ]
        )
