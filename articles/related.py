"""Which posts belong together: by what they are about, as their own words and their terms say it.

Chosen from the words of a text that say most about it (runs of kanji, katakana and Latin letters, weighed by how rare they
are here): the search index names the newest posts with each, so that the cost does not grow with the site. The few
candidates are then compared by all such words and by shared terms. What is kept is derived: :func:`relate_waiting` makes it
for every post whose entry in the index says that it has to be made.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from articles.models import Post, PostCategory, PostQuerySet, RelatedPost, SearchEntry, TaggedPost
from articles.search import Search, TooSlow, find_many
from articles.searchtext import LINE

KEPT = 8
"""Posts kept of each: more than are shown, because some may be withdrawn when a reader comes."""
MAX_WORDS = 16
PER_WORD = 25
CANDIDATES = 30
LEAST = 0.1
"""Posts less alike than this have nothing to do with each other; better none than any."""
PORTION = 20
SAMPLE = 1_500
_SECONDS_KNOWN = 3_600
_MAX_TEXT = 20_000
_TITLE_WEIGHT = 3
_TERM_WEIGHT = 0.2
_WORDS = re.compile("[\u3005\u3400-\u9fff]{2,}|[\u30a1-\u30fa\u30fc]{3,}|[a-z][a-z0-9+#.-]{2,}")
_KANJI = re.compile("[\u3005\u3400-\u9fff]")


def content_words(folded: str) -> Counter[str]:
    """What a folded text is about, counted: kanji in pairs, katakana and Latin words whole; those of the title count more."""
    title, _line, text = folded.partition(LINE)
    counts = Counter(_split_words(text[:_MAX_TEXT]))
    for word in _split_words(title):
        counts[word] += _TITLE_WEIGHT
    return counts


def _split_words(text: str) -> Iterable[str]:
    for run in _WORDS.findall(text):
        if _KANJI.match(run):
            yield from map("".join, pairwise(run))
        else:
            yield run.rstrip(".-")


@dataclass(slots=True)
class Rarity:
    """How rare words are among the site's posts, from a sample of them that is read once an hour."""

    counts: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    read_at: float = -math.inf

    def refresh(self) -> None:
        """Reads the sample where that is due: posts spread evenly over the archive."""
        if time.monotonic() - self.read_at < _SECONDS_KNOWN:
            return
        keys = list(SearchEntry.objects.order_by("place").values_list("place", flat=True))
        step = max(len(keys) // SAMPLE, 1)
        counts: Counter[str] = Counter()
        sample = SearchEntry.objects.filter(place__in=keys[::step][:SAMPLE])
        for text in sample.values_list("text", flat=True).iterator(100):
            counts.update(content_words(text).keys())
        self.counts, self.size, self.read_at = counts, len(keys[::step][:SAMPLE]), time.monotonic()

    def weigh(self, words: Counter[str]) -> dict[str, float]:
        """The words with their weights, those that stand in every third text left out; the whole has length 1."""
        weights = {
            word: (1 + math.log(number)) * math.log((self.size + 1) / (self.counts.get(word, 0) + 0.5))
            for word, number in words.items()
            if self.counts.get(word, 0) * 3 <= max(self.size, 30)
        }
        length = math.sqrt(sum(weight * weight for weight in weights.values()))
        return {word: weight / length for word, weight in weights.items()} if length else {}


_rarity = Rarity()


def relate_waiting(limit: int, *, spreads: bool = True) -> int:
    """Finds related posts for entries that wait for it, the newest first; how many were done, at most ``limit``.

    ``spreads``: posts that a new one belongs to are looked at again, too, so that the new one stands beside them. For a whole
    archive that would be done many times over, and each is looked at anyway.
    """
    done = 0
    while done < limit:
        with transaction.atomic():
            waiting = SearchEntry.objects.select_for_update(of=("self",)).filter(related_at__isnull=True).order_by("-place")
            entries = list(waiting.select_related("post")[: min(PORTION, limit - done)])
            if not entries:
                return done
            _rarity.refresh()
            for entry in entries:
                _relate(entry, spreads=spreads)
        done += len(entries)
    return done


def mark_waiting(posts: Iterable[Post]) -> None:
    """Says that these posts changed: what belongs to them, and whom they belong to, is looked for again."""
    keys = [post.pk for post in posts]
    others = RelatedPost.objects.filter(other__in=keys).order_by().values("post")
    SearchEntry.objects.filter(Q(post__in=keys) | Q(post__in=others)).update(related_at=None)


def find_related(post: Post, folded: str) -> list[int]:
    """The numbers of the posts that belong to ``post``, the nearest first; ``folded`` is its folded text. A few queries."""
    own = _rarity.weigh(content_words(folded))
    articles = _articles(post)
    rough = _find_candidates(post, own, articles)
    if not rough:
        return []
    best = sorted(rough, key=lambda key: (-rough[key], -key))[:CANDIDATES]
    texts = SearchEntry.objects.filter(post__in=articles.filter(pk__in=best).order_by().values("pk"))
    likeness = {key: _compare(own, _rarity.weigh(content_words(text))) for key, text in texts.values_list("post_id", "text")}
    terms = _count_shared_terms(post, list(likeness))
    scores = {key: value + terms.get(key, 0.0) for key, value in likeness.items()}
    return [key for key in sorted(scores, key=lambda key: (-scores[key], -key)) if scores[key] >= LEAST][:KEPT]


def _relate(entry: SearchEntry, *, spreads: bool) -> None:
    SearchEntry.objects.filter(pk=entry.pk).update(related_at=timezone.now())
    try:
        with transaction.atomic():
            found = find_related(entry.post, entry.text) if is_article(entry.post) else []
    except TooSlow:
        # The next change of the post asks again; what was found before stays.
        return
    rows = RelatedPost.objects.filter(post=entry.post_id)
    is_new = not rows.exists()
    rows.delete()
    RelatedPost.objects.bulk_create(
        RelatedPost(post_id=entry.post_id, other_id=other, position=place) for place, other in enumerate(found, 1)
    )
    if spreads and is_new:
        # Only where the post is new, or two posts would go on sending each other.
        SearchEntry.objects.filter(post__in=found, related_at__isnull=False).update(related_at=None)


def is_article(post: Post) -> bool:
    """Whether related posts are looked for: readers may see it, and it is part of lists."""
    return post.is_public and post.kind == Post.Kind.ARTICLE and post.published_at is not None


def _articles(post: Post) -> PostQuerySet:
    """What may belong to a post: public articles of its language, but not the post itself in another one."""
    rows = Post.objects.published().filter(kind=Post.Kind.ARTICLE, published_at__isnull=False, language=post.language)
    rows = rows.exclude(pk=post.pk)
    return rows.exclude(translation_key=post.translation_key) if post.translation_key else rows


def _find_candidates(post: Post, own: Mapping[str, float], articles: PostQuerySet) -> dict[int, float]:
    """Posts with the words that say most, and with the same tags, each with the sum of what it shares."""
    words = sorted(own, key=lambda word: (-own[word], word))[:MAX_WORDS]
    rough: dict[int, float] = defaultdict(float)
    for word, hits in zip(words, find_many([Search(articles, [word]) for word in words], PER_WORD), strict=True):
        for hit in hits:
            rough[hit.post] += own[word]
    tags = TaggedPost.objects.filter(content_object=post).values("tag")
    tagged = TaggedPost.objects.filter(tag__in=tags).exclude(content_object=post).order_by("-pk")
    for key in tagged.values_list("content_object_id", flat=True)[: 2 * PER_WORD]:
        rough[key] += 0.1
    return rough


def _compare(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """How alike two texts are, from 0 to 1: the cosine of their weighed words."""
    few, many = sorted((first, second), key=len)
    return sum(weight * many.get(word, 0.0) for word, weight in few.items())


def _count_shared_terms(post: Post, others: Sequence[int]) -> dict[int, float]:
    """What shared tags and categories add to the likeness of posts: the more, the fewer posts have them."""
    added: dict[int, float] = defaultdict(float)
    for through, owner, term in ((TaggedPost, "content_object", "tag"), (PostCategory, "post", "category")):
        rows = through._base_manager.order_by()
        known = rows.filter(**{f"{term}__in": rows.filter(**{owner: post}).values(term)})
        numbers = dict(known.values_list(term).annotate(number=Count("pk")))
        for key, shared in known.filter(**{f"{owner}__in": others}).values_list(f"{owner}_id", f"{term}_id"):
            added[key] += _TERM_WEIGHT / (1 + math.log(numbers[shared]))
    return added
