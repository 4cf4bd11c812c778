"""Where the references of one text lead: here, as the database has them, and in the site that is being written."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin

from articles.markup.document import LinkKind, ResolvedMedia
from articles.models import Post
from articles.references import Place
from articles.transfer.exporting.files import FileBook, OutFile
from articles.transfer.exporting.placing import Placing

VAULT = "obsidian"
_FILE = re.compile(r"\.(?!html?$|md$|markdown$|php$|aspx?$)[A-Za-z0-9]{2,5}$")
# The shapes in which one reference is written: with or without a final slash.
_NO_HOST = "http://-"

Links = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class TextReferences:
    """:class:`articles.formats.translating.References` for one post. ``links`` are its references as they are resolved here."""

    post: Post
    links: Links
    placing: Placing
    book: FileBook
    file_path: str
    outside: frozenset[str] = frozenset()
    """Addresses of public posts that are no part of the export: texts name them where they are, on the live site."""

    def page(self, kind: str, target: str) -> str | None:
        """How the new text names the page; ``None`` where it is unknown here or is not part of the export."""
        url = self.links.get((kind, target)) or ""
        goal = self.placing.goals.get(url)
        return self._live_address(url) if goal is None else self._from_here(goal)

    def file(self, target: str) -> str | None:
        """How the new text names the file."""
        found = self.find_file(target)
        return None if found is None else found.address

    def find_file(self, target: str) -> OutFile | None:
        """The file that the text calls ``target``; it leaves with the text."""
        source = self.post.source
        place = Place(self.post.source_path, self.post.path, source.base_path if source else "")
        return self.book.find(self.post.source_id, target, place)

    def rewrite(self, target: str) -> str | None:
        """The new name of what a link means, where the link as it stands would mean something else."""
        if _FILE.search(target) and (found := self.find_file(target)) is not None:
            return None if self._natural(target) == found.address else found.address
        url = self.links.get(("path", target)) or ""
        goal = self.placing.goals.get(url)
        if goal is None:
            return self._live_address(url)
        if self._natural(target) in (goal, f"/{goal}"):
            return None
        return self._from_here(goal)

    def _live_address(self, url: str) -> str | None:
        return self.placing.options.base_url + quote(url) if url in self.outside else None

    def _from_here(self, goal: str) -> str:
        if self.placing.layout.NAME != VAULT:
            return goal
        folder, name = posixpath.split(goal)
        return name if folder == posixpath.dirname(self.file_path) else f"/{goal}"

    def _natural(self, target: str) -> str:
        """What a reader of the new text takes ``target`` for."""
        return natural_address(target, self.post.path, self.file_path, in_vault=self.placing.layout.NAME == VAULT)


def natural_address(target: str, address: str, file: str, *, in_vault: bool) -> str:
    """A link's path as seen from the page (in a browser) or from the note (in a vault), as a path from the root."""
    if in_vault:
        return posixpath.normpath(posixpath.join("/", posixpath.dirname(file), target))
    joined = urljoin(_NO_HOST + quote(address), quote(target))
    return unquote(joined.removeprefix(_NO_HOST)) or "/"


@dataclass(frozen=True, slots=True)
class NewTextResolver:
    """A :class:`articles.markup.document.Resolver` for a text as it was written: gives the addresses that are here."""

    references: TextReferences

    def link(self, kind: LinkKind, target: str) -> str | None:
        placing, post = self.references.placing, self.references.post
        in_vault = placing.layout.NAME == VAULT
        natural = natural_address(target, post.path, self.references.file_path, in_vault=in_vault)
        if placing.addresses:
            candidates = (natural.lstrip("/"), natural, target, f"{target}.md", f"{natural.lstrip('/')}.md")
            return next((placing.addresses[name] for name in candidates if name in placing.addresses), None)
        if kind == "path":
            # As an import does: a path from the root is an address, a relative one only where it names a file.
            return target if target.startswith("/") and target in placing.goals else None
        return self.references.links.get((kind, target)) or None

    def media(self, target: str) -> ResolvedMedia | None:
        references = self.references
        in_vault = references.placing.layout.NAME == VAULT
        natural = natural_address(target, references.post.path, references.file_path, in_vault=in_vault)
        found = references.book.by_address.get(natural) or references.book.by_address.get("/" + target.lstrip("/"))
        return None if found is None else ResolvedMedia(found.url)


@dataclass(frozen=True, slots=True)
class StoredResolver:
    """Gives what the database holds, for a text whose rendering is older than the renderer."""

    links: Links

    def link(self, kind: LinkKind, target: str) -> str | None:
        return self.links.get((kind, target)) or None

    def media(self, target: str) -> ResolvedMedia | None:
        url = next(
            (self.links[kind, target] for kind in ("image", "embed", "wikilink", "path") if (kind, target) in self.links), ""
        )
        return ResolvedMedia(url) if url else None
