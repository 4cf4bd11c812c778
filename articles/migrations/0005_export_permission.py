"""The right to export, and who has it: everyone who writes or edits. What leaves is what the account may see anyway."""

from django.db import migrations

GROUPS = ("importer", "author", "editor", "publisher")
CODENAME = "export_posts"


def give_right(apps, schema_editor):
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    content_type, _ = content_types.get_or_create(app_label="articles", model="post")
    # The signal after all migrations would make the row too late.
    permission, _ = permissions.get_or_create(codename=CODENAME, content_type=content_type, defaults={"name": "Can export posts"})
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=GROUPS):
        group.permissions.add(permission)


def take_right(apps, schema_editor):
    database = schema_editor.connection.alias
    apps.get_model("auth", "Permission").objects.using(database).filter(
        codename=CODENAME, content_type__app_label="articles"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("articles", "0004_conflicts_by_their_file")]

    operations = [
        migrations.AlterModelOptions(
            name="post",
            options={
                "ordering": ["-published_at", "-pk"],
                "permissions": [
                    ("publish_post", "Can publish, schedule and withdraw posts"),
                    ("review_post", "Can review posts"),
                    ("change_others_post", "Can change posts of other people"),
                    ("export_posts", "Can export posts"),
                ],
                "verbose_name": "post",
                "verbose_name_plural": "posts",
            },
        ),
        migrations.RunPython(give_right, take_right),
    ]
