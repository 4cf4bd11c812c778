"""The conflict screen without a browser: who may see it, what it prints, what it takes, and how large it can become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from articles.admin.merge_screen import MAX_QUESTIONS, Sides, build_screen, read_answers
from articles.editorial.merge import Answer, FieldQuestion, Unanswered, ask, collect, merge_files
from articles.formats.document import SourceText
from articles.models import ImportItem
from articles.transfer.digest import content_digest
from articles.transfer.importing import import_archive
from tests.people import make_person
from tests.test_merging import BASE, CONFIG, PATH, at_the_desk, body_of, post_of, write

SIDES = Sides("前", "机", "外")


@pytest.fixture
def site(tmp_path: Path, media_root: Any, db: None) -> Path:
    folder = tmp_path / "news"
    (folder / "_posts").mkdir(parents=True)
    write(folder, CONFIG, "_config.yml")
    write(folder, BASE)
    import_archive(folder)
    return folder


def quarrel(site: Path, here: str = "机の二つ目", there: str = "外の二つ目") -> ImportItem:
    at_the_desk(title="初夏の市", body=body_of(BASE).replace("二つ目", here))
    write(site, BASE.replace("春の市", "秋の市").replace("二つ目", there))
    return import_archive(site).items.get(path=PATH)


def sign_in(*roles: str) -> Client:
    person = make_person(roles[0], "person")
    for role in roles[1:]:
        person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person)
    return client


def address_of(item: ImportItem) -> str:
    return reverse("admin:articles_importrun_conflict", args=[item.run_id, item.pk])


def list_of(item: ImportItem) -> str:
    return reverse("admin:articles_importrun_conflicts", args=[item.run_id])


def fill(client: Client, item: ImportItem, way: str = "ours") -> dict[str, str]:
    """A form in which everything is answered by one side."""
    response = client.get(address_of(item))
    blocks = [block for section in response.context["screen"].sections for block in section.blocks if block.kind == "question"]
    return {"seen": response.context["seen"], **{f"way-{block.id}": way for block in blocks}}


# --- Who


def test_only_who_may_import_and_change_the_post_comes_to_the_screen(site: Path) -> None:
    item = quarrel(site)

    client = sign_in("publisher", "importer")
    assert client.get(list_of(item)).status_code == 200
    assert client.get(address_of(item)).status_code == 200


@pytest.mark.parametrize("role", ["author", "importer", "editor", "publisher", "staff"])
def test_others_are_turned_away_and_change_nothing(site: Path, role: str) -> None:
    item = quarrel(site)
    client = sign_in(role)
    before = content_digest()

    for response in (client.get(address_of(item)), client.post(address_of(item), {"preset": "ours"})):
        assert response.status_code in (302, 403, 404)
    assert content_digest() == before
    assert "秋の市" not in client.get(list_of(item), follow=True).content.decode()


def test_nobody_comes_without_signing_in(site: Path) -> None:
    item = quarrel(site)

    for address in (list_of(item), address_of(item)):
        response = Client().get(address)
        assert (response.status_code, "/login/" in response["Location"]) == (302, True)


def test_an_item_of_another_run_and_other_methods_lead_nowhere(site: Path) -> None:
    item = quarrel(site)
    other = import_archive(site)
    client = sign_in("superuser")

    wrong = reverse("admin:articles_importrun_conflict", args=[other.pk, item.pk])
    assert client.get(wrong).status_code == 404
    assert client.put(address_of(item)).status_code in (404, 405)
    assert client.post(list_of(item)).status_code == 405
    assert Client(enforce_csrf_checks=True).post(address_of(item)).status_code in (302, 403)


# --- What it prints and takes


def test_foreign_text_is_escaped_everywhere(site: Path) -> None:
    item = quarrel(site, "<script>alert(1)</script>", "</textarea><img src=x onerror=alert(2)>")

    page = sign_in("superuser").get(address_of(item)).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;/textarea&gt;" in page
    for wrong in ("<style", ' style="', "onclick="):
        assert wrong not in page


def test_a_filled_form_saves_once_and_leads_to_the_list(site: Path) -> None:
    item = quarrel(site)
    client = sign_in("superuser")

    response = client.post(address_of(item), fill(client, item), follow=True)

    assert response.redirect_chain[-1][0] == list_of(item)
    assert post_of().title == "初夏の市"
    again = client.post(address_of(item), {"seen": "x"}, follow=True)
    assert again.redirect_chain[-1][0] == list_of(item)
    assert post_of().title == "初夏の市"


def test_an_unfinished_form_comes_back_with_what_was_chosen_and_written(site: Path) -> None:
    item = quarrel(site)
    client = sign_in("superuser")
    form = fill(client, item)
    title, text = [name for name in form if name.startswith("way-")]
    before = content_digest()

    written = {"seen": form["seen"], text: "text", text.replace("way-", "text-"): "私の段落"}
    response = client.post(address_of(item), written)

    page = response.content.decode()
    assert response.status_code == 422
    assert "私の段落" in page
    assert f'id="error-{title.removeprefix("way-")}"' in page
    assert content_digest() == before


def test_choosing_everywhere_saves_nothing_yet(site: Path) -> None:
    item = quarrel(site)
    client = sign_in("superuser")
    before = content_digest()

    response = client.post(address_of(item), {"seen": fill(client, item)["seen"], "preset": "theirs"})

    assert response.content.decode().count("checked") == 2
    assert content_digest() == before


def test_a_post_that_was_saved_meanwhile_comes_back_with_the_choices_that_still_fit(site: Path) -> None:
    item = quarrel(site)
    client = sign_in("superuser")
    form = fill(client, item)
    at_the_desk(title="真夏の市")

    response = client.post(address_of(item), form)

    page = response.content.decode()
    assert response.status_code == 200
    assert page.count("checked") == 1
    assert "真夏の市" in page
    assert post_of().title == "真夏の市"
    assert response.context["seen"] != form["seen"]


def test_a_way_that_no_question_offers_is_no_answer(site: Path) -> None:
    item = quarrel(site)
    client = sign_in("superuser")

    response = client.post(address_of(item), fill(client, item, "everything"))

    assert response.status_code == 422
    assert post_of().title == "初夏の市"


# --- How large it can become, and for whom else it is


def source(*lines: str) -> SourceText:
    return SourceText("", "".join(f"{line}\n" for line in lines))


def test_a_merge_with_thousands_of_questions_stays_one_page_of_bounded_size() -> None:
    def write_all(mark: str) -> list[str]:
        return [line for number in range(3_000) for line in (f"{number} {mark}", "", f"変わらない行 {number}", "")]

    files = merge_files(source(*write_all("元")), source(*write_all("机")), source(*write_all("外")))
    questions = ask(files)
    assert len(questions) == 3_000

    screen = build_screen(files, questions, SIDES)

    blocks = [block for section in screen.sections for block in section.blocks]
    assert sum(block.kind == "question" for block in blocks) == MAX_QUESTIONS
    assert (screen.total, screen.more) == (3_000, 3_000 - MAX_QUESTIONS)
    assert sum(len(text) for block in blocks for column in block.columns for text, _new in column.pieces) < 700_000
    # What is not shown is decided by one choice.
    shown = {f"way-{question.id}": "ours" for question in questions[:MAX_QUESTIONS]}
    with pytest.raises(Unanswered):
        collect(files, questions, read_answers(shown, questions))
    answers = collect(files, questions, read_answers({**shown, "way-rest": "theirs"}, questions))
    assert answers.body_lines[0] == ("0 机",)
    assert answers.body_lines[2_999] == ("2999 外",)


def test_very_long_texts_are_cut_where_they_are_shown_and_not_where_they_are_kept() -> None:
    files = merge_files(source("元"), source("机" * 500_000), source("外" * 500_000))
    questions = ask(files)

    (block,) = build_screen(files, questions, SIDES).sections[0].blocks

    assert [column.left_out > 400_000 for column in block.columns] == [False, True, True]
    assert block.text is None
    assert "text" not in [choice.way for choice in block.choices]
    answers = collect(files, questions, {questions[0].id: Answer("theirs")})
    assert files.resolve(body_lines=answers.body_lines)[1] == "外" * 500_000 + "\n"


def test_a_screen_names_its_sides_and_fields_as_whoever_shows_it_wants() -> None:
    """The desk shows two editors' texts with the same screen."""
    files = merge_files(source("一"), source("私の一"), source("同僚の一"))
    fields = [FieldQuestion("kind", "article", "page", "article")]
    questions = ask(files, fields)

    screen = build_screen(
        files,
        questions,
        Sides("開いたとき", "あなた", "同僚"),
        fields=fields,
        describe=lambda name, value: f"{name}={value}",
        name_field=lambda name: name.upper(),
    )

    text, beside = screen.sections
    assert [column.label for column in text.blocks[0].columns] == ["開いたとき", "あなた", "同僚"]
    assert beside.blocks[0].title == "KIND"
    assert [column.pieces[-1][0] for column in beside.blocks[0].columns][1:] != []


def test_the_name_of_a_question_depends_on_its_texts_alone() -> None:
    first = ask(merge_files(source("一", "", "二"), source("机", "", "二"), source("外", "", "二")))
    moved = ask(merge_files(source("新", "", "一", "", "二"), source("新", "", "机", "", "二"), source("新", "", "外", "", "二")))
    other = ask(merge_files(source("一", "", "二"), source("机だ", "", "二"), source("外", "", "二")))
    twice = ask(merge_files(source("一", "", "一"), source("机", "", "机"), source("外", "", "外")))

    assert first[0].id == moved[0].id
    assert first[0].id != other[0].id
    assert len({question.id for question in twice}) == len(twice)
