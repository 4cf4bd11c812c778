"""manage.py publish_static TARGET: writes the whole public site as files, so that nginx or a bucket serves it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.findings import RefusedFile
from articles.management.translated import TranslatedCommand
from articles.site.publishing import Report, publish
from articles.site.publishing.target import SUFFIX, Mode

SHOWN = 20
EVERY = 25


class Command(TranslatedCommand):
    # Checks read the whole desk; "manage.py check" and the server run them.
    requires_system_checks = []
    help = gettext_lazy(
        "Writes the public site as files that a web server or a bucket serves: pages, feeds, media, and tables of redirects "
        "and headers. Only what changed is written; what is no longer public is removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", help=_("the folder that is served; nothing else may be in it"))
        parser.add_argument(
            "--state",
            type=Path,
            metavar="DIR",
            help=_("where the record and the tables for the server lie; default: TARGET%(suffix)s") % {"suffix": SUFFIX},
        )
        parser.add_argument(
            "--search-url",
            default="",
            metavar="URL",
            help=_("where readers search: files cannot; without it pages offer no search"),
        )
        parser.add_argument(
            "--address",
            action="append",
            default=[],
            metavar="ADDRESS",
            help=_("only this address (/2025/11/a/); may be repeated"),
        )
        parser.add_argument(
            "--all", action="store_true", help=_("asks every address even where nothing changed since the last run")
        )
        parser.add_argument("--adopt", action="store_true", help=_("overwrites files in the way that did not come from here"))
        looking = parser.add_mutually_exclusive_group()
        looking.add_argument("--dry-run", action="store_true", help=_("says what would be written and removed"))
        looking.add_argument(
            "--check", action="store_true", help=_("compares every file with the site, byte by byte, and writes nothing")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["target"]
        if "://" in name:
            complaint = _(
                "“%(target)s” is no folder. Publish to a folder and bring that to the bucket; docs/static-publishing.md says how."
            )
            raise CommandError(complaint % {"target": name})
        search_url: str = options["search_url"]
        if search_url and not (search_url.startswith("/") or urlsplit(search_url).scheme in ("http", "https")):
            raise CommandError(_("“%(address)s” is no address to search at.") % {"address": search_url})
        mode: Mode = "dry-run" if options["dry_run"] else "check" if options["check"] else "write"
        shows = sys.stderr.isatty() and options["verbosity"]
        try:
            report = publish(
                Path(name),
                state=options["state"],
                only=options["address"] or None,
                mode=mode,
                adopt=options["adopt"],
                everything=options["all"],
                search_url=search_url,
                progress=self._show_progress if shows else None,
            )
        except RefusedFile as refused:
            raise CommandError(refused.finding.localised()) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            template = _("“%(path)s” cannot be written (%(reason)s). Nothing was removed; the next run goes on.")
            raise CommandError(template % {"path": error.filename or name, "reason": _(reason)}) from None
        self._report(report, mode, search_url)

    def _show_progress(self, met: int, address: str) -> None:
        if met % EVERY == 0:
            self.stderr.write(f"\r{met} {address[:100]:<100}", ending="")

    def _report(self, report: Report, mode: Mode, search_url: str) -> None:
        for address, finding in report.refused[:SHOWN]:
            self.stderr.write(f"{address}　{finding.localised()}")
        for address in report.differing[:SHOWN]:
            self.stdout.write(address)
        self._say_rest(len(report.refused) - SHOWN)
        self._say_rest(len(report.differing) - SHOWN)
        if report.is_proved:
            self.stdout.write(_("Nothing that readers see changed since the last run."))
        counts = {name: getattr(report, name) for name in ("written", "unchanged", "removed", "redirects", "gone")}
        seconds = f"{report.seconds:.1f}"
        template = _(
            "%(written)d written, %(unchanged)d unchanged, %(removed)d removed, %(refused)d refused; %(redirects)d addresses "
            "lead on, %(gone)d are gone. %(seconds)s s."
        )
        self.stdout.write(template % {**counts, "refused": len(report.refused), "seconds": seconds})
        if mode == "write" and report.changed_tables:
            self.stdout.write(
                _("Tables that changed: %(names)s. Reload the web server.") % {"names": ", ".join(report.changed_tables)}
            )
        if mode == "write" and not report.is_proved:
            self.stdout.write(
                _("Not in files: the desk, previews, the API, proposals at unknown addresses. Scheduled posts need a run.")
            )
            if not search_url:
                self.stdout.write(_("Pages offer no search; --search-url says where there is one."))
        if mode == "check" and report.differing:
            raise CommandError(_("%(count)d files differ from the site.") % {"count": len(report.differing)})
        if report.refused:
            raise CommandError(_("%(count)d addresses could not be published.") % {"count": len(report.refused)})

    def _say_rest(self, count: int) -> None:
        if count > 0:
            self.stderr.write(_("… and %(count)d more.") % {"count": count})
