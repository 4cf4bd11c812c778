"""manage.py render_posts: renders again what an older renderer made."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.translation import gettext as _

from articles.derive import save_derived
from articles.markup import RENDERER_VERSION
from articles.models import Post

BATCH = 100


class Command(BaseCommand):
    help = "Renders the posts again whose stored HTML an older renderer made. May be stopped and run again at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="renders every post")

    def handle(self, *args: Any, **options: Any) -> None:
        posts = Post.objects.all() if options["all"] else Post.objects.exclude(renderer_version=RENDERER_VERSION)
        keys = list(posts.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(keys), BATCH):
            with transaction.atomic():
                for post in Post.objects.filter(pk__in=keys[start : start + BATCH]).select_related("source"):
                    save_derived(post)
        self.stdout.write(_("%(count)d posts rendered.") % {"count": len(keys)})
