"""Imports are planned, journalled and undone: what each run saw, wrote and found before it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def name_old_states(apps, schema_editor):
    """The state "running" is gone; a run that still has it belongs to a process that ended long ago."""
    runs = apps.get_model("articles", "ImportRun").objects.using(schema_editor.connection.alias)
    runs.filter(state="running").update(state="interrupted")


def name_new_states(apps, schema_editor):
    """Older code knows neither plans nor undo: such runs are shown to it as interrupted or finished."""
    runs = apps.get_model("articles", "ImportRun").objects.using(schema_editor.connection.alias)
    runs.filter(state__in=["uploaded", "planning", "planned", "applying"]).update(state="interrupted")
    runs.filter(state__in=["cancelled", "undoing", "undone"]).update(state="finished")


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0002_groups_for_the_newsroom"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="importitem",
            name="applied_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="applied"),
        ),
        migrations.AddField(
            model_name="importitem",
            name="before",
            field=models.BinaryField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="importitem",
            name="claim",
            field=models.CharField(blank=True, max_length=800, verbose_name="address in the source"),
        ),
        migrations.AddField(
            model_name="importitem",
            name="excluded",
            field=models.BooleanField(default=False, verbose_name="left out"),
        ),
        migrations.AddField(
            model_name="importitem",
            name="mapped",
            field=models.JSONField(blank=True, editable=False, null=True, verbose_name="fields"),
        ),
        migrations.AddField(
            model_name="importitem",
            name="resolution",
            field=models.JSONField(blank=True, editable=False, null=True, verbose_name="resolution"),
        ),
        migrations.AddField(
            model_name="importitem",
            name="seen",
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="importitem",
            name="sha256",
            field=models.CharField(blank=True, max_length=64, verbose_name="fingerprint"),
        ),
        migrations.AddField(
            model_name="importitem",
            name="size",
            field=models.PositiveBigIntegerField(default=0, verbose_name="size in bytes"),
        ),
        migrations.AddField(
            model_name="importitem",
            name="undo",
            field=models.CharField(
                blank=True,
                choices=[("removed", "removed"), ("restored", "as before"), ("kept", "kept")],
                editable=False,
                max_length=8,
                verbose_name="undone",
            ),
        ),
        migrations.AddField(
            model_name="importitem",
            name="undo_findings",
            field=models.JSONField(blank=True, default=list, editable=False, verbose_name="why it was kept"),
        ),
        migrations.AddField(
            model_name="importitem",
            name="written_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="importrun",
            name="choices",
            field=models.JSONField(blank=True, default=dict, editable=False, verbose_name="choices"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="done",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="done"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="events",
            field=models.JSONField(blank=True, default=list, editable=False, verbose_name="course"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="importrun",
            name="interrupted_in",
            field=models.CharField(blank=True, editable=False, max_length=12, verbose_name="interrupted while"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="is_upload",
            field=models.BooleanField(default=False, editable=False, verbose_name="uploaded"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="lease",
            field=models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="importrun",
            name="location",
            field=models.CharField(blank=True, editable=False, max_length=1000, verbose_name="place"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="moment",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="importrun",
            name="plan",
            field=models.JSONField(blank=True, default=dict, editable=False, verbose_name="plan"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="planned_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="planned"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="sha256",
            field=models.CharField(blank=True, editable=False, max_length=64, verbose_name="fingerprint"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="sites",
            field=models.JSONField(blank=True, default=list, editable=False, verbose_name="sites"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="size",
            field=models.PositiveBigIntegerField(default=0, editable=False, verbose_name="size in bytes"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="stage",
            field=models.CharField(
                blank=True,
                choices=[
                    ("waiting", "waiting"),
                    ("opening", "opening the archive"),
                    ("files", "storing files"),
                    ("documents", "reading texts"),
                    ("links", "resolving links"),
                    ("missing", "looking for what went"),
                    ("posts", "taking posts back"),
                    ("clearing", "clearing away"),
                ],
                editable=False,
                max_length=12,
                verbose_name="step",
            ),
        ),
        migrations.AddField(
            model_name="importrun",
            name="total",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="of"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="undo_totals",
            field=models.JSONField(blank=True, default=dict, editable=False, verbose_name="undone"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="undone_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="undone"),
        ),
        migrations.AddField(
            model_name="importrun",
            name="undone_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="undone by",
            ),
        ),
        migrations.AddField(
            model_name="importrun",
            name="writer",
            field=models.PositiveSmallIntegerField(blank=True, editable=False, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="source",
            name="choices",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AlterField(
            model_name="importitem",
            name="verdict",
            field=models.CharField(
                choices=[
                    ("create", "created"),
                    ("update", "updated"),
                    ("unchanged", "unchanged"),
                    ("conflict", "conflict"),
                    ("refused", "refused"),
                    ("missing", "file gone"),
                    ("withdraw", "withdrawn"),
                ],
                max_length=10,
                verbose_name="verdict",
            ),
        ),
        migrations.AlterField(
            model_name="importrun",
            name="state",
            field=models.CharField(
                choices=[
                    ("uploaded", "uploaded"),
                    ("planning", "being planned"),
                    ("planned", "planned"),
                    ("applying", "being imported"),
                    ("finished", "finished"),
                    ("interrupted", "interrupted"),
                    ("refused", "refused"),
                    ("cancelled", "cancelled"),
                    ("undoing", "being undone"),
                    ("undone", "undone"),
                ],
                default="uploaded",
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="revision",
            name="origin",
            field=models.CharField(
                choices=[("import", "import"), ("desk", "desk"), ("merge", "merge")],
                default="desk",
                max_length=10,
                verbose_name="origin",
            ),
        ),
        migrations.CreateModel(
            name="ImportChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model", models.CharField(max_length=40)),
                ("object_id", models.BigIntegerField()),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(default=dict)),
                (
                    "undo",
                    models.CharField(
                        blank=True,
                        choices=[("removed", "removed"), ("restored", "as before"), ("kept", "kept")],
                        max_length=8,
                        verbose_name="undone",
                    ),
                ),
                ("undo_findings", models.JSONField(blank=True, default=list, verbose_name="why it was kept")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="articles.importrun",
                        verbose_name="import",
                    ),
                ),
            ],
            options={
                "verbose_name": "import change",
                "verbose_name_plural": "import changes",
                "ordering": ["run", "pk"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ImportTerm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("tag", "tag"), ("category", "category"), ("series", "series"), ("author", "author")],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=1200, verbose_name="name")),
                ("identity", models.CharField(max_length=1300)),
                ("spellings", models.JSONField(blank=True, default=list, verbose_name="spellings")),
                ("posts", models.PositiveIntegerField(default=0, verbose_name="posts")),
                ("existing", models.BigIntegerField(blank=True, null=True)),
                ("proposal", models.CharField(blank=True, max_length=1200, verbose_name="proposed")),
                ("choice", models.CharField(blank=True, max_length=1200, verbose_name="becomes")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="terms",
                        to="articles.importrun",
                        verbose_name="import",
                    ),
                ),
            ],
            options={
                "verbose_name": "term of an import",
                "verbose_name_plural": "terms of an import",
                "ordering": ["run", "kind", "pk"],
                "default_permissions": (),
            },
        ),
        migrations.RunPython(name_old_states, name_new_states),
    ]
