"""manage.py export_table MODEL FILE: takes posts, authors, categories, tags or redirects out as a table."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.findings import RefusedFile
from articles.management.commands.import_posts import find_user, without_statement_log
from articles.management.translated import TranslatedCommand
from articles.transfer.resources import RESOURCES, TableResource
from articles.transfer.table_exports import FORMATS, Format, choose_columns, export_table, list_keys


class Command(TranslatedCommand):
    help = gettext_lazy("Writes posts, authors, categories, tags or redirects as a table that import_table reads back.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", choices=list(RESOURCES))
        parser.add_argument("file", type=Path, help=_("the table to write; its suffix says which format"))
        parser.add_argument("--format", choices=FORMATS, help=_("where the suffix does not say it"))
        parser.add_argument("--columns", default="", metavar="NAMES", help=_("by commas; none: all but texts; “all”: all"))
        parser.add_argument("--plain-headings", action="store_true", help=_("only the names of columns, for programs"))
        parser.add_argument("--as", dest="username", metavar="USER", help=_("only what this account may see; none: everything"))

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["username"])
        resource = RESOURCES[options["model"]](user)
        if not resource.may_export(user):
            raise CommandError(_("“%(user)s” may not export this table.") % {"user": options["username"]})
        target: Path = options["file"]
        format = _choose_format(target, options["format"])
        names = _choose_names(resource, options["columns"])
        with without_statement_log():
            keys = list_keys(resource)
            columns = choose_columns(resource, names)
            _write(target, export_table(resource, keys, columns, format, plain_headings=options["plain_headings"]))
        self.stdout.write(_("%(count)d rows written to %(target)s.") % {"count": len(keys), "target": target})


def _choose_format(target: Path, stated: str | None) -> Format:
    name = stated or target.suffix.lower().lstrip(".")
    if name not in FORMATS:
        raise CommandError(
            _("“%(name)s” is no format. Name the file .xlsx, .csv or .json, or give --format.") % {"name": name or target.name}
        )
    return name


def _choose_names(resource: TableResource, stated: str) -> list[str]:
    if stated == "all":
        return list(resource.columns)
    names = [name.strip() for name in stated.split(",") if name.strip()]
    if unknown := [name for name in names if name not in resource.columns]:
        raise CommandError(
            _("There is no column “%(names)s”. Known: %(known)s")
            % {"names": "、".join(unknown), "known": ", ".join(resource.columns)}
        )
    return names


def _write(target: Path, pieces: Any) -> None:
    """The file appears only when all of it is written."""
    try:
        with tempfile.TemporaryDirectory(dir=target.resolve().parent, prefix=".table-") as folder:
            part = Path(folder) / "table"
            with part.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            part.replace(target)
    except OSError as error:
        template = _("“%(path)s” cannot be written: %(reason)s. Choose another place.")
        raise CommandError(template % {"path": target, "reason": error.strerror}) from None
    except RefusedFile as refused:
        raise CommandError(refused.finding.localised()) from None
