"""Pictures that look alike: found by the quarters of their likeness, so that the cost is that of what is found.

Two likenesses that differ in at most :data:`MOST_DIFFERENCES` of 64 bits have a quarter in which they differ in one bit at
most. So each quarter is asked for as it is and with each bit turned: 68 values of one index, however large the library.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from articles.library import read_original
from articles.media import NO_LIKENESS, count_differences, measure_likeness
from articles.models import MediaBand, MediaFile, MediaPair
from articles.stores import StoreError

logger = logging.getLogger(__name__)

MOST_DIFFERENCES = 7
QUARTERS, BITS = 4, 16
PORTION = 25
MAX_CANDIDATES = 2_000
MAX_ALIKE = 12
"""Pictures shown beside one, and pairs kept of it: of a hundred frames of one scene nobody looks at all."""


def keys_of(likeness: str) -> list[int]:
    """The four quarters of a likeness, each with its place; none for a picture that has none."""
    if len(likeness) != QUARTERS * BITS // 4:
        return []
    bits = int(likeness, 16)
    return [place << BITS | (bits >> place * BITS) & 0xFFFF for place in range(QUARTERS)]


def near_keys(likeness: str) -> set[int]:
    """The quarters that a picture which looks alike has one of."""
    return {key ^ change for key in keys_of(likeness) for change in (0, *(1 << bit for bit in range(BITS)))}


def find_alike(likeness: str, *, besides: int | None = None) -> list[MediaFile]:
    """The library's pictures that look like this, the likest first; two queries."""
    rows = MediaBand.objects.filter(key__in=near_keys(likeness)).exclude(media=besides).order_by("-media_id")
    found: dict[int, int] = {}
    for key, other in rows.values_list("media_id", "media__likeness")[:MAX_CANDIDATES]:
        found[key] = count_differences(likeness, other)
    nearest = sorted((apart, -key) for key, apart in found.items() if apart <= MOST_DIFFERENCES)[:MAX_ALIKE]
    pictures = MediaFile.objects.in_bulk([-key for _apart, key in nearest])
    return [pictures[-key] for _apart, key in nearest if -key in pictures]


@transaction.atomic
def compare_pictures(files: Sequence[MediaFile]) -> None:
    """Enters pictures into the index and keeps who looks like them; a constant number of queries per portion."""
    for portion in _portions([media for media in files if keys_of(media.likeness)]):
        bands = [MediaBand(media=media, key=key) for media in portion for key in keys_of(media.likeness)]
        MediaBand.objects.bulk_create(bands, ignore_conflicts=True)
        wanted = {key for media in portion for key in near_keys(media.likeness)}
        rows = MediaBand.objects.filter(key__in=wanted).order_by("-media_id").values_list("media_id", "media__likeness")
        candidates = dict(rows[: MAX_CANDIDATES * PORTION])
        pairs = [pair for media in portion for pair in _pair(media, candidates)]
        MediaPair.objects.bulk_create(pairs, ignore_conflicts=True)


def _pair(media: MediaFile, candidates: dict[int, str]) -> Iterator[MediaPair]:
    """The likest of the candidates, each with the older of the two first."""
    apart = ((count_differences(media.likeness, other), key) for key, other in candidates.items() if key != media.pk)
    for distance, key in sorted(entry for entry in apart if entry[0] <= MOST_DIFFERENCES)[:MAX_ALIKE]:
        first, second = sorted((key, media.pk))
        yield MediaPair(first_id=first, second_id=second, distance=distance)


def forget(media: MediaFile) -> None:
    """Takes a picture out of the index and lets go of its pairs: it looks different now."""
    media.bands.all().delete()
    MediaPair.objects.filter(Q(first=media) | Q(second=media)).delete()


def measure_waiting(limit: int) -> int:
    """Measures and compares pictures that came with an import, or before there were likenesses; how many, at most ``limit``.

    One original is in memory at a time.
    """
    done = last = 0
    while portion := list(_waiting().filter(pk__gt=last)[: min(PORTION, limit - done)]):
        for media in portion:
            if not media.likeness:
                try:
                    media.likeness = _measure(media)
                except StoreError as error:
                    logger.warning("%s: %s. Pictures are measured later", error.filename, error.strerror)
                    return done
                MediaFile.objects.filter(pk=media.pk, likeness="").update(likeness=media.likeness)
        compare_pictures(portion)
        done, last = done + len(portion), portion[-1].pk
    return done


def _waiting() -> QuerySet[MediaFile]:
    pictures = MediaFile.objects.filter(content_type__startswith="image/").exclude(public_name="").exclude(likeness=NO_LIKENESS)
    entered = MediaBand.objects.filter(media=OuterRef("pk"))
    return pictures.filter(~Exists(entered)).order_by("pk")


def _measure(media: MediaFile) -> str:
    try:
        return measure_likeness(read_original(media.sha256))
    except StoreError:
        raise
    except OSError:
        # The original is gone; whatever shows the picture says so.
        return NO_LIKENESS


def _portions(files: Iterable[MediaFile]) -> Iterator[list[MediaFile]]:
    rest = iter(files)
    while portion := list(islice(rest, PORTION)):
        yield portion
