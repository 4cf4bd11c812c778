"""Moving in at the desk: upload, plan, import, report, undo, over HTTP; who may do what, and what hostile input ends as."""

from __future__ import annotations

import io
import json
import os
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import override

from articles.editorial.workflow import save_post
from articles.models import Author, ImportItem, ImportRun, Post, Tag
from articles.transfer import uploads
from articles.transfer.background import work
from articles.transfer.digest import content_digest
from articles.transfer.uploads import clear_uploads, uploads_folder
from tests.people import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
SITE: dict[str, str | bytes] = {
    "_config.yml": "url: https://news.example\ntitle: 新聞\n",
    "_posts/2025-04-01-hajimari.md": (
        "---\ntitle: はじまり\ntags: [AI, サーバ]\nauthor: 編集部\nwriter: 山\n---\n![図](/assets/a.png)\n本文。\n"
    ),
    "_posts/2025-04-02-tsugi.md": "---\ntitle: つぎ\ntags: [ＡＩ, サーバー]\n---\n{% chart 1 %}\n![](gone.png)\n",
    "_posts/2025-04-03-owari.md": "---\ntitle: おわり\ncategory: 記録\n---\nおわり。\n",
    "_posts/2025-04-04-dame.md": "---\ntitle: [\n---\n",
    "assets/a.png": PIXEL,
}


def pack(files: dict[str, str | bytes] = SITE, name: str = "新聞.zip") -> SimpleUploadedFile:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return SimpleUploadedFile(name, stream.getvalue(), "application/zip")


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


def url(name: str, *arguments: Any) -> str:
    return reverse(f"admin:articles_importrun_{name}", args=arguments)


def work_on(run: ImportRun) -> ImportRun:
    """What a worker does until nothing is left to do."""
    for _ in range(8):
        run.refresh_from_db()
        if run.state not in ("planning", "applying", "undoing"):
            break
        work(run.pk, run.state)
    run.refresh_from_db()
    return run


def upload(client: Client, *files: SimpleUploadedFile, **fields: Any) -> Any:
    return client.post(url("add"), {**fields, "files": list(files)})


def plan(client: Client, files: dict[str, str | bytes] = SITE) -> ImportRun:
    response = upload(client, pack(files))
    assert response.status_code == 302, response.content.decode()[:2000]
    return work_on(ImportRun.objects.latest("pk"))


def seen(run: ImportRun) -> dict[str, str]:
    run.refresh_from_db()
    return {"seen": run.planned_at.isoformat() if run.planned_at else ""}


def apply(client: Client, run: ImportRun) -> ImportRun:
    assert client.post(url("apply", run.pk), seen(run)).status_code == 302
    return work_on(run)


def items(run: ImportRun) -> dict[str, ImportItem]:
    return {item.path: item for item in run.items.all()}


def left_behind() -> list[str]:
    folder = uploads_folder()
    return sorted(os.listdir(folder)) if folder.is_dir() else []


# --- The whole way --------------------------------------------------------------------------------------------------


def test_an_upload_is_planned_imported_reported_and_taken_back() -> None:
    client, person = sign_in("superuser")
    before = content_digest()
    run = plan(client)
    assert (run.state, run.user, run.label, run.totals) == ("planned", person, "新聞.zip", {"create": 3, "refused": 1})
    assert content_digest() == before

    page = client.get(url("change", run.pk)).content.decode()
    for word in ("はじまり", "_posts/", "dame.md", "gone.png", "chart", "/2025/04/01/hajimari.html"):
        assert word in page

    left_out = items(run)["_posts/2025-04-03-owari.md"].pk
    assert client.post(url("leave_out", run.pk), {**seen(run), "do": "exclude-chosen", "item": [left_out]}).status_code == 302
    assert work_on(run).totals == {"create": 2, "refused": 1, "excluded": 1}

    assert client.post(url("terms", run.pk), {**seen(run), "kind": "tag", "act": "accept-all"}).status_code == 302
    work_on(run)
    confirm = client.get(url("apply", run.pk))
    assert "2" in confirm.context["sentence"]

    apply(client, run)
    assert run.state == "finished"
    assert sorted(Post.objects.values_list("title", flat=True)) == ["つぎ", "はじまり"]
    assert set(Tag.objects.values_list("name", flat=True)) in ({"AI", "サーバー"}, {"AI", "サーバ"})

    report = client.get(url("change", run.pk)).content.decode()
    assert "/2025/04/01/hajimari.html" in report
    assert reverse("admin:articles_post_change", args=[Post.objects.get(title="はじまり").pk]) in report

    dry = client.get(url("undo", run.pk))
    assert (dry.context["removed"], dry.context["restored"], dry.context["kept_number"]) == (2, 0, 0)
    assert client.post(url("undo", run.pk)).status_code == 302
    assert work_on(run).state == "undone"
    assert content_digest() == before
    assert client.get(url("change", run.pk)).status_code == 200


def test_an_importer_imports_a_zip_and_sees_what_became_of_every_file() -> None:
    client, person = sign_in("importer")
    run = apply(client, plan(client, {"0-good.md": "---\ntitle: 届いた記事\n---\n本文。\n", "1-bad.md": "---\ntitle: [\n---\n"}))
    assert (run.user, run.label) == (person, "新聞.zip")
    assert Post.objects.get().state == "draft"
    page = client.get(url("change", run.pk) + "?verdict=refused").content.decode()
    assert "1-bad.md" in page
    assert "0-good.md" not in page


def test_an_importer_cannot_replace_what_others_changed() -> None:
    client, _person = sign_in("importer")
    run = plan(client)
    response = client.post(url("choices", run.pk), {**seen(run), "on_conflict": "replace"})
    assert "on_conflict" in response.context["form"].errors
    run.refresh_from_db()
    assert run.choices == {"on_conflict": run.choices.get("on_conflict", "keep")} or not run.choices
    assert run.state == "planned"


# --- Who may do what ------------------------------------------------------------------------------------------------

ROLES = ("staff", "author", "importer", "editor", "publisher", "superuser")
# Address → method → role → the answers for one's own run and for somebody else's.
# Editors and publishers see every import but may not import; a plan is bound to its user, undo of others' needs both rights.
VIEW = {
    "staff": (403, 403),
    "author": (403, 403),
    "importer": (200, 404),
    "editor": (200, 200),
    "publisher": (200, 200),
    "superuser": (200, 200),
}
OWN_ACT = {
    "staff": (403, 403),
    "author": (403, 403),
    "importer": (302, 404),
    "editor": (403, 403),
    "publisher": (403, 403),
    "superuser": (302, 403),
}
UNDO_PAGE = {**VIEW, "editor": (302, 302), "publisher": (302, 302)}
UNDO = {**OWN_ACT, "superuser": (302, 302)}
NOT_BY_GET = {role: tuple(405 if code == 200 else code for code in codes) for role, codes in VIEW.items()}
MATRIX: dict[tuple[str, str], dict[str, tuple[int, ...]]] = {
    ("change", "GET"): VIEW,
    ("change", "POST"): {role: tuple(403 if code == 200 else code for code in codes) for role, codes in VIEW.items()},
    ("progress", "GET"): VIEW,
    ("progress", "POST"): NOT_BY_GET,
    ("json", "GET"): VIEW,
    ("json", "POST"): NOT_BY_GET,
    ("csv", "GET"): VIEW,
    ("csv", "POST"): NOT_BY_GET,
    ("file", "GET"): VIEW,
    ("file", "POST"): NOT_BY_GET,
    ("frame", "GET"): VIEW,
    ("frame", "POST"): NOT_BY_GET,
    ("picture", "GET"): VIEW,
    ("picture", "POST"): NOT_BY_GET,
    ("terms", "GET"): VIEW,
    ("terms", "POST"): OWN_ACT,
    ("choices", "GET"): NOT_BY_GET,
    ("choices", "POST"): OWN_ACT,
    ("leave_out", "GET"): NOT_BY_GET,
    ("leave_out", "POST"): OWN_ACT,
    ("apply", "GET"): VIEW,
    ("apply", "POST"): OWN_ACT,
    ("act", "GET"): NOT_BY_GET,
    ("act", "POST"): OWN_ACT,
    ("undo", "GET"): UNDO_PAGE,
    ("undo", "POST"): UNDO,
}
NO_IMPORTERS = dict.fromkeys(("staff", "author", "editor", "publisher"), 403)
WITHOUT_RUN = {
    ("changelist", "GET"): {"staff": 403, "author": 403},
    ("add", "GET"): NO_IMPORTERS,
    # Without a file, and without a folder: the form again, or the first page with the reason.
    ("add", "POST"): {**NO_IMPORTERS, "importer": 400, "superuser": 400},
    ("folder", "GET"): {**NO_IMPORTERS, "importer": 302, "superuser": 302},
    ("folder", "POST"): {**NO_IMPORTERS, "importer": 302, "superuser": 302},
}
# Records are changed by nothing and nobody; the list of changes that Django offers shows what anyone may see.
# What helps nobody here; and conflicts, whose rows stand with those of the whole desk.
CLOSED = {"delete", "history", "conflicts", "conflict"}


def make_run(user: Any, state: str) -> tuple[ImportRun, ImportItem]:
    """A run with an archive that is there, one item, and something to undo."""
    folder = uploads_folder() / f"run-of-{user.pk}"
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "a.zip"
    archive.write_bytes(pack({"_config.yml": "", "a.md": "---\ntitle: 題\n---\n![](a.png)\n", "a.png": PIXEL}).read())
    now = timezone.now()
    site = {"root": "", "source": None, "name": "a", "dialect": "jekyll", "timezone": "UTC", "language": "", "encoding": ""}
    run = ImportRun.objects.create(
        user=user,
        label="a.zip",
        state=state,
        location=str(archive),
        is_upload=True,
        planned_at=now,
        totals={"create": 1},
        sites=[{**site, "documents": 1, "attachments": 1}],
        finished_at=now if state == "finished" else None,
    )
    post = Post.objects.create(title="題", path=f"/run-{run.pk}/") if state == "finished" else None
    written = post.modified_at if post else None
    item = ImportItem.objects.create(run=run, path="a.md", verdict="create", post=post, applied_at=written, written_at=written)
    return run, item


def answer(client: Client, name: str, method: str, run: ImportRun, item: ImportItem) -> int:
    arguments = {"file": (run.pk, item.pk), "frame": (run.pk, item.pk, "after"), "act": (run.pk, "plan")}.get(name, (run.pk,))
    address = url(name, *arguments) + ("?path=a.png" if name == "picture" else "")
    data = {**seen(run), "do": "exclude-chosen", "item": [item.pk], "kind": "tag", "on_conflict": "keep"}
    response = client.get(address) if method == "GET" else client.post(address, data)
    assert "Traceback" not in response.headers.get("X", "")
    return int(response.status_code)


def test_every_address_of_imports_has_a_row_in_the_matrix() -> None:
    names = {pattern.name for pattern in admin.site._registry[ImportRun].get_urls() if isinstance(pattern, URLPattern)}
    own = {name.removeprefix("articles_importrun_") for name in names if name}
    assert own - CLOSED == {name for name, _method in [*MATRIX, *WITHOUT_RUN]}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_each_role_gets_the_answer_of_the_matrix(name: str, method: str, role: str) -> None:
    client, person = sign_in(role)
    state = "finished" if name == "undo" else "planned"
    answers = tuple(answer(client, name, method, *make_run(owner, state)) for owner in (person, make_person("importer", "other")))
    assert answers == MATRIX[name, method][role]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("name", "method"), WITHOUT_RUN)
def test_addresses_without_a_run_ask_for_the_right(name: str, method: str, role: str) -> None:
    client, _person = sign_in(role)
    response = client.get(url(name)) if method == "GET" else client.post(url(name), {})
    assert response.status_code == WITHOUT_RUN[name, method].get(role, 200)


@pytest.mark.parametrize("role", ["importer", "superuser"])
def test_records_of_imports_cannot_be_deleted(role: str) -> None:
    client, person = sign_in(role)
    run, _item = make_run(person, "finished")
    assert client.post(reverse("admin:articles_importrun_delete", args=[run.pk]), {"post": "yes"}).status_code == 403


def test_nobody_gets_in_without_signing_in() -> None:
    run, item = make_run(make_person("importer"), "planned")
    for name, method in MATRIX:
        assert answer(Client(), name, method, run, item) == 302
    run.refresh_from_db()
    assert run.state == "planned"
    assert Client().post(url("add"), {"files": pack()})["Location"].startswith("/admin/login/")
    assert left_behind() == [f"run-of-{run.user_id}"]


def test_a_run_that_may_not_be_seen_answers_like_one_that_is_not_there() -> None:
    client, _person = sign_in("importer")
    run, _item = make_run(make_person("importer", "other"), "planned")
    hidden, absent = client.get(url("change", run.pk)), client.get(url("change", 999_999))
    assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)


def test_without_its_token_no_form_does_anything() -> None:
    person = make_person("superuser")
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    run, item = make_run(person, "planned")
    for name, method in MATRIX:
        if method == "POST":
            assert answer(client, name, method, run, item) == 403, name
    assert client.post(url("add"), {"files": pack()}).status_code == 403
    assert client.post(url("folder"), {}).status_code == 403
    assert ImportRun.objects.count() == 1
    assert left_behind() == [f"run-of-{person.pk}"]


def test_an_upload_with_its_token_is_taken() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_person("importer"))
    client.get(url("add"))
    token = client.cookies["csrftoken"].value
    assert client.post(url("add"), {"csrfmiddlewaretoken": token, "files": pack()}).status_code == 302
    foreign = client.post(url("add"), {"csrfmiddlewaretoken": token, "files": pack()}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert ImportRun.objects.count() == 1


# --- Uploads --------------------------------------------------------------------------------------------------------


def raw_upload(client: Client, body: bytes, length: int | None = None, boundary: str = "x") -> Any:
    """A request as a client that follows no rule sends it."""
    environ: dict[str, Any] = {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body) if length is None else length),
        "CONTENT_TYPE": f"multipart/form-data; boundary={boundary}",
    }
    return client.generic("POST", url("add"), **environ)


def part(name: str, data: bytes, field: str = "files", boundary: str = "x") -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n"


def members(run: ImportRun) -> list[str]:
    with zipfile.ZipFile(run.location) as archive:
        return sorted(archive.namelist())


def test_several_files_keep_their_folders() -> None:
    client, _person = sign_in("importer")
    body = part("新聞/_config.yml", b"url: https://a.example\n", "folder") + part("新聞/_posts/2025-01-01-a.md", b"A\n", "folder")
    assert raw_upload(client, body + b"--x--\r\n").status_code == 302
    run = ImportRun.objects.get()
    assert members(run) == ["新聞/_config.yml", "新聞/_posts/2025-01-01-a.md"]
    assert run.label == "新聞"
    assert [item.path for item in work_on(run).items.all()] == ["新聞/_posts/2025-01-01-a.md"]
    assert work_on(run).sites[0]["dialect"] == "jekyll"


def test_one_text_keeps_its_name_and_bytes() -> None:
    client, _person = sign_in("importer")
    upload(client, SimpleUploadedFile("ひとつ.md", b"\xef\xbb\xbf# one\r\n"))
    run = ImportRun.objects.get()
    assert Path(run.location).name == "ひとつ.md"
    assert Path(run.location).read_bytes() == b"\xef\xbb\xbf# one\r\n"
    assert Path(run.location).parent == uploads_folder() / str(run.pk)


def test_names_of_an_upload_never_reach_the_file_system() -> None:
    client, _person = sign_in("importer")
    names = ["../../escape.md", "/etc/escape.md", "a\\..\\..\\escape.md", "nul\x00.md", "\u202egpj.md"]
    names.append("<script>alert(1)</script>.md")
    body = b"".join(part(name, b"text") for name in names) + part("good.md", b"# good\n")
    assert raw_upload(client, body + b"--x--\r\n").status_code == 302
    run = work_on(ImportRun.objects.get())
    assert run.state == "planned"
    assert [path.name for path in uploads_folder().rglob("*") if path.is_file()] == ["files.zip"]
    assert items(run)["good.md"].verdict == "create"
    page = client.get(url("change", run.pk)).content.decode()
    assert "<script>alert" not in page
    assert "<bdi>&lt;script&gt;" in page


@pytest.mark.parametrize(
    "body",
    [
        part("a.zip", b"PK"),
        part("a.zip", b"PK")[:-40],
        part("a.md", b"one") + b"--x",
        b"",
        b"nothing of a form",
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + b"a" * 40_000,
    ],
)
def test_an_upload_that_broke_off_leaves_nothing(body: bytes) -> None:
    client, _person = sign_in("importer")
    for length in (len(body), len(body) + 1_000):
        response = raw_upload(client, body, length)
        assert response.status_code == 400
        assert response.context["complaint"]
    assert not ImportRun.objects.exists()
    assert left_behind() == []


def test_more_than_was_announced_is_not_taken() -> None:
    client, _person = sign_in("importer")
    body = part("a.md", b"x" * 1_000) + b"--x--\r\n"
    assert raw_upload(client, body, 200).status_code == 400
    assert left_behind() == []


def test_limits_are_said_and_leave_nothing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _person = sign_in("importer")
    settings.IMPORT_MAX_FILES = 2
    response = upload(client, *(SimpleUploadedFile(f"{number}.md", b"x") for number in range(3)))
    assert "2" in response.context["complaint"]
    settings.IMPORT_MAX_BYTES = 1_000
    assert "1000 B" in upload(client, SimpleUploadedFile("a.md", b"x" * 2_000)).context["complaint"]
    settings.IMPORT_MAX_BYTES = 10**18
    monkeypatch.setattr(uploads, "SPARE_BYTES", 10**18)
    assert upload(client, pack()).status_code == 400
    assert left_behind() == []
    assert not ImportRun.objects.exists()


def test_who_has_the_token_is_told_that_it_is_too_large(settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 1_000
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_person("importer"))
    client.get(url("add"))
    response = client.post(url("add"), {"csrfmiddlewaretoken": client.cookies["csrftoken"].value, "files": pack()})
    assert response.status_code == 400
    assert "1000 B" in response.context["complaint"]


def test_a_full_disk_is_said_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    client, _person = sign_in("importer")

    def fail(self: Any, data: bytes) -> None:
        raise self._fail(OSError(28, "No space left on device"))

    monkeypatch.setattr(uploads.UploadBox, "write", fail)
    response = client.post(url("add"), {"files": [pack()]}, headers={"Accept": "application/json"})
    assert response.status_code == 400
    assert response.json()["complaint"]
    assert left_behind() == []


def test_a_form_that_is_sent_twice_makes_one_import() -> None:
    client, _person = sign_in("importer")
    first = upload(client, pack(), once="token")
    second = upload(client, pack(), once="token")
    assert first["Location"] == second["Location"]
    run = ImportRun.objects.get()
    assert left_behind() == [str(run.pk)]
    assert Path(run.location).is_file()


def test_more_files_than_other_forms_of_the_site_may_have(settings: Any) -> None:
    client, _person = sign_in("importer")
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 5
    files = [SimpleUploadedFile(f"{number}.md", b"# x\n") for number in range(150)]
    assert upload(client, *files).status_code == 302
    assert len(members(ImportRun.objects.get())) == 150


def test_several_zips_at_once_are_refused_with_the_reason() -> None:
    client, _person = sign_in("importer")
    assert upload(client, pack(), pack(name="b.zip")).context["complaint"]
    assert left_behind() == []


def test_an_upload_for_the_script_answers_with_the_address() -> None:
    client, _person = sign_in("importer")
    response = client.post(url("add"), {"files": [pack()]}, headers={"Accept": "application/json"})
    assert (response.status_code, response.json()["address"]) == (201, url("change", ImportRun.objects.get().pk))


def test_a_worker_leaves_the_upload_of_an_import_that_has_just_ended() -> None:
    client, _person = sign_in("superuser")
    run = apply(client, plan(client))
    call_command("worker", once=True)
    assert left_behind() == [str(run.pk)]


def test_uploads_are_cleared_away_when_their_time_is_over(settings: Any) -> None:
    settings.IMPORT_KEEP_DAYS = 10
    client, _person = sign_in("superuser")
    finished = apply(client, plan(client))
    planned = plan(client, {"b.md": "# b\n"})
    interrupted = plan(client, {"c.md": "# c\n"})
    ImportRun.objects.filter(pk=interrupted.pk).update(state="interrupted", interrupted_in="applying")
    assert clear_uploads() == 0
    abandoned = uploads_folder() / "20200101-abandoned"
    abandoned.mkdir()
    os.utime(abandoned, (0, 0))
    long_ago = timezone.now() - timedelta(days=11)
    ImportRun.objects.update(started_at=long_ago, planned_at=long_ago)
    ImportRun.objects.filter(pk=finished.pk).update(finished_at=long_ago)
    assert clear_uploads() == 3
    assert left_behind() == [str(interrupted.pk)]
    planned.refresh_from_db()
    assert planned.state == "cancelled"
    for run in (finished, planned):
        page = client.get(url("change", run.pk))
        assert page.status_code == 200


# --- Folders of the server ------------------------------------------------------------------------------------------


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "open"
    (folder / "新聞" / "_posts").mkdir(parents=True)
    (folder / "新聞" / "_config.yml").write_text("url: https://a.example\n")
    (folder / "新聞" / "_posts" / "2025-01-01-a.md").write_text("---\ntitle: 題\n---\n")
    (folder / ".secret").mkdir()
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "a.md").write_text("closed")
    (folder / "link").symlink_to(tmp_path / "closed")
    settings.IMPORT_ROOTS = [str(folder)]
    return folder


def test_a_folder_of_the_server_is_looked_through_and_imported(root: Path) -> None:
    client, _person = sign_in("superuser")
    page = client.get(url("folder"), {"root": 0}).content.decode()
    assert "新聞" in page
    assert ".secret" not in page
    assert ">link" not in page
    response = client.post(url("folder"), {"root": 0, "path": "新聞"})
    run = work_on(ImportRun.objects.get())
    assert response["Location"] == url("change", run.pk)
    assert (run.state, run.is_upload, run.totals) == ("planned", False, {"create": 1})
    assert apply(client, run).state == "finished"
    assert (root / "新聞" / "_config.yml").exists()


@pytest.mark.parametrize(
    "wanted",
    [
        {"root": 1},
        {"root": -1},
        {"root": "x"},
        {"root": 0, "path": "../closed"},
        {"root": 0, "path": "link"},
        {"root": 0, "path": "新聞/../../closed"},
        {"root": 0, "path": "/etc"},
        {"root": 0, "path": "a" * 5_000},
        {"root": 0, "path": "nothing"},
    ],
)
def test_no_way_leads_out_of_the_open_folders(root: Path, wanted: dict[str, Any]) -> None:
    client, _person = sign_in("superuser")
    for response in (client.get(url("folder"), wanted), client.post(url("folder"), wanted)):
        assert response.status_code == 302
        assert response["Location"] == url("add")
    assert not ImportRun.objects.exists()


# --- The plan -------------------------------------------------------------------------------------------------------


def test_files_are_left_out_by_tick_by_filter_and_by_folder() -> None:
    client, _person = sign_in("superuser")
    run = plan(client)
    for act, scope, more, number in (
        ("exclude", "folder", {"in": "_posts"}, 4),
        ("include", "filter", {"verdict": "excluded"}, 0),
        ("exclude", "filter", {"q": "hajimari"}, 1),
        ("include", "folder", {"in": "_posts"}, 0),
    ):
        assert client.post(url("leave_out", run.pk), {**seen(run), "do": f"{act}-{scope}", **more}).status_code == 302
        assert work_on(run).state == "planned"
        assert run.items.filter(excluded=True).count() == number
    assert client.post(url("leave_out", run.pk), {**seen(run), "do": "exclude-folder"}).status_code == 302
    assert run.items.filter(excluded=True).count() == 0


def test_the_list_is_filtered_by_verdict_finding_and_path() -> None:
    client, _person = sign_in("superuser")
    run = plan(client)

    def paths(**query: str) -> list[str]:
        response = client.get(url("change", run.pk), query)
        assert response.status_code == 200
        return [line["name"] for line in response.context["lines"]]

    assert paths(verdict="refused") == ["2025-04-04-dame.md"]
    assert paths(code="unknown-template-code") == ["2025-04-02-tsugi.md"]
    assert paths(q="owari") == ["2025-04-03-owari.md"]
    assert paths(folder="_posts", q="OWARI") == ["2025-04-03-owari.md"]
    assert len(paths(verdict="nonsense", code="<b>", page="99")) == 4
    assert paths(q="a\x00b") == []
    assert paths(q="%") == paths(q="_%") == []


def test_terms_authors_and_keys_become_what_was_decided() -> None:
    client, _person = sign_in("superuser")
    Tag.objects.create(name="人工知能")
    house = Author.objects.create(name="瓦版編集部")
    run = plan(client)
    terms = {term.name: term for term in run.terms.all()}
    form = {**seen(run), "kind": "tag", "act": "keep", "term": [terms["AI"].pk, terms["サーバ"].pk]}
    form |= {f"to-{terms['AI'].pk}": "人工知能", f"to-{terms['サーバ'].pk}": ""}
    assert client.post(url("terms", run.pk), form).status_code == 302
    work_on(run)
    name = run.terms.get(kind="author", name="編集部")
    form = {**seen(run), "kind": "author", "act": "keep", "term": [name.pk], f"to-{name.pk}": "瓦版編集部"}
    assert client.post(url("terms", run.pk), form).status_code == 302
    work_on(run)
    keys = client.get(url("terms", run.pk), {"kind": "key"}).context["keys"]
    place = [key["name"] for key in keys].index("writer")
    form = {**seen(run), "kind": "key", f"key-{place}": "writer", f"field-{place}": "series"}
    assert client.post(url("terms", run.pk), form).status_code == 302
    work_on(run)
    shown = client.get(url("terms", run.pk), {"kind": "author"}).context["rows"]
    assert [row["target"] for row in shown if row["term"].name == "編集部"] == ["瓦版編集部"]
    apply(client, run)
    post = Post.objects.get(title="はじまり")
    assert [author.pk for author in post.authors.all()] == [house.pk]
    assert {tag.name for tag in post.tags.all()} == {"人工知能", "サーバ"}
    assert post.series is not None
    assert post.series.name == "山"


def test_a_by_line_is_joined_with_an_account_only_by_who_may() -> None:
    make_person("author", "yama")
    client, _person = sign_in("importer")
    run = plan(client)
    name = run.terms.get(kind="author")
    form = {**seen(run), "kind": "author", "act": "keep", "term": [name.pk], f"to-{name.pk}": "@yama"}
    response = client.post(url("terms", run.pk), form, follow=True)
    assert [str(message) for message in response.context["messages"]]
    run.refresh_from_db()
    assert "authors" not in run.choices
    assert "@yama" not in client.get(url("terms", run.pk), {"kind": "author"}).content.decode()


def test_a_plan_that_changed_since_it_was_seen_is_not_decided_on() -> None:
    client, _person = sign_in("superuser")
    run = plan(client)
    old = seen(run)
    client.post(url("act", run.pk, "plan"), follow=True)
    work_on(run)
    for name in ("apply", "choices", "leave_out", "terms"):
        response = client.post(url(name, run.pk), {**old, "on_conflict": "keep"}, follow=True)
        assert [message.level_tag for message in response.context["messages"]] == ["warning"]
    assert work_on(run).state == "planned"
    assert not Post.objects.exists()


def test_a_post_that_changed_since_the_plan_makes_it_be_planned_again() -> None:
    client, person = sign_in("superuser")
    apply(client, plan(client))
    changed = {**SITE, "_posts/2025-04-01-hajimari.md": "---\ntitle: はじまり改\n---\n改めた。\n"}
    run = plan(client, changed)
    assert run.totals["update"] == 1
    post = Post.objects.get(title="はじまり")
    save_post(post, person, {"body": "机で直した。\n"}, expected=post.modified_at)
    form = seen(run)
    client.post(url("apply", run.pk), form)
    work_on(run)
    assert run.state == "planned"
    page = client.get(url("change", run.pk))
    assert any(finding["code"] == "plan-stale" for finding in page.context["findings"])
    post.refresh_from_db()
    assert post.body == "机で直した。\n"


def test_one_file_shows_fields_difference_and_frames() -> None:
    client, _person = sign_in("superuser")
    apply(client, plan(client))
    run = plan(client, {**SITE, "_posts/2025-04-03-owari.md": "---\ntitle: おわり改\ncategory: 記録\n---\nおわった。\n"})
    item = items(run)["_posts/2025-04-03-owari.md"]
    page = client.get(url("file", run.pk, item.pk))
    assert page.context["difference"].removed == 2
    assert "おわった。" in page.content.decode()
    for side, word in (("before", "おわり。"), ("after", "おわった。")):
        frame = client.get(url("frame", run.pk, item.pk, side))
        assert word in frame.content.decode()
        assert "sandbox" in frame["Content-Security-Policy"]
        assert "script" not in frame.content.decode()
    picture = client.get(url("picture", run.pk), {"path": "assets/a.png"})
    assert picture["Content-Type"] == "image/png"
    for path, status in (("_config.yml", 404), ("nothing", 404), ("a\x00b", 400), ("", 404)):
        assert client.get(url("picture", run.pk), {"path": path}).status_code == status
    apply(client, run)
    after = client.get(url("file", run.pk, item.pk))
    assert after.context["difference"].added == 2


def test_a_post_of_others_is_not_shown_by_an_import_that_meets_it() -> None:
    editor, _person = sign_in("superuser")
    apply(editor, plan(editor))
    client, _importer = sign_in("importer")
    run = plan(client, {**SITE, "_posts/2025-04-03-owari.md": "---\ntitle: 別の題\ncategory: 記録\n---\n別の本文。\n"})
    item = items(run)["_posts/2025-04-03-owari.md"]
    page = client.get(url("file", run.pk, item.pk)).content.decode()
    assert "おわり。" not in page
    assert "おわり。" not in client.get(url("frame", run.pk, item.pk, "before")).content.decode()


# --- The run --------------------------------------------------------------------------------------------------------


def test_progress_says_how_far_it_is_and_who_is_before() -> None:
    client, person = sign_in("superuser")
    run = plan(client)
    other = ImportRun.objects.create(label="b", user=person, state="applying", heartbeat_at=timezone.now() - timedelta(seconds=5))
    client.post(url("apply", run.pk), seen(run))
    progress = client.get(url("progress", run.pk)).json()
    assert progress["is_working"] is True
    with override("en"):
        assert client.get(url("progress", run.pk), headers={"Accept-Language": "en"}).json()["text"] == "1 import is before it."
    ImportRun.objects.filter(pk=other.pk).delete()
    ImportRun.objects.filter(pk=run.pk).update(stage="documents", done=3, total=4, lease="x", heartbeat_at=timezone.now())
    progress = client.get(url("progress", run.pk)).json()
    assert (progress["done"], progress["total"]) == (3, 4)


def test_an_interrupted_import_says_why_and_goes_on() -> None:
    client, _person = sign_in("superuser")
    run = plan(client)
    client.post(url("apply", run.pk), seen(run))
    assert client.post(url("act", run.pk, "stop")).status_code == 302
    page = client.get(url("change", run.pk))
    assert page.context["reason"]["code"] == "stopped"
    assert [button["name"] for button in page.context["buttons"]] == ["resume", "cancel"]
    assert client.post(url("act", run.pk, "resume")).status_code == 302
    assert work_on(run).state == "finished"
    assert Post.objects.count() == 3


def test_a_plan_can_be_dropped_and_leaves_nothing() -> None:
    client, _person = sign_in("importer")
    run = plan(client)
    assert client.post(url("act", run.pk, "cancel")).status_code == 302
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert left_behind() == []
    assert client.get(url("change", run.pk)).status_code == 200
    assert client.post(url("act", run.pk, "nonsense")).status_code == 404


def test_the_second_click_on_import_changes_nothing() -> None:
    client, _person = sign_in("superuser")
    run = plan(client)
    form = seen(run)
    client.post(url("apply", run.pk), form)
    client.post(url("apply", run.pk), form)
    assert work_on(run).state == "finished"
    client.post(url("apply", run.pk), form)
    assert work_on(run).state == "finished"
    assert Post.objects.count() == 3


def test_undo_says_before_what_it_keeps_and_why() -> None:
    client, person = sign_in("superuser")
    run = apply(client, plan(client))
    post = Post.objects.get(title="おわり")
    save_post(post, person, {"body": "直した。\n"}, expected=post.modified_at)
    page = client.get(url("undo", run.pk))
    assert (page.context["removed"], page.context["kept_number"]) == (2, 1)
    assert "superuser" in page.context["kept"][0]["reasons"][0]
    client.post(url("undo", run.pk))
    assert work_on(run).state == "undone"
    assert list(Post.objects.values_list("title", flat=True)) == ["おわり"]


def test_reports_are_streamed_and_no_cell_is_a_formula() -> None:
    client, _person = sign_in("superuser")
    run = apply(client, plan(client, {"=cmd()'.md": "---\ntitle: '=1+1'\n---\n", "@b.md": "# b\n"}))
    response = client.get(url("csv", run.pk))
    assert response.streaming
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("\ufeff")
    assert ",'=cmd()" in text
    assert ",'@b.md" in text
    data = json.loads(b"".join(client.get(url("json", run.pk)).streaming_content))
    assert sorted(item["path"] for item in data["items"]) == ["=cmd()'.md", "@b.md"]


def test_the_first_page_names_imports_under_way_and_only_ones_own() -> None:
    client, _person = sign_in("importer")
    plan(client)
    make_run(make_person("importer", "other"), "planned")
    page = client.get(reverse("admin:index")).content.decode()
    assert "新聞.zip" in page
    assert "a.zip" not in page
    assert "under-way" not in sign_in("staff")[0].get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("name", ["change", "terms"])
def test_a_list_costs_the_same_number_of_queries_whatever_its_length(name: str, django_assert_max_num_queries: Any) -> None:
    client, _person = sign_in("superuser")
    counts = []
    for number in (5, 60):
        files: dict[str, str | bytes] = {f"{place}.md": f"---\ntags: [t{place}]\n---\n# {place}\n" for place in range(number)}
        run = plan(client, files)
        client.get(url(name, run.pk))
        with django_assert_max_num_queries(60) as captured:
            client.get(url(name, run.pk))
        counts.append(len(captured))
        client.post(url("act", run.pk, "cancel"))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("value", ["\x00", "\ud800", "%00", "9" * 400, "-1", "<script>", "ａ" * 3000, ""])
def test_no_value_of_a_form_or_address_ends_in_a_fault(value: str) -> None:
    client, person = sign_in("superuser")
    run, item = make_run(person, "planned")
    text = value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    names = ("do", "in", "item", "verdict", "code", "q", "folder", "kind", "only", "page", "term", "act", "dialect", "timezone")
    for name in ("choices", "leave_out", "terms"):
        data = {**seen(run), **dict.fromkeys(names, text), f"to-{item.pk}": text, "field-0": text, "key-0": text}
        assert client.post(url(name, run.pk), data).status_code in (200, 302)
    for name in ("change", "terms", "picture"):
        query = dict.fromkeys((*names, "path"), text)
        assert client.get(url(name, run.pk), query).status_code in ((400, 200) if "\0" in text else (200, 404))
    assert client.post(url("apply", run.pk), {"seen": text}).status_code == 302
