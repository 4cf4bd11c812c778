"""One post as a file of a new site: its fields, its text, and what is read from the file afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from articles.derive import moved, values_for
from articles.editorial.versions import category_names
from articles.editorial.workflow import LIVE
from articles.findings import Finding, RefusedFile
from articles.formats import frontmatter, read_document, writing
from articles.formats.document import Document, Site
from articles.formats.encoding import encode_source, with_text
from articles.formats.frontmatter import EditError
from articles.formats.terms import identity
from articles.formats.translating import TextKind, find_difference, line_of, translate
from articles.links import hosts_of
from articles.markup import RENDERER_VERSION, render
from articles.markup.engines import Flavour
from articles.models import Category, Post
from articles.sources import encoding_findings, format_of, source_text
from articles.transfer.exporting.files import FileBook
from articles.transfer.exporting.placing import PLAIN, Placing
from articles.transfer.exporting.references import Links, NewTextResolver, StoredResolver, TextReferences
from articles.transfer.exporting.targets import Member

_HAS_LIQUID = re.compile(r"\{\{|\{%")
_MAKES_NO_FORMULAS = frozenset({"hugo", "jekyll", "hexo"})
_HAS_EXPIRY = frozenset({"hugo", PLAIN})
_HOLDS_BACK = frozenset({"hugo", "jekyll", "hexo", "zenn", PLAIN})
_SHOWN = 80


@dataclass(slots=True)
class PostWriter:
    """Writes the posts of one site. ``categories`` are all categories by key, so that their trees cost no query."""

    placing: Placing
    book: FileBook
    site: Site
    categories: Mapping[int, Category]
    now: datetime = field(default_factory=timezone.now)
    templates: set[str] = field(default_factory=set)
    unread: dict[str, int] = field(default_factory=dict)

    def write(self, post: Post, links: Links, outside: frozenset[str] = frozenset()) -> Member:
        """The file of a post, with what could not be said in it. ``post`` comes with everything prefetched.

        ``outside`` are addresses of public posts that its text refers to and that stay here.
        """
        path = self.placing.files[post.pk]
        references = TextReferences(post, links, self.placing, self.book, path, outside)
        findings: list[Finding] = []
        fields = self._fields(post, references, path, findings)
        if self.placing.is_native(post):
            findings.extend(encoding_findings(post))
            data = self._native(post, fields, path)
        else:
            data = self._foreign(post, fields, references, findings)
        if self.placing.layout.NAME == PLAIN:
            findings.extend(_find_own_hosts(post))
        if self.placing.layout.NAME == "hugo" and "%" in post.path:
            template = _("Hugo writes no file that answers at “%(path)s”: leave the percent sign out of the address.")
            findings.append(Finding("address-unfit", "warning", template, {"path": post.path}))
        self._check(post, fields, references, path, data, findings)
        self._count_unread(fields)
        source = post.source.name if post.source else ""
        return Member(self.placing.options.prefix + path, data, None, len(data), post.path, source, tuple(findings))

    # --- fields

    def _fields(self, post: Post, references: TextReferences, path: str, findings: list[Finding]) -> dict[str, Any]:
        """What the front matter is to say."""
        layout, site = self.placing.layout, self.placing.site
        trees = [category_names(self.categories[place.category_id]) for place in post.postcategory_set.all()]
        flat = list(dict.fromkeys(name for names in trees for name in names))
        fields: dict[str, Any] = {
            "title": post.title,
            "published_at": post.published_at,
            "updated_at": post.updated_at,
            "expires_at": post.expires_at,
            "draft": self._is_draft(post, findings),
            "path": layout.stated_address(self.placing.facts_of(post), path),
            "language": post.language if post.language != site.language and layout.NAME != "hugo" else "",
            "authors": [credit.author.name for credit in post.postauthor_set.all()],
            "categories": flat,
            "tags": [tagged.tag.name for tagged in post.tagged_items.all()],
            "series": post.series.name if post.series else "",
            "series_order": post.series_order,
            "description": post.description,
            "custom_excerpt": post.custom_excerpt,
            "canonical_url": post.canonical_url,
            "noindex": post.noindex,
            "source_url": post.source_url,
            "cover_target": self._cover(post, references),
            "cover_alt": post.cover_alt,
            "cover_caption": post.cover_caption,
            "aliases": _aliases_of(post),
            "translation_key": self._translation_key(post),
        }
        if any(len(names) > 1 for names in trees):
            fields["category_paths"] = trees
        if post.state not in (*LIVE, Post.State.DRAFT):
            fields["editorial_state"] = str(post.state)
        if layout.NAME == PLAIN:
            fields |= {"flavour": post.flavour, "features": sorted(post.features)}
        return fields

    def _is_draft(self, post: Post, findings: list[Finding]) -> bool:
        """What is not public here is a draft there: the more private word wins where a generator knows fewer."""
        if post.state not in LIVE:
            if post.state != Post.State.DRAFT:
                template = _("It is “%(state)s” here, which no generator knows: it is written as a draft.")
                findings.append(Finding("state-as-draft", "info", template, {"state": str(post.get_state_display())}))
            return True
        name = self.placing.layout.NAME
        if post.expires_at is not None and name not in _HAS_EXPIRY:
            if post.expires_at <= self.now:
                template = _("It has expired here, which this layout cannot say: it is written as a draft.")
                findings.append(Finding("expired-as-draft", "warning", template))
                return True
            template = _("It expires on %(day)s, which this layout cannot say: take it down there by hand.")
            findings.append(Finding("expiry-not-kept", "warning", template, {"day": post.expires_at.date().isoformat()}))
        if post.published_at is not None and post.published_at > self.now and name not in _HOLDS_BACK:
            template = _("It is to appear on %(day)s, which this layout cannot say: it is public there at once.")
            findings.append(Finding("schedule-not-kept", "warning", template, {"day": post.published_at.date().isoformat()}))
        return False

    def _cover(self, post: Post, references: TextReferences) -> str:
        target = post.cover_target
        if target and (found := references.find_file(target)):
            return found.address
        if post.cover is not None and post.cover.url and (found := references.find_file(post.cover.url)):
            return found.address
        return target

    def _translation_key(self, post: Post) -> str:
        """The key, where another post of this export has it too. To Hugo the kind of page in it is no part of it."""
        if post.translation_key not in self.placing.translated:
            return ""
        return post.translation_key.removeprefix("page/") if self.placing.layout.NAME == "hugo" else post.translation_key

    def _count_unread(self, fields: Mapping[str, Any]) -> None:
        for name in self.placing.layout.UNREAD:
            if fields.get(name):
                self.unread[name] = self.unread.get(name, 0) + 1

    # --- bytes

    def _native(self, post: Post, fields: Mapping[str, Any], path: str) -> bytes:
        """The file as it came, with the keys changed that a site with another configuration would read otherwise."""
        original = source_text(post)
        zone = self.placing.zone_of(post.source_id)
        head = original.head
        document = self._read(path, encode_source(original))
        changes = {name: fields[name] for name in self._differing(fields, document, post) if name in writing.WRITABLE}
        for name, value in changes.items():
            try:
                head = writing.write_fields(head, format_of(post), post.dialect, {name: value}, zone)
            except (EditError, RefusedFile):
                continue
        return encode_source(with_text(original, head, original.body)) if head != original.head else encode_source(original)

    def _foreign(self, post: Post, fields: Mapping[str, Any], references: TextReferences, findings: list[Finding]) -> bytes:
        body = self._body(post, references, findings)
        extra = self._extra(post)
        if self.placing.layout.NAME == "jekyll" and post.dialect != "jekyll" and _HAS_LIQUID.search(body):
            # Nothing in the text is meant for Liquid any more: what looks so is to be read.
            fields = {**fields, "render_with_liquid": False}
        if isinstance(name := extra.get("layout"), str):
            self.templates.add(name)
        head = writing.compose(
            self.placing.layout.NAME,
            fields,
            aliases=fields["aliases"],
            extra=extra,
            origin=post.dialect,
            zone=self.placing.zone_of(post.source_id),
        )
        return (head + body).encode("utf-8", "replace")

    def _body(self, post: Post, references: TextReferences, findings: list[Finding]) -> str:
        if post.dialect == self.placing.layout.NAME or self.placing.layout.NAME == PLAIN:
            return post.body
        source = TextKind(post.dialect, post.flavour, frozenset(post.features))
        translation = translate(
            post.body,
            source,
            self._target_for(post),
            references,
            title=post.title,
            language=post.language or settings.LANGUAGE_CODE,
        )
        if self.placing.layout.NAME in _MAKES_NO_FORMULAS and "$" in post.body and {"math", "passthrough"} & source.features:
            template = _("It may have formulas. They are written as TeX: in this layout a theme has to show them.")
            findings.append(Finding("formulas-for-themes", "info", template))
        lines = post.front_matter.count("\n")
        findings.extend(moved(finding, lines) for finding in translation.findings)
        return translation.text

    def _target_for(self, post: Post) -> TextKind:
        target = self.placing.target
        if post.flavour == "html" and self.placing.files[post.pk].endswith(".html"):
            return TextKind(target.dialect, "html", target.features)
        return target

    def _extra(self, post: Post) -> dict[str, Any]:
        """The keys that became no field, in their own spelling where the file's front matter still has them."""
        try:
            parsed = frontmatter.parse(post.front_matter, format_of(post)) if post.front_matter.strip() else {}
        except RefusedFile:
            parsed = {}
        left: dict[str, Any] = dict(writing.find_leftovers(parsed, post.extra.keys()))
        return left | {key: value for key, value in post.extra.items() if key not in left}

    # --- what is read from it

    def _read(self, path: str, data: bytes) -> Document | None:
        try:
            return read_document(self.site, path, data)
        except RefusedFile:
            return None

    def _check(
        self,
        post: Post,
        fields: Mapping[str, Any],
        references: TextReferences,
        path: str,
        data: bytes,
        findings: list[Finding],
    ) -> None:
        try:
            document = read_document(self.site, path, data)
        except RefusedFile as refused:
            findings.append(refused.finding)
            return
        for name in self._differing(fields, document, post):
            template = _("“%(field)s” cannot be said in this layout: “%(value)s” is read as “%(read)s”.")
            params = {"field": name, "value": _show(fields.get(name)), "read": _show(_read_field(document, name))}
            findings.append(Finding("not-expressed", "warning", template, params))
        if post.dialect != self.placing.layout.NAME:
            self._check_text(post, references, document, findings)

    def _differing(self, fields: Mapping[str, Any], document: Document | None, post: Post) -> list[str]:
        """The names of fields that the written file does not say."""
        if document is None:
            return []
        expected = {**fields, "path": post.path}
        site_language = self.placing.site.language
        return [name for name in _COMPARED if not _is_said(name, expected, document, post, site_language)]

    def _check_text(self, post: Post, references: TextReferences, document: Document, findings: list[Finding]) -> None:
        """Whether readers see the same: both texts rendered, and the renderings compared."""
        resolver = NewTextResolver(references)
        language = post.language or settings.LANGUAGE_CODE
        written = render(
            document.source.body,
            flavour=document.flavour,
            features=document.features,
            language=language,
            resolver=resolver,
            title=post.title,
            values=values_for(post),
        )
        difference = find_difference(self._rendering_here(post, references.links, language), written.html)
        if difference is not None:
            template = _("The text reads “%(here)s” here and “%(there)s” in this layout. Compare them and correct it by hand.")
            line = line_of(post.body, difference.before)
            params = {"here": difference.one, "there": difference.other}
            finding = Finding("reads-otherwise", "warning", template, params, line)
            findings.append(moved(finding, post.front_matter.count("\n")))

    def _rendering_here(self, post: Post, links: Links, language: str) -> str:
        if post.renderer_version == RENDERER_VERSION:
            return post.body_html
        rendered = render(
            post.body,
            flavour=cast(Flavour, post.flavour),
            features=frozenset(post.features),
            language=language,
            resolver=StoredResolver(links),
            title=post.title,
            values=values_for(post),
        )
        return rendered.html

    def site_findings(self) -> Iterator[Finding]:
        """What concerns the whole site."""
        for name, count in sorted(self.unread.items()):
            template = _(
                "%(generator)s itself does nothing with “%(field)s”; %(count)s posts have it, and the key is kept for themes."
            )
            params = {"generator": self.placing.layout.NAME, "field": name, "count": str(count)}
            yield Finding("field-for-themes", "info", template, params)


_COMPARED = (
    "title",
    "published_at",
    "updated_at",
    "expires_at",
    "draft",
    "path",
    "language",
    "authors",
    "categories",
    "tags",
    "series",
    "series_order",
    "description",
    "custom_excerpt",
    "canonical_url",
    "noindex",
    "source_url",
    "cover_target",
    "cover_alt",
    "cover_caption",
    "aliases",
)


def _find_own_hosts(post: Post) -> Iterator[Finding]:
    """Absolute links to a source's own old site lead within this one because its configuration was read, which is left out."""
    body = post.body.casefold()
    for host in sorted(hosts_of(post.source)):
        if (at := body.find(f"//{host}")) < 0:
            continue
        template = _(
            "The links to “%(host)s” stay as written. This layout has no configuration that says that it is the site itself:"
            " after an import they lead to the old site."
        )
        line = body.count("\n", 0, at) + 1
        yield moved(Finding("own-host-kept", "info", template, {"host": host}, line), post.front_matter.count("\n"))


def _aliases_of(post: Post) -> list[str]:
    """Former addresses, but those that differ from the present one by a final slash alone, which generators serve anyway."""
    own = post.path.rstrip("/")
    return sorted(redirect.old_path for redirect in post.redirects.all() if redirect.old_path.rstrip("/") != own)


def _read_field(document: Document, name: str) -> Any:
    cover = document.cover
    values = {
        "path": document.permalink or "",
        "categories": list(dict.fromkeys(part for path in document.categories for part in path)),
        "custom_excerpt": document.excerpt,
        "cover_target": cover.target if cover else "",
        "cover_alt": cover.alt if cover else "",
        "cover_caption": cover.caption if cover else "",
    }
    return values[name] if name in values else getattr(document, name)


def _is_said(name: str, expected: Mapping[str, Any], document: Document, post: Post, site_language: str) -> bool:
    wanted, found = expected.get(name), _read_field(document, name)
    if name == "language":
        return not post.language or (found or site_language).casefold() == post.language.casefold()
    if name in ("authors", "categories", "tags"):
        return {identity(text) for text in wanted or ()} == {identity(text) for text in found}
    if name == "aliases":
        return {alias.rstrip("/") for alias in wanted or ()} <= {alias.rstrip("/") for alias in found}
    if name == "path":
        return wanted == found or (not found and document.draft)
    if name == "series":
        return identity(wanted or "") == identity(found or "")
    if name in ("cover_alt", "cover_caption") and not expected.get("cover_target"):
        return True
    if isinstance(wanted, str):
        return wanted.strip() == (found or "").strip()
    return bool(wanted == found)


def _show(value: Any) -> str:
    if isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
    elif isinstance(value, list):
        text = "、".join(map(str, value))
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = "" if value is None else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
