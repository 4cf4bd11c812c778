"""Where the archive of a run lies, and how the process that works on it comes to read it.

An upload lies below ``PRIVATE_ROOT/uploads/``. Where files are shared by several machines it lies in the private store besides,
under the same name, and each machine that reads it fetches a copy: a worker elsewhere goes on with it.
"""

from __future__ import annotations

import logging
import posixpath
import shutil
from contextlib import closing
from pathlib import Path

from django.conf import settings

from articles.models import ImportRun
from articles.stores import LocalStore, StoreError, is_shared, private_store

logger = logging.getLogger(__name__)

UPLOADS = "uploads"
SHARED = "store:"
"""Before a run's ``location`` that is a name in the private store."""
TRIES = 3


def uploads_folder() -> Path:
    """Where uploads lie until their runs are done; where they are shared, copies of them."""
    return Path(settings.PRIVATE_ROOT) / UPLOADS


def share_upload(path: Path) -> str:
    """Puts an upload of this machine where the others reach it. Gives the ``location`` of its run. Raises OSError."""
    name = f"{UPLOADS}/{path.parent.name}/{path.name}"
    private_store().write_from(name, path)
    return SHARED + name


def place_of(location: str) -> Path:
    """Where the archive lies on this machine, or would lie once it is fetched."""
    if location.startswith(SHARED):
        return Path(settings.PRIVATE_ROOT) / location.removeprefix(SHARED)
    return Path(location)


def fetch_archive(run: ImportRun) -> Path:
    """The archive of the run as a file or folder of this machine; one that is gone is a path with nothing there.

    Raises StoreError where the store cannot give it, and OSError where there is no room for the copy.
    """
    place = place_of(run.location)
    if run.location.startswith(SHARED) and not (place.is_file() and place.stat().st_size == run.size):
        _fetch(run.location.removeprefix(SHARED))
    return place


def _fetch(name: str) -> None:
    for left in reversed(range(TRIES)):
        try:
            with closing(private_store().stream(name)) as parts:
                LocalStore(Path(settings.PRIVATE_ROOT)).write_parts(name, parts)
            return
        except FileNotFoundError:
            # Whoever opens it says that it is gone.
            return
        except StoreError:
            if not left:
                raise


def remove_upload(run: ImportRun) -> None:
    """Removes the stored upload of a run that is over. Its fingerprint stays known."""
    if not run.is_upload or not run.location:
        return
    folder = place_of(run.location).parent
    if folder.parent == uploads_folder():
        shutil.rmtree(folder, ignore_errors=True)
    if run.location.startswith(SHARED):
        remove_shared([run.location.removeprefix(SHARED)])


def remove_shared(names: list[str]) -> None:
    """Removes uploads from the private store; what stays because it is down is found as abandoned later."""
    try:
        private_store().remove(names)
    except StoreError as error:
        logger.warning("%s: %s. It is removed later", error.filename, error.strerror)


def find_abandoned(before: float) -> list[str]:
    """Names of uploads in the private store, written before a moment (seconds since 1970), that no run names.

    Gives none where nothing is shared, and where the store does not answer soon.
    """
    if not is_shared():
        return []
    kept = set(ImportRun.objects.filter(is_upload=True).values_list("location", flat=True))
    try:
        found = [one.name for one in private_store(is_hurried=True).walk(UPLOADS) if one.modified < before]
    except StoreError as error:
        logger.warning("%s: %s", error.filename, error.strerror)
        return []
    return [name for name in found if SHARED + name not in kept]


def folder_of(location: str) -> str:
    """The name of the folder of an upload, below :func:`uploads_folder`."""
    return posixpath.basename(posixpath.dirname(location))
