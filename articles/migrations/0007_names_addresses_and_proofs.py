"""What references find posts and files by, indexed; the lists of a source's old site; proofs of old addresses.

Rows that are there get their keys a thousand at a time.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from articles.references import address_key, name_key, path_of

PORTION = 1000
POST_KEYS = ["name_key", "title_key", "address_key"]


def fill_keys(apps, schema_editor):
    database = schema_editor.connection.alias
    posts, links, files = (
        apps.get_model("articles", name)._default_manager.using(database) for name in ("Post", "PostLink", "SourceFile")
    )
    for row in _rows(posts, ("source_path", "path", "source_permalink", "title"), POST_KEYS):
        row.name_key = name_key(row.source_path or row.path)
        row.title_key = name_key(row.title)
        row.address_key = address_key(row.path, row.source_permalink)
    for row in _rows(links, ("kind", "target"), ["key"]):
        row.key = name_key(path_of(row.target) if row.kind == "url" else row.target)
    for row in _rows(files, ("path",), ["name_key"]):
        row.name_key = name_key(row.path)


def _rows(rows, columns, written):
    """Each row once, in portions; what the caller set on it is written before the next portion is read."""
    last = 0
    while portion := list(rows.filter(pk__gt=last).order_by("pk").only(*columns)[:PORTION]):
        yield from portion
        rows.bulk_update(portion, written, batch_size=100)
        last = portion[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0006_table_imports"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProofItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=2000, verbose_name="address")),
                ("path", models.CharField(blank=True, max_length=2000, verbose_name="path")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ok", "answers"),
                            ("moved", "leads on in one step"),
                            ("gone", "withdrawn (410)"),
                            ("missing", "not found"),
                            ("chain", "leads on in more than one step"),
                            ("astray", "leads to another host"),
                            ("error", "error"),
                            ("unreachable", "no answer"),
                            ("foreign", "another host, not asked"),
                            ("unusable", "no address"),
                        ],
                        max_length=12,
                        verbose_name="outcome",
                    ),
                ),
                ("status", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="status")),
                ("location", models.CharField(blank=True, max_length=2000, verbose_name="leads to")),
                (
                    "note",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("not-public", "The post of this address is not public yet."),
                            ("query", "What follows “?” plays no part here."),
                            ("not-served", "This file of the old site is kept, but not shown to readers."),
                            ("temporary", "The redirect is not a permanent one."),
                        ],
                        max_length=12,
                        verbose_name="note",
                    ),
                ),
            ],
            options={
                "verbose_name": "proved address",
                "verbose_name_plural": "proved addresses",
                "ordering": ["run", "pk"],
            },
        ),
        migrations.CreateModel(
            name="ProofRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("label", models.CharField(max_length=300, verbose_name="list")),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "running"), ("finished", "finished")],
                        default="running",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0, verbose_name="addresses")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="checked")),
                ("hosts", models.JSONField(blank=True, default=list, verbose_name="hosts")),
                ("findings", models.JSONField(blank=True, default=list, verbose_name="findings")),
                ("started_at", models.DateTimeField(auto_now_add=True, verbose_name="started")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
            ],
            options={
                "verbose_name": "proof of addresses",
                "verbose_name_plural": "proofs of addresses",
                "ordering": ["-started_at", "-pk"],
            },
        ),
        migrations.RemoveIndex(
            model_name="postlink",
            name="post_link_unresolved",
        ),
        migrations.AddField(
            model_name="post",
            name="address_key",
            field=models.CharField(blank=True, default="", editable=False, max_length=60),
        ),
        migrations.AddField(
            model_name="post",
            name="name_key",
            field=models.CharField(blank=True, default="", editable=False, max_length=60),
        ),
        migrations.AddField(
            model_name="post",
            name="title_key",
            field=models.CharField(blank=True, default="", editable=False, max_length=60),
        ),
        migrations.AddField(
            model_name="postlink",
            name="key",
            field=models.CharField(blank=True, default="", max_length=60),
        ),
        migrations.AddField(
            model_name="source",
            name="lists",
            field=models.JSONField(blank=True, default=list, editable=False, verbose_name="addresses of lists"),
        ),
        migrations.AddField(
            model_name="sourcefile",
            name="name_key",
            field=models.CharField(blank=True, default="", editable=False, max_length=60),
        ),
        migrations.AddIndex(
            model_name="mediafile",
            index=models.Index(fields=["public_name"], name="media_file_public_name"),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(fields=["name_key"], name="post_name_key"),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(fields=["title_key"], name="post_title_key"),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(fields=["address_key"], name="post_address_key"),
        ),
        migrations.AddIndex(
            model_name="postlink",
            index=models.Index(fields=["url", "key"], name="post_link_url_key"),
        ),
        migrations.AddIndex(
            model_name="postlink",
            index=models.Index(fields=["key"], name="post_link_key"),
        ),
        migrations.AddIndex(
            model_name="sourcefile",
            index=models.Index(fields=["name_key"], name="source_file_name_key"),
        ),
        migrations.AddField(
            model_name="proofitem",
            name="candidate",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="articles.post",
                verbose_name="nearest post",
            ),
        ),
        migrations.AddField(
            model_name="proofrun",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="proof_runs",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by",
            ),
        ),
        migrations.AddField(
            model_name="proofitem",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="items",
                to="articles.proofrun",
                verbose_name="proof of addresses",
            ),
        ),
        migrations.AddIndex(
            model_name="proofitem",
            index=models.Index(fields=["run", "outcome", "id"], name="proof_item_outcome"),
        ),
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
    ]
