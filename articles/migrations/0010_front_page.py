"""Editions of the front page, and who may arrange it: publishers."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

CODENAME = "arrange_front_page"


def give_right(apps, schema_editor):
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    content_type, _ = content_types.get_or_create(app_label="articles", model="frontpage")
    # The signal after all migrations would make the row too late.
    permission, _ = permissions.get_or_create(
        codename=CODENAME, content_type=content_type, defaults={"name": "Can arrange the front page"}
    )
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name="publisher"):
        group.permissions.add(permission)


def take_right(apps, schema_editor):
    apps.get_model("auth", "Permission").objects.using(schema_editor.connection.alias).filter(
        codename=CODENAME, content_type__app_label="articles"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0009_pictures_focus_rights_and_likeness"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FrontPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(unique=True, verbose_name="number")),
                ("starts_at", models.DateTimeField(verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="saved")),
                (
                    "made_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="articles.frontpage",
                        verbose_name="made from",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="front_pages",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
            ],
            options={
                "verbose_name": "front page",
                "verbose_name_plural": "front page",
                "ordering": ["-number"],
                "permissions": [("arrange_front_page", "Can arrange the front page")],
                "default_permissions": (),
                "indexes": [models.Index(fields=["-starts_at", "-number"], name="front_page_newest")],
            },
        ),
        migrations.CreateModel(
            name="FrontSlot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("lead", "lead"), ("pinned", "pinned")], default="pinned", max_length=6, verbose_name="kind"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(verbose_name="position")),
                (
                    "edition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="slots",
                        to="articles.frontpage",
                        verbose_name="front page",
                    ),
                ),
                (
                    "post",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="front_slots",
                        to="articles.post",
                        verbose_name="post",
                    ),
                ),
            ],
            options={
                "verbose_name": "place on the front page",
                "verbose_name_plural": "places on the front page",
                "ordering": ["edition", "position"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("edition", "post"), name="front_slot_once"),
                    models.UniqueConstraint(fields=("edition", "position"), name="front_slot_place"),
                ],
            },
        ),
        migrations.RunPython(give_right, take_right),
    ]
