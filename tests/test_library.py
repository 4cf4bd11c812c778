"""Storing and finding files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from django.db import transaction

from articles import library
from articles.library import NewFile, add_many, add_media, read_original, store_original
from articles.media import make_public_copy
from articles.models import MediaFile
from tests.factories import make_picture
from tests.folders import original_path

PICTURE = make_picture("#31506f", "#c79a5b", (64, 36))


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_original_is_stored_once_and_comes_back_as_it_was(media_root):
    sha256 = store_original(PICTURE)
    assert sha256 == hashlib.sha256(PICTURE).hexdigest()
    written = original_path(sha256).stat().st_mtime_ns
    assert store_original(PICTURE) == sha256
    assert original_path(sha256).stat().st_mtime_ns == written
    assert read_original(sha256) == PICTURE
    assert b"".join(library.stream_original(sha256)) == PICTURE


def test_a_fingerprint_that_is_none_never_becomes_a_path(media_root):
    for wrong in ("", "../../etc/passwd", "A" * 64, "0" * 63):
        with pytest.raises(ValueError, match="not a SHA-256"):
            read_original(wrong)


def test_a_write_that_fails_leaves_no_part_and_names_the_path(media_root, monkeypatch):
    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left") as error:
        store_original(b"text")
    assert "originals" in str(error.value.filename)
    assert files_below(media_root.parent) == []


@pytest.mark.django_db(transaction=True)
def test_a_picture_gets_an_address_made_from_its_content(media_root):
    media = add_media(PICTURE, "folder/夕暮れ の 写真.PNG", alt="夕暮れ")
    sha256 = hashlib.sha256(PICTURE).hexdigest()
    assert media.public_name == f"{sha256[:2]}/{sha256[:16]}/夕暮れ-の-写真.png"
    assert (media.content_type, media.width, media.height, media.alt) == ("image/png", 64, 36, "夕暮れ")
    assert (media_root / media.public_name).read_bytes() == make_public_copy(PICTURE, "a.png").data
    assert read_original(media.sha256) == PICTURE


@pytest.mark.django_db(transaction=True)
def test_the_same_bytes_are_one_file_whatever_their_name(media_root):
    first = add_media(PICTURE, "a.png")
    assert add_media(PICTURE, "b.png").pk == first.pk
    assert MediaFile.objects.count() == 1
    assert files_below(media_root) == [first.public_name]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_gives_readers_nothing(media_root):
    with transaction.atomic():
        media = add_media(PICTURE, "a.png")
        assert not (media_root / media.public_name).exists()
        transaction.set_rollback(True)
    assert MediaFile.objects.count() == 0
    assert not any(not name.startswith(".") for name in files_below(media_root))
    again = add_media(PICTURE, "a.png")
    assert files_below(media_root) == [again.public_name]


@pytest.mark.django_db(transaction=True)
def test_the_copy_appears_when_the_transaction_commits(media_root):
    with transaction.atomic():
        media = add_media(PICTURE, "a.png")
    assert (media_root / media.public_name).is_file()


@pytest.mark.django_db(transaction=True)
def test_a_copy_lost_between_commit_and_write_is_made_again(media_root):
    media = add_media(PICTURE, "a.png")
    (media_root / media.public_name).unlink()
    assert library.write_missing_public_files() == [media.public_name]
    assert (media_root / media.public_name).is_file()
    assert library.write_missing_public_files() == []


@pytest.mark.django_db
def test_a_file_that_may_not_be_served_is_kept_with_its_finding(media_root):
    media = add_media(b"<script>alert(1)</script>", "x.png.html")
    assert (media.public_name, media.url, media.is_image) == ("", "", False)
    assert media.findings[0]["code"] == "media-type-not-served"
    assert read_original(media.sha256) == b"<script>alert(1)</script>"
    assert files_below(media_root) == []


@pytest.mark.django_db(transaction=True)
def test_hostile_names_become_harmless_ones(media_root):
    for number, name in enumerate(("../../../etc/cron.d/x", "..\\..\\x.php", ".htaccess", "a\0b.png", "…", "長" * 300 + ".png")):
        media = add_media(make_picture("#000000", f"#0000{number + 10}", (8, 8)), name)
        path = (media_root / media.public_name).resolve()
        assert path.is_relative_to(media_root.resolve())
        assert path.suffix == ".png"
        assert path.is_file()


@pytest.mark.django_db(transaction=True)
def test_many_files_cost_no_more_queries_than_few(media_root, django_assert_num_queries):
    def files(start: int, count: int) -> list[NewFile]:
        return [NewFile(f"text {number}".encode(), f"{number}.txt") for number in range(start, start + count)]

    with django_assert_num_queries(6):  # look up, former files, begin, insert, commit, read back
        few = add_many(files(0, 5))
    with django_assert_num_queries(6):
        many = add_many(files(5, 40))
    assert [media.name for media in few + many] == [f"{number}.txt" for number in range(45)]
    with django_assert_num_queries(1):  # look up
        add_many(files(0, 45))
