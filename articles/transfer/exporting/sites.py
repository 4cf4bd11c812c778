"""A new site in the layout of one generator, made of posts of any origin: each at its address, saying what it says here.

Every file is read again as the generator's dialect reads it, and its text rendered: what comes out differently is said in
the receipt. So the receipt does not repeat what somebody once wrote in a table; it is measured, post by post.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from articles.findings import Finding
from articles.formats import find_sites
from articles.formats.container import Container
from articles.formats.container import Member as ContainerMember
from articles.formats.document import Site
from articles.models import Category, Post, PostLink, Source
from articles.transfer.exporting.files import FileBook
from articles.transfer.exporting.placing import PLAIN, Placing, SiteOptions
from articles.transfer.exporting.posts import PostWriter
from articles.transfer.exporting.targets import Member

BATCH = 100


class MemoryContainer(Container):
    """Files that are only in memory, for a dialect to read a configuration from."""

    __slots__ = ("texts",)

    def __init__(self, files: Mapping[str, str]) -> None:
        members = {path: ContainerMember(path, len(text)) for path, text in files.items()}
        super().__init__(Path("export"), "folder", members=members)
        self.texts = files

    def read(self, path: str) -> bytes:
        return self.texts[path].encode("utf-8")


class NewSite:
    """The files of one new site."""

    def __init__(self, posts: QuerySet[Post], sources: Sequence[Source], options: SiteOptions) -> None:
        self.options = options
        self.sources = {source.pk: source for source in sources}
        self.placing = Placing.decide(posts, self.sources, options)
        self.findings: list[Finding] = []

    @property
    def count(self) -> int:
        return len(self.placing.keys)

    def members(self) -> Iterator[Member]:
        """Configuration, posts in order of address, templates that they ask for, and the files that they show."""
        placing, options = self.placing, self.options
        config: dict[str, str] = placing.layout.config_files(placing.site)
        for path, text in sorted(config.items()):
            yield self._text(path, text)
        book = FileBook(placing.names, placing.layout.media_of, options.prefix, keeps_originals=placing.layout.NAME == PLAIN)
        for source in self.sources.values():
            book.add_source(source)
        writer = PostWriter(placing, book, self._read_site(config), self._categories())
        yield from self._posts(writer)
        yield from self._templates(writer, config)
        if options.with_media:
            if options.whole and options.takes_library:
                book.add_all_media()
            yield from book.members(everything=options.whole)
        self.findings.extend(writer.site_findings())

    def _text(self, path: str, text: str) -> Member:
        data = text.encode("utf-8")
        return Member(self.options.prefix + path, data, None, len(data))

    def _read_site(self, config: Mapping[str, str]) -> Site:
        """The site as its dialect reads the configuration, with one text so that its folders are known."""
        placing = self.placing
        examples = dict.fromkeys(sorted(placing.files.values())[:1], "---\n---\n")
        # A text at the top keeps the root there, whatever folder the first text is in.
        examples |= {"example.md": ""} if placing.layout.NAME != "hugo" else {"content/posts/example.md": ""}
        container = MemoryContainer({**config, **examples})
        options = self.options
        found = find_sites(container, dialect=placing.layout.NAME, timezone=options.timezone, language=placing.site.language)
        return next(site for site in found if not site.root)

    def _categories(self) -> dict[int, Category]:
        """All categories, each with its parents at hand."""
        rows = {row.pk: row for row in Category.objects.all()}
        for row in rows.values():
            row.parent = rows.get(row.parent_id) if row.parent_id is not None else None
        return rows

    def _posts(self, writer: PostWriter) -> Iterator[Member]:
        placing = self.placing
        for start in range(0, len(placing.keys), BATCH):
            portion = placing.keys[start : start + BATCH]
            rows = (
                placing.posts.filter(pk__in=portion)
                .select_related("series", "cover")
                .prefetch_related("postauthor_set__author", "postcategory_set", "tagged_items__tag", "redirects")
            )
            posts = {post.pk: post for post in rows}
            links = _links_of(list(posts))
            outside = self._outside(links)
            for key in portion:
                if key not in posts:
                    # Moved to the trash, or out of the user's sight, since the export began.
                    continue
                post = posts[key]
                post.source = self.sources[post.source_id] if post.source_id is not None else None
                yield writer.write(post, links[key], outside)

    def _outside(self, links: Mapping[int, Mapping[tuple[str, str], str]]) -> frozenset[str]:
        """Which of the addresses that texts refer to are public here and no part of the export."""
        named = {url for references in links.values() for url in references.values() if url.startswith("/")}
        named = {url for url in named if url not in self.placing.goals and not url.startswith(settings.MEDIA_URL)}
        if not named:
            return frozenset()
        return frozenset(Post.objects.published().filter(path__in=named).values_list("path", flat=True))

    def _templates(self, writer: PostWriter, config: Mapping[str, str]) -> Iterator[Member]:
        for name in sorted(writer.templates):
            path, text = self.placing.layout.template_file(name)
            if path and path not in config:
                yield self._text(self.placing.names.claim(path), text)


def _links_of(keys: list[int]) -> dict[int, dict[tuple[str, str], str]]:
    """The references of posts as they are resolved here, in one query."""
    links: dict[int, dict[tuple[str, str], str]] = defaultdict(dict)
    for post, kind, target, url in PostLink.objects.filter(post__in=keys).values_list("post_id", "kind", "target", "url"):
        links[post].setdefault((kind, target), url)
    return links
