"""manage.py render_posts: renders again what an older renderer made."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.derive import save_derived
from articles.management.translated import TranslatedCommand
from articles.markup import RENDERER_VERSION
from articles.models import Post
from articles.referrers import refresh_due

BATCH = 100


class Command(TranslatedCommand):
    # Checks read the whole desk, which takes as long as a thousand posts; "manage.py check" and the server run them.
    requires_system_checks = []
    help = gettext_lazy(
        "Renders the posts again whose stored HTML an older renderer made. May be stopped and run again at any time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help=_("renders every post"))
        parser.add_argument(
            "--due",
            type=int,
            metavar="MINUTES",
            help=_("only those that refer to posts which appeared or expired by themselves in the last MINUTES"),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["due"] is not None:
            now = timezone.now()
            rendered = refresh_due(now - timedelta(minutes=max(options["due"], 0)), now)
            self.stdout.write(_("%(count)d posts rendered.") % {"count": len(rendered)})
            return
        posts = Post.objects.all() if options["all"] else Post.objects.exclude(renderer_version=RENDERER_VERSION)
        keys = list(posts.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(keys), BATCH):
            with transaction.atomic():
                for post in Post.objects.filter(pk__in=keys[start : start + BATCH]).select_related("source"):
                    save_derived(post)
        self.stdout.write(_("%(count)d posts rendered.") % {"count": len(keys)})
