"""The outbox of what changed for readers. Its triggers are made after every ``migrate`` (``articles.changes``)."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("articles", "0017_site_settings")]

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("turn", models.BigIntegerField(default=0)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("kind", models.CharField(max_length=10)),
                ("key", models.BigIntegerField(default=0)),
                ("name", models.CharField(default="", max_length=1000)),
                ("aspect", models.CharField(default="", max_length=10)),
                ("before", models.DateTimeField(null=True)),
                ("after", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["turn"], name="change_turn"),
                    models.Index(fields=["at"], name="change_at"),
                ],
            },
        ),
    ]
