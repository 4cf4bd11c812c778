"""What a section's posts are found by: the folder of the source that their files lie in."""

from __future__ import annotations

from django.db import migrations, models

from articles.migrations._indexes import AddIndexBeside


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("articles", "0023_former_addresses_of_terms")]

    operations = [
        AddIndexBeside(
            "post",
            models.Index(
                fields=["source", "source_path"], opclasses=["int8_ops", "varchar_pattern_ops"], name="post_folder_of_source"
            ),
        ),
    ]
