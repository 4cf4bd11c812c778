"""A small newsroom at work: everything that people and programs do to a site, one thing after the other, at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from django.db.models import Q
from django.utils import timezone

from articles.models import (
    Author,
    Category,
    Correction,
    FrontPage,
    FrontSlot,
    MediaFile,
    PictureVariants,
    Post,
    PostAuthor,
    PostCard,
    PostCategory,
    Redirect,
    RelatedPost,
    Series,
    SiteLink,
    SiteSettings,
    Source,
    Tag,
)
from tests.factories import AuthorFactory, CategoryFactory, MediaFileFactory, PostFactory, SeriesFactory, make_correction


class Newsroom:
    """A small site, and everything that people and programs do to it, at random."""

    def __init__(self, seed: int, clock: list[timedelta]) -> None:
        self.random = random.Random(seed)
        self.clock = clock
        self.number = 0
        lists = [["home", "/old/"], ["tag", "/old/topics/"]]
        self.source = Source.objects.create(name="old", dialect="hugo", timezone="UTC", lists=lists)
        SiteSettings.objects.create(number=1, posts_per_page=5)
        root = CategoryFactory(name="政治")
        self.categories = [
            root,
            CategoryFactory(name="国会", parent=root),
            CategoryFactory(name="経済"),
            CategoryFactory(name="文化"),
        ]
        self.authors = AuthorFactory.create_batch(3)
        self.tags = [Tag.objects.create(name=name) for name in ("AI", "物流", "選挙")]
        self.series = SeriesFactory.create_batch(2)
        self.files = MediaFileFactory.create_batch(3)
        for _each in range(16):
            self.write()

    # --- What is done

    def write(self) -> None:
        """A new post: public, a draft, scheduled, a standing page, with whatever belongs to it."""
        self.number += 1
        chosen = self.random.random()
        now = timezone.now()
        moment = now - timedelta(hours=self.random.randint(1, 2000))
        state = Post.State.PUBLISHED
        kind, expires = Post.Kind.ARTICLE, None
        if chosen < 0.1:
            state = Post.State.DRAFT
        elif chosen < 0.25:
            state, moment = Post.State.SCHEDULED, now + timedelta(minutes=self.random.randint(1, 300))
        elif chosen < 0.35:
            expires = now + timedelta(minutes=self.random.randint(1, 300))
        elif chosen < 0.42:
            kind = Post.Kind.PAGE
        post = PostFactory(
            state=state,
            kind=kind,
            published_at=None if kind == Post.Kind.PAGE else moment,
            expires_at=expires,
            slug=f"post-{self.number}",
            series=self.random.choice([None, None, *self.series]),
            series_order=self.random.choice([None, 1, 2, 3, 4]),
            language=self.random.choice(["", "", "", "en"]),
            translation_key=self.random.choice(["", "", "shared"]),
            cover=self.random.choice([None, None, *self.files]),
            categories=self.random.sample(self.categories, self.random.randint(0, 2)),
            tags=self.random.sample([tag.name for tag in Tag.objects.order_by("pk")], self.random.randint(0, 2)),
            authors=self.random.sample(self.authors, self.random.randint(0, 2)),
        )
        if self.random.random() < 0.3:
            self._show_picture(post)

    def retitle(self) -> None:
        self._change(title=f"題{self.random.random()}")

    def rewrite(self) -> None:
        self._change(body_html=f"<p>本文{self.random.random()}</p>")

    def show_a_picture(self) -> None:
        self._show_picture(self._post())

    def _show_picture(self, post: Post) -> None:
        file = self.random.choice(self.files)
        Post.objects.filter(pk=post.pk).update(body_html=f'<p><img src="/media/{file.public_name}" alt=""></p>')

    def describe(self) -> None:
        self._change(custom_excerpt=f"抜粋{self.random.random()}", description="説明")

    def count(self) -> None:
        self._change(character_count=self.random.randint(10, 20_000))

    def redate(self) -> None:
        self._change(published_at=timezone.now() - timedelta(hours=self.random.randint(1, 2000)))

    def schedule(self) -> None:
        self._change(published_at=timezone.now() + timedelta(minutes=self.random.randint(1, 200)), state="scheduled")

    def expire(self) -> None:
        self._change(expires_at=timezone.now() + timedelta(minutes=self.random.randint(-5, 200)))

    def turn_state(self) -> None:
        self._change(state=self.random.choice(["published", "published", "withdrawn", "draft"]))

    def trash(self) -> None:
        self._change(trashed_at=self.random.choice([None, timezone.now()]))

    def delete(self) -> None:
        if Post.objects.count() > 8:
            self._post().delete()

    def move(self) -> None:
        post = self._post()
        self.number += 1
        Redirect.objects.get_or_create(old_path=post.path, defaults={"post": post})
        path = self.random.choice([f"/moved/{self.number}/", f"/moved-{self.number}.html", f"/tags/{self.number}/"])
        Post.objects.filter(pk=post.pk).update(path=path)

    def take_an_address(self) -> None:
        terms = [unquote(self.random.choice(rows).get_absolute_url()) for rows in (self.tags, self.authors, self.categories)]
        address = self.random.choice(["/", "/tags/", "/archives/", "/authors/", "/2026/", "/feeds/", *terms])
        if not Post.objects.filter(path=address).exists():
            self._change(path=address)

    def stand_above_a_list(self) -> None:
        """A page that came from the ``_index`` of a section, a language, a taxonomy or a term of an old site."""
        kind, folder, path, language = self.random.choice(
            [
                ("section/moved", "moved", "/moved/", ""),
                ("home", "en", "/en/", "en"),
                ("taxonomy/topics", "topics", "/old/topics/", ""),
                ("term/topics/ai", "topics/ai", "/old/topics/ai/", ""),
            ]
        )
        if not Post.objects.filter(Q(path=path) | Q(source=self.source, source_path=f"content/{folder}/_index.md")).exists():
            values = {"source": self.source, "source_path": f"content/{folder}/_index.md", "source_permalink": path}
            post = PostFactory(path=path, kind="page", published_at=None, translation_key=kind, language=language, **values)
            Post.objects.filter(pk=post.pk).update(body_html=f"<p>前書き{self.random.random()}</p>")

    def change_folder(self) -> None:
        self.number += 1
        self._change(source=self.source, source_path=f"content/{self.random.choice(['moved', 'other'])}/{self.number}.md")

    def readdress_in_the_source(self) -> None:
        """An import that says another address of a page above a list than the one before."""
        pages = Post.objects.filter(source_path__contains="_index.").order_by("pk")
        if pages:
            former = self.random.choice(["/old/topics/", "/old/topics/ai/", "/old/labels/ai/", "/elsewhere/"])
            Post.objects.filter(pk=self.random.choice(list(pages)).pk).update(source_permalink=former)

    def state_lists(self) -> None:
        """An import that found other lists in the configuration of the old site."""
        named = self.random.choice([["tag", "/old/topics/"], ["tag", "/old/labels/"], ["author", "/old/topics/"]])
        Source.objects.filter(pk=self.source.pk).update(lists=[["home", "/old/"], named])

    def undate(self) -> None:
        self._change(kind="page", published_at=None, path=f"/moved/page-{self.random.randint(1, 10_000)}/")

    def categorize(self) -> None:
        post, category = self._post(), self.random.choice(self.categories)
        if self.random.random() < 0.5:
            PostCategory.objects.filter(post=post, category=category).delete()
        elif Category.objects.filter(pk=category.pk).exists():
            PostCategory.objects.get_or_create(post=post, category=category, defaults={"position": self.random.randint(0, 3)})

    def tag(self) -> None:
        post, tag = self._post(), self.random.choice(self.tags)
        if self.random.random() < 0.5:
            post.tagged_items.filter(tag=tag).delete()
        elif Tag.objects.filter(pk=tag.pk).exists() and not post.tagged_items.filter(tag=tag).exists():
            post.tagged_items.create(tag=tag)

    def credit(self) -> None:
        post, author = self._post(), self.random.choice(self.authors)
        if self.random.random() < 0.5:
            PostAuthor.objects.filter(post=post, author=author).delete()
        else:
            PostAuthor.objects.get_or_create(post=post, author=author)

    def rename_a_tag(self) -> None:
        tag = self.random.choice(self.tags)
        Tag.objects.filter(pk=tag.pk).update(name=f"札{self.random.random()}")

    def readdress_a_tag(self) -> None:
        self.number += 1
        Tag.objects.filter(pk=self.random.choice(self.tags).pk).update(slug=f"tag-{self.number}")

    def describe_a_tag(self) -> None:
        Tag.objects.filter(pk=self.random.choice(self.tags).pk).update(description=f"札の説明{self.random.random()}")

    def rename_an_author(self) -> None:
        author = self.random.choice(self.authors)
        Author.objects.filter(pk=author.pk).update(
            name=f"班{self.random.random()}", bio="紹介", picture=self.random.choice(self.files)
        )

    def rename_a_series(self) -> None:
        Series.objects.filter(pk=self.random.choice(self.series).pk).update(name=f"連載{self.random.random()}")

    def change_series(self) -> None:
        self._change(series=self.random.choice([None, *self.series]), series_order=self.random.choice([None, 1, 2, 3]))

    def rename_a_category(self) -> None:
        Category.objects.filter(pk=self.random.choice(self.categories).pk).update(name=f"分野{self.random.random()}")

    def move_a_category(self) -> None:
        category = Category.objects.filter(parent__isnull=False).first()
        if category:
            category.parent = self.random.choice([None, self.categories[2], self.categories[0]])
            category.save()

    def translate(self) -> None:
        self._change(language=self.random.choice(["", "en", "fr"]), translation_key=self.random.choice(["", "shared", "other"]))

    def hide_from_search(self) -> None:
        self._change(noindex=self.random.random() < 0.5)

    def cover(self) -> None:
        self._change(cover=self.random.choice([None, *self.files]), cover_alt=f"図{self.random.random()}")

    def caption_a_file(self) -> None:
        MediaFile.objects.filter(pk=self.random.choice(self.files).pk).update(
            alt=f"絵{self.random.random()}", focus_x=self.random.randint(0, 100)
        )

    def make_variants(self) -> None:
        file = MediaFile.objects.get(pk=self.random.choice(self.files).pk)
        width = self.random.choice([320, 640])
        shapes = {"full": {"stem": "_1", "size": [1200, 675], "webp": [width], "png": [width]}}
        PictureVariants.objects.update_or_create(media=file, defaults={"sha256": file.sha256, "shapes": shapes})

    def replace_a_file(self) -> None:
        self.number += 1
        file = self.random.choice(self.files)
        MediaFile.objects.filter(pk=file.pk).update(public_name=f"00/{self.number:016x}/new.png")

    def correct(self) -> None:
        make_correction(
            self._post(), f"訂正{self.random.random()}", timezone.now() - timedelta(minutes=self.random.randint(0, 9))
        )

    def take_back_a_correction(self) -> None:
        Correction.objects.filter(pk__in=Correction.objects.values("pk")[:1]).delete()

    def draw_a_card(self) -> None:
        PostCard.objects.update_or_create(post=self._post(), defaults={"name": f"00/{self.random.randint(0, 9)}/_card.png"})

    def relate(self) -> None:
        post, other = self._post(), self._post()
        RelatedPost.objects.filter(post=post).delete()
        RelatedPost.objects.create(post=post, other=other, position=1)

    def arrange(self) -> None:
        self.number += 1
        now = timezone.now()
        edition = FrontPage.objects.create(
            number=self.number,
            starts_at=now + timedelta(minutes=self.random.choice([-10, -1, 5, 90])),
            ends_at=self.random.choice([None, now + timedelta(minutes=self.random.randint(1, 200))]),
        )
        for position, post in enumerate(self.random.sample(list(Post.objects.all()), 3)):
            FrontSlot.objects.create(edition=edition, post=post, position=position)

    def withdraw_an_edition(self) -> None:
        FrontPage.objects.update(withdrawn_at=timezone.now())

    def set_the_site(self) -> None:
        self.number += 1
        row = SiteSettings.objects.create(
            number=self.number + 100, name=f"新聞{self.random.random()}", posts_per_page=self.random.choice([5, 6])
        )
        tag = Tag.objects.filter(pk=self.random.choice(self.tags).pk).first()
        SiteLink.objects.create(settings=row, place="footer", position=1, label="札", tag=tag, address="" if tag else "/x/")

    def wait(self) -> None:
        self.clock[0] += timedelta(minutes=self.random.randint(1, 120))

    # --- Over what

    def _post(self) -> Post:
        return self.random.choice(list(Post.objects.order_by("pk")))

    def _change(self, **values: Any) -> None:
        Post.objects.filter(pk=self._post().pk).update(**values)

    def actions(self) -> list[Callable[[], None]]:
        """Everything above, a new post and a wait more often."""
        names = [name for name in vars(Newsroom) if not name.startswith("_") and name != "actions" and name != "addresses"]
        return [getattr(self, name) for name in [*names, "write", "wait", "redate", "turn_state", "stand_above_a_list"]]

    def addresses(self) -> list[str]:
        """Where readers may go."""
        found = [
            "/",
            "/archives/",
            "/tags/",
            "/authors/",
            "/series/",
            "/categories/",
            "/feeds/",
            "/rss.xml",
            "/atom.xml",
            "/2026/",
        ]
        found += [f"/{moment:%Y/%m}/" for moment in Post.objects.dates("published_at", "month")]
        for model in (Tag, Author, Series, Category):
            found += [term.get_absolute_url() for term in model.objects.all()]
        found += [f"{Tag.objects.order_by('pk')[0].get_absolute_url()}feed.json"]
        for path in Post.objects.values_list("path", flat=True):
            found += [path, path.rstrip("/") + ".md"]
        return found
