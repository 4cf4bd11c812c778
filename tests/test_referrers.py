"""Links lead only to what the public may see; when that changes, exactly the texts that refer to it are rendered again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from articles.derive import save_derived
from articles.editorial import workflow
from articles.models import ImportRun, Post, PostLink, Source
from articles.references import name_key
from articles.referrers import NAMED, refresh_due, refresh_referrers, target_of
from articles.transfer.importing import import_archive

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

SITES = {
    "obsidian": (
        {".obsidian/app.json": "{}", "公開.md": "---\npublish: true\n---\n[[秘密]]、[[秘密|別名]]、![[秘密]]、[先](秘密.md)\n"},
        ("秘密.md", "---\npublish: false\n---\n内緒\n"),
        "公開.md",
    ),
    "hugo": (
        {
            "hugo.toml": 'baseURL = "https://example.jp/"\n',
            "content/posts/open.md": "---\ntitle: 公開\n---\n"
            '[一]({{< ref "secret.md" >}}) [二]({{< relref "/posts/secret" >}}) [三](secret.md) [四](/posts/secret/) '
            '{{< ref "secret.md" >}}\n',
        },
        ("content/posts/secret.md", "---\ntitle: 秘密\ndraft: true\n---\n内緒\n"),
        "content/posts/open.md",
    ),
    "jekyll": (
        {
            "_config.yml": "timezone: Asia/Tokyo\n",
            "_posts/2025-01-01-open.md": "---\ntitle: 公開\n---\n"
            "[一]({% post_url 2025-01-02-secret %}) [二]({% link _posts/2025-01-02-secret.md %}) [三](2025-01-02-secret.md)\n",
        },
        ("_posts/2025-01-02-secret.md", "---\ntitle: 秘密\npublished: false\n---\n内緒\n"),
        "_posts/2025-01-01-open.md",
    ),
    "hexo": (
        {
            "_config.yml": "title: x\n",
            "scaffolds/post.md": "x",
            "source/_posts/open.md": "---\ntitle: 公開\ndate: 2025-01-01\n---\n"
            "{% post_link secret %} {% post_link secret 題 %}\n",
        },
        ("source/_posts/secret.md", "---\ntitle: 秘密\ndate: 2025-01-02\npublished: false\n---\n内緒\n"),
        "source/_posts/open.md",
    ),
}


def write_files(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def write(title: str, body: str, **changes: Any) -> Post:
    return workflow.save_post(Post(), None, {"title": title, "body": body, **changes})


def fresh(post: Post) -> Post:
    return Post.objects.get(pk=post.pk)


@pytest.mark.parametrize("dialect", SITES)
def test_a_public_page_is_the_same_whether_a_private_target_exists_or_not(tmp_path, client, dialect):
    files, (name, text), path = SITES[dialect]
    pages = []
    for number, more in enumerate([{}, {name: text}]):
        folder = write_files(tmp_path / str(number), {**files, **more})
        import_archive(folder, source_name=f"site-{number}")
        post = Post.objects.get(source__name=f"site-{number}", source_path=path)
        assert post.is_public
        pages.append((post.body_html, post.plain_text, post.excerpt, client.get(post.get_absolute_url()).content))
        Post.objects.all().delete()
    assert pages[0] == pages[1]
    assert "内緒" not in pages[1][0]


@pytest.mark.parametrize("dialect", SITES)
def test_links_begin_to_work_when_their_target_is_published_and_stop_when_it_is_withdrawn(
    tmp_path, client, django_capture_on_commit_callbacks, dialect
):
    files, (name, text), path = SITES[dialect]
    import_archive(write_files(tmp_path, {**files, name: text}))
    post, target = Post.objects.get(source_path=path), Post.objects.get(source_path=name)
    before, source = post.body_html, (post.front_matter, post.body, post.revisions.count())
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(target, None)
    target = fresh(target)
    assert f'href="{target.path}"' in fresh(post).body_html
    assert client.get(target.get_absolute_url()).status_code == 200
    assert (fresh(post).front_matter, fresh(post).body, post.revisions.count()) == source
    with django_capture_on_commit_callbacks(execute=True):
        workflow.withdraw(target, None)
    assert fresh(post).body_html == before
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(target, None)
    assert f'href="{target.path}"' in fresh(post).body_html
    with django_capture_on_commit_callbacks(execute=True):
        workflow.move_to_trash(target, None)
    assert fresh(post).body_html == before


def test_a_link_may_be_written_before_its_target(django_capture_on_commit_callbacks):
    post = workflow.publish(write("先に書いた", "[[後から書く]]も見よ。"), None)
    assert "unresolved" in fresh(post).body_html
    with django_capture_on_commit_callbacks(execute=True):
        target = write("後から書く", "本文")
    assert "unresolved" in fresh(post).body_html
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(target, None)
    assert f'href="{fresh(target).path}"' in fresh(post).body_html


def test_a_draft_that_refers_to_it_is_rendered_too(django_capture_on_commit_callbacks):
    target = write("先", "本文")
    draft = write("下書き", "[[先]]")
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(target, None)
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(draft, None)
    assert "href=" in fresh(draft).body_html


def test_a_link_follows_its_target_to_another_address_and_keeps_it_under_another_title(django_capture_on_commit_callbacks):
    target = workflow.publish(write("先", "本文"), None)
    post = write("元", "[[先]]")
    with django_capture_on_commit_callbacks(execute=True):
        workflow.save_post(target, None, {"path": "/elsewhere/"})
    assert 'href="/elsewhere/"' in fresh(post).body_html
    with django_capture_on_commit_callbacks(execute=True):
        workflow.save_post(fresh(target), None, {"title": "先、直した"})
    assert 'href="/elsewhere/"' in fresh(post).body_html


def test_a_link_falls_back_to_the_next_best_target(django_capture_on_commit_callbacks):
    first = workflow.publish(write("同じ題", "本文", path="/first/"), None)
    second = workflow.publish(write("同じ題", "本文", path="/second/"), None)
    post = write("元", "[[同じ題]]")
    assert 'href="/first/"' in fresh(post).body_html
    with django_capture_on_commit_callbacks(execute=True):
        workflow.withdraw(first, None)
    assert 'href="/second/"' in fresh(post).body_html
    with django_capture_on_commit_callbacks(execute=True):
        workflow.withdraw(second, None)
    assert "unresolved" in fresh(post).body_html


def test_what_else_the_text_refers_to_stays_as_it_is(django_capture_on_commit_callbacks):
    other = workflow.publish(write("別", "本文"), None)
    target = write("先", "本文")
    post = write("元", "[[別]] [[先]] [[無い]] ![絵](a.png)")
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(target, None)
    html = fresh(post).body_html
    assert f'href="{other.path}"' in html
    assert f'href="{fresh(target).path}"' in html
    assert html.count("unresolved") == 2


def test_an_address_written_out_is_shown_as_it_is_written_and_nothing_is_rendered(django_capture_on_commit_callbacks):
    target = write("先", "本文", path="/saki/")
    post = write("元", "[先](/saki/)")
    before = fresh(post).body_html
    Post.objects.filter(pk=post.pk).update(renderer_version=0)
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(target, None)
    assert fresh(post).body_html == before
    assert fresh(post).renderer_version == 0
    assert PostLink.objects.get(post=post).url == "/saki/"
    with django_capture_on_commit_callbacks(execute=True):
        workflow.withdraw(target, None)
    assert PostLink.objects.get(post=post).url == ""


def test_texts_of_another_source_are_left_alone(django_capture_on_commit_callbacks):
    sources = [Source.objects.create(name=name, dialect="obsidian", timezone="UTC") for name in ("一", "二")]
    target = write("先", "本文")
    Post.objects.filter(pk=target.pk).update(source=sources[0], source_path="先.md")
    post = write("元", "[[先]]")
    Post.objects.filter(pk=post.pk).update(source=sources[1], source_path="元.md")
    with django_capture_on_commit_callbacks(execute=True):
        workflow.publish(fresh(target), None)
    assert "unresolved" in fresh(post).body_html


def test_an_import_that_takes_a_text_off_the_site_takes_the_links_to_it_away(tmp_path):
    files, (name, text), path = SITES["obsidian"]
    folder = write_files(tmp_path, {**files, name: text})
    import_archive(folder)
    post = Post.objects.get(source_path=path)
    hidden = post.body_html
    (folder / name).write_text(text.replace("false", "true"), encoding="utf-8")
    import_archive(folder)
    assert fresh(post).body_html.count("href=") == 4
    (folder / name).write_text(text, encoding="utf-8")
    import_archive(folder)
    assert fresh(post).body_html == hidden


def test_a_text_written_here_finds_what_an_import_brings(tmp_path):
    post = workflow.publish(write("元", "[[秘密]]"), None)
    files, (name, text), _path = SITES["obsidian"]
    import_archive(write_files(tmp_path, {**files, name: text.replace("false", "true")}))
    assert "href=" in fresh(post).body_html


def test_the_second_import_renders_nothing(tmp_path):
    files, (name, text), path = SITES["hugo"]
    folder = write_files(tmp_path, {**files, name: text.replace("true", "false")})
    import_archive(folder)
    Post.objects.update(renderer_version=0)
    assert import_archive(folder).state == ImportRun.State.FINISHED
    assert set(Post.objects.values_list("renderer_version", flat=True)) == {0}
    assert "href=" in Post.objects.get(source_path=path).body_html


@pytest.mark.parametrize("column", ["published_at", "expires_at"])
def test_what_appears_or_expires_by_itself_is_found_by_its_time(column):
    now = timezone.now()
    target = workflow.publish(write("先", "本文"), None)
    post = write("元", "[[先]]")
    Post.objects.filter(pk=target.pk).update(**{column: now + timedelta(hours=1)})
    save_derived(fresh(post))
    assert ("href=" in fresh(post).body_html) is (column == "expires_at")
    Post.objects.filter(pk=target.pk).update(**{column: now - timedelta(minutes=5)})
    assert refresh_due(now - timedelta(minutes=4), now) == []
    assert refresh_due(now - timedelta(minutes=10), now) == [post.pk]
    assert ("href=" in fresh(post).body_html) is (column == "published_at")


def test_the_command_renders_what_refers_to_posts_whose_time_has_come(capsys):
    target = workflow.publish(write("先", "本文"), None)
    post = write("元", "[[先]]")
    Post.objects.filter(pk=target.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    call_command("render_posts", "--due", "5")
    assert "unresolved" in fresh(post).body_html
    assert "1" in capsys.readouterr().out


def test_publishing_costs_the_same_however_many_posts_there_are(django_capture_on_commit_callbacks):
    costs = []
    for round_number, strangers in enumerate([5, 25]):
        for number in range(strangers):
            write(f"他人{round_number}-{number}", f"[[誰か{number}]] [[他人{round_number}-{number + 1}]]")
        target = write(f"先{round_number}", "本文")
        for number in range(3):
            write(f"元{round_number}-{number}", f"[[先{round_number}]]")
        with CaptureQueriesContext(connection) as queries, django_capture_on_commit_callbacks(execute=True):
            workflow.publish(target, None)
        assert Post.objects.filter(body_html__contains=f'href="{fresh(target).path}"').count() == 3
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_publishing_what_nobody_refers_to_asks_once(django_capture_on_commit_callbacks):
    for number in range(10):
        write(f"他人{number}", f"[[誰か{number}]]")
    target = workflow.publish(write("先", "本文"), None)
    with CaptureQueriesContext(connection) as queries:
        assert refresh_referrers([target_of(target)]) == []
    assert len(queries) == 1


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads a small table whole")
def test_the_references_are_found_by_their_indexes():
    waiting = PostLink.objects.filter(url="", key__in=["先", "後"], pk__gt=1).order_by("pk")
    named = PostLink.objects.filter(key__in=["先"]).filter(Q(url="") | Q(kind__in=NAMED))
    several = PostLink.objects.filter(url="", key__in=Post.objects.filter(source=1).order_by().values("title_key"))
    assert "post_link_url_key (url=? AND key=?" in waiting.explain()
    assert "post_link_key (key=?" in named.explain()
    assert "post_link_url_key (url=? AND key=?" in several.explain()
    assert "post_link_url_key (url=?" in PostLink.objects.filter(url__in=["/先/"]).explain()


@pytest.mark.parametrize(
    "target",
    ["haru", "Haru.md", "../posts/Haru.markdown", "/2025/01/02/haru/", "2025-01-02-haru", "posts/haru/index.md", "ｈａｒｕ"],
)
def test_all_ways_to_a_post_have_one_name(target):
    assert name_key(target) == "haru"
