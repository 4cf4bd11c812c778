"""Versions of the site's settings with their links, and who may change them: publishers and administrators."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

CODENAME = "change_sitesettings"


def give_right(apps, schema_editor):
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    content_type, _ = content_types.get_or_create(app_label="articles", model="sitesettings")
    # The signal after all migrations would make the row too late.
    permission, _ = permissions.get_or_create(
        codename=CODENAME, content_type=content_type, defaults={"name": "Can change site settings"}
    )
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=("publisher", "administrator")):
        group.permissions.add(permission)


def take_right(apps, schema_editor):
    apps.get_model("auth", "Permission").objects.using(schema_editor.connection.alias).filter(
        codename=CODENAME, content_type__app_label="articles"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0016_variants_and_cards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SiteSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(editable=False, unique=True, verbose_name="number")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="saved")),
                ("name", models.CharField(blank=True, max_length=80, verbose_name="site name")),
                ("description", models.CharField(blank=True, max_length=300, verbose_name="description of the site")),
                ("footer_text", models.CharField(blank=True, max_length=500, verbose_name="text in the foot")),
                ("copyright", models.CharField(blank=True, max_length=200, verbose_name="copyright line")),
                ("accent_light", models.CharField(blank=True, max_length=7, verbose_name="accent colour, light")),
                ("accent_dark", models.CharField(blank=True, max_length=7, verbose_name="accent colour, dark")),
                ("paper_light", models.CharField(blank=True, max_length=7, verbose_name="paper colour, light")),
                ("paper_dark", models.CharField(blank=True, max_length=7, verbose_name="paper colour, dark")),
                ("permalink", models.CharField(blank=True, max_length=120, verbose_name="form of new addresses")),
                (
                    "posts_per_page",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(100)],
                        verbose_name="articles on a page of a list",
                    ),
                ),
                ("has_analytics", models.BooleanField(default=False, verbose_name="count visits with the script below")),
                ("analytics_script", models.CharField(blank=True, max_length=300, verbose_name="address of the script")),
                ("analytics_domain", models.CharField(blank=True, max_length=200, verbose_name="name of this site there")),
                (
                    "advertising_label",
                    models.CharField(blank=True, max_length=60, verbose_name="advertising label on an article"),
                ),
                (
                    "advertising_label_short",
                    models.CharField(blank=True, max_length=30, verbose_name="advertising label in lists"),
                ),
                (
                    "logo",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="articles.mediafile",
                        verbose_name="picture in the masthead",
                    ),
                ),
                (
                    "logo_dark",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="articles.mediafile",
                        verbose_name="the same for dark screens",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
            ],
            options={
                "verbose_name": "site settings",
                "verbose_name_plural": "site settings",
                "ordering": ["-number"],
                "default_permissions": ("change",),
            },
        ),
        migrations.CreateModel(
            name="SiteLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "place",
                    models.CharField(
                        choices=[("navigation", "navigation"), ("footer", "links in the foot"), ("social", "accounts elsewhere")],
                        max_length=10,
                        verbose_name="place",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(verbose_name="position")),
                ("label", models.CharField(max_length=60, verbose_name="label")),
                ("address", models.CharField(blank=True, max_length=500, verbose_name="address")),
                (
                    "category",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="articles.category",
                        verbose_name="category",
                    ),
                ),
                (
                    "post",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="articles.post",
                        verbose_name="post",
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="articles.tag",
                        verbose_name="tag",
                    ),
                ),
                (
                    "settings",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="articles.sitesettings",
                        verbose_name="site settings",
                    ),
                ),
            ],
            options={
                "verbose_name": "link of the site",
                "verbose_name_plural": "links of the site",
                "ordering": ["settings", "place", "position"],
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("settings", "place", "position"), name="site_link_place")],
            },
        ),
        migrations.RunPython(give_right, take_right),
    ]
