"""Whether a text has links that are paid for: a column, so that lists need not look through the texts of their cards."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("articles", "0019_indexes_for_large_sites")]

    operations = [
        migrations.AddField(
            model_name="post",
            name="has_paid_links",
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name="links that are paid for"),
        ),
    ]
