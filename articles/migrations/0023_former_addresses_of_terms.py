"""Former addresses of categories, tags, by-lines and series. A new table, so that it costs a large site nothing."""

import django.db.models.deletion
from django.db import migrations, models


def to(model: str) -> models.ForeignKey:
    """A column that names the term, if it is one of this kind."""
    return models.ForeignKey(
        blank=True,
        null=True,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="former_addresses",
        to=f"articles.{model}",
    )


class Migration(migrations.Migration):
    dependencies = [("articles", "0022_closed_forms")]

    operations = [
        migrations.CreateModel(
            name="TermRedirect",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=10, verbose_name="kind")),
                ("old_slug", models.CharField(max_length=700, verbose_name="former address")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("category", to("category")),
                ("tag", to("tag")),
                ("author", to("author")),
                ("series", to("series")),
            ],
            options={
                "verbose_name": "former address of a term",
                "verbose_name_plural": "former addresses of terms",
                "ordering": ["kind", "old_slug"],
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("kind", "old_slug"), name="term_redirect_once")],
            },
        ),
    ]
