"""Smaller copies of pictures, and cards of posts: two new tables, so that large ones stay as they are."""

import django.db.models.deletion
from django.db import migrations, models

_DERIVED = [
    ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
    ("holder", models.CharField(blank=True, default="", editable=False, max_length=120)),
    ("until", models.DateTimeField(blank=True, editable=False, null=True)),
    ("tries", models.PositiveSmallIntegerField(default=0, editable=False)),
    ("findings", models.JSONField(blank=True, default=list, editable=False)),
]


def _owned_by(model: str, name: str, verbose_name: str) -> models.OneToOneField:
    return models.OneToOneField(
        on_delete=django.db.models.deletion.CASCADE, related_name=name, to=model, verbose_name=verbose_name
    )


class Migration(migrations.Migration):
    dependencies = [("articles", "0015_search_and_related_posts")]

    operations = [
        migrations.CreateModel(
            name="PictureVariants",
            fields=[
                *_DERIVED,
                ("sha256", models.CharField(blank=True, default="", editable=False, max_length=64)),
                ("recipe", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("shapes", models.JSONField(blank=True, default=dict, editable=False)),
                ("tone", models.CharField(blank=True, default="", editable=False, max_length=20)),
                ("focus_x", models.PositiveSmallIntegerField(default=50, editable=False)),
                ("focus_y", models.PositiveSmallIntegerField(default=50, editable=False)),
                ("has_crops", models.BooleanField(default=False, editable=False)),
                ("has_square", models.BooleanField(default=False, editable=False)),
                ("media", _owned_by("articles.mediafile", "variants", "media file")),
            ],
            options={
                "verbose_name": "variants of a picture",
                "verbose_name_plural": "variants of pictures",
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PostCard",
            fields=[
                *_DERIVED,
                ("name", models.CharField(blank=True, db_index=True, default="", editable=False, max_length=60)),
                ("key", models.CharField(blank=True, default="", editable=False, max_length=64)),
                ("made_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("post", _owned_by("articles.post", "card", "post")),
            ],
            options={
                "verbose_name": "card",
                "verbose_name_plural": "cards",
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
    ]
