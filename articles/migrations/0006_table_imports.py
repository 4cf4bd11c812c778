"""Tables that came in, and their rows. Both are new, so that no row that is there is touched."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0005_export_permission"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TableImport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("session_hash", models.CharField(blank=True, editable=False, max_length=64)),
                (
                    "model",
                    models.CharField(
                        choices=[
                            ("post", "posts"),
                            ("author", "authors"),
                            ("category", "categories"),
                            ("tag", "tags"),
                            ("redirect", "redirects"),
                        ],
                        max_length=10,
                        verbose_name="what it changes",
                    ),
                ),
                ("label", models.CharField(max_length=300, verbose_name="table")),
                ("format", models.CharField(max_length=10, verbose_name="format")),
                ("sha256", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("size", models.PositiveBigIntegerField(default=0, verbose_name="size in bytes")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("reading", "being read"),
                            ("planning", "being compared"),
                            ("planned", "waits for confirmation"),
                            ("applying", "being written"),
                            ("finished", "finished"),
                            ("cancelled", "cancelled"),
                        ],
                        default="reading",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("options", models.JSONField(blank=True, default=dict, verbose_name="options")),
                ("columns", models.JSONField(blank=True, default=list, verbose_name="columns")),
                ("rows_total", models.PositiveIntegerField(default=0, verbose_name="rows")),
                ("totals", models.JSONField(blank=True, default=dict, verbose_name="totals")),
                ("findings", models.JSONField(blank=True, default=list, verbose_name="findings")),
                ("plan_sha256", models.CharField(blank=True, editable=False, max_length=64)),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name="uploaded")),
                ("planned_at", models.DateTimeField(blank=True, null=True, verbose_name="compared")),
                ("confirmed_at", models.DateTimeField(blank=True, null=True, verbose_name="confirmed")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="table_imports",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
            ],
            options={
                "verbose_name": "table import",
                "verbose_name_plural": "table imports",
                "ordering": ["-created_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="TableRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(verbose_name="row")),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("create", "new"),
                            ("update", "changed"),
                            ("unchanged", "unchanged"),
                            ("conflict", "conflict"),
                            ("refused", "refused"),
                        ],
                        max_length=10,
                        verbose_name="verdict",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("applied", "saved"), ("refused", "refused")],
                        max_length=10,
                        verbose_name="outcome",
                    ),
                ),
                ("object_id", models.BigIntegerField(blank=True, null=True)),
                ("label", models.CharField(blank=True, max_length=300, verbose_name="entry")),
                ("cells", models.JSONField(blank=True, default=dict)),
                ("source_findings", models.JSONField(blank=True, default=list)),
                ("changes", models.JSONField(blank=True, default=dict)),
                ("expected", models.CharField(blank=True, max_length=64)),
                ("findings", models.JSONField(blank=True, default=list, verbose_name="findings")),
                ("claims", models.JSONField(blank=True, default=list)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="articles.tableimport",
                        verbose_name="table import",
                    ),
                ),
            ],
            options={
                "verbose_name": "row of a table import",
                "verbose_name_plural": "rows of table imports",
                "ordering": ["run", "number"],
                "indexes": [models.Index(fields=["run", "verdict", "outcome"], name="table_row_verdict")],
                "constraints": [models.UniqueConstraint(fields=("run", "number"), name="table_row_once")],
            },
        ),
    ]
