"""The table of former addresses. A redirect leads to a post of this site, never to an address as text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from articles.editorial.permalinks import BadAddress, claim_former
from articles.editorial.permissions import visible_posts
from articles.editorial.terms import RefusedTerm
from articles.models import Post, Redirect
from articles.sheets.cells import Cell, Missing, as_text
from articles.transfer.resources.base import ChunkLoader, Column, TableResource, find_by_key
from articles.transfer.resources.widgets import NumberWidget, PathWidget, PostWidget, TextWidget, compose, decode_path

_COLUMNS = ("id", "version", "old_path", "post")


class RedirectLoader(ChunkLoader):
    def load(self) -> None:
        old = {compose(decode_path(text) or "") for text in self.texts("old_path")}
        wanted = {compose(decode_path(text) or "") for text in self.texts("post")}
        rows: QuerySet[Redirect] = self.resource.get_queryset()
        found = list(rows.filter(Q(pk__in=self.numbers("id")) | Q(old_path__in=old | wanted)))
        self.by_id = {redirect.pk: redirect for redirect in found}
        self.by_old = {redirect.old_path: redirect for redirect in found}
        posts = Post.objects.all() if self.user is None else visible_posts(self.user)
        named = posts.light().filter(Q(path__in=wanted) | Q(pk__in=self.numbers("post")))  # type: ignore[attr-defined]
        self.posts = {post.pk: post for post in named}
        self.by_path = {post.path: post for post in self.posts.values()}

    def get_instance(self, row: Mapping[str, Cell]) -> Redirect | None:
        found: Redirect | None = find_by_key(row, self.by_id)
        if found is not None:
            return found
        return self.by_old.get(compose(decode_path(as_text(row.get("old_path", Missing.CELL)).strip()) or ""))

    def find_post(self, text: str) -> Post | None:
        if text.isascii() and text.isdigit():
            return self.posts.get(int(text[:18]))
        path = compose(decode_path(text) or "")
        former = self.by_old.get(path)
        return self.by_path.get(path) or (former.post if former else None)


class RedirectResource(TableResource):
    model_name = "redirect"
    label_column = "old_path"
    import_permissions = ("articles.add_redirect", "articles.change_redirect")
    export_permission = "articles.view_redirect"

    id = Column("id", gettext_lazy("number"), NumberWidget(), kind="number", width=8, is_key=True)
    version = Column("version", gettext_lazy("version (leave it)"), TextWidget(), width=10, is_key=True)
    old_path = Column("old_path", gettext_lazy("old address"), PathWidget(800), width=50, empty="refuse", aliases=("from",))
    post = Column("post", gettext_lazy("leads to"), PostWidget(), width=50, empty="refuse", aliases=("to", "path", "target"))

    class Meta(TableResource.Meta):
        abstract = False
        model = Redirect
        instance_loader_class = RedirectLoader
        fields = import_order = export_order = _COLUMNS

    def get_queryset(self) -> QuerySet[Redirect]:
        rows = Redirect.objects.select_related("post").defer(
            "post__body", "post__body_html", "post__plain_text", "post__front_matter"
        )
        return rows if self.user is None else rows.filter(post__in=visible_posts(self.user))

    def get_exported(self) -> QuerySet[Redirect]:
        return self.get_queryset().order_by("old_path", "pk")

    def load_for_export(self, keys: Sequence[int]) -> list[Redirect]:
        found = self.get_queryset().in_bulk(keys)
        return [found[key] for key in keys if key in found]

    def read_post(self, instance: Redirect, loader: ChunkLoader) -> Post | None:
        return instance.post if instance.post_id is not None else None

    def read_version(self, instance: Redirect, loader: ChunkLoader) -> str:
        return "v" + hashlib.sha256(f"{instance.post_id} {instance.old_path}".encode()).hexdigest()[:16]

    def find_versions(self, keys: Sequence[int]) -> dict[int, str]:
        loader: Any = None
        return {pk: self.read_version(row, loader) for pk, row in self.get_queryset().in_bulk(keys).items()}

    def rehearse(self, instance: Redirect, loader: ChunkLoader) -> None:
        self.require(loader, instance.pk)
        values = loader.current.values
        post = values.get("post") or self.read_post(instance, loader)
        if post is None:
            raise ValidationError(_("A redirect needs an old address and the post it leads to."), code="incomplete-redirect")
        path = self._claim(post, values.get("old_path", instance.old_path), instance)
        loader.current.label = path
        if "old_path" in values:
            self.claim(loader, f"path:{path}", path)

    def carry_out(
        self, object_id: int | None, changes: Mapping[str, Mapping[str, Any]], expected: str, loader: ChunkLoader, note: str
    ) -> Model:
        self.require(loader, object_id)
        redirect: Redirect | None = Redirect()
        if object_id is not None:
            Redirect.objects.select_for_update().filter(pk=object_id).first()
            redirect = self.get_queryset().filter(pk=object_id).first()
        if redirect is None or (object_id is not None and self.read_version(redirect, loader) != expected):
            raise RefusedTerm(str(gettext_lazy("The entry was changed by someone since the preview.")))
        values = self.restore(changes, loader)
        redirect.post = values.get("post") or redirect.post
        redirect.old_path = self._claim(redirect.post, values.get("old_path", redirect.old_path), redirect)
        try:
            with transaction.atomic():
                redirect.save()
        except IntegrityError as error:
            raise RefusedTerm(
                str(gettext_lazy("Somebody made the same entry at this moment. Compare the table again."))
            ) from error
        return redirect

    def _claim(self, post: Post, stated: str, redirect: Redirect) -> str:
        try:
            return claim_former(post, stated, redirect)
        except BadAddress as bad:
            raise RefusedTerm(str(bad)) from bad
