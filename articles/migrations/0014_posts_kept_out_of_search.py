"""Whether search engines are to leave a post out: a column with a default, which PostgreSQL adds without writing the table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("articles", "0013_corrections")]

    operations = [
        migrations.AddField(
            model_name="post",
            name="noindex",
            field=models.BooleanField(default=False, verbose_name="kept out of search engines"),
        ),
    ]
