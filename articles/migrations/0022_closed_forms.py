"""When a form was saved, so that what it had sent before and comes in afterwards is not taken for new text."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("articles", "0021_find_paid_links")]

    operations = [
        migrations.AddField(
            model_name="presence",
            name="closed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
