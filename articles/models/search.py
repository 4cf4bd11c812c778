"""What posts are found by, and which posts belong together. Derived: all of it can be made again from the posts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from articles.models.post import Post


class SearchEntry(models.Model):
    """What one post is found by. Written by :mod:`articles.search` alone.

    ``place`` orders all entries by date (see :func:`articles.search.places_for`), so that the newest hits are read first and
    the reading stops early; the pieces of the text by which they are found stand beside it, as each database looks for them:
    on SQLite in the table ``articles_search_grams``, whose rows have the same number, on PostgreSQL in the column ``grams``.
    ``text`` is the folded title, a line end and the folded text (:func:`articles.searchtext.fold_post`). ``is_wide`` says that it
    has too many pieces for the column, so that every question has to read the text itself. ``related_at`` is when the posts that
    belong to this one were looked for; empty where that has to be done.
    """

    place = models.BigAutoField(primary_key=True)
    post = models.OneToOneField(Post, models.CASCADE, related_name="search_entry")
    version = models.PositiveSmallIntegerField()
    text = models.TextField()
    is_wide = models.BooleanField(default=False)
    related_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["version"], name="search_entry_version"),
            models.Index(fields=["-place"], condition=Q(related_at__isnull=True), name="search_entry_unrelated"),
        ]

    def __str__(self) -> str:
        return str(self.post_id)


class RelatedPost(models.Model):
    """A post that belongs to another, the nearest at position 1. Whether readers may see it is asked when they do."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="related")
    other = models.ForeignKey(Post, models.CASCADE, related_name="related_to")
    position = models.PositiveSmallIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["post", "position"], name="related_post_position")]

    def __str__(self) -> str:
        return f"{self.post_id} → {self.other_id}"
