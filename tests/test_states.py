"""Drafts under all their names: which keys say who may see a text, in every generator and editor we know of."""

from zoneinfo import ZoneInfo

import pytest

from articles.formats import find_sites, read_document
from articles.formats.container import open_archive
from articles.formats.states import read_state
from articles.formats.writing import write_fields

TOKYO = ZoneInfo("Asia/Tokyo")

PRIVATE = {
    "jekyll": "published: false",
    "hugo": "draft: true",
    "another case": "Draft: TRUE",
    "astro": "isDraft: true",
    "python": "is_draft: yes",
    "hatena": "Draft: true",
    "hashnode": "saveAsDraft: true",
    "content layer": "isPublished: false",
    "django": "is_published: 0",
    "qiita, limited": "private: true\nignorePublish: false",
    "qiita": "ignorePublish: true",
    "obsidian publish": "publish: false",
    "digital garden": "dg-publish: false",
    "logseq": "public: false",
    "ghost": "status: draft\nvisibility: public",
    "ghost, members": "status: published\nvisibility: members",
    "ghost, mail only": "status: sent",
    "wordpress": "status: publish\npost_status: private",
    "wordpress, pending": "status: pending",
    "wordpress, future": "status: future",
    "nikola, pelican": "Status: hidden",
    "notion": "Status: In progress",
    "japanese": "公開: false",
    "japanese word": "公開状態: 下書き",
    "misspelt": "status: pubished",
    "not a word for it": "draft: maybe",
}
UNLISTED = {
    "docusaurus": "unlisted: true",
    "hexo-hide-posts": "hidden: true",
    "fluid": "hide: true",
    "eleventy": "eleventyExcludeFromCollections: true",
    "grav": "published: true\nvisible: false",
    "nanoc": "is_hidden: true",
    "lektor": "_discoverable: no",
}
LOCKED = {"hexo": "password: secret", "wordpress": "post_password: secret", "members": "membersOnly: true"}
PUBLIC = {
    "nothing": "layout: post",
    "all open": "draft: false\nprivate: false\nhidden: false\npublished: true\nstatus: publish\nvisibility: public\npassword:",
    "material": "hide:\n  - navigation\n  - toc",
    "a date": "published: 2024-05-06",
    "eleventy": "eleventyExcludeFromCollections: false",
    "a path": "public: /img",
    "japanese": "公開: true\n公開状態: 公開済み",
    "not trashed": "trashed: false\ndeleted: false\nwip: false",
}


def read(tmp_path, front_matter, *, name="a.md", files=()):
    for path, text in files:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    data = f"---\ntitle: 題\n{front_matter}\n---\n本文\n"
    (tmp_path / name).write_text(data, encoding="utf-8")
    site = next(site for site in find_sites(open_archive(tmp_path)) if name in site.files)
    return read_document(site, name, data.encode())


def codes(document):
    return [finding.code for finding in document.findings]


SITES = {
    "plain": ("a.md", []),
    "jekyll": ("_posts/2024-05-06-a.md", [("_config.yml", "title: x\n")]),
    "hugo": ("content/posts/a.md", [("hugo.toml", "title = 'x'\n")]),
    "hexo": ("source/_posts/a.md", [("_config.yml", "title: x\n"), ("scaffolds/post.md", "x")]),
}


@pytest.mark.parametrize("dialect", SITES)
@pytest.mark.parametrize("front_matter", [*PRIVATE.values(), *UNLISTED.values(), *LOCKED.values()])
def test_what_was_kept_private_under_any_name_is_a_draft_in_every_dialect(tmp_path, dialect, front_matter):
    name, files = SITES[dialect]
    document = read(tmp_path, front_matter, name=name, files=files)
    assert document.draft


@pytest.mark.parametrize("dialect", SITES)
@pytest.mark.parametrize("front_matter", PUBLIC.values())
def test_what_says_nothing_or_says_public_stays_public(tmp_path, dialect, front_matter):
    name, files = SITES[dialect]
    document = read(tmp_path, front_matter, name=name, files=files)
    assert not document.draft
    assert not {"draft-contradiction", "unknown-status", "password", "unlisted"} & set(codes(document))


@pytest.mark.parametrize("front_matter", UNLISTED.values())
def test_what_was_only_kept_out_of_lists_says_why_it_is_a_draft(tmp_path, front_matter):
    document = read(tmp_path, front_matter)
    assert "unlisted" in codes(document)
    assert "draft-contradiction" not in codes(document)
    assert document.findings[-1].line


@pytest.mark.parametrize(
    "front_matter", ["isDraft: true\npublish: true", "status: draft\npublished: true", "draft: false\n非公開: true"]
)
def test_the_more_private_reading_wins_with_a_warning(tmp_path, front_matter):
    document = read(tmp_path, front_matter)
    assert document.draft
    assert "draft-contradiction" in codes(document)


def test_qiitas_two_keys_do_not_contradict_each_other(tmp_path):
    document = read(tmp_path, PRIVATE["qiita, limited"])
    assert document.draft
    assert codes(document) == []


def test_a_key_that_is_read_as_a_state_is_no_privileged_one(tmp_path):
    document = read(tmp_path, "is_draft: true\nis_staff: true")
    assert codes(document) == ["privileged-key"]
    assert "is_draft" in document.known_keys
    assert "is_staff" not in document.known_keys


@pytest.mark.parametrize("dialect", ["jekyll", "hugo", "hexo"])
def test_where_the_generator_has_a_key_of_its_own_status_may_mean_something_else(tmp_path, dialect):
    name, files = SITES[dialect]
    document = read(tmp_path, "status: accepted\nstate: 東京都", name=name, files=files)
    assert not document.draft
    assert "status" not in document.known_keys


def test_in_a_file_of_an_unknown_generator_a_status_that_means_nothing_is_private(tmp_path):
    document = read(tmp_path, "status: accepted")
    assert document.draft
    assert codes(document) == ["unknown-status"]


@pytest.mark.parametrize("front_matter", ["permalink: false", "render: false"])
def test_what_eleventy_and_zola_do_not_write_is_a_draft_without_an_address(tmp_path, front_matter):
    document = read(tmp_path, front_matter)
    assert document.draft
    assert document.permalink is None
    assert codes(document) == ["not-published-there"]


@pytest.mark.parametrize("name", ["_drafts/a.md", "posts/Drafts/a.md", "下書き/a.md"])
def test_a_folder_of_drafts_holds_drafts(tmp_path, name):
    document = read(tmp_path, "published: true", name=name, files=[("b.md", "本文")])
    assert document.draft
    assert "not-published-there" in codes(document)


@pytest.mark.parametrize("front_matter", [*PRIVATE.values(), *UNLISTED.values()])
def test_publishing_at_the_desk_changes_every_key_that_says_otherwise(front_matter):
    head = f"---\ntitle: 題\n{front_matter}\n---\n"
    written = write_fields(head, "yaml", "plain", {"draft": False}, TOKYO)
    assert written != head
    assert written.count("\n") == head.count("\n")
    lines = [line.split(": ", 1) for line in written.split("\n")[2:-2]]
    assert {read_state(key, value, TOKYO) for key, value in lines} <= {"public", None}


def test_publishing_writes_the_words_of_the_file():
    head = "---\n公開状態: 下書き\nvisibility: members\nstatus: pending\n---\n"
    written = write_fields(head, "yaml", "plain", {"draft": False}, TOKYO)
    assert written == "---\n公開状態: 公開\nvisibility: public\nstatus: published\n---\n"


def test_withdrawing_changes_one_key():
    head = "---\nstatus: publish\npublished: true\n---\n"
    assert write_fields(head, "yaml", "jekyll", {"draft": True}, TOKYO) == "---\nstatus: draft\npublished: true\n---\n"
    assert write_fields("---\n公開状態: 公開\n---\n", "yaml", "plain", {"draft": True}, TOKYO) == "---\n公開状態: 下書き\n---\n"
