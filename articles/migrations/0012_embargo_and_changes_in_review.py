"""An embargo, and an index of the few posts whose changes wait for review. The column has no value, so that no row is rewritten."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0011_notices_accounts_and_saved_views"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="post",
            name="embargo_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="embargo until"),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(
                condition=models.Q(("pending_submitted_at__isnull", False)),
                fields=["pending_submitted_at"],
                name="post_changes_in_review",
            ),
        ),
    ]
