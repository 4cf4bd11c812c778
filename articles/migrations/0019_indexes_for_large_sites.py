"""What lists of a large site are read by: languages, standing pages, drafts beside posts, edited posts, files of an import."""

from __future__ import annotations

from django.db import migrations, models

from articles.migrations._indexes import AddIndexBeside


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("articles", "0018_outbox")]

    operations = [
        AddIndexBeside("post", models.Index(fields=["language", "-published_at", "-id"], name="post_of_language")),
        AddIndexBeside("post", models.Index(fields=["path"], condition=models.Q(kind="page"), name="post_pages")),
        AddIndexBeside(
            "post",
            models.Index(
                fields=["state", "-published_at", "-id"],
                condition=models.Q(state__in=["draft", "in_review", "withdrawn"]),
                name="post_withheld",
            ),
        ),
        AddIndexBeside(
            "post",
            models.Index(fields=["-published_at", "-id"], condition=models.Q(pending__isnull=False), name="post_with_changes"),
        ),
        AddIndexBeside(
            "post", models.Index(fields=["-published_at", "-id"], condition=models.Q(is_edited=True), name="post_edited")
        ),
        AddIndexBeside("importitem", models.Index(fields=["run", "path"], name="import_item_path")),
        AddIndexBeside(
            "importitem",
            models.Index(fields=["run"], condition=models.Q(resolution__isnull=False), name="import_item_resolution"),
        ),
    ]
