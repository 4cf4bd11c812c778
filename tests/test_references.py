"""What texts refer to is found by every way of writing it, before and after it is there, and let go of when it goes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from articles import links, referrers
from articles.derive import save_derived
from articles.editorial import workflow
from articles.library import add_media
from articles.links import DatabaseResolver
from articles.markup.engines import DEFAULT_FEATURES
from articles.models import MediaFile, Post, PostLink, Redirect, Source, SourceFile
from articles.references import MemoryIndex, address_key, find_mentions, link_key, name_key
from articles.references import Place as Where
from articles.referrers import recheck_addresses, refresh_due
from articles.transfer.digest import content_digest
from articles.transfer.exporting import export_posts
from articles.transfer.importing import import_archive
from articles.transfer.proving import prove
from tests.factories import PostFactory, make_picture
from tests.people import make_person
from tests.test_importing import write_site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]
PICTURE = make_picture("#123456", "#ffffff", (40, 30))
OTHER_PICTURE = make_picture("#654321", "#eeeeee", (40, 30))


@pytest.fixture
def act(django_capture_on_commit_callbacks: Any) -> Callable[[], Any]:
    """What is to happen after a commit happens at the end of ``with act():``."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def html(path: str) -> str:
    return Post.objects.get(source_path=path).body_html


def write(title: str, body: str = "本文", path: str = "", **changes: Any) -> Post:
    """A public post made at the desk."""
    changes |= {"title": title, "body": body, "features": sorted(DEFAULT_FEATURES["obsidian"] | {"wikilinks"})}
    post = workflow.save_post(Post(), None, changes | ({"path": path} if path else {}))
    return workflow.publish(post, None)


# --- Keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("_posts/2020-01-01-Foo.md", "foo"),
        ("content/posts/trip/index.fr.md", "index"),
        ("content/posts/trip/index.md", "trip"),
        ("content/posts/a.fr.md", "a"),
        ("/2020/01/foo/", "foo"),
        ("/2020/01/foo.html", "foo"),
        ("/2020/01/foo/index.html", "foo"),
        ("ＡＩ／ML 入門", "ml 入門"),
        ("AI/ML 入門", "ml 入門"),
        ("Folder/Note Name", "note name"),
        ("/", ""),
        ("x" * 400, "x" * 60),
    ],
)
def test_a_key_is_the_last_part_of_a_name(text: str, key: str) -> None:
    assert name_key(text) == key


def test_a_reference_has_the_key_of_what_it_means() -> None:
    place = Where("content/posts/trip/index.md", "/posts/trip/")
    assert link_key("path", "../", place) == "posts"
    assert link_key("path", "../index.md", place) == "posts"
    assert link_key("ref", "a.md?lang=fr", place) == "a"
    assert link_key("url", "https://old.example/2020/x/", place) == "x"
    assert address_key("/2020/x-2/", "/2020/x/") == "x"
    assert address_key("/2020/x-2.html", "/2020/x.html") == "x"
    assert address_key("/elsewhere/", "/2020/x/") == "elsewhere"


def test_every_way_to_write_a_reference_is_seen_without_parsing() -> None:
    text = (
        '[a](b%20c.md#d) [e](<f g.md>) ![h](/i.png?x=1) [[J k#l|m]] ![[n.png|300]]\n\n[o]: /p/q "r"\n'
        '<a href="s.html">t</a> <img src=\'u.jpg\'> {{< ref "v w.md" >}} {{% relref path="x" lang="fr" %}}\n'
        '{% post_url 2020-01-01-y %} {% link _z/aa.md %} {% post_link bb cc %} {{< figure src="dd.png" >}} https://old.example/ee/\n'
    )
    seen = set(find_mentions(text))
    assert seen >= {
        ("path", "b c.md"),
        ("path", "f g.md"),
        ("image", "/i.png"),
        ("wikilink", "J k"),
        ("embed", "n.png"),
        ("image", "n.png"),
        ("path", "/p/q"),
        ("path", "s.html"),
        ("image", "u.jpg"),
        ("ref", "v w.md"),
        ("relref", "x?lang=fr"),
        ("post_url", "2020-01-01-y"),
        ("link", "_z/aa.md"),
        ("hexo_post", "bb"),
        ("image", "dd.png"),
        ("url", "https://old.example/ee/"),
    }


# --- One source ---------------------------------------------------------------------------------------------------------


def test_jekylls_references_find_posts_pages_and_files(tmp_path: Path) -> None:
    site = {
        "_config.yml": "url: https://old.example\nbaseurl: /blog\npermalink: /:year/:month/:title/\n",
        "_posts/2025-04-01-a.md": (
            "---\ntitle: a\n---\n"
            "[1]({% post_url 2025-04-02-b %}#x) [2]({% link _posts/2025-04-02-b.md %}) [3]({{ site.baseurl }}/2025/04/b/?p=1#y)\n"
            "[4](/blog/2025/04/b.html) [5](../b/) [6](https://www.old.example/blog/2025/04/b/#z)\n"
            "[7]({% link files/A%20b.pdf %}) [8](/blog/about/) [9]({% link about.md %}) [10](http://old.example/blog/files/A%20b.pdf)\n"
            "<https://old.example/blog/2025/04/b/>\n\n![p](https://old.example/blog/Img/P.PNG)\n"
        ),
        "_posts/2025-04-02-b.md": "---\ntitle: b\n---\nb\n",
        "about.md": "---\ntitle: about\npermalink: /about/\n---\nx\n",
        "files/A b.pdf": b"%PDF-1.4\n%%EOF\n",
        "img/p.png": PICTURE,
    }
    import_archive(write_site(tmp_path / "s", site))
    page, b = html("_posts/2025-04-01-a.md"), "/blog/2025/04/b/"
    pdf = MediaFile.objects.get(name="A b.pdf").url
    for number, address in {
        1: f"{b}#x",
        2: b,
        3: f"{b}?p=1#y",
        4: b,
        5: b,
        6: f"{b}#z",
        7: pdf,
        8: "/blog/about/",
        9: "/blog/about/",
        10: pdf,
    }.items():
        assert f'href="{address}"' in next(part for part in page.split("<a ") if f">{number}</a>" in part), number
    assert f'href="{b}"' in page.split("https://old.example/blog/2025/04/b/</a>")[0].rpartition("<a ")[2]
    assert MediaFile.objects.get(name="p.png").url in page
    assert not PostLink.objects.filter(url="").exists()
    assert Post.objects.get(source_path="_posts/2025-04-01-a.md").body == str(site["_posts/2025-04-01-a.md"])[17:]


def test_hugos_references_know_languages_anchors_and_bundles(tmp_path: Path) -> None:
    site = {
        "hugo.toml": 'baseURL = "https://old.example/"\ndefaultContentLanguage = "en"\n[languages.en]\n[languages.fr]\n',
        "content/posts/a.md": (
            '---\ntitle: a\ndate: 2025-01-01\n---\n[1]({{< ref "b.md#x" >}}) [2]({{< relref "/posts/b" >}})\n'
            '[3]({{< ref path="b.md" lang="fr" >}}) [4]({{< ref "trip" >}}) [5]({{< ref "posts/trip/index.md" >}}) [6](b.md)\n'
        ),
        "content/posts/a.fr.md": (
            '---\ntitle: a\ndate: 2025-01-01\n---\n[1]({{< ref "b.md" >}}) [2]({{< ref path="b.md" lang="en" >}})\n'
        ),
        "content/posts/b.md": "---\ntitle: b\ndate: 2025-01-02\n---\nb\n",
        "content/posts/b.fr.md": "---\ntitle: b\ndate: 2025-01-02\n---\nb\n",
        "content/posts/trip/index.md": '---\ntitle: trip\ndate: 2025-01-03\n---\n[1]({{< ref "b" >}}) ![x](Sea%20A.png)\n',
        "content/posts/trip/sea a.png": PICTURE,
    }
    import_archive(write_site(tmp_path / "s", site))
    page = html("content/posts/a.md")
    for number, address in {
        1: "/posts/b/#x",
        2: "/posts/b/",
        3: "/fr/posts/b/",
        4: "/posts/trip/",
        5: "/posts/trip/",
        6: "/posts/b/",
    }.items():
        assert f'href="{address}">{number}</a>' in page, number
    assert 'href="/fr/posts/b/">1</a>' in html("content/posts/a.fr.md")
    assert 'href="/posts/b/">2</a>' in html("content/posts/a.fr.md")
    assert 'href="/posts/b/">1</a>' in html("content/posts/trip/index.md")
    assert MediaFile.objects.get().url in html("content/posts/trip/index.md")
    for post in Post.objects.all():
        stored = post.body_html
        save_derived(post)
        assert post.body_html == stored, "the desk finds what the import found"


def test_a_vault_takes_the_shortest_path_the_end_of_a_path_and_any_case(tmp_path: Path) -> None:
    public = "---\npublish: true\n---\n"
    decomposed = unicodedata.normalize("NFD", "ガイド")
    site = {
        ".obsidian/app.json": "{}",
        "a.md": (
            public + "[[Note]] [[deep/note|2]] [[NODE.JS|3]] [[ガイド|4]] [5](Deep/Note.md) [6](note.md#x) [[AI ML|7]]\n\n"
            "![[pic.png]] ![[deep/Pic.png|8]] ![[図/a b.png]]\n"
        ),
        "x/Deep/Note.md": public + "deep\n",
        "y/Note.md": public + "near\n",
        "Node.js.md": public + "node\n",
        f"{decomposed}.md": public + "guide\n",
        "z/named.md": "---\npublish: true\ntitle: AI ML\n---\nx\n",
        "x/deep/pic.png": PICTURE,
        "y/Pic.png": OTHER_PICTURE,
        unicodedata.normalize("NFD", "図/a b.png"): make_picture("#00ff00", "#ffffff", (40, 30)),
    }
    import_archive(write_site(tmp_path / "s", site))
    page = html("a.md")
    address = {post.source_path: post.path for post in Post.objects.all()}
    deep = address["x/Deep/Note.md"]
    for path, text in {
        "y/Note.md": "Note",
        "x/Deep/Note.md": "2",
        "Node.js.md": "3",
        f"{decomposed}.md": "4",
        "z/named.md": "7",
    }.items():
        assert f'href="{address[path]}">{text}</a>' in page, path
    assert f'href="{deep}">5</a>' in page
    assert f'href="{address["y/Note.md"]}#x">6</a>' in page
    for name, path in {"y/Pic.png": "y/Pic.png", "8": "x/deep/pic.png"}.items():
        media = SourceFile.objects.get(path=path).media
        assert media is not None
        assert media.url in page, name
    assert page.count("<img") == 3
    assert not PostLink.objects.filter(post__source_path="a.md", url="").exists()
    post = Post.objects.get(source_path="a.md")
    save_derived(post)
    assert post.body_html == page


def test_an_address_that_went_to_another_post_is_still_the_sources_own(tmp_path: Path) -> None:
    PostFactory(path="/2025/04/b/")
    site = {
        "_config.yml": "url: https://old.example\npermalink: /:year/:month/:title/\n",
        "_posts/2025-04-01-a.md": "---\ntitle: a\n---\n[b](/2025/04/b/) [c](https://old.example/2025/04/b/)\n",
        "_posts/2025-04-02-b.md": "---\ntitle: b\n---\nb\n",
    }
    import_archive(write_site(tmp_path / "s", site))
    assert html("_posts/2025-04-01-a.md").count('href="/2025/04/b-2/"') == 2


# --- Waiting ------------------------------------------------------------------------------------------------------------


def test_a_link_waits_for_a_post_of_the_desk_and_lets_go_when_it_is_withdrawn_moved_or_deleted(act: Any) -> None:
    with act():
        waiting = write("まつ", "[[来るもの]] と [住所](/2031/come/)\n")
    assert 'class="unresolved">来るもの</span>' in waiting.body_html
    with act():
        come = workflow.save_post(Post(), None, {"title": "来るもの", "body": "x", "path": "/2031/come/"})
    waiting.refresh_from_db()
    assert 'href="/2031/come/">来るもの' not in waiting.body_html, "a draft is no target"
    with act():
        workflow.publish(come, None)
    waiting.refresh_from_db()
    assert 'href="/2031/come/">来るもの</a>' in waiting.body_html
    assert set(waiting.links.values_list("url", flat=True)) == {"/2031/come/"}
    body = waiting.body
    with act():
        workflow.save_post(come, None, {"path": "/2031/moved/"})
    waiting.refresh_from_db()
    assert waiting.body_html.count('href="/2031/moved/"') == 2
    with act():
        workflow.withdraw(come, None)
    waiting.refresh_from_db()
    assert 'class="unresolved">来るもの</span>' in waiting.body_html
    assert set(waiting.links.values_list("url", flat=True)) == {""}
    with act():
        workflow.publish(come, None)
    waiting.refresh_from_db()
    assert 'href="/2031/moved/">来るもの</a>' in waiting.body_html
    with act():
        workflow.save_post(come, None, {"title": "別の題"})
    waiting.refresh_from_db()
    assert 'href="/2031/moved/">来るもの</a>' in waiting.body_html, "what a reader could follow stays"
    assert waiting.body == body
    assert not waiting.revisions.filter(created_at__gt=come.created_at).exists()


def test_a_deleted_post_is_let_go_of(client: Client, act: Any) -> None:
    with act():
        come = write("来るもの")
        waiting = write("まつ", "[[来るもの]]\n")
    assert "unresolved" not in waiting.body_html
    client.force_login(make_person("superuser"))
    with act():
        client.post(f"/admin/articles/post/{come.pk}/delete/", {"post": "yes"})
    waiting.refresh_from_db()
    assert not Post.objects.filter(pk=come.pk).exists()
    assert "unresolved" in waiting.body_html


def test_a_link_waits_for_another_archive_of_the_same_and_of_another_source(tmp_path: Path, act: Any) -> None:
    config = "url: https://a.example\npermalink: /:year/:title/\n"
    first = write_site(
        tmp_path / "a1",
        {
            "_config.yml": config,
            "_posts/2025-01-01-one.md": (
                "---\ntitle: one\n---\n[two]({% post_url 2025-01-02-two %}) [far](https://www.b.example/blog/2025/far/?q=1#h)\n"
                "![pic](https://b.example/blog/img/p.png) ![late](/late.png)\n"
            ),
        },
    )
    import_archive(first, source_name="a")
    assert 'href="https://www.b.example/blog/2025/far/?q=1#h"' in html("_posts/2025-01-01-one.md")
    two = write_site(
        tmp_path / "a2", {"_config.yml": config, "_posts/2025-01-02-two.md": "---\ntitle: two\n---\nx\n", "late.png": PICTURE}
    )
    with act():
        import_archive(two, source_name="a")
    assert 'href="/2025/two/"' in html("_posts/2025-01-01-one.md")
    assert MediaFile.objects.get(name="late.png").url in html("_posts/2025-01-01-one.md")
    far = write_site(
        tmp_path / "b",
        {
            "_config.yml": "url: http://b.example\nbaseurl: /blog\npermalink: /:year/:title/\n",
            "_posts/2025-01-03-far.md": "---\ntitle: far\n---\n[back](https://a.example/2025/one/) [own](https://b.example/blog/2025/far/)\n",
            "img/p.png": OTHER_PICTURE,
        },
    )
    import_archive(far)
    page = html("_posts/2025-01-01-one.md")
    assert 'href="/blog/2025/far/?q=1#h"' in page
    assert MediaFile.objects.get(name="p.png").url in page
    assert 'href="/2025/one/">back</a>' in html("_posts/2025-01-03-far.md")
    assert 'href="/blog/2025/far/">own</a>' in html("_posts/2025-01-03-far.md")


def test_the_order_of_two_archives_makes_no_difference(tmp_path: Path) -> None:
    sites = [
        write_site(
            tmp_path / name,
            {
                "_config.yml": f"url: https://{name}.example\n",
                f"_posts/2025-01-01-{name}.md": (
                    f"---\ntitle: {name}\n---\n[x](https://{other}.example/2025/01/01/{other}.html)\n"
                    f"[y](/2025/01/01/{other}.html)\n"
                ),
            },
        )
        for name, other in (("aa", "bb"), ("bb", "aa"))
    ]
    digests = set()
    for order in (sites, sites[::-1]):
        for site in order:
            import_archive(site)
        digests.add(content_digest())
        assert not PostLink.objects.filter(url="").exists()
        Post.objects.all().delete()
        Source.objects.all().delete()
    assert len(digests) == 1


def test_the_text_of_a_source_goes_out_as_it_came_whatever_its_links_lead_to(tmp_path: Path, act: Any) -> None:
    site = write_site(
        tmp_path / "s",
        {
            "_config.yml": "url: https://a.example\n",
            "_posts/2025-01-01-a.md": "---\ntitle: a\n---\n[b](/b/) [c](https://a.example/b/)\n",
        },
    )
    import_archive(site)
    with act():
        write("b", path="/b/")
    assert html("_posts/2025-01-01-a.md").count('href="/b/"') == 2
    export_posts(tmp_path / "out", source_name="a.example")
    text = (site / "_posts/2025-01-01-a.md").read_bytes()
    assert [path.read_bytes() for path in (tmp_path / "out").rglob("2025-01-01-a.md")] == [text]


def test_a_post_that_an_import_hides_or_moves_is_let_go_of_elsewhere(tmp_path: Path, act: Any) -> None:
    files: dict[str, str | bytes] = {
        "_config.yml": "url: https://a.example\n",
        "_posts/2025-01-01-a.md": "---\ntitle: a\npermalink: /a/\n---\nx\n",
    }
    import_archive(write_site(tmp_path / "s", files))
    with act():
        here = write("ここ", "[1](https://a.example/a/)\n")
    assert 'href="/a/"' in here.body_html
    files["_posts/2025-01-01-a.md"] = "---\ntitle: a\npermalink: /moved/\n---\nx\n"
    import_archive(write_site(tmp_path / "s", files))
    here.refresh_from_db()
    assert 'href="/moved/"' in here.body_html
    files["_posts/2025-01-01-a.md"] = "---\ntitle: a\npermalink: /moved/\npublished: false\n---\nx\n"
    import_archive(write_site(tmp_path / "s", files))
    here.refresh_from_db()
    assert 'href="https://a.example/a/"' in here.body_html


def test_a_scheduled_post_is_linked_from_its_day_on_and_an_expired_one_no_more(act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with act():
        waiting = write("まつ", "[[明日]] [[昨日]]\n")
        tomorrow = write("明日")
        yesterday = write("昨日")
    Post.objects.filter(pk=tomorrow.pk).update(state=Post.State.SCHEDULED, published_at=timezone.now() + timedelta(hours=1))
    recheck_addresses([tomorrow.path])
    waiting.refresh_from_db()
    assert waiting.body_html.count("unresolved") == 1
    Post.objects.filter(pk=tomorrow.pk).update(published_at=timezone.now() - timedelta(minutes=1))
    Post.objects.filter(pk=yesterday.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    assert refresh_due(timezone.now() - timedelta(minutes=5), timezone.now()) == [waiting.pk]
    waiting.refresh_from_db()
    assert f'href="{tomorrow.path}"' in waiting.body_html
    assert 'unresolved">昨日' in waiting.body_html


# --- Cost ---------------------------------------------------------------------------------------------------------------


def test_ten_links_and_twenty_cost_the_same(act: Any, django_assert_max_num_queries: Callable[..., Any]) -> None:
    source = Source.objects.create(name="s", dialect="obsidian", timezone="UTC", base_url="https://old.example")
    media = add_media(PICTURE, "p.png")
    for number in range(20):
        post = PostFactory(source=source, source_path=f"n/{number}.md", title=f"題{number}", path=f"/n/{number}/")
        save_derived(post)
        SourceFile.objects.create(source=source, path=f"f/{number}.png", role="attachment", sha256="0", media=media)

    def cost(count: int) -> int:
        lines = [
            f"[[題{n}]] [[{n}]] [a](/n/{n}/) [b](n/{n}.md#x) [c](https://old.example/n/{n}/) ![p](f/{n}.png) ![[{n}.png]]\n"
            f'<a href="/n/{n}.html">d</a> {{{{< ref "n/{n}.md" >}}}} [unknown](/no/{n}/)\n'
            for n in range(count)
        ]
        post = PostFactory(source=source, source_path=f"{count}.md", body="\n".join(lines), features=["wikilinks", "shortcodes"])
        with django_assert_max_num_queries(30) as captured:
            save_derived(post)
        assert post.links.filter(url="").count() == count
        # SQLite splits the insertion of many rows, by its limit of parameters.
        return sum(query["sql"].startswith("SELECT") for query in captured.captured_queries)

    assert cost(10) == cost(20)


def test_among_thousands_of_one_name_the_exact_path_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_ROWS", 3)
    source = Source.objects.create(name="s", dialect="plain", timezone="UTC")
    for number in range(9):
        post = PostFactory(source=source, source_path=f"{number}/README.md", title="README", path=f"/{number}/readme/")
        save_derived(post)
    post = PostFactory(source=source, source_path="a.md", body="[x](8/README.md) [y](/7/readme/)")
    save_derived(post)
    assert list(post.links.values_list("url", flat=True)) == ["/8/readme/", "/7/readme/"]


def test_a_post_for_which_many_wait_costs_what_it_changes_and_the_rest_is_left_to_the_command(
    act: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(referrers, "MAX_NOW", 4)
    monkeypatch.setattr(referrers, "LINKS_AT_ONCE", 2)
    with act():
        waiting = [write(f"まつ{number}", "[[来るもの]]\n") for number in range(9)]
        PostFactory.create_batch(5)
    with act():
        come = write("来るもの")
    resolved = Post.objects.filter(pk__in=[post.pk for post in waiting], body_html__contains=come.path)
    assert resolved.count() == 4
    assert Post.objects.filter(renderer_version=0, body__contains="来るもの").count() == 5
    call_command("render_posts", verbosity=0)
    assert resolved.count() == 9


def test_a_save_that_moves_nothing_asks_nobody(act: Any, django_assert_max_num_queries: Callable[..., Any]) -> None:
    with act():
        post = write("題")
        write("ほか", "[[題]]\n")
    with act(), django_assert_max_num_queries(40) as captured:
        workflow.save_post(post, None, {"body": "直した"})
    asked = [query["sql"] for query in captured.captured_queries if '"articles_postlink"' in query["sql"]]
    assert all("DELETE" in sql or f'"post_id" = {post.pk}' in sql or f"IN ({post.pk})" in sql for sql in asked), asked


# --- Pictures -----------------------------------------------------------------------------------------------------------


def test_a_file_takes_its_alternative_text_from_the_first_text_that_shows_it(tmp_path: Path) -> None:
    site = {
        "_config.yml": "url: https://a.example\n",
        "_posts/2025-01-01-a.md": "---\ntitle: a\n---\n![海 &amp; 空](/img/a.png) ![](/img/b.png)\n",
        "_posts/2025-01-02-b.md": "---\ntitle: b\n---\n![別の言葉](/img/a.png) ![船](/img/b.png)\n",
        "_posts/2025-01-03-c.md": "---\ntitle: c\nimage:\n  path: /img/c.png\n  alt: 表紙\n---\nx\n",
        "img/a.png": PICTURE,
        "img/b.png": OTHER_PICTURE,
        "img/c.png": make_picture("#00ff00", "#ffffff", (40, 30)),
        "img/unused.png": make_picture("#0000ff", "#ffffff", (40, 30)),
    }
    import_archive(write_site(tmp_path / "s", site))
    alts = dict(MediaFile.objects.values_list("name", "alt"))
    assert alts == {"a.png": "海 & 空", "b.png": "船", "c.png": "表紙", "unused.png": ""}
    MediaFile.objects.filter(name="a.png").update(alt="人が書いた")
    site["_posts/2025-01-01-a.md"] = "---\ntitle: a\n---\n![直した](/img/a.png)\n"
    import_archive(write_site(tmp_path / "s", site))
    assert MediaFile.objects.get(name="a.png").alt == "人が書いた"


def test_a_text_of_the_desk_finds_pictures_by_their_address_here_and_by_the_old_one(tmp_path: Path, act: Any) -> None:
    import_archive(
        write_site(
            tmp_path / "s",
            {
                "_config.yml": "url: https://a.example\n",
                "_posts/2025-01-01-a.md": "---\ntitle: a\n---\nx\n",
                "img/a.png": PICTURE,
            },
        )
    )
    url = MediaFile.objects.get().url
    with act():
        post = write("机", f"![1]({url}) ![2](/img/a.png) ![3](https://www.a.example/img/a.png) ![4](/img/none.png)\n")
    assert post.body_html.count(f'src="{url}"') == 3
    assert set(post.links.values_list("url", flat=True)) == {url, ""}


# --- The two stores -----------------------------------------------------------------------------------------------------


def test_a_nul_in_a_reference_is_asked_of_no_database(act: Any) -> None:
    post = PostFactory(body="[a](%00) [b](/x%00y/) ![c](a%00.png)\n")
    save_derived(post)
    assert not post.links.exclude(url="").exists()


def test_a_former_address_leads_to_where_the_post_is_now(act: Any) -> None:
    with act():
        post = write("題", path="/b/")
    Redirect.objects.create(old_path="/old/a.html", post=post)
    resolver = DatabaseResolver(PostFactory(body="[x](/old/a/)"))
    assert resolver.link("path", "/old/a/") == "/b/"
    assert resolver.link("path", "/OLD/a.html") == "/b/"
    assert resolver.link("path", "/older/a/") is None


def test_of_several_posts_of_a_name_the_one_in_the_language_is_meant_then_the_shortest_path() -> None:
    index = MemoryIndex()
    wanted = {"stem:a", "path:x/a"}
    index.add_post("deep/er/a.md", "/1/", "1", wanted, language="fr")
    index.add_post("deep/a.md", "/2/", "2", wanted, language="en")
    index.add_post("x/a.fr.md", "/3/", "3", wanted, language="fr")
    index.add_post("x/a.md", "/4/", "4", wanted, language="en")
    assert [index.resolver("", "", language).link("wikilink", "a") for language in ("", "en", "fr", "de")] == [
        "/2/",
        "/2/",
        "/3/",
        "/2/",
    ]
    assert [index.resolver("x/b.md", "", language).link("ref", "a") for language in ("en", "fr")] == ["/4/", "/3/"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads a small table whole")
def test_no_question_reads_a_table_or_a_source_whole(act: Any) -> None:
    source = Source.objects.create(
        name="s", dialect="hugo", timezone="UTC", base_url="https://old.example", lists=[["home", "/"]]
    )
    body = '[a](/n/1/) [b](n/1.md) [[題1]] ![p](f/1.png) [c](https://old.example/n/1/) {{< ref "x/1.md" >}}\n'
    for number in range(3):
        post = PostFactory(source=source, source_path=f"n/{number}.md", title=f"題{number}", path=f"/n/{number}/", body=body)
        save_derived(post)
    with CaptureQueriesContext(connection) as captured:
        save_derived(post)
        referrers.refresh_referrers([referrers.target_of(post, old_path="/old/")])
        list(prove(["/n/1", "/x/1.html", "/nn/1/", "/f/1.png", "/tags/x/", "/page/2/", "/n/1/index.xml"]))
    whole = []
    for query in captured.captured_queries:
        if not query["sql"].startswith("SELECT") or "articles_" not in query["sql"]:
            continue
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"].replace("%", "%%"))
            plan = [row[3] for row in cursor.fetchall()]
        big = ("articles_post ", "articles_postlink ", "articles_sourcefile ", "articles_redirect ", "articles_mediafile ")
        read = [line for line in plan if "SCAN" in line and any(f"{name}" in f"{line} " for name in big)]
        by_source = [line for line in plan if "articles_post USING INDEX articles_post_source_id" in line]
        whole += [(line, query["sql"][:300]) for line in read + by_source]
    assert whole == []
