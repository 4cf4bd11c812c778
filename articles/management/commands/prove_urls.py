"""manage.py prove_urls: asks this site for the addresses of an old one, and says what it answered."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.addresses import host_of
from articles.findings import RefusedFile
from articles.formats.address_lists import MAX_BYTES, collect, read_addresses
from articles.management.translated import TranslatedCommand
from articles.models import ImportRun, ProofItem, Source
from articles.transfer.proving import (
    PROVED,
    Fetch,
    InProcess,
    OverHttp,
    Proof,
    addresses_of_run,
    addresses_of_source,
    count_hidden,
    prove,
    write_csv,
    write_json,
)
from articles.transfer.reporting import printable

SHOWN = 20


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Asks this site for the addresses of an old one: those that its sources are known to have had, or a list. "
        "Ends with code 1 where one of them leads nowhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        lists = parser.add_mutually_exclusive_group()
        lists.add_argument("--run", type=int, metavar="N", help=_("the addresses of an import"))
        lists.add_argument("--source", metavar="NAME", help=_("the addresses of a source; none of these: of all sources"))
        lists.add_argument("--sitemap", type=Path, metavar="FILE", help=_("a sitemap.xml, an index of sitemaps, or such a .gz"))
        lists.add_argument("--csv", type=Path, metavar="FILE", help=_("a table with a column “url”, or one address per line"))
        parser.add_argument("--host", action="append", default=[], metavar="HOST", help=_("an old host of which no source knows"))
        parser.add_argument("--base", default="", metavar="URL", help=_("asks this running server of yours, not this process"))
        parser.add_argument("--json", dest="json_file", type=Path, metavar="FILE", help=_("writes the report there"))
        parser.add_argument("--csv-out", type=Path, metavar="FILE", help=_("writes the report there, as a table"))

    def handle(self, *args: Any, **options: Any) -> None:
        fetch = find_fetch(options["base"])
        hosts = [read_host(host) for host in options["host"]]
        addresses = dict.fromkeys(self._addresses(options))
        proofs: list[Proof] = []
        try:
            for proof in prove(addresses, hosts=hosts, fetch=fetch):
                proofs.append(proof)
        finally:
            if isinstance(fetch, OverHttp):
                fetch.close()
        counts = Counter(str(proof.outcome) for proof in proofs)
        about = {"asked": options["base"] or "in process", "total": len(proofs), "totals": dict(counts)}
        write(options["csv_out"], write_csv(proofs))
        write(options["json_file"], write_json(proofs, about))
        self._tell(proofs, counts)
        if any(proof.outcome not in PROVED for proof in proofs):
            raise CommandError(_("Not every address is answered. The list above says which, the report names all."))

    def _addresses(self, options: dict[str, Any]) -> Iterator[str]:
        if options["run"] is not None:
            run = ImportRun.objects.filter(pk=options["run"]).first()
            if run is None:
                raise CommandError(_("There is no import %(number)s.") % {"number": options["run"]})
            self._note_hidden(Source.objects.filter(pk__in=run.items.values("source")))
            return addresses_of_run(run)
        if path := options["sitemap"] or options["csv"]:
            return iter(self._read_list(path))
        sources = Source.objects.order_by("pk")
        if options["source"]:
            sources = sources.filter(name=options["source"])
            if not sources.exists():
                raise CommandError(_("There is no source “%(name)s”.") % {"name": options["source"]})
        self._note_hidden(sources)
        return (address for source in sources for address in addresses_of_source(source))

    def _note_hidden(self, sources: Iterable[Source]) -> None:
        if hidden := count_hidden(sources):
            template = _("%(count)d posts are not public, so their addresses are not asked for.")
            self.stderr.write(template % {"count": hidden})

    def _read_list(self, path: Path) -> list[str]:
        """The file's addresses; of an index of sitemaps those of the files of these names beside it."""
        try:
            files = [(path.name, read_bytes(path))]
            beside = {one.name: one for one in path.resolve().parent.iterdir() if one.is_file() and not one.is_symlink()}
            for child in read_addresses(files[0][1], path.name).children:
                name = child.partition("?")[0].rpartition("/")[2]
                found = beside.get(name) or beside.get(name.removesuffix(".gz"))
                if found is not None and found.name != path.name:
                    files.append((found.name, read_bytes(found)))
            addresses, findings = collect(files)
        except RefusedFile as refused:
            raise CommandError(refused.finding.localised()) from None
        except OSError as error:
            template = _("“%(path)s” cannot be read: %(reason)s.")
            raise CommandError(template % {"path": path, "reason": error.strerror or error}) from None
        for finding in findings:
            self.stderr.write(finding.localised())
        return addresses

    def _tell(self, proofs: list[Proof], counts: Counter[str]) -> None:
        words = dict(ProofItem.Outcome.choices)
        self.stdout.write(
            "　".join([f"{_('Addresses')} {len(proofs)}", *(f"{words[name]} {counts[name]}" for name in words if counts[name])])
        )
        notes = dict(ProofItem.Note.choices)
        wrong = [proof for proof in proofs if proof.outcome not in PROVED]
        for proof in wrong[:SHOWN]:
            more = proof.candidate_path or proof.location
            parts = [
                str(words[proof.outcome]),
                printable(proof.address),
                f"→ {printable(more)}" if more else "",
                notes.get(proof.note),
            ]
            self.stdout.write("  " + "　".join(str(part) for part in parts if part))
        if len(wrong) > SHOWN:
            more_template = _("… and %(count)d more; --json FILE names them all.")
            self.stdout.write("  " + more_template % {"count": len(wrong) - SHOWN})


def find_fetch(base: str) -> Fetch:
    """Who is asked. Raises CommandError for a base that is no server of one's own."""
    if not base:
        return InProcess()
    try:
        return OverHttp(base)
    except ValueError:
        template = _("“%(base)s” is no server of this site. Give one like http://127.0.0.1:8000.")
        raise CommandError(template % {"base": base}) from None


def read_host(text: str) -> str:
    """A host as people write it. Raises CommandError for what is none."""
    host = host_of(text if "//" in text else f"//{text}")
    if not host:
        raise CommandError(_("“%(host)s” is no host. Give one like old.example.jp.") % {"host": text})
    return host


def read_bytes(path: Path) -> bytes:
    """The file's bytes, one more than the limit at most. Raises OSError."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def write(path: Path | None, lines: Iterable[str]) -> None:
    """Writes a report. Raises CommandError where the file cannot be written."""
    if path is None:
        return
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        template = _("The report cannot be written to “%(path)s”: %(reason)s.")
        raise CommandError(template % {"path": path, "reason": error.strerror}) from None
