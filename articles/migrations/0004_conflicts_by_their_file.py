"""Files of conflicts are kept until somebody decides: whoever clears away unused files looks them up by content."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("articles", "0003_plans_journal_and_undo_of_imports")]

    operations = [
        migrations.AddIndex(
            model_name="importitem",
            index=models.Index(condition=models.Q(verdict="conflict"), fields=["sha256"], name="import_item_conflict"),
        ),
    ]
