"""Cards of posts that have no cover: drawn by a worker once a post is live, and again when what is written on them changes.

A card stands at an address that nobody can guess from its title, so that one of a scheduled post tells nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_noop as _

from articles.claims import claim, is_taken, put_off, try_again
from articles.findings import Finding
from articles.library import CARD_FILE, has_derived, remove_derived, store_derived
from articles.media.cards import RECIPE, CardText, draw_card
from articles.media.fonts import Face, NoFont, find_faces
from articles.models import Category, Post, PostAuthor, PostCard, PostCategory
from articles.queue import is_stopping
from articles.site_settings import current

logger = logging.getLogger(__name__)

AT_ONCE = 50
RECENT = timedelta(days=7)
"""How far back the worker looks. An archive from before is the command's."""
_LIVE = (Post.State.SCHEDULED, Post.State.PUBLISHED)


def find_waiting(since: datetime | None = None) -> QuerySet[Post]:
    """Posts whose card is older than they are, the last saved first: those that should have one, and those that had one."""
    live = Q(state__in=_LIVE, trashed_at__isnull=True, cover__isnull=True)
    known = PostCard.objects.filter(post=OuterRef("pk"))
    taken = known.filter(is_taken())
    lacks = live & ~Exists(known.filter(made_at__gte=OuterRef("modified_at")))
    is_left = Exists(known.filter(made_at__lt=OuterRef("modified_at")).exclude(name=""))
    posts = Post.objects.filter(lacks | is_left).exclude(Exists(taken)).order_by("-modified_at", "-pk")
    return posts.filter(modified_at__gte=since) if since else posts


def is_waiting() -> bool:
    """Whether the worker has cards to make: something was saved lately, and there is a font to write with."""
    return bool(_find_faces()) and find_waiting(timezone.now() - RECENT).exists()


def make_waiting(*, seconds: float | None = None, limit: int | None = None, everything: bool = False) -> int:
    """Makes the cards that lack, one after the other; how many posts it worked on. ``everything``: of the whole archive.

    Ends after ``seconds`` or ``limit`` posts, where the process is asked to stop, or at once where there is no font.
    """
    if not _find_faces():
        return 0
    begun, done = time.monotonic(), 0
    since = None if everything else timezone.now() - RECENT
    tried: set[int] = set()
    while keys := [key for key in find_waiting(since).values_list("pk", flat=True)[:AT_ONCE] if key not in tried]:
        for key in keys:
            late = seconds is not None and done and time.monotonic() - begun >= seconds
            if late or is_stopping() or (limit is not None and done >= limit):
                return done
            tried.add(key)
            done += make_card(key)
    return done


def make_card(key: int) -> bool:
    """Makes the card of one post, keeps it where it is right, or takes it away; whether it was this process that looked."""
    post = Post.objects.filter(pk=key).light().first()
    row = claim(PostCard, "post", post) if post is not None else None
    if post is None or row is None:
        return False
    before, faces = row.name, _find_faces()
    text = _read_text(post) if faces and _wants_card(post) else None
    row.key = _make_key(post, text, faces) if text else ""
    name = f"{row.key[:2]}/{row.key[:16]}/{CARD_FILE}" if text else ""
    try:
        if text and not (name == before and has_derived(name)):
            data = draw_card(text, faces)
            if data is None:
                logger.info("no card for post %s: the fonts here lack a letter of its title", post.pk)
                name = ""
            else:
                store_derived(name, data)
    except OSError as error:
        template = _("The card of “%(title)s” could not be stored (%(reason)s). Look at the disk; it is tried again.")
        finding = Finding("card-failed", "warning", template, {"title": post.title, "reason": error.strerror or str(error)})
        logger.warning("card of post %s: %s", post.pk, finding.message)
        put_off(row, finding)
        return True
    _keep(row, name, post.modified_at)
    if before and before != name:
        _remove_quietly([before])
    return True


def forget_all() -> int:
    """Has every card compared with its post again (a section or by-line was renamed, another font); their number."""
    try_again(PostCard)
    return PostCard.objects.filter(holder="").update(made_at=None)


def _keep(row: PostCard, name: str, made_at: datetime) -> None:
    values = {"name": name, "key": row.key, "made_at": made_at, "holder": "", "until": None, "tries": 0, "findings": []}
    is_kept = PostCard.objects.filter(pk=row.pk, holder=row.holder).update(**values) == 1
    # Else the post is gone, or another holder was given the row, which names what that one made.
    if name and not is_kept and not PostCard.objects.filter(name=name).exists():
        _remove_quietly([name])


def _find_faces() -> tuple[Face, ...]:
    try:
        return find_faces(settings.CARD_FONT)
    except NoFont:
        # The system check says what to install; pages do without.
        return ()


def _wants_card(post: Post) -> bool:
    return post.is_live and post.trashed_at is None and post.cover_id is None


def _read_text(post: Post) -> CardText:
    authors = PostAuthor.objects.filter(post=post).values_list("author__name", flat=True)
    sections = PostCategory.objects.filter(post=post).values_list("category__name", "category__full_slug")
    name, slug = sections.first() or ("", "")
    root = Category.objects.filter(full_slug=slug.partition("/")[0]).values_list("pk", flat=True).first() if slug else None
    language = post.language or settings.LANGUAGE_CODE
    joint = "、" if language.startswith("ja") else ", "
    return CardText(post.title, name, joint.join(authors), current().name, root or 0)


def _make_key(post: Post, text: CardText, faces: Collection[Face]) -> str:
    written = [RECIPE, post.pk, text.title, text.section, text.byline, text.site, text.colour, [face.name for face in faces]]
    return salted_hmac("articles.cards", json.dumps(written), algorithm="sha256").hexdigest()


def _remove_quietly(names: list[str]) -> None:
    try:
        remove_derived(names)
    except OSError as error:
        logger.warning("a card that is no longer needed could not be removed: %s", error)
