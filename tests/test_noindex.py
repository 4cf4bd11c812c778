"""Posts that search engines are asked to leave out: what files say of it, and what the desk writes into them."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.test import Client

from articles import formats
from articles.editorial import workflow
from articles.editorial.comparison import compare
from articles.editorial.drafts import merge_changes
from articles.editorial.versions import snapshot
from articles.formats.container import open_archive
from articles.formats.writing import compose, write_fields
from articles.models import Post
from tests.people import make_person

TOKYO = ZoneInfo("Asia/Tokyo")


def read(tmp_path: Path, text: str, name: str = "a.md") -> formats.Document:
    (tmp_path / name).write_text(text, encoding="utf-8")
    container = open_archive(tmp_path)
    [site] = formats.find_sites(container, timezone="Asia/Tokyo")
    return formats.read_document(site, name, container.read(name))


@pytest.mark.parametrize(
    ("line", "is_noindex"),
    [
        ("noindex: true", True),
        ("noindex: yes", True),
        ("noindex: false", False),
        ("noindex: 題", False),
        ("robotsNoIndex: true", True),
        ("robots: noindex", True),
        ("robots: NOINDEX, nofollow", True),
        ("robots: [noindex, nofollow]", True),
        ("robots: none", True),
        ("robots: nofollow", False),
        ("robots: all", False),
        ("robots: {noindex: true}", False),
        ("robots:", False),
        ("title: noindex", False),
    ],
)
def test_a_file_says_it_by_the_keys_that_themes_read(tmp_path, line, is_noindex):
    document = read(tmp_path, f"---\n{line}\n---\n本文\n")
    assert document.noindex is is_noindex
    assert not document.draft


def test_the_words_of_robots_stay_a_key_of_their_own(tmp_path):
    document = read(tmp_path, "---\nnoindex: true\nrobots: noindex, nofollow\n---\n")
    assert [key for key in document.front_matter if key not in document.known_keys] == ["robots"]


@pytest.mark.parametrize(
    ("dialect", "before", "noindex", "after"),
    [
        ("plain", "title: T\n", True, "title: T\nnoindex: true\n"),
        ("hugo", "title: T\n", True, "title: T\nrobotsNoIndex: true\n"),
        ("hugo", "title: T\nnoindex: false\n", True, "title: T\nnoindex: true\n"),
        ("jekyll", "noindex: false # 公開\ntitle: T\n", True, "noindex: true # 公開\ntitle: T\n"),
        ("plain", "robots: noindex, nofollow\n", True, "robots: noindex, nofollow\n"),
        ("plain", "title: T\nnoindex: true\n", False, "title: T\n"),
        ("plain", "robots: noindex, nofollow\ntitle: T\n", False, "robots: nofollow\ntitle: T\n"),
        ("plain", "robots: none\ntitle: T\n", False, "robots: nofollow\ntitle: T\n"),
        ("plain", "noindex: true\nrobotsNoIndex: true\nrobots: noindex\ntitle: T\n", False, "title: T\n"),
        ("plain", "title: T\n", False, "title: T\n"),
    ],
)
def test_the_desk_changes_the_files_own_key_and_nothing_else(dialect, before, noindex, after):
    head = f"---\n{before}---\n"
    assert write_fields(head, "yaml", dialect, {"noindex": noindex}, TOKYO) == f"---\n{after}---\n"


def test_a_whole_block_says_it_only_where_it_is_so():
    assert "noindex" not in compose("jekyll", {"title": "T", "noindex": False}, zone=TOKYO)
    assert "noindex: true" in compose("jekyll", {"title": "T", "noindex": True}, zone=TOKYO)
    assert "robotsNoIndex: true" in compose("hugo", {"title": "T", "noindex": True}, zone=TOKYO)


@pytest.mark.django_db
def test_it_is_imported_kept_by_a_version_and_exported(tmp_path, media_root):
    site = tmp_path / "site"
    site.mkdir()
    (site / "a.md").write_text("---\ntitle: 題\ndate: 2026-11-01\npermalink: /a/\nnoindex: true\n---\n本文\n", encoding="utf-8")
    call_command("import_posts", str(site), verbosity=0)
    post = Post.objects.get()
    assert post.noindex
    workflow.save_post(post, None, {"noindex": False})
    post.refresh_from_db()
    assert (post.noindex, "noindex" in post.front_matter) == (False, False)
    workflow.restore_revision(post.revisions.order_by("pk").first(), None)
    post.refresh_from_db()
    if post.pending is not None:
        post = workflow.publish(post, None)
    assert post.noindex
    assert "noindex: true" in post.front_matter
    call_command("export_posts", str(tmp_path / "out"), "--layout", "hugo", verbosity=0)
    [written] = [text for path in (tmp_path / "out").rglob("*.md") if "題" in (text := path.read_text(encoding="utf-8"))]
    assert "robotsNoIndex: true" in written


@pytest.mark.django_db
def test_a_publisher_sets_it_in_the_form_and_takes_it_back(media_root):
    post = workflow.save_post(Post(), None, {"title": "題", "body": "本文", "front_matter": "---\ntitle: 題\n---\n"})
    client = Client()
    client.force_login(make_person("publisher"))
    address = f"/admin/articles/post/{post.pk}/change/"
    for wanted in (True, False):
        form = client.get(address).context["adminform"].form
        values = {name: form[name].value() for name in form.fields}
        data = {name: value for name, value in values.items() if value not in (None, False, [])}
        data |= {"noindex": "on"} if wanted else {}
        data = {name: value for name, value in data.items() if name != "noindex" or wanted}
        for prefix in ("postauthor_set", "postcategory_set"):
            data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
        client.post(address, {**data, "_save": "1"})
        post.refresh_from_db()
        assert post.noindex is wanted
        assert ("noindex: true" in post.front_matter) is wanted


@pytest.mark.django_db
def test_a_version_from_before_there_was_such_a_field_says_no():
    post = workflow.save_post(Post(), None, {"title": "題", "body": "本文"})
    present = snapshot(post)
    older = {name: value for name, value in present.items() if name != "noindex"}
    assert compare(older, present).is_empty
    merged = merge_changes(older, {"noindex": True}, present)
    assert (merged.changes, merged.is_clean) == ({"noindex": True}, True)
