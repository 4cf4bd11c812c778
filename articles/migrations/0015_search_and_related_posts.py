"""The search index and related posts: new tables, empty. ``manage.py reindex`` and ``relate_posts`` fill them."""

import django.db.models.deletion
from django.db import migrations, models

# The pieces of texts, as each database looks for them. The tokens hold no ASCII (articles.searchtext), so that this tokenizer
# parts them at blanks alone. Without content, positions and sizes: the text stands in the entry.
SQLITE = """
CREATE VIRTUAL TABLE articles_search_grams
USING fts5(grams, content='', detail='none', columnsize=0, tokenize='ascii')
"""
POSTGRESQL = (
    "ALTER TABLE articles_searchentry ADD COLUMN grams tsvector",
    "CREATE INDEX search_entry_grams ON articles_searchentry USING gin (grams)",
)


def make_index(apps, schema_editor):
    """Makes what the models cannot say."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(SQLITE)
    else:
        for statement in POSTGRESQL:
            schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    """Drops it again; on PostgreSQL it goes with its table."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE articles_search_grams")


class Migration(migrations.Migration):
    dependencies = [("articles", "0014_posts_kept_out_of_search")]

    operations = [
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                ("place", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.PositiveSmallIntegerField()),
                ("text", models.TextField()),
                ("is_wide", models.BooleanField(default=False)),
                ("related_at", models.DateTimeField(null=True)),
                (
                    "post",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="search_entry", to="articles.post"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["version"], name="search_entry_version"),
                    models.Index(
                        fields=["-place"],
                        condition=models.Q(("related_at__isnull", True)),
                        name="search_entry_unrelated",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RelatedPost",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "post",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="related", to="articles.post"),
                ),
                (
                    "other",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="related_to", to="articles.post"),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("post", "position"), name="related_post_position")],
            },
        ),
        migrations.RunPython(make_index, drop_index, elidable=False),
    ]
