"""Makes the smaller copies of the library's pictures: by a worker or a command, never while somebody reads.

Nothing is entered anywhere when a picture comes: what lacks variants is found by looking, so that uploads, imports, undone
imports and restored databases need no hook. The page of a picture without variants shows its plain copy.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop as _

from articles.claims import claim, give_back, is_taken, put_off, release, try_again
from articles.findings import Finding
from articles.library import has_derived, read_original, remove_derived, store_derived
from articles.media.variants import RECIPE, SHAPES, NoVariants, PictureSource
from articles.models import Author, MediaFile, PictureVariants, Post
from articles.pictures import CARD, FULL, SQUARE, WIDE, Shapes, folder_of, names_of, stem_of
from articles.queue import is_stopping

logger = logging.getLogger(__name__)

AT_ONCE = 50
"""Pictures looked up at once. One is in memory at a time."""
TURN_SECONDS = 20.0
"""How long a task works before others, such as mails, have their turn."""


def find_waiting() -> QuerySet[MediaFile]:
    """Pictures that lack variants which they should have, the newest first, and that nobody works on."""
    pictures = MediaFile.objects.filter(content_type__startswith="image/").exclude(public_name="")
    made = PictureVariants.objects.filter(media=OuterRef("pk"), recipe=RECIPE, sha256=OuterRef("sha256"))
    cut = made.filter(has_crops=True, focus_x=OuterRef("focus_x"), focus_y=OuterRef("focus_y"))
    square = made.filter(has_square=True, focus_x=OuterRef("focus_x"), focus_y=OuterRef("focus_y"))
    covers = Post.objects.filter(cover__isnull=False).order_by().values("cover")
    portraits = Author.objects.filter(picture__isnull=False).order_by().values("picture")
    lacks = ~Exists(made) | (Q(pk__in=covers) & ~Exists(cut)) | (Q(pk__in=portraits) & ~Exists(square))
    taken = PictureVariants.objects.filter(is_taken(), media=OuterRef("pk"))
    return pictures.filter(lacks).exclude(Exists(taken)).order_by("-pk")


def is_waiting() -> bool:
    """Whether there is anything to make."""
    return find_waiting().exists()


def make_waiting(*, seconds: float | None = None, limit: int | None = None) -> int:
    """Makes what is lacking, one picture after the other; how many pictures it worked on.

    Ends after ``seconds`` or ``limit`` pictures, or where the process is asked to stop. What is left is found the next time.
    """
    begun, done = time.monotonic(), 0
    tried: set[int] = set()
    while keys := [key for key in find_waiting().values_list("pk", flat=True)[:AT_ONCE] if key not in tried]:
        for key in keys:
            # At least one: else a task that gives way at once would come back for ever.
            late = seconds is not None and done and time.monotonic() - begun >= seconds
            if late or is_stopping() or (limit is not None and done >= limit):
                return done
            tried.add(key)
            done += make_variants(key)
    return done


def make_variants(key: int) -> bool:
    """Makes the variants of one picture anew; whether it was this process that did.

    Where the store refuses or the original is damaged, the log and the picture's findings say so, and it is tried again later.
    """
    media = MediaFile.objects.filter(pk=key).exclude(public_name="").first()
    row = claim(PictureVariants, "media", media) if media is not None else None
    if media is None or row is None:
        return False
    wanted = _find_wanted(media)
    if _is_done(row, media, wanted):
        give_back(row)
        return False
    try:
        made = _make(media, wanted, row.shapes if _is_current(row, media) else {})
    except OSError as error:
        template = _("The smaller copies of %(name)s could not be stored (%(reason)s). Look at the disk; they are tried again.")
        _fail(row, media, template, error.strerror or str(error))
    except ValueError as error:
        template = _("The stored original of %(name)s cannot be decoded (%(reason)s). Restore it from a backup, or replace it.")
        _fail(row, media, template, str(error))
    else:
        _keep(row, media, wanted, made)
    return True


def forget(media: MediaFile) -> None:
    """Lets go of the variants of what the picture showed until now. The files go with the copy that they lie beside."""
    PictureVariants.objects.filter(media=media).delete()


@dataclass(frozen=True, slots=True)
class _Made:
    shapes: dict[str, dict[str, Any]]
    tone: str = ""


def _find_wanted(media: MediaFile) -> tuple[str, ...]:
    crops = (WIDE, CARD) if Post.objects.filter(cover=media).exists() else ()
    square = (SQUARE,) if Author.objects.filter(picture=media).exists() else ()
    return (FULL, *crops, *square)


def _is_current(row: PictureVariants, media: MediaFile) -> bool:
    return row.sha256 == media.sha256 and row.recipe == RECIPE


def _is_done(row: PictureVariants, media: MediaFile, wanted: tuple[str, ...]) -> bool:
    """Whether another worker has made all of it between our look and our claim."""
    same_focus = (row.focus_x, row.focus_y) == (media.focus_x, media.focus_y)
    has_crops = WIDE not in wanted or (row.has_crops and same_focus)
    has_square = SQUARE not in wanted or (row.has_square and same_focus)
    return _is_current(row, media) and has_crops and has_square


def _make(media: MediaFile, wanted: tuple[str, ...], there: Shapes) -> _Made:
    """Encodes and stores what is not ``there`` already. Raises OSError with nothing new left behind, ValueError as its source."""
    try:
        source = PictureSource(read_original(media.sha256))
    except NoVariants:
        return _Made({})
    new: dict[str, dict[str, Any]] = {}
    kept: dict[str, dict[str, Any]] = {}
    try:
        for name in wanted:
            focus = None if name == FULL else (media.focus_x, media.focus_y)
            stem = stem_of(RECIPE, name, focus)
            if name in there and there[name]["stem"] == stem:
                kept[name] = dict(there[name])
            else:
                new[name] = {"stem": stem} | ({"focus": list(focus), "size": list(source.measure(name))} if focus else {})
                _store_shape(source, media, name, new[name])
    except OSError:
        _remove_quietly(names_of(media.public_name, new))
        raise
    shapes = {name: shape for name, shape in new.items() if set(shape) & set(SHAPES[name].suffixes)}
    return _Made(kept | shapes, source.tone)


def _store_shape(source: PictureSource, media: MediaFile, name: str, shape: dict[str, Any]) -> None:
    """Adds to ``shape`` what was stored of it, each before it is: nothing of a failure is forgotten."""
    for variant in source.encode(name, (media.focus_x, media.focus_y)):
        shape.setdefault(variant.suffix, []).insert(0, variant.width)
        store_derived(f"{folder_of(media.public_name)}{shape['stem']}-{variant.width}.{variant.suffix}", variant.data)


def _keep(row: PictureVariants, media: MediaFile, wanted: tuple[str, ...], made: _Made) -> None:
    """Enters what was made, unless the picture was replaced, cropped anew or deleted meanwhile: then it is of no use."""
    before = set(names_of(media.public_name, row.shapes)) if row.sha256 == media.sha256 else set()
    stored = set(names_of(media.public_name, made.shapes))
    holder = row.holder
    release(row)
    row.sha256, row.recipe, row.shapes, row.tone = media.sha256, RECIPE, made.shapes, made.tone
    row.focus_x, row.focus_y = media.focus_x, media.focus_y
    row.has_crops, row.has_square = WIDE in wanted, SQUARE in wanted
    columns = [field.attname for field in row._meta.concrete_fields if field.name not in ("id", "media")]
    values = {name: getattr(row, name) for name in columns}
    # Whoever replaces or deletes the picture deletes this row, so that one statement decides who came first.
    same = PictureVariants.objects.filter(media__sha256=media.sha256, media__public_name=media.public_name)
    is_kept = same.filter(pk=row.pk, holder=holder).update(**values) == 1
    _remove_quietly((before - stored) if is_kept else _unclaimed(media, stored))


def _unclaimed(media: MediaFile, names: set[str]) -> set[str]:
    """Those of ``names`` that no row names: of a picture that was replaced meanwhile, or made again by a later holder."""
    row = PictureVariants.objects.filter(media=media.pk, sha256=media.sha256).first()
    return names - (set(names_of(media.public_name, row.shapes)) if row else set())


def _fail(row: PictureVariants, media: MediaFile, template: str, reason: str) -> None:
    finding = Finding("variants-failed", "warning", template, {"name": media.name, "reason": reason[:200]})
    logger.warning("variants of picture %s: %s", media.pk, finding.message)
    put_off(row, finding)


def _remove_quietly(names: set[str] | list[str]) -> None:
    """What cannot be removed now is swept up later, when nothing names it."""
    try:
        remove_derived(names)
    except OSError as error:
        logger.warning("variants that are no longer needed could not be removed: %s", error)


def find_lost(batch: int = 500) -> int:
    """Marks the pictures as waiting of which a copy is not in its place (a disk restored without them); their number.

    What failed or was given up before is tried again, too.
    """
    try_again(PictureVariants)
    lost = 0
    for row in PictureVariants.objects.exclude(shapes={}).select_related("media").iterator(chunk_size=batch):
        if not all(map(has_derived, names_of(row.media.public_name, row.shapes))):
            lost += PictureVariants.objects.filter(pk=row.pk, holder="").update(recipe=0)
    return lost
