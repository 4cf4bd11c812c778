"""Stores and finds files: originals privately, by content; copies for readers in the public store.

An original is ``originals/<2 hex>/<sha256>`` of the private store. A copy for readers is ``<2 hex>/<16 hex>/<name>.<suffix>`` of
the public one: its address comes from its content, so nobody guesses that of a file of an unpublished post. Where the stores
are, and that each file is there whole or not at all: :mod:`articles.stores`.
"""

from __future__ import annotations

import hashlib
import logging
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from html import unescape
from itertools import chain, count
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats.terms import slugify
from articles.media import NO_LIKENESS, PublicCopy, detect_type, make_public_copy
from articles.models import ImportItem, MediaFile, MediaVersion, Post, PostCard, PostLink, SourceFile
from articles.stores import Parts, Store, Stored, StoreError, private_store, public_store
from articles.stores.local import STAGING

logger = logging.getLogger(__name__)

LEFT_BEHIND = timedelta(hours=1)
"""Files without a row that are older than this belong to no upload that is still under way."""
MAX_NAME = 60  # characters; a Japanese one takes three bytes of the 255 that file systems allow

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"[0-9a-f]{16}")
ORIGINALS = "originals"
AT_ONCE = 8
"""How many files are put into a shared store at once: each waits for an answer over the network."""
# Begins the name of what was made here; no name of a copy does (see public_name).
_DERIVED = "_"
CARD_FILE = "_card.png"
# As articles.markup.finishing writes a picture: the address first, then its alternative text.
_SHOWN = re.compile(rf'<img src="{re.escape(settings.MEDIA_URL)}([^"]+)" alt="([^"]*)"')


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be taken into the library. ``name`` is its name or path where it came from."""

    data: bytes
    name: str
    alt: str = ""
    copy: PublicCopy | None = None
    """The copy for readers, where the caller has made it already."""


# --- Originals ------------------------------------------------------------------------------------------------------


def store_original(data: bytes) -> str:
    """Keeps bytes privately and gives their SHA-256 (hexadecimal). Storing the same bytes again writes nothing.

    Raises OSError, with the path, where the file cannot be written.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if not _store_if_new(private_store(), original_name(sha256), data):
        _look_again(sha256, data)
    return sha256


def store_originals(contents: Collection[bytes]) -> list[str]:
    """The same for many, in their order; several at once where the store is another machine."""
    store, names = private_store(), [hashlib.sha256(data).hexdigest() for data in contents]
    new = dict(zip(names, contents, strict=True))

    def keep(sha256: str) -> bool:
        return _store_if_new(store, original_name(sha256), new[sha256])

    if store.is_shared and len(new) > 1:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            written = list(pool.map(keep, new))
    else:
        written = list(map(keep, new))
    for sha256, is_written in zip(new, written, strict=True):
        if not is_written:
            _look_again(sha256, new[sha256])
    return names


def _store_if_new(store: Store, name: str, data: bytes) -> bool:
    if store.has(name):
        return False
    store.write(name, data)
    return True


def _look_again(sha256: str, data: bytes) -> None:
    # No row may name it, and then an undo or a sweep may be removing it at this moment.
    if transaction.get_connection().in_atomic_block:
        _on_commit(partial(_store_if_new, private_store(), original_name(sha256), data))


def _on_commit(act: Callable[[], object]) -> None:
    """What is to be done to files once the row is there. Where a shared store fails then, the log says what is left to do."""

    def carry_out() -> None:
        try:
            act()
        except StoreError as error:
            # The rows stand: raising would tell whoever waits that nothing was stored.
            logger.warning("%s: %s. Run: manage.py check_media", error.filename, error.strerror)

    transaction.on_commit(carry_out)


def original_name(sha256: str) -> str:
    """Where an original lies in the private store. Raises ValueError for what is no SHA-256."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a SHA-256: {sha256[:80]!r}")
    return f"{ORIGINALS}/{sha256[:2]}/{sha256}"


def read_original(sha256: str) -> bytes:
    """The bytes of an original. Raises OSError, with the path, where it cannot be read."""
    return private_store().read(original_name(sha256))


def stream_original(sha256: str) -> Parts:
    """An original, piece by piece. Raises OSError, with the path, at once where it is not there."""
    return private_store().stream(original_name(sha256))


def stream_copy(public_name: str) -> Parts:
    """A copy for readers, in the same way."""
    return public_store().stream(public_name)


# --- The library ----------------------------------------------------------------------------------------------------


def add_media(data: bytes, name: str, *, alt: str = "", user: AbstractBaseUser | None = None) -> MediaFile:
    """The library's file for these bytes: the one it has, or a new one. Raises OSError where the disk refuses.

    A file that readers may not get is kept with its finding and without a public address.
    """
    return add_many([NewFile(data, name, alt)], user=user)[0]


def add_many(
    files: Iterable[NewFile], *, user: AbstractBaseUser | None = None, made: list[MediaFile] | None = None
) -> list[MediaFile]:
    """The library's files for ``files``, in their order; two queries whatever their number. Raises OSError as :func:`add_media`.

    ``made`` gets those that were not there before. Inside a transaction the copies for readers appear when it commits; a
    rollback leaves none of them.
    """
    brought = list(files)
    prepared = list(zip(store_originals([file.data for file in brought]), brought, strict=True))
    known = {media.sha256: media for media in _find(sha256 for sha256, _file in prepared)}
    new: dict[str, MediaFile] = {}
    replaced = _find_replaced({sha256 for sha256, _file in prepared} - known.keys())
    for sha256, file in prepared:
        if sha256 not in known and sha256 not in new:
            new[sha256] = _build(sha256, file, user, claims=sha256 in replaced)
    # Another process may have added the same bytes meanwhile: its row stays, and ours are read back.
    MediaFile.objects.bulk_create(new.values(), ignore_conflicts=True)
    for media in _find(new) if new else ():
        known[media.sha256] = media
        if made is not None and media.created_at == new[media.sha256].created_at:
            made.append(media)
    if not transaction.get_connection().in_atomic_block:
        for sha256, file in prepared:
            _on_commit(partial(_store_if_new, private_store(), original_name(sha256), file.data))
    return [known[sha256] for sha256, _file in prepared]


def add_picture(data: bytes, name: str, *, user: AbstractBaseUser | None = None) -> tuple[MediaFile, bool]:
    """The library's picture for these bytes, and whether it is new. Raises OSError as :func:`add_media`.

    Raises RefusedFile, and keeps nothing, for what is no picture that readers may get.
    """
    copy = make_public_copy(data, name)
    if not copy.is_picture:
        template = _("%(name)s is no picture. Choose a JPEG, PNG, WebP, GIF, AVIF or SVG file.")
        raise RefusedFile(Finding("not-a-picture", "warning", template, {"name": name}))
    made: list[MediaFile] = []
    return add_many([NewFile(data, name, copy=copy)], user=user, made=made)[0], bool(made)


def fill_alternative_texts(pages: Iterable[str], covers: Iterable[tuple[int, str]] = ()) -> list[MediaFile]:
    """Gives files without an alternative text the one under which a text shows them; the files filled.

    ``pages`` is HTML as stored, in the order in which the first text wins; ``covers`` are keys of files with their texts.
    What somebody wrote in the library stays.
    """
    by_name: dict[str, str] = {}
    for page in pages:
        for name, alt in _SHOWN.findall(page) if settings.MEDIA_URL in page else ():
            if text := " ".join(unescape(alt).split())[:500]:
                by_name.setdefault(unescape(name), text)
    by_key: dict[int, str] = {}
    for key, alt in covers:
        if text := " ".join(alt.split())[:500]:
            by_key.setdefault(key, text)
    found: list[MediaFile] = []
    for names in _portions(list(by_name)):
        found += MediaFile.objects.filter(public_name__in=names, alt="")
    for keys in _portions(list(by_key)):
        found += MediaFile.objects.filter(pk__in=keys, alt="")
    rows = {media.pk: media for media in found}
    for media in rows.values():
        media.alt = by_name.get(media.public_name) or by_key[media.pk]
    MediaFile.objects.bulk_update(rows.values(), ["alt"], batch_size=100)
    return list(rows.values())


def _portions(values: list[Any]) -> Iterator[list[Any]]:
    return (values[start : start + 500] for start in range(0, len(values), 500))


def write_missing_public_files() -> list[str]:
    """Makes the copies that rows name and the store lacks (a crash between commit and write); gives their names."""
    written = []
    for media in _lacking_copies():
        public_store().write(media.public_name, make_public_copy(read_original(media.sha256), media.name).data)
        written.append(media.public_name)
    return written


def _lacking_copies() -> Iterator[MediaFile]:
    store = public_store()
    # A shared store is asked once for all names, not once for each.
    has: Callable[[str], bool] = {found.name for found in store.walk()}.__contains__ if store.is_shared else store.has
    for media in MediaFile.objects.exclude(public_name="").order_by("pk").iterator():
        if not has(media.public_name):
            yield media


# --- Made from pictures and posts -------------------------------------------------------------------------------------


def store_derived(name: str, data: bytes) -> None:
    """Puts a file that was made here at ``name`` of the public store, at once. Raises OSError, with the path.

    Its own name begins with ``_``, as that of no copy does: it lies beside the copy, and goes with it.
    """
    public_store().write(name, data)


def remove_derived(names: Iterable[str]) -> None:
    """Removes files of :func:`store_derived`; what is gone already is no matter. Raises OSError where the store refuses."""
    public_store().remove(names)


def has_derived(name: str) -> bool:
    """Whether such a file is in its place."""
    return public_store().has(name)


# --- What is no longer needed ---------------------------------------------------------------------------------------


def remove_unused_files(fingerprints: Iterable[str], public_names: Iterable[str]) -> None:
    """Removes, once the transaction commits, originals that no row names and the copies ``public_names`` of rows that went.

    Whoever stores such a file at the same moment writes it anew when its own row commits.
    """
    _on_commit(partial(_remove_unused, frozenset(fingerprints), frozenset(public_names)))


def _remove_unused(fingerprints: frozenset[str], public_names: frozenset[str]) -> None:
    private_store().remove(original_name(sha256) for sha256 in fingerprints - named_fingerprints(fingerprints))
    used = set(MediaFile.objects.filter(public_name__in=public_names).values_list("public_name", flat=True))
    public_store().remove(public_names - used)
    folders = {posixpath.dirname(name) for name in public_names}
    for folder in folders - _named_folders(folders):
        remove_derived([found.name for found in public_store().walk(folder) if _is_derived(found.name)])


def _is_derived(name: str) -> bool:
    return posixpath.basename(name).startswith(_DERIVED)


def _named_folders(folders: Collection[str]) -> set[str]:
    """Those of ``folders`` below ``MEDIA_ROOT`` in which a copy or a card lies that some row names."""
    named: set[str] = set()
    ordered = sorted(folders)
    for start in range(0, len(ordered), 100):
        portion = ordered[start : start + 100]
        # The folder of a copy comes from its content, so the row is found by that: its index needs no pattern.
        near = Q()
        for folder in portion:
            digits = posixpath.basename(folder)
            near |= Q(sha256__gte=digits, sha256__lt=digits + "g")
        copies = MediaFile.objects.filter(near).exclude(public_name="").values_list("public_name", flat=True)
        cards = PostCard.objects.filter(name__in=[f"{folder}/{CARD_FILE}" for folder in portion]).values_list("name", flat=True)
        named.update(posixpath.dirname(name) for name in chain(copies, cards))
    return named


def named_fingerprints(fingerprints: Collection[str]) -> set[str]:
    """Those of ``fingerprints`` that a row of the library or of a source names, or a conflict that nobody has decided yet."""
    named: set[str] = set()
    wanted = sorted(fingerprints)
    for start in range(0, len(wanted), 500):
        batch = wanted[start : start + 500]
        named.update(MediaFile.objects.filter(sha256__in=batch).values_list("sha256", flat=True))
        named.update(MediaVersion.objects.filter(sha256__in=batch).values_list("sha256", flat=True))
        named.update(SourceFile.objects.filter(sha256__in=batch).values_list("sha256", flat=True))
        conflicts = ImportItem.objects.filter(verdict=ImportItem.Verdict.CONFLICT, sha256__in=batch, resolution__state="open")
        named.update(conflicts.values_list("sha256", flat=True))
    return named


def sweep(*, stored_before: datetime) -> list[str]:
    """Removes what killed processes left: half-written files, staged copies that are in their place, originals without a row.

    Files written after ``stored_before`` stay: their rows may still come. Gives the names of what was removed.
    """
    private, public = private_store(), public_store()
    removed = [*private.sweep(stored_before, ORIGINALS), *public.sweep(stored_before)]
    for staged in list(public.walk(STAGING)):
        media = MediaFile.objects.filter(sha256=posixpath.basename(staged.name)).first()
        is_done = media is not None and bool(media.public_name) and public.has(media.public_name)
        if is_done or staged.is_older_than(stored_before):
            public.remove([staged.name])
            removed.append(posixpath.basename(staged.name))
    for derived in _find_unnamed_derived(public.walk(), stored_before):
        remove_derived([derived.name])
        removed.append(derived.name)
    for original in _find_unnamed_originals(private.walk(ORIGINALS), stored_before):
        private.remove([original.name])
        removed.append(posixpath.basename(original.name))
    return removed


def _find_unnamed_derived(files: Iterable[Stored], stored_before: datetime) -> Iterator[Stored]:
    """Variants and cards that lie beside no copy any more, and in no place of a card."""
    by_folder: dict[str, list[Stored]] = defaultdict(list)
    for found in files:
        if _is_derived(found.name) and found.is_older_than(stored_before):
            by_folder[posixpath.dirname(found.name)].append(found)
    for folder in sorted(by_folder.keys() - _named_folders(by_folder.keys())):
        yield from by_folder[folder]


def _find_unnamed_originals(files: Iterable[Stored], stored_before: datetime) -> Iterator[Stored]:
    by_content = {posixpath.basename(found.name): found for found in files if found.is_older_than(stored_before)}
    fingerprints = {name for name in by_content if _SHA256.fullmatch(name)}
    for sha256 in sorted(fingerprints - named_fingerprints(fingerprints)):
        yield by_content[sha256]


def _find_unnamed_copies(files: Iterable[Stored], stored_before: datetime) -> Iterator[Stored]:
    old = {found.name: found for found in files if found.is_older_than(stored_before)}
    copies = [name for name in old if not _is_derived(name) and not name.startswith(STAGING)]
    for names in _portions(sorted(copies)):
        named = set(MediaFile.objects.filter(public_name__in=names).values_list("public_name", flat=True))
        yield from (old[name] for name in names if name not in named)


@dataclass(slots=True)
class Inventory:
    """What rows name and the stores lack, and the other way round. ``lost`` are entries whose original is gone."""

    lost: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    private: list[Stored] = field(default_factory=list)
    public: list[Stored] = field(default_factory=list)


def take_inventory(*, stored_before: datetime) -> Inventory:
    """Compares rows and files; changes nothing. Files written after ``stored_before`` may still get their rows."""
    found = Inventory()
    private = list(private_store().walk(ORIGINALS))
    public = list(public_store().walk())
    there = {posixpath.basename(original.name) for original in private}
    for rows in (MediaFile, MediaVersion, SourceFile):
        contents = rows._default_manager.exclude(sha256="").order_by().values_list("sha256", flat=True).distinct()
        found.lost += [sha256 for sha256 in contents.iterator() if sha256 not in there]
    found.lost = sorted(set(found.lost))
    copies = {one.name for one in public}
    named = MediaFile.objects.exclude(public_name="").order_by("pk").values_list("public_name", flat=True)
    found.lacking = [name for name in named.iterator() if name not in copies]
    found.private = list(_find_unnamed_originals(private, stored_before))
    found.public = [*_find_unnamed_copies(public, stored_before), *_find_unnamed_derived(public, stored_before)]
    return found


def mend() -> None:
    """Puts files right after a process died between a commit and what belongs to it: makes what lacks, removes what is left.

    A shared store needs no mending: its files are there before their rows. What nothing names is ``check_media``'s.
    """
    if public_store().is_shared:
        return
    write_missing_public_files()
    sweep(stored_before=timezone.now() - LEFT_BEHIND)


def _find(fingerprints: Iterable[str]) -> Iterator[MediaFile]:
    wanted = list(dict.fromkeys(fingerprints))
    # SQLite takes a limited number of parameters.
    for start in range(0, len(wanted), 500):
        yield from MediaFile.objects.filter(sha256__in=wanted[start : start + 500])


def _find_replaced(fingerprints: Collection[str]) -> set[str]:
    """Those of ``fingerprints`` that stood at some entry before; one query per portion, none where there is nothing new."""
    return {
        sha256
        for portion in _portions(sorted(fingerprints))
        for sha256 in MediaVersion.objects.filter(sha256__in=portion).values_list("sha256", flat=True)
    }


def find_by_fingerprint(sha256: str) -> MediaFile | None:
    """The library's entry with this content, else the one that had it before it was replaced."""
    found = MediaFile.objects.filter(sha256=sha256).first()
    if found is None and (version := MediaVersion.objects.filter(sha256=sha256).select_related("media").first()):
        return version.media
    return found


def find_by_former_name(public_name: str) -> MediaFile | None:
    """The entry that readers got at this name below ``MEDIA_ROOT`` before it was replaced."""
    version = MediaVersion.objects.filter(public_name=public_name).select_related("media").first()
    return version.media if version else None


def find_beside(name: str) -> MediaFile | None:
    """The entry beside whose copy, or former copy, a file of :func:`store_derived` lies or lay."""
    digits = posixpath.basename(posixpath.dirname(name))
    if not _FOLDER.fullmatch(digits):
        return None
    near = Q(sha256__gte=digits, sha256__lt=digits + "g")
    found = MediaFile.objects.filter(near).first()
    if found is None and (version := MediaVersion.objects.filter(near).select_related("media").first()):
        return version.media
    return found


def _build(sha256: str, file: NewFile, user: AbstractBaseUser | None, *, claims: bool = False) -> MediaFile:
    """An unsaved row; the copy for readers is staged, and moved to its place on commit.

    ``claims``: the content stood at another entry once, whose address goes on meaning that entry.
    """
    name = posixpath.basename(file.name.replace("\\", "/")).replace("\0", "")
    media = MediaFile(
        sha256=sha256, name=name[-255:], size=len(file.data), alt=file.alt[:500], uploaded_by_id=user.pk if user else None
    )
    try:
        copy = file.copy or make_public_copy(file.data, name)
    except RefusedFile as refused:
        media.content_type = detect_type(file.data, name)
        media.findings = [refused.finding.as_json()]
        return media
    media.content_type, media.width, media.height = copy.content_type, copy.width, copy.height
    media.likeness = copy.likeness or (NO_LIKENESS if copy.is_picture else "")
    media.public_name = claim_name(sha256, name, copy) if claims else public_name(sha256, name, copy)
    _stage(copy.data, sha256, media.public_name)
    return media


def public_name(sha256: str, name: str, copy: PublicCopy) -> str:
    """``ab/0123456789abcdef/name.png``: the place below ``MEDIA_ROOT``. Japanese letters of the name stay."""
    stem = slugify(posixpath.splitext(name)[0])[:MAX_NAME].strip("-_") or "file"
    return f"{sha256[:2]}/{sha256[:16]}/{stem}.{copy.extension}"


def claim_name(sha256: str, name: str, copy: PublicCopy) -> str:
    """A :func:`public_name` that no former file has: an address that texts and caches know never means another picture."""
    wanted = public_name(sha256, name, copy)
    stem, suffix = posixpath.splitext(wanted)
    names = chain([wanted], (f"{stem}-{number}{suffix}" for number in count(2)))
    return next(name for name in names if not MediaVersion.objects.filter(public_name=name).exists())


def keep_copy(copy: PublicCopy, sha256: str, name: str) -> None:
    """Puts a copy for readers in its place when the transaction commits."""
    _stage(copy.data, sha256, name)


def _stage(data: bytes, sha256: str, name: str) -> None:
    """Puts the copy in its place on commit; in a shared store it is there before, where nobody knows of it yet."""
    store = public_store()
    if not store.has(name):
        _on_commit(store.stage(name, data, sha256))


# --- Old addresses of files -----------------------------------------------------------------------------------------------

_DOCUMENTS = ("md", "markdown", "mkdn", "mdx", "html", "txt")


def may_be_shown(file: SourceFile) -> bool:
    """Whether an old address of a file may be answered: not where only drafts have the file.

    The page whose bundle it lies in must be public, if there is one; else a public post must show it, unless no post does:
    the old site published such files by themselves.
    """
    owner = find_owner(file)
    if owner is not None:
        return owner.is_public
    media = file.media
    assert media is not None, "asked only of files in the library"
    links = PostLink.objects.filter(url=media.url)
    if Post.objects.published().filter(Q(pk__in=links.values("post")) | Q(cover=media)).exists():
        return True
    return not links.exists() and not Post.objects.filter(cover=media).exists()


def find_owner(file: SourceFile) -> Post | None:
    """The post whose folder the file lies in: a page bundle's (Hugo), or the one that the folder is named after (Hexo)."""
    folders = [folder for folder in _folders_of(file.path) if folder]
    names = [f"{folder}/index.{suffix}" for folder in folders for suffix in _DOCUMENTS]
    names += [f"{folders[0]}/_index.{suffix}" for suffix in _DOCUMENTS] if folders else []
    if file.source.dialect == "hexo":
        names += [f"{folder}.{suffix}" for folder in folders for suffix in _DOCUMENTS]
    posts = Post.objects.filter(source=file.source_id, source_path__in=names)
    found = posts.only("source_path", "state", "published_at", "expires_at", "trashed_at")
    return max(found, key=lambda post: len(post.source_path.rpartition("/")[0]), default=None)


def _folders_of(path: str) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
