"""A picture takes the place of another under the same entry of the library.

The address of a file comes from its content and is kept by caches for ever, so the entry gets a new address, and what
showed it is rendered again. Texts are never touched: the former address goes on meaning the entry (``MediaVersion``), in
texts written here as in a browser that has an old page, and files of imports keep their own bytes for the way out.
"""

from __future__ import annotations

import hashlib

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.library import claim_name, keep_copy, read_original, remove_unused_files, store_original
from articles.lookalikes import compare_pictures, forget
from articles.media import PublicCopy, make_public_copy
from articles.models import MediaFile, MediaVersion, PostLink
from articles.queue import enqueue_once
from articles.referrers import MAX_NOW, recheck
from articles.variants import forget as forget_variants

_COLUMNS = ("sha256", "name", "content_type", "size", "width", "height", "public_name")


def replace_file(media: MediaFile, data: bytes, name: str, *, user: AbstractBaseUser | None) -> int:
    """Puts ``data`` in the place of the file's content; the number of posts rendered again. The entry keeps its texts.

    Raises RefusedFile, with what to do instead, for what is no picture, for the same picture and for one that is another
    entry of the library; OSError where the disk refuses.
    """
    if not media.is_image or not media.public_name:
        raise _refuse(
            "not-replaceable", _("%(name)s is no picture that readers get, so no other can take its place."), media.name
        )
    copy = make_public_copy(data, name)
    if not copy.is_picture:
        raise _refuse("not-a-picture", _("%(name)s is no picture. A picture can only be replaced by a picture."), name)
    former = media.public_name
    try:
        _exchange(media, data, name, copy, user)
    except IntegrityError as error:
        # Somebody brought the same picture at the same moment.
        raise _in_library(name) from error
    compare_pictures([media])
    return len(recheck(PostLink.objects.filter(url=_url(media, former)), limit=MAX_NOW))


def restore_version(version: MediaVersion, *, user: AbstractBaseUser | None) -> int:
    """Brings back what stood at the entry before; what stands there now is kept as it was. Raises as :func:`replace_file`."""
    return replace_file(version.media, read_original(version.sha256), version.name, user=user)


@transaction.atomic
def _exchange(media: MediaFile, data: bytes, name: str, copy: PublicCopy, user: AbstractBaseUser | None) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    row = MediaFile.objects.select_for_update().get(pk=media.pk)
    if row.sha256 == sha256:
        raise _refuse("same-picture", _("%(name)s is the picture that stands there already."), name)
    if MediaFile.objects.filter(sha256=sha256).exists():
        raise _in_library(name)
    store_original(data)
    returning = row.versions.filter(sha256=sha256).first()
    address = returning.public_name if returning else claim_name(sha256, name, copy)
    if returning:
        returning.delete()
    MediaVersion.objects.create(
        media=row, replaced_by_id=user.pk if user else None, **{column: getattr(row, column) for column in _COLUMNS}
    )
    remove_unused_files([], [row.public_name])
    values = (sha256, name[-255:], copy.content_type, len(data), copy.width, copy.height, address)
    for column, value in zip(_COLUMNS, values, strict=True):
        setattr(media, column, value)
    media.likeness = copy.likeness
    media.save(update_fields=[*_COLUMNS, "likeness"])
    forget(media)
    forget_variants(media)
    enqueue_once("articles.tasks.make_variants")
    keep_copy(copy, sha256, address)


def _url(media: MediaFile, public_name: str) -> str:
    return media.url.removesuffix(media.public_name) + public_name


def _in_library(name: str) -> RefusedFile:
    template = _("The library has %(name)s already, as an entry of its own. Choose that one in the posts instead.")
    return _refuse("in-library", template, name)


def _refuse(code: str, template: str, name: str) -> RefusedFile:
    return RefusedFile(Finding(code, "warning", template, {"name": name}))
