"""Notices and what people want by mail, invitations, attempts at signing in, saved views; the group administrator; what the
desk's list is searched in and sorted by.

Posts that are there get their key a thousand at a time.
"""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

from articles.references import search_key

PORTION = 1000
ACCOUNTS = ("view_user", "add_user", "change_user", "view_group")


def fill_keys(apps, schema_editor):
    posts = apps.get_model("articles", "Post")._default_manager.using(schema_editor.connection.alias)
    last = 0
    while portion := list(posts.filter(pk__gt=last).order_by("pk").only("title", "path")[:PORTION]):
        for row in portion:
            row.search_key = search_key(row.title, row.path)
        posts.bulk_update(portion, ["search_key"], batch_size=100)
        last = portion[-1].pk


def make_administrators(apps, schema_editor):
    database = schema_editor.connection.alias
    for label in ("articles", "auth"):
        # The signal after all migrations would make the rows too late; it passes over an application without models.
        application = apps.get_app_config(label)
        application.models_module = True
        create_permissions(application, verbosity=0, using=database, apps=apps)
        application.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    group, _ = apps.get_model("auth", "Group").objects.using(database).get_or_create(name="administrator")
    group.permissions.add(
        *permissions.filter(content_type__app_label="articles"),
        *permissions.filter(content_type__app_label="auth", codename__in=ACCOUNTS),
    )


def remove_administrators(apps, schema_editor):
    apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias).filter(name="administrator").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0010_front_page"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attempts",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True)),
                ("count", models.PositiveIntegerField(default=0)),
                ("until", models.DateTimeField(db_index=True)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="DeskSettings",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="desk_settings",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("unmailed_kinds", models.JSONField(blank=True, default=list)),
                ("language", models.CharField(blank=True, max_length=10, verbose_name="language of mails")),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="invitation",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("submitted", "submitted for review"),
                            ("returned", "returned"),
                            ("published", "published"),
                            ("scheduled", "scheduled"),
                            ("withdrawn", "withdrawn"),
                        ],
                        max_length=10,
                        verbose_name="what happened",
                    ),
                ),
                ("title", models.CharField(max_length=500, verbose_name="title")),
                ("text", models.TextField(blank=True, verbose_name="reason")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="when")),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="read")),
                ("mail_due_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("mail_tries", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("mail_error", models.CharField(blank=True, editable=False, max_length=200)),
                ("mailed_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
                "ordering": ["-created_at", "-pk"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.CharField(max_length=1000)),
                ("is_shared", models.BooleanField(default=False, verbose_name="shown to everybody")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["name", "pk"],
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="post",
            name="search_key",
            field=models.CharField(blank=True, default="", editable=False, max_length=640),
        ),
        migrations.RemoveIndex(model_name="post", name="post_newest"),
        migrations.RemoveIndex(model_name="post", name="post_newest_saved"),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(fields=["-published_at", "-id", "state", "trashed_at", "search_key"], name="post_newest_first"),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", True)), fields=["-modified_at", "-id", "state"], name="post_last_saved"
            ),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(fields=["owner", "state", "-modified_at", "-id"], name="post_owner_saved"),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(condition=models.Q(("expires_at__isnull", False)), fields=["expires_at"], name="post_expires"),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)), fields=["-trashed_at", "-id"], name="post_trash"
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="invited_by",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="actor",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by",
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="post",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="notices",
                to="articles.post",
                verbose_name="post",
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="recipient",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notices",
                to=settings.AUTH_USER_MODEL,
                verbose_name="recipient",
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="saved_views",
                to=settings.AUTH_USER_MODEL,
                verbose_name="belongs to",
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["recipient", "-created_at", "-id"], name="notice_newest"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(condition=models.Q(("read_at__isnull", True)), fields=["recipient"], name="notice_unread"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("mail_due_at__isnull", False)), fields=["mail_due_at"], name="notice_mail_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("user", "name"), name="saved_view_name_once"),
        ),
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
        migrations.RunPython(make_administrators, remove_administrators),
    ]
