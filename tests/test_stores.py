"""Files in a bucket that several machines share: the same journeys as with folders, and what happens while it is away."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from articles import library, variants
from articles.derive import save_derived
from articles.library import add_media, read_original
from articles.media import make_public_copy
from articles.models import ImportRun, MediaFile, Post, SourceFile
from articles.pictures import names_of
from articles.replacing import replace_file
from articles.stores import Parts, Store, StoreError, private_store, public_store, s3
from articles.transfer.archives import place_of, uploads_folder
from articles.transfer.background import work
from articles.transfer.exporting import export_posts
from articles.transfer.importing import import_archive
from articles.transfer.undoing import undo_import
from tests.buckets import Bucket, Line
from tests.factories import PostFactory, make_picture
from tests.pictures import draw
from tests.test_moving import pack, plan, seen, sign_in, upload, url, work_on

pytest_plugins = ("tests.bucket_fixtures",)
pytestmark = pytest.mark.django_db

LIST = "/admin/articles/mediafile/"
LINE_FAULTS = ("refuse", "reset", "hang", "cut")


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def status_of(address: str) -> int:
    answer = Client().get(address)
    if answer.streaming:
        assert b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    return answer.status_code


def add_picture_form(client: Client, data: bytes, **texts: str) -> Any:
    values = {"alt": "", "caption": "", "credit": "", "licence": "", "licence_text": "", "licence_url": "", **texts}
    return client.post(f"{LIST}add/", {"file": SimpleUploadedFile("倉庫.png", data), **values})


# --- What every store does ---


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, media_root: Path) -> Store:
    if request.param == "bucket":
        request.getfixturevalue("bucket")
    return private_store()


def test_a_file_is_put_found_read_listed_and_removed(store: Store, tmp_path: Path) -> None:
    name = "ab/0123456789abcdef/夕暮れ の写真.png"
    assert (store.find(name), store.has(name), list(store.walk())) == (None, False, [])
    store.write(name, b"0123456789")
    (tmp_path / "archive.zip").write_bytes(b"z" * 100_000)
    store.write_from("uploads/1/archive.zip", tmp_path / "archive.zip")
    found = store.find(name)
    assert found is not None
    assert (found.name, found.size) == (name, 10)
    assert not found.is_older_than(timezone.now() - timedelta(minutes=1))
    assert store.read(name) == b"".join(store.stream(name)) == b"0123456789"
    assert b"".join(store.stream(name, 3, 4)) == b"3456"
    assert b"".join(store.stream(name, 7)) == b"789"
    assert sorted(one.name for one in store.walk()) == [name, "uploads/1/archive.zip"]
    assert [(one.name, one.size) for one in store.walk("uploads")] == [("uploads/1/archive.zip", 100_000)]
    store.remove([name, name, "never/there"])
    assert not store.has(name)
    for read in (store.read, store.stream):
        with pytest.raises(FileNotFoundError) as error:
            read(name)
        assert "夕暮れ" in str(error.value.filename)


def test_what_is_staged_is_in_its_place_once_it_is_carried_out(store: Store) -> None:
    put = store.stage("ab/x.png", b"picture", "key")
    put()
    assert store.read("ab/x.png") == b"picture"
    assert [one.name for one in store.walk()] == ["ab/x.png"]


def test_a_large_file_goes_in_parts_and_one_that_broke_off_is_swept(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "LARGE", 5 * 1024 * 1024)
    (tmp_path / "large").write_bytes(b"x" * (11 * 1024 * 1024))
    private_store().write_from("uploads/1/large", tmp_path / "large")
    found = private_store().find("uploads/1/large")
    assert found is not None
    assert found.size == 11 * 1024 * 1024
    key = "site/private/uploads/2/half"
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)
    assert private_store().sweep(timezone.now() + timedelta(minutes=1)) == ["uploads/2/half"]
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)


# --- The journeys of the library, in a bucket ---


@pytest.mark.django_db(transaction=True)
def test_a_picture_uploaded_at_the_desk_lies_in_the_bucket_and_reaches_readers_by_the_same_address(
    bucket: Bucket, media_root: Path
) -> None:
    client, _person = sign_in("superuser")
    assert add_picture_form(client, draw(1), alt="倉庫").status_code == 302
    media = MediaFile.objects.get()
    assert bucket.names("private/") == [f"originals/{media.sha256[:2]}/{media.sha256}"]
    assert bucket.names("media/") == [media.public_name]
    assert files_below(media_root.parent) == []
    assert media.url == f"/media/{media.public_name}"
    page = Client().get(media.url)
    copy = make_public_copy(draw(1), "a.png").data
    assert b"".join(page.streaming_content) == copy  # type: ignore[attr-defined]
    assert (page.headers["Content-Type"], page.headers["Content-Length"]) == ("image/png", str(len(copy)))
    assert page.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "sandbox" in page.headers["Content-Security-Policy"].split("; ")
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    part = Client().get(media.url, headers={"range": "bytes=2-5"})
    assert (part.status_code, part.headers["Content-Range"]) == (206, f"bytes 2-5/{len(copy)}")
    assert b"".join(part.streaming_content) == copy[2:6]  # type: ignore[attr-defined]
    assert Client().get(media.url, headers={"range": "bytes=999999999-"}).status_code == 416
    assert Client().get(media.url, headers={"if-none-match": page.headers["ETag"]}).status_code == 304
    head = Client().head(media.url)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(len(copy)), b"")
    assert Client().get(f"/media/ab/{'0' * 16}/none.png").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_what_would_run_in_a_browser_is_kept_and_not_served_from_a_bucket_either(bucket: Bucket) -> None:
    page = add_media(b"<script>alert(1)</script>", "x.html")
    sheet = add_media(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n", "x.pdf")
    assert (page.url, [one for one in bucket.names("media/") if not one.endswith(".pdf")]) == ("", [])
    assert "attachment" in Client().head(sheet.url).headers["Content-Disposition"]
    for name in bucket.names("media/"):
        held = bucket.client.head_object(Bucket=bucket.name, Key=f"site/media/{name}")
        # Whoever opens the bucket by mistake gives browsers nothing that they would run.
        assert held["ContentType"] == "binary/octet-stream"


@pytest.mark.django_db(transaction=True)
def test_variants_and_a_replacement_lie_in_the_bucket_and_go_with_the_picture(bucket: Bucket) -> None:
    client, _person = sign_in("superuser")
    media = add_media(draw(9, (900, 600), "JPEG"), "倉庫.jpg")
    assert variants.make_waiting() == 1
    made = names_of(media.public_name, media.variants.shapes)
    assert made
    assert set(bucket.names("media/")) == {media.public_name, *made}
    assert status_of(f"/media/{made[0]}") == 200
    former = media.url
    replace_file(media, draw(2), "b.png", user=None)
    media.refresh_from_db()
    assert bucket.names("media/") == [media.public_name]
    assert Client().get(former).headers["Location"] == media.url
    assert len(bucket.names("private/")) == 2
    assert client.post(f"{LIST}{media.pk}/delete/", {"post": "yes"}).status_code == 302
    assert bucket.names() == []


SITE: dict[str, str | bytes] = {
    "news/_config.yml": "url: https://news.example\n",
    "news/_posts/2025-01-01-ichi.md": "---\ntitle: 一\n---\n\n![絵](/images/1.png)\n",
    "news/_posts/2025-01-02-ni.md": "---\r\ntitle: 二\r\n---\r\n\r\n![絵](/images/2.png)\r\n",
}


def write_site(folder: Path, pictures: int = 3) -> Path:
    for name, text in SITE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(text).encode())
    (folder / "news/images").mkdir()
    for number in range(pictures):
        (folder / f"news/images/{number}.png").write_bytes(make_picture("navy", "white", (20 + number, 20)))
    return folder / "news"


@pytest.mark.django_db(transaction=True)
def test_an_import_with_pictures_leaves_as_it_came_and_can_be_undone(bucket: Bucket, tmp_path: Path, media_root: Path) -> None:
    site = write_site(tmp_path)
    run = import_archive(site)
    assert run.state == ImportRun.State.FINISHED
    assert MediaFile.objects.count() == 3
    assert len(bucket.names("media/")) == 3
    assert files_below(media_root) == []
    export_posts(tmp_path / "out")
    out = tmp_path / "out"
    assert {name: (out / name).read_bytes() for name in files_below(out)} == {
        name: (site / name).read_bytes() for name in files_below(site)
    }
    undo_import(run, None)
    assert (Post.objects.count(), MediaFile.objects.count(), bucket.names()) == (0, 0, [])


@pytest.mark.django_db(transaction=True)
def test_an_upload_is_planned_by_a_machine_that_did_not_receive_it(bucket: Bucket, tmp_path: Path, settings: Any) -> None:
    client, _person = sign_in("superuser")
    upload(client, pack(SITE | {"news/images/1.png": draw(1), "news/images/2.png": draw(2)}))
    run = ImportRun.objects.get()
    assert bucket.names("private/") == [run.location.removeprefix("store:")]
    settings.PRIVATE_ROOT = tmp_path / "another-machine"
    assert not place_of(run.location).exists()
    work_on(run)
    assert (run.state, run.totals) == (ImportRun.State.PLANNED, {"create": 2})
    settings.PRIVATE_ROOT = tmp_path / "a-third-machine"
    item = run.items.get(path="news/_posts/2025-01-01-ichi.md")
    assert client.get(url("file", run.pk, item.pk)).status_code == 200
    assert client.get(url("picture", run.pk), {"path": "news/images/1.png"}).status_code == 200
    assert client.post(url("act", run.pk, "cancel"), seen(run)).status_code == 302
    run.refresh_from_db()
    assert (run.state, bucket.names(), files_below(uploads_folder())) == (ImportRun.State.CANCELLED, [], [])


# --- What nothing names ---


@pytest.mark.django_db(transaction=True)
def test_what_a_rollback_or_a_lost_object_leaves_is_listed_and_removed_or_made_again(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = add_media(draw(1), "a.png")
    with transaction.atomic():
        left = add_media(draw(2), "b.png")
        transaction.set_rollback(True)
    assert MediaFile.objects.get() == kept
    bucket.client.put_object(Bucket=bucket.name, Key="site/private/uploads/x/half.zip", Body=b"")
    bucket.client.delete_object(Bucket=bucket.name, Key=f"site/media/{kept.public_name}")
    # Nothing is an hour old yet.
    assert left.public_name not in tell()
    monkeypatch.setattr("articles.management.commands.check_media.LEFT_BEHIND", timedelta(minutes=-1))
    said = tell()
    for name in (left.sha256, left.public_name, kept.public_name, "uploads/x/half.zip"):
        assert name in said
    assert kept.sha256 not in said
    assert len(bucket.names()) == 4
    tell("--remove", "--repair")
    assert bucket.names("media/") == [kept.public_name]
    assert bucket.names("private/") == [f"originals/{kept.sha256[:2]}/{kept.sha256}"]
    assert "  " not in tell()
    bucket.client.delete_object(Bucket=bucket.name, Key=f"site/private/originals/{kept.sha256[:2]}/{kept.sha256}")
    with pytest.raises(CommandError, match="1"):
        tell("--remove")


def tell(*options: str) -> str:
    out = StringIO()
    call_command("check_media", *options, stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_same_command_looks_after_folders(media_root: Path) -> None:
    media = add_media(draw(1), "a.png")
    (media_root / media.public_name).unlink()
    assert media.public_name in tell("--repair")
    assert (media_root / media.public_name).is_file()
    assert "  " not in tell()


# --- While the store is away ---


@pytest.mark.parametrize("fault", LINE_FAULTS)
@pytest.mark.django_db(transaction=True)
def test_texts_are_served_pictures_wait_and_uploads_are_refused_with_the_reason(line: Line, bucket: Bucket, fault: str) -> None:
    client, _person = sign_in("superuser")
    media = add_media(draw(1), "a.png", alt="倉庫")
    post = PostFactory(body=f"本文。![倉庫]({media.url})", cover=media)
    save_derived(post)
    objects = bucket.names()
    line.mode, line.limit = fault, line.passed + 10

    page = Client().get(post.path)
    assert (page.status_code, media.url in page.text) == (200, True)
    picture = Client().get(media.url)
    assert (picture.status_code, picture.headers["Content-Type"]) == (503, "image/svg+xml")
    assert (picture.headers["Cache-Control"], picture.headers["Retry-After"]) == ("no-store", "10")
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["checks"]["store"]) == (200, "degraded", "degraded")
    assert "127.0.0.1" not in ready.text

    refused = add_picture_form(client, draw(2), alt="書きかけの説明")
    assert refused.status_code == 200
    assert "メディアの保管先" in refused.text
    assert "MEDIA_STORE" in refused.text
    assert "書きかけの説明" in refused.text
    sent = {"file": SimpleUploadedFile("c.png", draw(3))}
    written = client.post(f"{LIST}upload/", sent, headers={"accept": "application/json"})
    assert (written.status_code, "メディアの保管先" in written.json()["complaint"]) == (503, True)
    replaced = client.post(f"{LIST}{media.pk}/replace/", {"file": SimpleUploadedFile("c.png", draw(3))})
    assert "メディアの保管先" in replaced.text
    left = client.post("/admin/articles/post/archive/", {"layout": "plain", "with_media": "on"})
    assert (left.streaming, "メディアの保管先が応答しません" in left.text) == (False, True)
    archive = {"files": pack({"a.md": "# a\n"})}
    brought = client.post("/admin/articles/importrun/add/", archive, headers={"accept": "application/json"})
    assert "メディアの保管先" in brought.json()["complaint"]
    assert (MediaFile.objects.count(), ImportRun.objects.count(), files_below(uploads_folder())) == (1, 0, [])
    assert [name for name in bucket.names() if name not in objects and "/media/" in name] == []

    line.mode = "pass"
    assert add_picture_form(client, draw(2)).status_code == 302
    assert status_of(media.url) == 200
    assert Client().get("/readyz").json()["checks"]["store"] == "ok"


@pytest.mark.django_db(transaction=True)
def test_while_a_store_rests_pages_do_not_ask_it(line: Line, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    media = add_media(draw(1), "a.png")
    monkeypatch.setattr(s3, "REST_SECONDS", 600)
    line.mode = "hang"
    assert status_of(media.url) == 503
    asked = line.passed
    for _turn in range(20):
        assert status_of(media.url) == 503
    assert line.passed == asked


def test_an_answer_that_breaks_off_is_asked_for_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    store = private_store()
    store.write("x", b"0123456789")
    tries: list[str] = []

    def stream(name: str) -> Parts:
        tries.append(name)
        pieces = [b"01234", b"56789", b""]

        def read(size: int) -> bytes:
            if len(pieces) == 2 and len(tries) < 3:
                raise StoreError(5, "it broke off", name)
            return pieces.pop(0)

        return Parts(read, lambda: None)

    monkeypatch.setattr(store, "stream", stream)
    assert store.read("x") == b"0123456789"
    assert len(tries) == 3


@pytest.mark.parametrize("fault", LINE_FAULTS)
@pytest.mark.django_db(transaction=True)
def test_an_import_says_which_file_was_not_stored_and_goes_on_by_itself(
    line: Line, bucket: Bucket, tmp_path: Path, fault: str
) -> None:
    client, _person = sign_in("superuser")
    run = plan(client, SITE | {f"news/images/{number}.png": draw(number) for number in range(3)})
    assert client.post(url("apply", run.pk), seen(run)).status_code == 302
    line.mode, line.limit = fault, line.passed + 10
    work(run.pk, ImportRun.State.APPLYING)
    run.refresh_from_db()
    assert (run.state, run.lease, run.stage) == (ImportRun.State.APPLYING, "", ImportRun.Stage.WAITING)
    event = run.events[-1]
    assert (event["code"], event["params"]["reason"].rpartition(": ")[2]) == ("store-away", "_config.yml")
    assert (MediaFile.objects.count(), SourceFile.objects.filter(role="attachment").count()) == (0, 0)
    line.mode = "pass"
    work(run.pk, ImportRun.State.APPLYING)
    run.refresh_from_db()
    assert (run.state, run.totals, MediaFile.objects.count()) == (ImportRun.State.FINISHED, {"create": 2}, 3)
    assert all(read_original(media.sha256) for media in MediaFile.objects.all())


@pytest.mark.django_db(transaction=True)
def test_a_store_that_fails_after_the_commit_leaves_the_row_and_tells_the_log(
    line: Line, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    media = add_media(draw(1), "a.png")
    client, _person = sign_in("superuser")
    line.mode = "refuse"
    assert client.post(f"{LIST}{media.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not MediaFile.objects.exists()
    assert "check_media" in caplog.text
    line.mode = "pass"
    found = library.take_inventory(stored_before=timezone.now() + timedelta(minutes=1))
    assert [one.name for one in found.public] == [media.public_name]
    assert json.dumps(found.lost) == "[]"
    assert public_store().has(media.public_name)
