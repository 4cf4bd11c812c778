"""Where files lie: in folders of this machine, or in an S3-compatible store that several machines share (``MEDIA_STORE``).

There are two stores. The *public* one holds what readers get, by its name below ``/media/``; the *private* one originals and
uploads, and is never served. Both keep files whole: one is there complete or not at all, also after a power cut or a cut line.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from articles.stores.interface import Parts, Store, Stored, StoreError
from articles.stores.local import LocalStore

__all__ = [
    "LocalStore",
    "Parts",
    "Store",
    "StoreError",
    "Stored",
    "describe_failure",
    "is_shared",
    "private_store",
    "public_store",
]

_S3 = "articles.stores.s3.S3Store"


def is_shared() -> bool:
    """Whether files lie where other machines reach them."""
    return bool(settings.MEDIA_STORE)


def private_store(*, is_hurried: bool = False) -> Store:
    """Originals and uploads. ``is_hurried`` as for :func:`public_store`."""
    return _open("private", str(settings.PRIVATE_ROOT), tuple(sorted(settings.MEDIA_STORE.items())), is_hurried=is_hurried)


def public_store(*, is_hurried: bool = False) -> Store:
    """What readers get. ``is_hurried``: for a page that waits, so that it gives up soon, and at once while the store is down."""
    return _open("media", str(settings.MEDIA_ROOT), tuple(sorted(settings.MEDIA_STORE.items())), is_hurried=is_hurried)


def describe_failure(error: StoreError) -> str:
    """One sentence for the person whose file was not taken, in the active language."""
    template = _(
        "The media store took nothing: %(reason)s. Nothing was kept; try again in a few minutes. If it lasts, the operator "
        "looks at MEDIA_STORE and at the page /readyz."
    )
    return template % {"reason": error.strerror or type(error).__name__}


@lru_cache(maxsize=16)
def _open(part: str, folder: str, shared: tuple[tuple[str, str], ...], *, is_hurried: bool) -> Store:
    if not shared:
        return LocalStore(Path(folder))
    # By name: the library of S3 costs every process half a second and thirty megabytes, and need not be installed.
    return cast(Store, import_string(_S3)(part=part, is_hurried=is_hurried, **dict(shared)))
