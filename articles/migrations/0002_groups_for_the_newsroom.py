"""Groups importer, author, editor and publisher. Groups of the same name that exist already only gain rights."""

from django.db import migrations

TERMS = ["author", "category", "series", "tag"]
READ_TRANSFER = ["view_importrun", "view_importitem", "view_source", "view_sourcefile"]
AUTHOR = [
    "add_post",
    "change_post",
    "view_post",
    "view_revision",
    "add_mediafile",
    "change_mediafile",
    "view_mediafile",
    *[f"view_{name}" for name in TERMS],
]
IMPORTER = [*AUTHOR, *READ_TRANSFER, "import_posts"]
EDITOR = [
    *AUTHOR,
    *READ_TRANSFER,
    "change_others_post",
    "review_post",
    "view_redirect",
    *[f"{verb}_{name}" for verb in ("add", "change") for name in TERMS],
]
PUBLISHER = [
    *EDITOR,
    "publish_post",
    "delete_post",
    "delete_mediafile",
    "add_redirect",
    "change_redirect",
    "delete_redirect",
    *[f"delete_{name}" for name in TERMS],
]
GROUPS = {"importer": IMPORTER, "author": AUTHOR, "editor": EDITOR, "publisher": PUBLISHER}
SPECIAL = {
    "import_posts": ("importrun", "Can import Markdown archives"),
    "publish_post": ("post", "Can publish, schedule and withdraw posts"),
    "review_post": ("post", "Can review posts"),
    "change_others_post": ("post", "Can change posts of other people"),
}


def find_permission(apps, database, codename):
    """The permission row, made now where the signal after all migrations would make it too late."""
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    verb, _, model = codename.partition("_")
    model, name = SPECIAL.get(codename) or (model, f"Can {verb} {apps.get_model('articles', model)._meta.model_name}")
    content_type, _ = content_types.get_or_create(app_label="articles", model=model)
    permission, _ = permissions.get_or_create(codename=codename, content_type=content_type, defaults={"name": name})
    return permission


def make_groups(apps, schema_editor):
    database = schema_editor.connection.alias
    groups = apps.get_model("auth", "Group").objects.using(database)
    for name, codenames in GROUPS.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.add(*[find_permission(apps, database, codename) for codename in codenames])


def remove_groups(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("articles", "0001_posts_terms_media_and_imports"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, remove_groups)]
