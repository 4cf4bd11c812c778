"""Pictures: the focal point, rights, what they look like, and what stood at a library entry before it was replaced.

New columns have constant values and no row is read: likenesses are filled by ``manage.py measure_pictures`` and the worker.
"""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0008_drafts_autosaves_and_presence"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="mediafile",
            name="focus_x",
            field=models.PositiveSmallIntegerField(
                default=50,
                validators=[django.core.validators.MaxValueValidator(100)],
                verbose_name="focal point from the left, %",
            ),
        ),
        migrations.AddField(
            model_name="mediafile",
            name="focus_y",
            field=models.PositiveSmallIntegerField(
                default=50, validators=[django.core.validators.MaxValueValidator(100)], verbose_name="focal point from the top, %"
            ),
        ),
        migrations.AddField(
            model_name="mediafile",
            name="is_decorative",
            field=models.BooleanField(
                default=False,
                help_text="It says nothing that the text does not say: read aloud, it is passed over.",
                verbose_name="decorative",
            ),
        ),
        migrations.AddField(
            model_name="mediafile",
            name="licence",
            field=models.CharField(
                blank=True,
                choices=[
                    ("all-rights-reserved", "all rights reserved"),
                    ("agency", "agency picture"),
                    ("cc-by", "CC BY"),
                    ("cc-by-sa", "CC BY-SA"),
                    ("cc-by-nd", "CC BY-ND"),
                    ("cc-by-nc", "CC BY-NC"),
                    ("cc-by-nc-sa", "CC BY-NC-SA"),
                    ("cc-by-nc-nd", "CC BY-NC-ND"),
                    ("cc0", "CC0"),
                    ("public-domain", "public domain"),
                    ("other", "other terms"),
                ],
                max_length=20,
                verbose_name="licence",
            ),
        ),
        migrations.AddField(
            model_name="mediafile",
            name="licence_text",
            field=models.CharField(
                blank=True, help_text="As the agency or the owner states them.", max_length=300, verbose_name="terms in words"
            ),
        ),
        migrations.AddField(
            model_name="mediafile",
            name="licence_url",
            field=models.URLField(blank=True, max_length=500, verbose_name="address of the licence"),
        ),
        migrations.AddField(
            model_name="mediafile",
            name="likeness",
            field=models.CharField(blank=True, default="", editable=False, max_length=16),
        ),
        migrations.CreateModel(
            name="MediaVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(db_index=True, editable=False, max_length=64, verbose_name="fingerprint")),
                ("name", models.CharField(max_length=255, verbose_name="file name")),
                ("content_type", models.CharField(max_length=100, verbose_name="type")),
                ("size", models.PositiveBigIntegerField(default=0, verbose_name="size in bytes")),
                ("width", models.PositiveIntegerField(default=0, verbose_name="width")),
                ("height", models.PositiveIntegerField(default=0, verbose_name="height")),
                ("public_name", models.CharField(editable=False, max_length=400, unique=True, verbose_name="public file")),
                ("replaced_at", models.DateTimeField(auto_now_add=True, verbose_name="replaced")),
                (
                    "media",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="articles.mediafile",
                        verbose_name="media file",
                    ),
                ),
                (
                    "replaced_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="replaced by",
                    ),
                ),
            ],
            options={
                "verbose_name": "former file",
                "verbose_name_plural": "former files",
                "ordering": ["-replaced_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="MediaBand",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.IntegerField()),
                (
                    "media",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="bands", to="articles.mediafile"),
                ),
            ],
            options={
                "verbose_name": "part of a likeness",
                "verbose_name_plural": "parts of likenesses",
                "ordering": ["pk"],
                "constraints": [models.UniqueConstraint(fields=("key", "media"), name="media_band_once")],
            },
        ),
        migrations.CreateModel(
            name="MediaPair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("distance", models.PositiveSmallIntegerField()),
                ("is_dismissed", models.BooleanField(default=False)),
                (
                    "first",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pairs_before", to="articles.mediafile"
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pairs_after", to="articles.mediafile"
                    ),
                ),
            ],
            options={
                "verbose_name": "pair of pictures",
                "verbose_name_plural": "pairs of pictures",
                "ordering": ["-second", "-first"],
                "constraints": [models.UniqueConstraint(fields=("second", "first"), name="media_pair_once")],
            },
        ),
    ]
