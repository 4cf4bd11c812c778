"""The desk's addresses, read from its own list, and one row of everything to ask them for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from articles.editorial import workflow
from articles.models import (
    Author,
    Category,
    Correction,
    FrontPage,
    ImportItem,
    ImportRun,
    MediaFile,
    Notice,
    Post,
    ProofRun,
    Redirect,
    Revision,
    SavedView,
    Series,
    SiteSettings,
    Source,
    SourceFile,
    TableImport,
    Tag,
    TermMerge,
)

_PLACE = re.compile(r"\(\?P<(?P<named>\w+)>[^)]*\)|<(?:\w+:)?(?P<plain>\w+)>")


@dataclass(frozen=True, slots=True)
class Address:
    """One entry of a list of addresses. ``name`` is empty for the few that have none."""

    name: str
    route: str

    def fill(self, values: Mapping[str, Any]) -> str:
        """The path with ``values`` in its places. Raises KeyError for a place that nobody gave a value."""

        def put(place: re.Match[str]) -> str:
            return str(values[place["named"] or place["plain"]])

        return "/" + _PLACE.sub(put, self.route).replace("^", "").replace("$", "").replace(".*", "")

    @property
    def places(self) -> list[str]:
        return [place["named"] or place["plain"] for place in _PLACE.finditer(self.route)]


def list_addresses(*, desk: bool) -> list[Address]:
    """All addresses of the desk, or all others, as the URL configuration has them."""
    return [address for address in _walk(get_resolver().url_patterns, "") if address.route.startswith("admin/") == desk]


def _walk(patterns: Any, prefix: str) -> Iterator[Address]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield Address(pattern.name or "", prefix + str(pattern.pattern))


def make_rows(owner: User) -> dict[str, Any]:
    """One row of every model that the desk shows, by ``app_model`` as addresses begin."""
    post = workflow.save_post(Post(), None, {"title": "川沿いの倉庫", "body": "本文。", "path": "/kura/"})
    Post.objects.filter(pk=post.pk).update(owner=owner)
    source = Source.objects.create(name="旧サイト", dialect="jekyll", timezone="Asia/Tokyo")
    run = ImportRun.objects.create(label="新聞.zip", user=owner, totals={"create": 1})
    media = MediaFile.objects.create(sha256="a" * 64, name="写真.png", uploaded_by=owner)
    rows = [
        post,
        source,
        run,
        ImportItem.objects.create(run=run, path="_posts/a.md", verdict="create", post=post, source=source),
        ProofRun.objects.create(label="sitemap.xml", user=owner, state=ProofRun.State.FINISHED),
        TableImport.objects.create(label="記事.csv", user=owner, model="post", format="csv", state=TableImport.State.PLANNED),
        SourceFile.objects.create(source=source, path="img/a.png", role="attachment", sha256="c" * 64),
        Revision.objects.filter(post=post).latest(),
        FrontPage.objects.create(number=1, starts_at=timezone.now() + timedelta(days=1), user=owner),
        SiteSettings.objects.create(number=1, user=owner),
        Correction.objects.create(post=post, text="「二千本」は「三千本」の誤りでした。", corrected_at=timezone.now()),
        Redirect.objects.create(post=post, old_path="/old/"),
        media,
        media.versions.create(sha256="b" * 64, name="前の写真.png", public_name="bb/b.png"),
        Author.objects.create(name="朝刊班"),
        Category.objects.create(name="技術"),
        Series.objects.create(name="倉庫をめぐる"),
        Tag.objects.create(name="AI"),
        User.objects.create_user("colleague", password="x"),
        Notice.objects.create(recipient=owner, kind=Notice.Kind.RETURNED, post=post, title=post.title, text="冒頭を短く。"),
        SavedView.objects.create(user=owner, name="自分の下書き", query="mine=1&state__exact=draft"),
        Group.objects.get(name="author"),
    ]
    for row in rows:
        if isinstance(row, Author | Category | Series | Tag):
            record = {"terms": [], "posts": {}, "into": {"aliases": [], "filled": {}}}
            TermMerge.objects.create(kind=row._meta.model_name, into_key=row.pk, into_name=row.name, record=record)
    return {f"{row._meta.app_label}_{row._meta.model_name}": row for row in rows}


def fill_address(address: Address, rows: Mapping[str, Any]) -> str:
    """The path of an address for the rows of :func:`make_rows`."""
    row = next(
        (row for name, row in rows.items() if f"admin/{name.replace('_', '/', 1)}/" in address.route), rows["articles_post"]
    )
    values = {
        "object_id": row.pk,
        "id": row.pk,
        "app_label": "articles",
        "content_type_id": ContentType.objects.get_for_model(Post).pk,
        "name": "reset" if "auth/user" in address.route else "submit",
        "correction_id": rows["articles_correction"].pk,
        "revision_id": rows["articles_revision"].pk,
        "url": "nowhere",
        "run_id": rows["articles_importrun"].pk,
        "item_id": rows["articles_importitem"].pk,
        "side": "after",
        "version_id": rows["articles_mediaversion"].pk,
        "notice_id": rows["articles_notice"].pk,
        "view_id": rows["articles_savedview"].pk,
        "merge_id": getattr(TermMerge.objects.filter(kind=row._meta.model_name).first(), "pk", None),
        "uidb64": "Mg",
        "token": "x-y",
    }
    return address.fill(values)


def list_registered() -> set[str]:
    """``app_model`` of every model with a screen."""
    return {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
