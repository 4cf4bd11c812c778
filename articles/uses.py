"""Where files of the library are shown: as a cover, in a text, beside a by-line, in the masthead, in a kept version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Concat

from articles.models import Author, MediaFile, MediaVersion, Post, PostLink, Revision, SiteLink, SiteSettings

MAX_KEPT = 20


@dataclass(frozen=True, slots=True)
class OtherUses:
    """Where a file is shown beside posts: by-lines whose portrait it is, and the site's settings as they hold."""

    bylines: int = 0
    is_in_settings: bool = False

    def __bool__(self) -> bool:
        return bool(self.bylines or self.is_in_settings)


def addresses_of(media: MediaFile) -> list[str]:
    """The addresses by which texts may show the file: its own, and those that it had before it was replaced."""
    former = [settings.MEDIA_URL + name for name in media.versions.values_list("public_name", flat=True)] if media.pk else []
    return [media.url, *former] if media.url else former


def find_uses(media: MediaFile) -> QuerySet[Post]:
    """The posts that show the file, whatever their state: as their cover, or by its address in the text."""
    links = PostLink.objects.filter(url__in=addresses_of(media)).order_by()
    covers = Post.objects.filter(cover=media).order_by()
    # Two sets of keys, not two conditions on a post: for an alternative a database reads all posts.
    return Post.objects.filter(pk__in=covers.values_list("pk").union(links.values_list("post_id"), all=True))


def count_uses(files: Sequence[MediaFile]) -> dict[int, int]:
    """How many posts show each of the files; three queries whatever their number."""
    keys = [media.pk for media in files]
    by_url = {media.url: media.pk for media in files if media.url}
    for name, key in MediaVersion.objects.filter(media__in=keys).values_list("public_name", "media_id"):
        by_url[settings.MEDIA_URL + name] = key
    counts: Counter[int] = Counter()
    covers = Post.objects.filter(cover__in=keys).order_by().values("cover").annotate(number=Count("pk"))
    counts.update(dict(covers.values_list("cover", "number")))
    shown_twice = Q(post__cover__isnull=False, url=Concat(Value(settings.MEDIA_URL), F("post__cover__public_name")))
    links = PostLink.objects.filter(url__in=by_url).exclude(shown_twice).order_by().values("url")
    for url, number in links.annotate(number=Count("post", distinct=True)).values_list("url", "number"):
        counts[by_url[url]] += number
    return {key: counts[key] for key in keys}


def count_other_uses(files: Sequence[MediaFile]) -> dict[int, OtherUses]:
    """Where each of the files is shown beside posts; four queries whatever their number."""
    keys = [media.pk for media in files]
    portraits = Author.objects.filter(picture__in=keys).order_by().values("picture").annotate(number=Count("pk"))
    bylines = dict(portraits.values_list("picture", "number"))
    shown = {key for pair in _mastheads().values_list("logo", "logo_dark") for key in pair}
    by_url = {media.url: media.pk for media in files if media.url}
    for name, key in MediaVersion.objects.filter(media__in=keys).values_list("public_name", "media_id"):
        by_url[settings.MEDIA_URL + name] = key
    shown |= {by_url[url] for url in _links().filter(address__in=by_url).values_list("address", flat=True)}
    return {key: OtherUses(bylines.get(key, 0), key in shown) for key in keys}


def find_bylines(media: MediaFile) -> QuerySet[Author]:
    """The by-lines whose portrait the file is."""
    return Author.objects.filter(picture=media)


def without_uses(files: QuerySet[MediaFile]) -> QuerySet[MediaFile]:
    """Those of ``files`` that no post, no by-line and no part of the site's settings shows."""
    address = Concat(Value(settings.MEDIA_URL), OuterRef("public_name"))
    former = MediaVersion.objects.filter(media=OuterRef("pk")).annotate(address=Concat(Value(settings.MEDIA_URL), "public_name"))
    return files.filter(
        ~Exists(Post.objects.filter(cover=OuterRef("pk"))),
        ~Exists(PostLink.objects.filter(url=address)),
        ~Exists(Author.objects.filter(picture=OuterRef("pk"))),
        ~Exists(_mastheads().filter(Q(logo=OuterRef("pk")) | Q(logo_dark=OuterRef("pk")))),
        ~Exists(_links().filter(address=address)),
        ~Exists(former.filter(Exists(PostLink.objects.filter(url=OuterRef("address"))))),
        ~Exists(former.filter(Exists(_links().filter(address=OuterRef("address"))))),
    )


def is_in_masthead(media: MediaFile) -> bool:
    """Whether the site's settings, as they hold, show the file in the masthead."""
    return _mastheads().filter(Q(logo=media) | Q(logo_dark=media)).exists()


def is_linked(media: MediaFile) -> bool:
    """Whether a link of the site's settings, as they hold, leads to the file."""
    return _links().filter(address__in=addresses_of(media)).exists()


def _links() -> QuerySet[SiteLink]:
    """The links of the settings that hold."""
    return SiteLink.objects.order_by().filter(settings__in=_mastheads().values("pk"))


def _mastheads() -> QuerySet[SiteSettings]:
    """The settings that hold, as a set of at most one row."""
    return SiteSettings.objects.order_by().filter(pk__in=SiteSettings.objects.order_by("-number").values("pk")[:1])


def find_kept_uses(media: MediaFile) -> list[Post]:
    """Posts that do not show the file now while a kept version of theirs does; at most :data:`MAX_KEPT`.

    Reads the texts of versions, so it is asked only before a file goes for good.
    """
    fingerprints = [media.sha256, *media.versions.values_list("sha256", flat=True)]
    kept = Revision.objects.filter(post=OuterRef("pk")).annotate(
        text=Cast(KT("snapshot__body"), TextField()), picture=Cast(KT("snapshot__cover"), TextField())
    )
    shows = Q(picture__in=fingerprints)
    for sha256 in fingerprints:
        shows |= Q(text__contains=f"{settings.MEDIA_URL}{sha256[:2]}/{sha256[:16]}/")
    now = find_uses(media).values("pk")
    return list(Post.objects.filter(Exists(kept.filter(shows))).exclude(pk__in=now).light()[:MAX_KEPT])
