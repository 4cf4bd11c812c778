"""Marks the posts whose texts have links that are paid for. By itself, so that nobody waits for the table meanwhile."""

from __future__ import annotations

import re
from typing import Any

from django.db import migrations

AT_ONCE = 500
# As articles.markup.text says it today.
PAID_LINK = re.compile(r'<a(?: [a-z-]+="[^"]*")* rel="(?:[^"]* )?sponsored[ "]')


def mark(apps: Any, schema_editor: Any) -> None:
    """Reads the texts that have the word at all, which are few; whoever runs it again finds what is left."""
    posts = apps.get_model("articles", "Post").objects.using(schema_editor.connection.alias)
    after = 0
    while True:
        rows = list(
            posts.filter(pk__gt=after, has_paid_links=False, body_html__contains="sponsored")
            .order_by("pk")
            .values_list("pk", "body_html")[:AT_ONCE]
        )
        posts.filter(pk__in=[key for key, html in rows if PAID_LINK.search(html)]).update(has_paid_links=True)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1][0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("articles", "0020_paid_links")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
