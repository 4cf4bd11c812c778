"""Films, slides and posts of other sites: which player an address has, the figure on the page, and where only the link goes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from articles.derive import save_derived
from articles.formats.translating import is_like
from articles.library import add_media
from articles.markup import DEFAULT_FEATURES, render
from articles.models import Post
from articles.players import PLAYABLE, SERVICES, find_player, service_of
from articles.site.embeds import place_players
from articles.site.syndication import feed_text
from cms import settings as site_settings
from tests.factories import PostFactory
from tests.pictures import draw

FILM = "dQw4w9WgXcQ"
YOUTUBE = f"https://www.youtube-nocookie.com/embed/{FILM}?autoplay=1"
DECK = "1234567890abcdef1234567890abcdef"
KEY = "8YSGPC6K0lNZg0Zb8fBteK"
PUBLISHED = "2PACX-1vQabcdefghijklmnopqrstuv"

PLAYERS = [
    (f"https://www.youtube.com/watch?v={FILM}", YOUTUBE),
    (f"http://m.youtube.com/watch?feature=share&v={FILM}", YOUTUBE),
    (f"https://youtu.be/{FILM}?si=tracking", YOUTUBE),
    (f"https://www.youtube.com/shorts/{FILM}", YOUTUBE),
    (f"https://www.youtube.com/embed/{FILM}?start=90", f"{YOUTUBE}&start=90"),
    (f"https://youtu.be/{FILM}?t=1m30s", f"{YOUTUBE}&start=90"),
    (f"https://www.youtube.com/watch?v={FILM}&list=PL0123456789", f"{YOUTUBE}&list=PL0123456789"),
    (
        "https://www.youtube.com/playlist?list=PL0123456789",
        "https://www.youtube-nocookie.com/embed/videoseries?autoplay=1&list=PL0123456789",
    ),
    ("https://vimeo.com/76979871", "https://player.vimeo.com/video/76979871?dnt=1&autoplay=1"),
    ("https://vimeo.com/76979871/8272103f6e", "https://player.vimeo.com/video/76979871?dnt=1&autoplay=1&h=8272103f6e"),
    (
        "https://player.vimeo.com/video/76979871?h=8272103f6e",
        "https://player.vimeo.com/video/76979871?dnt=1&autoplay=1&h=8272103f6e",
    ),
    ("https://www.nicovideo.jp/watch/sm9?from=30", "https://embed.nicovideo.jp/watch/sm9?from=30"),
    ("https://nico.ms/sm9", "https://embed.nicovideo.jp/watch/sm9"),
    (
        "https://open.spotify.com/intl-ja/track/4uLU6hMCjMI75M1A2tKUQC?si=x",
        "https://open.spotify.com/embed/track/4uLU6hMCjMI75M1A2tKUQC",
    ),
    (
        "https://soundcloud.com/forss/flickermood",
        "https://w.soundcloud.com/player/?url=https%3A%2F%2Fsoundcloud.com%2Fforss%2Fflickermood",
    ),
    (
        "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/293&auto_play=true",
        "https://w.soundcloud.com/player/?url=https%3A%2F%2Fapi.soundcloud.com%2Ftracks%2F293",
    ),
    (
        "https://www.slideshare.net/slideshow/embed_code/key/3NektSNMNBAgUu",
        "https://www.slideshare.net/slideshow/embed_code/key/3NektSNMNBAgUu",
    ),
    (f"https://speakerdeck.com/player/{DECK}", f"https://speakerdeck.com/player/{DECK}"),
    ("https://www.docswell.com/s/ku-suke/LK7J5V-hello-docswell", "https://www.docswell.com/slide/LK7J5V/embed"),
    ("https://codepen.io/team/pen/wFeaG", "https://codepen.io/team/embed/wFeaG?default-tab=result"),
    ("https://jsfiddle.net/someone/abcd1234/2/", "https://jsfiddle.net/someone/abcd1234/2/embedded/"),
    ("https://codesandbox.io/s/guess-movie-erpn1?file=/a.js", "https://codesandbox.io/embed/guess-movie-erpn1"),
    ("https://stackblitz.com/edit/angular", "https://stackblitz.com/edit/angular?embed=1"),
    (f"https://www.figma.com/file/{KEY}/Sample", f"https://embed.figma.com/design/{KEY}?embed-host=kawaraban"),
    (
        f"https://www.figma.com/embed?embed_host=share&url=https%3A%2F%2Fwww.figma.com%2Fproto%2F{KEY}%2FX%3Fnode-id%3D5-3",
        f"https://embed.figma.com/proto/{KEY}?embed-host=kawaraban&node-id=5-3",
    ),
    (
        "https://www.google.com/maps/embed?pb=!1m18!2s東京駅",
        "https://www.google.com/maps/embed?pb=!1m18!2s%E6%9D%B1%E4%BA%AC%E9%A7%85",
    ),
    (
        f"https://docs.google.com/presentation/d/e/{PUBLISHED}/embed?start=true",
        f"https://docs.google.com/presentation/d/e/{PUBLISHED}/pubembed",
    ),
    (
        f"https://docs.google.com/forms/d/e/{PUBLISHED}/viewform",
        f"https://docs.google.com/forms/d/e/{PUBLISHED}/viewform?embedded=true",
    ),
    ("https://twitter.com/jack/status/20?s=46", "https://platform.twitter.com/embed/Tweet.html?dnt=true&id=20"),
    ("https://x.com/i/status/20", "https://platform.twitter.com/embed/Tweet.html?dnt=true&id=20"),
    ("https://www.instagram.com/someone/p/CabcdeFGHij/", "https://www.instagram.com/p/CabcdeFGHij/embed/"),
]
LINKS = [
    "https://www.youtube.com/@someone",
    "https://www.youtube.com/redirect?q=https://evil.example/",
    "https://youtu.be/",
    "https://vimeo.com/about",
    "https://www.slideshare.net/someone/a-talk",
    "https://speakerdeck.com/someone/a-talk",
    "https://gist.github.com/someone/123",
    "https://docs.google.com/document/d/abc/edit",
    "https://www.google.com/search?q=x",
    "https://x.com/someone",
    "https://soundcloud.com/someone",
]
HOSTILE = [
    f"https://www.youtube.com.evil.example/watch?v={FILM}",
    f"https://evil.example/watch?v={FILM}#https://www.youtube.com/",
    f"https://www.youtube.com@evil.example/watch?v={FILM}",
    f"https://evil.example\\@www.youtube.com/watch?v={FILM}",
    f"https://user:pass@www.youtube.com/watch?v={FILM}",
    f"https://www.youtube.com:8443/watch?v={FILM}",
    f"//www.youtube.com/watch?v={FILM}",
    f"javascript://www.youtube.com/watch?v={FILM}%0aalert(1)",
    f"data:text/html,https://www.youtube.com/watch?v={FILM}",
    f"https://www.youtube.com/embed/{FILM}/../../evil",
    f'https://www.youtube.com/embed/{FILM}" onload="alert(1)',
    "https://www.youtube.com/watch?v=../../evil",
    "https://www.youtube.com/watch?v=ａｂｃｄｅｆｇ",
    "https://w.soundcloud.com/player/?url=https://evil.example/tracks/1",
    "https://w.soundcloud.com/player/?url=https://api.soundcloud.com.evil.example/tracks/1",
    f"https://www.figma.com/embed?url=https://evil.example/file/{KEY}",
    "https://platform.twitter.com/embed/Tweet.html?id=20%26x=1",
    "https://[www.youtube.com/watch?v=abcdefg",
    "https://www.youtube.com/watch?v=abcdefg&" + "&".join("a=1" for _ in range(500)),
    "https://www.youtube.com/watch?v=abcdefg&x=" + "y" * 5000,
]
LINKED = f"https://www.youtube.com/watch?v={FILM}"


def html_of(text: str) -> str:
    return render(text, flavour="commonmark", features=DEFAULT_FEATURES[""]).html


def figure_of(text: str, language: str = "ja") -> str:
    return place_players(html_of(text), language)[0]


# --- Addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("address", "source"), PLAYERS)
def test_an_item_has_the_player_of_its_service(address: str, source: str) -> None:
    player = find_player(address)
    assert player is not None
    assert player.source == source
    assert find_player(player.source) is not None, "what is loaded is an item itself"


def test_every_service_with_a_player_is_tried_above() -> None:
    assert {service_of(address) for address, _source in PLAYERS} == set(PLAYABLE)


@pytest.mark.parametrize("address", LINKS)
def test_what_cannot_be_shown_elsewhere_stays_a_link(address: str) -> None:
    assert service_of(address)
    assert find_player(address) is None


@pytest.mark.parametrize("address", HOSTILE)
def test_no_address_leads_a_player_to_another_host_or_item(address: str) -> None:
    assert find_player(address) is None
    html = figure_of(f'<iframe src="{address}"></iframe>\n\n[![x](/a.png)](<{address}>)\n')
    # Of an address that is only written badly the renderer may still know the film.
    assert set(re.findall('data-src="([^"]*)"', html)) <= {YOUTUBE}
    assert "onload=" not in re.sub('="[^"]*"', "", html)


def test_a_service_that_is_switched_off_has_no_player() -> None:
    assert find_player(LINKED, ("vimeo",)) is None


# --- Texts --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "title"),
    [
        (f'<iframe src="https://www.youtube.com/embed/{FILM}" title="編集長に聞く"></iframe>', "編集長に聞く"),
        (f"![編集長に聞く]({LINKED})", "編集長に聞く"),
        (f"[![編集長に聞く](/media/ab/poster.png)]({LINKED})", "編集長に聞く"),
        (f"[![編集長に聞く](https://i.ytimg.com/vi/{FILM}/0.jpg)]({LINKED})", "編集長に聞く"),
        (LINKED, ""),
        (f"<{LINKED}>", ""),
        (f'<iframe src="//www.youtube-nocookie.com/embed/{FILM}"></iframe>', ""),
    ],
)
def test_every_way_to_embed_a_film_gives_one_figure(written: str, title: str) -> None:
    html, origins = place_players(html_of(f"前。\n\n{written}\n\n後。"), "ja")
    assert html.count("<figure") == 1
    assert f'data-src="{YOUTUBE.replace("&", "&amp;")}"' in html
    assert f'data-title="{title or "動画"} – YouTube"' in html
    assert origins == ["https://www.youtube-nocookie.com"]
    assert "ytimg" not in html
    assert html.startswith("<p>前。</p>\n<figure")


@pytest.mark.django_db
def test_words_that_a_figure_adds_name_their_language_in_a_text_of_another(client: Client) -> None:
    post = PostFactory(language="ar", body=f"<{LINKED}>", features=sorted(DEFAULT_FEATURES[""]), flavour="commonmark")
    save_derived(post)
    html = client.get(post.get_absolute_url()).content.decode()
    for name in ("player-action", "player-note", "player-link"):
        [start] = re.findall(rf'<(?:a|span) class="{name}"[^>]*>', html)
        assert 'lang="ja" dir="ltr"' in start
    assert 'class="player-note" role="status">' in figure_of(LINKED)


def test_a_shortcode_can_name_its_film() -> None:
    features = DEFAULT_FEATURES["hugo"]
    html = render(f'{{{{< youtube id="{FILM}" title="編集長に聞く" >}}}}', flavour="commonmark", features=features).html
    assert '<span class="embed-title">編集長に聞く</span>' in html
    assert 'data-title="編集長に聞く – YouTube"' in place_players(html, "ja")[0]


def test_a_film_with_a_still_is_one_in_kramdown_too() -> None:
    text = f"前。\n\n[![題名](/media/ab/poster.png)]({LINKED})\n\n後。\n"
    html = render(text, flavour="kramdown", features=DEFAULT_FEATURES["jekyll"]).html
    assert place_players(html, "ja")[0].count("<figure") == 1


def test_a_poster_of_the_library_is_shown_and_named_once() -> None:
    html = figure_of(f'[![絵の「題」](/media/ab/poster.png "説明")]({LINKED})')
    picture = re.search("<img[^>]*>", html)
    assert picture is not None
    assert 'src="/media/ab/poster.png" alt=""' in picture[0]
    assert "説明" not in html


def test_badges_and_pictures_within_a_sentence_stay_links() -> None:
    badge = "[![Open](https://badges.example/open.svg)](https://stackblitz.com/edit/angular)"
    assert "<figure" not in figure_of(badge)
    assert "<figure" not in figure_of(f"読む [![x](/a.png)]({LINKED}) 前に")
    assert "<figure" not in figure_of(f"- ![x]({LINKED})")
    assert "<figure" not in figure_of(f"[題名]({LINKED})")
    assert "<figure" in figure_of("[![図](/media/ab/map.png)](https://stackblitz.com/edit/angular)")


def test_embeds_in_code_are_text() -> None:
    text = f'```html\n<p class="embed"><a class="embed" href="{LINKED}">x</a></p>\n```\n\n`[![x](/a.png)]({LINKED})`'
    assert "<figure" not in figure_of(text)


@pytest.mark.parametrize(
    "written",
    [
        '<figure class="player player-video" data-src="https://evil.example/"><a class="player-poster" href="/">x</a></figure>',
        '<p class="embed embed-youtube"><a class="embed" href="https://evil.example/" data-src="https://evil.example/">x</a></p>',
        f'<p class="embed" data-src="https://evil.example/"><a class="embed" href="{LINKED}" data-src="https://evil.example/">x</a></p>',
        f'<p class="embed"><a class="embed" href="{LINKED}" title=\'"><iframe src="https://evil.example/"></iframe>\'>x</a></p>',
        f'<iframe src="https://www.youtube.com/embed/{FILM}" title=\'" data-src="https://evil.example/\'></iframe>',
        f'![" data-src="https://evil.example/]({LINKED})',
        f'[![" onerror="alert(1)" x="](/a.png \'" onload="alert(1)\')]({LINKED})',
        '<button class="player-poster">x</button><iframe src="https://evil.example/"></iframe>',
    ],
)
def test_an_author_cannot_forge_what_is_loaded(written: str) -> None:
    html = figure_of(written)
    assert not re.search(r"<iframe|<button|<[^<>]* on[a-z]+=", re.sub('"[^"]*"', '""', html))
    sources = re.findall(r'data-src="([^"]*)"', re.sub(r'(?:title|data-title|alt)="[^"]*"', "", html))
    assert set(sources) <= {YOUTUBE}


def test_english_pages_speak_english() -> None:
    html = figure_of(LINKED, "en")
    assert "Watch the video" in html
    assert "Press to load this from youtube-nocookie.com, another site." in html
    assert 'data-title="Video – YouTube"' in html


def test_a_page_has_no_end_of_players_and_a_text_without_any_stays_to_the_letter(settings: Any) -> None:
    html, _origins = place_players(html_of(f"{LINKED}\n\n" * 120), "ja")
    assert html.count("<figure") == 100
    assert html.count('<p class="embed">') == 20
    plain = html_of("本文。\n\n![絵](/a.png)\n\n[外](https://example.org/)")
    assert place_players(plain, "ja") == (plain, [])
    settings.EMBED_SERVICES = ()
    linked = html_of(LINKED)
    assert place_players(linked, "ja") == (linked, [])


def test_a_film_that_is_a_picture_and_its_card_say_the_same_in_comparisons() -> None:
    one = html_of(f'<iframe src="https://www.youtube.com/embed/{FILM}" title="題名"></iframe>')
    other = html_of(f"![別の題名]({LINKED})")
    assert is_like(one, other)
    # A generator that knows no films takes it for a picture.
    assert is_like(other, f'<p><img src="{LINKED}" alt="別の題名"></p>')
    assert not is_like(other, '<p><img src="https://www.youtube.com/watch?v=another1" alt="別の題名"></p>')


def test_a_film_is_named_in_search_and_never_the_excerpt() -> None:
    rendered = render(f"![編集長に聞く]({LINKED})\n\n本文。", flavour="commonmark", features=DEFAULT_FEATURES[""])
    assert rendered.plain_text == "編集長に聞く youtube.com\n本文。"
    assert rendered.excerpt == "本文。"


def test_a_private_film_keeps_its_key() -> None:
    html = html_of('<iframe src="https://player.vimeo.com/video/76979871?h=8272103f6e"></iframe>')
    assert 'href="https://vimeo.com/76979871/8272103f6e"' in html


# --- Pages --------------------------------------------------------------------------------------------------------------


def publish(body: str) -> Post:
    post = PostFactory(body=body, features=sorted(DEFAULT_FEATURES[""]), flavour="commonmark")
    save_derived(post)
    return post


@pytest.mark.django_db
def test_a_page_lets_frames_come_from_its_own_players_only(client: Client) -> None:
    answer = client.get(publish(f"{LINKED}\n\nhttps://x.com/i/status/20").path)
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert "frame-src https://platform.twitter.com https://www.youtube-nocookie.com" in policy
    assert "default-src 'self'" in policy
    html = answer.content.decode()
    assert html.count("embeds.js") == html.count("embeds.css") == 1
    assert "<iframe" not in html


@pytest.mark.django_db
def test_a_page_without_players_has_neither_their_script_nor_their_policy(client: Client) -> None:
    for path in (publish("本文。\n\nhttps://example.org/").path, "/", "/search/"):
        answer = client.get(path)
        assert "frame-src" not in answer.headers["Content-Security-Policy"]
        assert "embeds." not in answer.content.decode()


@pytest.mark.django_db
def test_with_no_services_a_page_has_links(client: Client, settings: Any) -> None:
    settings.EMBED_SERVICES = ()
    answer = client.get(publish(LINKED).path)
    assert "frame-src" not in answer.headers["Content-Security-Policy"]
    html = answer.content.decode()
    assert f'<a class="embed" href="{LINKED}"' in html
    assert "<figure" not in html


@pytest.mark.django_db
def test_feeds_the_api_and_the_markdown_carry_plain_links(client: Client, media_root: Any) -> None:
    poster = add_media(draw(1), "poster.png")
    post = publish(f"[![編集長に聞く]({poster.url})]({LINKED})\n\nhttps://x.com/i/status/20\n\n本文。")
    for text in (feed_text(post), client.get("/api/v1/post", {"path": post.path}).json()["html"]):
        assert "data-src" not in text
        assert "player" not in text
        assert "<figure" not in text
        assert "youtube.com/watch" in text
        assert "poster.png" in text
    assert f"[![編集長に聞く]({poster.url})]({LINKED})" in client.get(post.path.rstrip("/") + ".md").content.decode()
    assert client.get(post.path).content.decode().count("<figure") == 2


@pytest.mark.django_db
def test_players_cost_no_query(client: Client, media_root: Any, django_assert_max_num_queries: Any) -> None:
    post = publish(f"{LINKED}\n\n" * 30)
    with django_assert_max_num_queries(4):
        client.get(post.path)


# --- Settings -----------------------------------------------------------------------------------------------------------


def test_an_unknown_service_is_named_with_those_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_SERVICES", "youtube, mytube")
    with pytest.raises(ImproperlyConfigured, match=r"EMBED_SERVICES names mytube\. It takes youtube, vimeo"):
        site_settings.read_embed_services()
    monkeypatch.setenv("EMBED_SERVICES", " YouTube ,vimeo")
    assert site_settings.read_embed_services() == ("youtube", "vimeo")
    monkeypatch.setenv("EMBED_SERVICES", "")
    assert site_settings.read_embed_services() == ()
    monkeypatch.delenv("EMBED_SERVICES")
    assert site_settings.read_embed_services() == PLAYABLE == tuple(name for name in SERVICES if name != "gist")
