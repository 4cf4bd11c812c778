"""What the texts of a source print by name."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("articles", "0025_merges_of_terms")]

    operations = [
        migrations.AddField("source", "values", models.JSONField(blank=True, default=dict, editable=False)),
    ]
