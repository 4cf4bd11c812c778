"""The front page: what readers get of what staff arranged, who may arrange it, and that no edition and no story is lost."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from articles.admin.front_page import Choice
from articles.derive import save_derived
from articles.editorial import front_page
from articles.editorial.front_page import MAX_PINNED, explain_absence, newest_number, save_edition, withdraw_edition
from articles.editorial.permissions import can_arrange
from articles.editorial.workflow import ChangedMeanwhile, NotAllowed, RefusedChange, WrongState
from articles.models import FrontPage, FrontSlot, Post
from articles.transfer.digest import content_digest
from tests.factories import FIRST_DAY, PostFactory, make_newsroom
from tests.people import ROLES, make_person
from tests.test_site import HIDDEN, titles_in

pytestmark = pytest.mark.django_db
SCREEN = "/admin/articles/frontpage/"
PREVIEW = "/admin/articles/frontpage/preview/"


def make_posts(count: int) -> list[Post]:
    """Public posts, the newest first."""
    days = [FIRST_DAY + timedelta(hours=number) for number in range(count)]
    return [PostFactory(title=f"post-{number}", published_at=day) for number, day in enumerate(days)][::-1]


def titles(client: Client, path: str = "/") -> list[str]:
    return titles_in(client.get(path).text)


def arrange(lead: Post | None, *pinned: Post, **options: Any) -> FrontPage:
    return save_edition(None, lead, pinned, **{"seen": newest_number(), **options})


def make_running(edition: FrontPage, **ago: float) -> None:
    FrontPage.objects.filter(pk=edition.pk).update(starts_at=timezone.now() - timedelta(**ago))


def sign_in(role: str) -> tuple[Client, Any]:
    person = make_person(role)
    client = Client()
    client.force_login(person)
    return client, person


def sent(lead: Post | None, *pinned: Post, act: str = "save", **fields: Any) -> dict[str, Any]:
    data = {"lead": lead.pk if lead else "", "pinned": [post.pk for post in pinned], "act": act, "seen": newest_number()}
    return {**data, "opened": "", "starts_at": "", "ends_at": "", "q": "", **fields}


# --- What readers get -----------------------------------------------------------------------------------------------


def test_the_lead_and_the_pinned_stories_come_first_and_the_latest_follow_without_repeating_them(client: Client) -> None:
    posts = make_posts(12)
    plain = client.get("/").content
    arrange(posts[9], posts[11], posts[0])
    assert titles(client) == [posts[place].title for place in (9, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10)]
    html = client.get("/").text
    assert re.search(r'<article class="lead".*?post-2', html, re.DOTALL)
    day = timezone.localtime(posts[0].published_at)
    assert f"最新 {day.year}年{day.month}月{day.day}日" in html
    arrange(None)
    assert client.get("/").content == plain


@pytest.mark.parametrize("state", HIDDEN)
def test_what_is_not_public_falls_out_silently_and_the_next_one_leads(client: Client, state: str) -> None:
    posts = make_posts(4)
    hidden = PostFactory(title="post-hidden", **HIDDEN[state])
    assert explain_absence(hidden, timezone.now())
    arrange(hidden, posts[3], hidden_too := PostFactory(title="post-hidden too", state=Post.State.DRAFT), posts[2])
    assert titles(client) == [posts[place].title for place in (3, 2, 0, 1)]
    assert hidden_too.title not in client.get("/").text


def test_a_standing_page_and_a_post_without_a_date_do_not_stand_on_the_front_page(client: Client) -> None:
    page = PostFactory(title="post-page", kind=Post.Kind.PAGE, published_at=None, path="/about/")
    arrange(page, *make_posts(1))
    assert titles(client) == ["post-0"]
    assert explain_absence(page, timezone.now())


def test_the_rule_of_absence_is_that_of_the_public_page(client: Client) -> None:
    posts = [*make_posts(2), *(PostFactory(**state) for state in HIDDEN.values())]
    now = timezone.now()
    public = set(Post.objects.published(now).dated())
    assert {post for post in posts if not explain_absence(post, now)} == public


def test_older_pages_neither_repeat_nor_lose_a_story(client: Client) -> None:
    posts = make_posts(70)
    arrange(posts[60], posts[1], posts[30], PostFactory(state=Post.State.DRAFT))
    seen, path, back = [], "/", []
    while path:
        html = client.get(path).text
        seen += titles_in(html)
        back.append(newer[1] if (newer := re.search(r'rel="prev" href="([^"]*)"', html)) else "")
        older = re.search(r'rel="next" href="([^"]*)"', html)
        path = older and "/" + older[1]
    assert sorted(seen) == sorted(post.title for post in posts)
    assert back[:2] == ["", "?"]


def test_more_pinned_stories_than_stand_beside_the_lead_stand_below_it(client: Client) -> None:
    posts = make_posts(20)
    arrange(posts[19], *posts[8:18])
    assert titles(client)[:11] == [post.title for post in (posts[19], *posts[8:18])]
    assert sorted(titles(client)) == sorted(post.title for post in posts)


def test_a_scheduled_edition_takes_over_at_its_minute_and_an_end_brings_the_one_before_back(client: Client) -> None:
    posts = make_posts(3)
    now = timezone.now()
    arrange(posts[1])
    special = arrange(posts[2], starts_at=now + timedelta(minutes=1), ends_at=now + timedelta(hours=2))
    assert titles(client)[0] == posts[1].title
    assert FrontPage.objects.running(now + timedelta(minutes=1)).first() == special
    assert FrontPage.objects.running(now + timedelta(seconds=59)).first() != special
    assert FrontPage.objects.running(now + timedelta(hours=2)).first() != special
    make_running(special, seconds=0)
    assert titles(client)[0] == posts[2].title
    FrontPage.objects.filter(pk=special.pk).update(ends_at=timezone.now())
    assert titles(client)[0] == posts[1].title


def test_of_two_editions_of_one_minute_the_one_saved_later_is_shown() -> None:
    soon = timezone.now() + timedelta(minutes=1)
    arrange(None, starts_at=soon)
    second = arrange(None, starts_at=soon)
    assert FrontPage.objects.running(soon).first() == second


def test_feeds_sitemaps_and_the_digest_know_nothing_of_it(client: Client) -> None:
    def read() -> list[bytes]:
        return [client.get(path).getvalue() for path in ("/rss.xml", "/atom.xml", "/sitemap-posts.xml")]

    posts = make_posts(3)
    before, digest = read(), content_digest()
    arrange(posts[2], posts[1])
    assert (read(), content_digest()) == (before, digest)


def test_the_home_costs_five_queries_however_much_is_arranged(client: Client, django_assert_max_num_queries: Any) -> None:
    make_newsroom()
    posts = list(Post.objects.published().dated())
    for count in (0, 2, MAX_PINNED):
        arrange(posts[0], *posts[2 : 2 + count])
        with django_assert_max_num_queries(5):  # the arranged stories, posts, credits, sections, introduction
            html = client.get("/").text
    older = re.search(r'rel="next" href="([^"]*)"', html)
    assert older is None
    make_posts(60)
    with django_assert_max_num_queries(5):
        older = re.search(r'rel="next" href="([^"]*)"', client.get("/").text)
    assert older
    with django_assert_max_num_queries(5):
        client.get("/" + older[1])


# --- Editions -------------------------------------------------------------------------------------------------------


def test_an_edition_keeps_who_when_what_and_in_which_order() -> None:
    person = make_person("publisher")
    posts = make_posts(3)
    edition = save_edition(person, posts[2], posts[:2], seen=0)
    assert (edition.number, edition.user, edition.made_from) == (1, person, None)
    assert [(slot.post, slot.kind) for slot in edition.slots.all()] == [
        (posts[2], "lead"),
        (posts[0], "pinned"),
        (posts[1], "pinned"),
    ]
    assert save_edition(person, None, posts, seen=1, made_from=edition).made_from == edition


def test_an_edition_saved_since_is_never_overwritten_in_silence() -> None:
    posts = make_posts(2)
    save_edition(make_person("publisher"), posts[0], [], seen=0)
    with pytest.raises(ChangedMeanwhile, match="publisher"):
        save_edition(make_person("publisher", "second"), posts[1], [], seen=0)
    assert FrontPage.objects.count() == 1


def test_of_two_that_save_at_once_one_is_refused_by_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    arrange(None)
    looked: list[int] = []
    check = front_page._check_unchanged

    def look_too_early(seen: int) -> None:
        looked.append(seen)
        if len(looked) > 1:
            check(seen)

    monkeypatch.setattr(front_page, "_check_unchanged", look_too_early)
    with pytest.raises(ChangedMeanwhile):
        arrange(None, seen=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        FrontPage.objects.create(number=1, starts_at=timezone.now())


@pytest.mark.parametrize(
    ("minutes", "end", "reason"), [(-1, None, "passed"), (5, 5, "end"), (5, 1, "end"), (None, -1, "end")], ids=str
)
def test_times_that_cannot_be_are_refused(minutes: int | None, end: int | None, reason: str) -> None:
    now = timezone.now()
    start = None if minutes is None else now + timedelta(minutes=minutes)
    with pytest.raises(RefusedChange):
        arrange(None, starts_at=start, ends_at=None if end is None else now + timedelta(minutes=end))
    assert not FrontPage.objects.exists()


def test_too_many_stories_and_one_story_twice_are_refused() -> None:
    posts = make_posts(MAX_PINNED + 1)
    with pytest.raises(RefusedChange, match=str(MAX_PINNED)):
        arrange(None, *posts)
    with pytest.raises(RefusedChange):
        arrange(posts[0], posts[0])


def test_an_edition_to_come_can_be_withdrawn_and_gives_way_to_what_is_made_from_it() -> None:
    soon = timezone.now() + timedelta(minutes=5)
    first, shown = arrange(None, starts_at=soon), arrange(None)
    withdraw_edition(None, first)
    assert FrontPage.objects.running(soon).first() == shown
    for edition in (first, shown):
        with pytest.raises(WrongState):
            withdraw_edition(None, edition)
    second = arrange(None, starts_at=soon)
    third = arrange(None, starts_at=soon + timedelta(minutes=5), made_from=second)
    second.refresh_from_db()
    assert second.withdrawn_at is not None
    assert FrontPage.objects.running(soon + timedelta(minutes=6)).first() == third


def test_a_post_that_is_deleted_leaves_its_place(client: Client) -> None:
    posts = make_posts(3)
    arrange(posts[2], posts[1])
    posts[2].delete()
    assert titles(client) == [posts[1].title, posts[0].title]
    assert FrontSlot.objects.count() == 1


# --- Who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["staff", *ROLES, "superuser"])
def test_publishers_arrange_the_front_page_and_nobody_else(role: str) -> None:
    person = make_person(role)
    may = role in ("publisher", "superuser")
    assert can_arrange(person) == may
    if not may:
        with pytest.raises(NotAllowed):
            save_edition(person, None, [], seen=0)
        edition = arrange(None, starts_at=timezone.now() + timedelta(days=1))
        with pytest.raises(NotAllowed):
            withdraw_edition(person, edition)


def test_the_right_alone_shows_no_posts_of_others() -> None:
    person = make_person("author")
    person.user_permissions.add(Permission.objects.get(codename="arrange_front_page"))
    assert not can_arrange(person)
    assert can_arrange(None)


# --- The screen -----------------------------------------------------------------------------------------------------


def test_the_screen_saves_what_was_chosen_and_shows_it_again() -> None:
    client, person = sign_in("publisher")
    posts = make_posts(4)
    answer = client.post(SCREEN, sent(posts[3], posts[2], posts[0]), follow=True)
    assert answer.status_code == 200
    edition = FrontPage.objects.get()
    assert edition.user == person
    assert [slot.post for slot in edition.slots.all()] == [posts[3], posts[2], posts[0]]
    assert titles(Client())[:3] == [post.title for post in (posts[3], posts[2], posts[0])]
    assert f'name="lead" value="{posts[3].pk}"' in answer.text
    assert re.findall(r'name="pinned" value="(\d+)"', answer.text) == [str(posts[2].pk), str(posts[0].pk)]


def test_each_button_gives_the_page_back_with_the_story_moved_and_nothing_saved() -> None:
    client, _person = sign_in("publisher")
    posts = make_posts(4)
    answer = client.post(SCREEN, sent(posts[0], posts[1], posts[2], act=f"down:{posts[1].pk}", starts_at="2099-01-02T03:04"))
    assert re.findall(r'name="pinned" value="(\d+)"', answer.text) == [str(posts[2].pk), str(posts[1].pk)]
    assert 'value="2099-01-02T03:04"' in answer.text
    assert posts[1].title in re.findall(r'id="front-said">([^<]*)<', answer.text)[0]
    assert not FrontPage.objects.exists()


@pytest.mark.parametrize(
    ("act", "lead", "pinned"),
    [
        ("add:9", 1, [2, 3, 4, 9]),
        ("add:3", 1, [2, 3, 4]),
        ("add:1", 1, [2, 3, 4]),
        ("lead:3", 3, [1, 2, 4]),
        ("lead:9", 9, [1, 2, 3, 4]),
        ("lead:1", 1, [2, 3, 4]),
        ("pin:1", None, [1, 2, 3, 4]),
        ("pin:4", 1, [4, 2, 3]),
        ("up:2", 1, [2, 3, 4]),
        ("up:4", 1, [2, 4, 3]),
        ("down:2", 1, [3, 2, 4]),
        ("down:4", 1, [2, 3, 4]),
        ("up:9", 1, [2, 3, 4]),
        ("remove:1", None, [2, 3, 4]),
        ("remove:3", 1, [2, 4]),
        ("add:x", 1, [2, 3, 4]),
        ("remove:", 1, [2, 3, 4]),
        ("find", 1, [2, 3, 4]),
        ("nothing:2", 1, [2, 3, 4]),
        ("add:99999999999999999999999999", 1, [2, 3, 4]),
    ],
)
def test_what_each_button_does_to_the_order(act: str, lead: int | None, pinned: list[int]) -> None:
    choice = Choice(1, [2, 3, 4])
    choice.carry_out(act)
    assert (choice.lead, choice.pinned) == (lead, pinned)


def test_two_japanese_characters_find_a_story_and_without_words_the_newest_come_first() -> None:
    client, _person = sign_in("publisher")
    posts = make_posts(3)
    story = PostFactory(title="川沿いの倉庫", path="/kura/", authors=["経済班"], state=Post.State.DRAFT, published_at=None)
    save_derived(story)
    save_derived(PostFactory(title="倉庫、ごみ箱の中", trashed_at=timezone.now()))

    def found(query: str) -> list[str]:
        html = client.post(SCREEN, sent(None, act="find", q=query)).text
        return re.findall(r"<bdi>([^<]*)</bdi>", html.partition('id="front-found"')[2].partition("</ul>")[0])

    for query in ("倉庫", "経済", "kura", "倉庫　川沿"):
        assert found(query) == [story.title], query
    assert found("") == [post.title for post in posts]
    assert found("zzz") == []
    for odd in ("%", "倉\x00庫", "倉" * 10_000, "' OR 1=1 --"):
        assert client.post(SCREEN, sent(None, act="find", q=odd)).status_code == 200


def test_the_screen_says_which_story_readers_do_not_see_and_why() -> None:
    client, _person = sign_in("publisher")
    posts = make_posts(2)
    later = PostFactory(title="post-later", state=Post.State.SCHEDULED, published_at=timezone.now() + timedelta(days=1))
    arrange(later, posts[0], PostFactory(state=Post.State.WITHDRAWN))
    html = client.get(SCREEN).text
    assert html.count('class="front-reason"') == 2
    assert 'class="front-note"' in html
    assert posts[0].title in html.partition('class="front-note"')[2].partition("</p>")[0]
    # At the time of the change the scheduled one is public.
    starts = timezone.localtime(timezone.now() + timedelta(days=2))
    html = client.post(SCREEN, sent(later, posts[0], act="show", starts_at=f"{starts:%Y-%m-%dT%H:%M}")).text
    assert 'class="front-reason"' not in html


def test_a_save_on_top_of_someone_elses_is_refused_with_the_choice_kept_and_then_a_decision() -> None:
    client, _person = sign_in("publisher")
    posts = make_posts(3)
    mine = sent(posts[2], posts[1])
    save_edition(make_person("publisher", "kyokucho"), posts[0], [], seen=0)
    answer = client.post(SCREEN, mine)
    assert answer.status_code == 200
    assert FrontPage.objects.count() == 1
    assert "kyokucho" in answer.text.partition('class="errornote"')[2].partition("</p>")[0]
    assert f'name="lead" value="{posts[2].pk}"' in answer.text
    assert f'name="pinned" value="{posts[1].pk}"' in answer.text
    seen = re.findall(r'name="seen" value="(\d+)"', answer.text)[0]
    assert client.post(SCREEN, {**mine, "seen": seen}).status_code == 302
    assert titles(Client())[0] == posts[2].title


def test_an_earlier_edition_is_restored_as_a_new_one() -> None:
    client, _person = sign_in("publisher")
    posts = make_posts(3)
    arrange(posts[2], posts[1])
    arrange(posts[0])
    html = client.get(SCREEN, {"edition": 1}).text
    assert f'name="lead" value="{posts[2].pk}"' in html
    assert 'name="opened" value="1"' in html
    client.post(SCREEN, sent(posts[2], posts[1], opened="1"))
    newest = FrontPage.objects.latest("number")
    assert (newest.number, newest.made_from.number) == (3, 1)
    assert FrontPage.objects.count() == 3
    assert titles(Client())[0] == posts[2].title


def test_a_scheduled_edition_is_opened_with_its_times_and_withdrawn_by_its_button() -> None:
    client, _person = sign_in("publisher")
    starts = timezone.now() + timedelta(days=1)
    edition = arrange(None, *make_posts(1), starts_at=starts)
    html = client.get(SCREEN, {"edition": edition.number}).text
    assert f'value="{timezone.localtime(starts):%Y-%m-%dT%H:%M}"' in html
    assert "Asia/Tokyo" in html
    assert client.post(f"{SCREEN}{edition.pk}/withdraw/").status_code == 302
    edition.refresh_from_db()
    assert edition.withdrawn_at is not None
    assert client.post(f"{SCREEN}{edition.pk}/withdraw/", follow=True).status_code == 200


def test_a_time_is_one_of_the_sites_zone() -> None:
    client, _person = sign_in("publisher")
    client.post(SCREEN, sent(None, *make_posts(1), starts_at="2099-01-02T09:00"))
    assert FrontPage.objects.get().starts_at.isoformat() == "2099-01-02T00:00:00+00:00"


@pytest.mark.parametrize(
    "fields",
    [
        {"starts_at": "tomorrow"},
        {"ends_at": "99999-01-01T00:00"},
        {"starts_at": "2001-01-01T00:00"},
        {"starts_at": "2099-01-02T00:00", "ends_at": "2099-01-01T00:00"},
        {"seen": "x"},
        {"seen": "9" * 30},
    ],
    ids=str,
)
def test_what_cannot_be_saved_comes_back_with_a_reason_and_the_choice(fields: dict[str, str]) -> None:
    client, _person = sign_in("publisher")
    posts = make_posts(2)
    arrange(None)
    answer = client.post(SCREEN, sent(posts[1], posts[0], **fields))
    assert answer.status_code == 200
    assert 'class="errornote"' in answer.text
    assert f'name="lead" value="{posts[1].pk}"' in answer.text
    assert FrontPage.objects.count() == 1


@pytest.mark.parametrize("fields", [{"lead": "x"}, {"pinned": ["-1", "9" * 40, "", "１"]}, {"pinned": ["0"] * 500}], ids=str)
def test_keys_that_are_none_are_left_out(fields: dict[str, Any]) -> None:
    client, _person = sign_in("publisher")
    assert client.post(SCREEN, {**sent(None), **fields}).status_code == 302
    assert not FrontSlot.objects.exists()


@pytest.mark.parametrize("number", ["x", "0", "9", "9" * 40, "-1"])
def test_an_unknown_edition_is_not_found(number: str) -> None:
    client, _person = sign_in("publisher")
    assert client.get(SCREEN, {"edition": number}).status_code == 404
    assert client.post(SCREEN, sent(None, opened=number)).status_code == 404


def test_the_preview_is_the_very_page_that_readers_then_get() -> None:
    client, _person = sign_in("publisher")
    make_newsroom()
    posts = list(Post.objects.published().dated())
    choice = sent(posts[7], posts[3], posts[5], act="")
    preview = client.post(PREVIEW, choice)
    assert not FrontPage.objects.exists()
    assert "no-store" in preview.headers["Cache-Control"]
    assert "script-src 'none'" in preview.headers["Content-Security-Policy"]
    client.post(SCREEN, {**choice, "act": "save"})
    assert Client().get("/").content == preview.content


def test_the_preview_labels_what_readers_will_not_see_and_readers_never_get_it() -> None:
    client, _person = sign_in("publisher")
    draft = PostFactory(title="post-draft", state=Post.State.DRAFT, published_at=None)
    coming = PostFactory(title="post-coming", state=Post.State.SCHEDULED, published_at=timezone.now() + timedelta(hours=1))
    posts = make_posts(2)
    shown = client.post(PREVIEW, sent(draft, coming, *posts)).text
    assert titles_in(shown)[:2] == ["post-draft", "post-coming"]
    assert shown.count('class="label"') == 2
    starts = timezone.localtime(timezone.now() + timedelta(hours=2))
    assert client.post(PREVIEW, sent(draft, coming, starts_at=f"{starts:%Y-%m-%dT%H:%M}")).text.count('class="label"') == 1
    # What is published by then stands among the latest, too.
    assert "post-coming" in client.post(PREVIEW, sent(posts[0], starts_at=f"{starts:%Y-%m-%dT%H:%M}")).text
    arrange(draft, coming, *posts)
    public = Client().get("/").text
    assert "post-draft" not in public
    assert "post-coming" not in public
    assert 'class="label"' not in public


def test_the_screen_costs_the_same_with_more_editions_and_stories() -> None:
    client, _person = sign_in("publisher")
    posts = make_posts(30)
    arrange(posts[0], posts[1])
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(SCREEN).status_code == 200
        counts.append(len(captured))
        for _time in range(15):
            arrange(posts[0], *posts[1:13])
    assert counts[0] == counts[1]
    assert counts[0] < 20


def test_titles_are_escaped_on_the_screen() -> None:
    client, _person = sign_in("publisher")
    attack = '"><script>alert(1)</script>'
    arrange(PostFactory(title=attack), PostFactory(title=attack))
    html = client.post(SCREEN, sent(None, *Post.objects.all(), act=f"up:{Post.objects.first().pk}", q=attack)).text
    assert "<script>alert" not in html
