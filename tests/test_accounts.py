"""Accounts without a shell: invitations, new passwords, accounts shut and opened; and how often signing in may be tried."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from articles.admin.accounts import offered_rights
from articles.editorial import accounts, workflow
from articles.editorial.accounts import RefusedAccount
from articles.models import Attempts, Invitation, Post
from cms.throttle import Limit, machine_of
from tests.people import make_person

pytestmark = pytest.mark.django_db
PASSWORD = "kawara-7-ban-no-tana"


@pytest.fixture
def manager() -> User:
    return make_person("administrator")


def sign_in(account: Any) -> Client:
    client = Client()
    client.force_login(account)
    return client


def newcomer(role: str = "author", **changes: str) -> dict[str, Any]:
    role_key = Group.objects.get(name=role).pk
    return {"username": "shinjin", "email": "shinjin@example.jp", "last_name": "", "first_name": "", "role": role_key, **changes}


def invite(manager: User, role: str = "author") -> User:
    data = accounts.Newcomer("shinjin", "shinjin@example.jp", Group.objects.get(name=role))
    return accounts.invite(manager, data)


def step(client: Client, account: User, name: str) -> Any:
    return client.post(reverse("admin:auth_user_step", args=[account.pk, name]))


def path_of(link: str) -> str:
    return re.sub(r"^https?://[^/]+", "", link)


def choose(client: Client, link: str, password: str = PASSWORD) -> Any:
    """Follows a link to its form and sends a password."""
    page = client.get(path_of(link), follow=True)
    if not page.redirect_chain:
        return page
    return client.post(page.redirect_chain[-1][0], {"new_password1": password, "new_password2": password})


def sign_in_by_password(name: str, password: str, client: Client | None = None, **extra: Any) -> Any:
    return (client or Client()).post(reverse("admin:login"), {"username": name, "password": password}, **extra)


# --- Invitations ----------------------------------------------------------------------------------------------------


def test_a_colleague_is_invited_chooses_a_password_and_signs_in(manager: User, settings: Any) -> None:
    settings.SITE_URL = "https://kawara.example.jp"
    page = sign_in(manager).post(reverse("admin:auth_user_invite"), newcomer("editor"))
    account = User.objects.get(username="shinjin")
    assert (account.is_staff, account.has_usable_password()) == (True, False)
    assert [group.name for group in account.groups.all()] == ["editor"]
    assert page.headers["Cache-Control"].count("no-store") == 1
    link = page.context["link"]
    assert link in page.text
    accounts.send_link(account.pk, accounts.INVITATION)
    (sent,) = mail.outbox
    assert sent.to == ["shinjin@example.jp"]
    assert "https://kawara.example.jp/admin/password/" in sent.body
    assert "administrator" in sent.body
    assert choose(Client(), link)["Location"] == reverse("password_reset_complete")
    assert not Invitation.objects.exists()
    assert sign_in_by_password("shinjin", PASSWORD).status_code == 302
    assert choose(Client(), link).context["validlink"] is False


def test_a_link_ends_after_its_days(manager: User, settings: Any) -> None:
    link = accounts.make_link(invite(manager))
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert choose(Client(), link).context["validlink"] is False


def test_a_link_is_never_addressed_by_the_host_that_a_request_names(manager: User) -> None:
    client = sign_in(manager)
    page = client.post(reverse("admin:auth_user_invite"), newcomer(), HTTP_HOST="localhost", HTTP_X_FORWARDED_HOST="evil.example")
    assert page.context["link"].startswith("http://testserver/admin/password/")
    assert client.post(reverse("admin:auth_user_invite"), newcomer(), HTTP_HOST="evil.example").status_code == 400


def test_nobody_gives_a_role_whose_rights_they_do_not_hold() -> None:
    editor = make_person("editor")
    editor.user_permissions.add(*Permission.objects.filter(codename__in=("add_user", "view_user")))
    editor = User.objects.get(pk=editor.pk)
    client = sign_in(editor)
    offered = client.get(reverse("admin:auth_user_invite")).context["form"].fields["role"].queryset
    assert {group.name for group in offered} == {"author", "editor"}
    for role in ("publisher", "administrator", "importer"):
        assert client.post(reverse("admin:auth_user_invite"), newcomer(role)).status_code == 200
        with pytest.raises(RefusedAccount):
            invite(editor, role)
    assert not User.objects.filter(username="shinjin").exists()


def test_a_name_or_an_address_that_is_taken_is_refused_in_a_sentence(manager: User) -> None:
    User.objects.create_user("Sato", email="sato@example.jp")
    client = sign_in(manager)
    for changes in ({"username": "sato"}, {"email": "SATO@example.jp"}):
        page = client.post(reverse("admin:auth_user_invite"), newcomer(**changes))
        assert page.status_code == 200
        assert page.context["form"].errors
    assert User.objects.count() == 2


def test_an_invitation_sent_again_ends_the_link_before(manager: User) -> None:
    account = invite(manager)
    first = accounts.make_link(account)
    page = step(sign_in(manager), account, "again")
    assert choose(Client(), first).context["validlink"] is False
    assert choose(Client(), page.context["link"]).status_code == 302


def test_a_revoked_invitation_leaves_no_account_and_its_link_leads_nowhere(manager: User) -> None:
    account = invite(manager)
    link = accounts.make_link(account)
    step(sign_in(manager), account, "revoke")
    assert not User.objects.filter(username="shinjin").exists()
    assert choose(Client(), link).context["validlink"] is False


def test_what_was_accepted_can_neither_be_revoked_nor_sent_again(manager: User) -> None:
    account = invite(manager)
    choose(Client(), accounts.make_link(account))
    for act in (accounts.revoke, accounts.invite_again):
        with pytest.raises(RefusedAccount):
            act(manager, account)
    assert User.objects.filter(username="shinjin").exists()


def test_no_task_and_no_table_holds_a_link(manager: User, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        link = sign_in(manager).post(reverse("admin:auth_user_invite"), newcomer()).context["link"]
    token = link.rstrip("/").rpartition("/")[2]
    assert DBTaskResult.objects.exists()
    assert not any(token in str(task.args_kwargs) for task in DBTaskResult.objects.all())


# --- Shut and opened ------------------------------------------------------------------------------------------------


def test_a_deactivated_account_is_out_at_once_its_posts_stay_and_no_old_session_comes_back(manager: User) -> None:
    author = make_person("author")
    post = workflow.save_post(Post(), author, {"title": "残る記事"})
    client = sign_in(author)
    assert client.get(reverse("admin:index")).status_code == 200
    step(sign_in(manager), author, "deactivate")
    assert client.get(reverse("admin:index")).status_code == 302
    assert Post.objects.get(pk=post.pk).owner == author
    step(sign_in(manager), author, "reactivate")
    assert User.objects.get(pk=author.pk).is_active
    assert client.get(reverse("admin:index")).status_code == 302
    assert Session.objects.count() >= 1


def test_a_link_of_a_deactivated_account_leads_nowhere(manager: User) -> None:
    author = make_person("author")
    link = accounts.make_link(author)
    accounts.deactivate(manager, author)
    assert choose(Client(), link).context["validlink"] is False


def test_nobody_shuts_their_own_account_nor_the_last_superuser() -> None:
    superuser = make_person("superuser")
    with pytest.raises(RefusedAccount):
        accounts.deactivate(superuser, superuser)
    other = make_person("superuser", "second")
    User.objects.filter(pk=superuser.pk).update(is_active=False)
    assert accounts.is_last_superuser(User.objects.get(pk=other.pk))
    client = sign_in(other)
    assert client.post(reverse("admin:auth_user_delete", args=[other.pk]), {"post": "yes"}).status_code == 403
    page = client.get(reverse("admin:auth_user_change", args=[other.pk]))
    data = {name: value for name, value in page.context["adminform"].form.initial.items() if isinstance(value, str)}
    client.post(reverse("admin:auth_user_change", args=[other.pk]), data | {"is_staff": "on"})
    assert User.objects.get(pk=other.pk).is_superuser


@pytest.mark.parametrize("name", ["deactivate", "reactivate", "reset", "again", "revoke"])
def test_an_administrator_does_nothing_to_a_superuser(manager: User, name: str) -> None:
    superuser = make_person("superuser")
    assert step(sign_in(manager), superuser, name).status_code == 403
    assert User.objects.get(pk=superuser.pk).is_active


def test_the_form_of_an_account_neither_shuts_nor_opens_it() -> None:
    client, author = sign_in(make_person("superuser")), make_person("author")
    client.post(reverse("admin:auth_user_change", args=[author.pk]), {"username": "author", "is_staff": "on"})
    assert User.objects.get(pk=author.pk).is_active


def test_administrators_hold_every_right_of_the_newsroom_and_no_superusers_one(manager: User) -> None:
    held = manager.get_all_permissions()
    assert {
        f"articles.{name}"
        for name in Permission.objects.filter(content_type__app_label="articles").values_list("codename", flat=True)
    } <= held
    assert {name for name in held if name.startswith("auth.")} == {
        "auth.view_user",
        "auth.add_user",
        "auth.change_user",
        "auth.view_group",
    }
    client = sign_in(manager)
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 200
    assert client.post(reverse("admin:auth_group_add"), {"name": "x"}).status_code == 403
    assert client.post(reverse("admin:auth_user_password_change", args=[make_person("author").pk]), {}).status_code == 403


# --- New passwords --------------------------------------------------------------------------------------------------


def test_an_administrator_has_a_link_sent_to_the_accounts_own_address(manager: User) -> None:
    author = make_person("author")
    page = step(sign_in(manager), author, "reset")
    assert page.status_code == 302
    assert mail.outbox == []
    User.objects.filter(pk=author.pk).update(email="author@example.jp")
    answer = step(sign_in(manager), author, "reset")
    accounts.send_link(author.pk, accounts.RESET)
    assert mail.outbox[0].to == ["author@example.jp"]
    assert "/password/" not in answer.headers["Location"]


def ask(client: Client, address: str, **extra: Any) -> Any:
    return client.post(reverse("admin_password_reset"), {"email": address}, **extra)


def test_a_forgotten_password_is_answered_alike_whoever_asks(django_assert_num_queries: Any) -> None:
    User.objects.create_user("author", email="author@example.jp", password="x", is_staff=True)
    ask(Client(), "warm@example.jp")
    answers = []
    for address in ("author@example.jp", "nobody@example.jp"):
        with django_assert_num_queries(20):
            answers.append(ask(Client(), address))
    known, unknown = answers
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert known.content == unknown.content


def test_a_forgotten_password_leads_to_a_mail_and_the_new_one_ends_old_sessions() -> None:
    author = User.objects.create_user("author", email="Author@example.jp", password="x", is_staff=True)
    old = sign_in(author)
    accounts.send_forgotten("author@EXAMPLE.jp ")
    accounts.send_forgotten("nobody@example.jp")
    accounts.send_link(author.pk, accounts.RESET)
    (sent,) = mail.outbox
    assert sent.to == ["Author@example.jp"]
    link = re.search(r"http://testserver/\S+", sent.body)
    assert link is not None
    assert choose(Client(), link[0]).status_code == 302
    assert old.get(reverse("admin:index")).status_code == 302
    assert sign_in_by_password("author", PASSWORD).status_code == 302


def test_links_are_not_sent_without_end() -> None:
    client = Client()
    answers = [ask(client, "author@example.jp").status_code for _number in range(7)]
    assert answers == [302] * 5 + [200] * 2
    assert ask(Client(), "author@example.jp", REMOTE_ADDR="192.0.2.9").status_code == 302


@pytest.mark.parametrize("address", ["", "x", "a\x00b@example.jp", "a@example.jp\nBcc: b@example.jp", "長" * 300 + "@example.jp"])
def test_an_address_that_is_none_is_refused_beside_its_field(address: str) -> None:
    assert ask(Client(), address).context["form"].errors


@pytest.mark.parametrize("path", ["Mg/x-y", "x/x-y", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw/set-password", "4pi6/x"])
def test_a_link_that_is_none_says_so(path: str) -> None:
    page = Client().get(f"/admin/password/{path}/")
    assert page.status_code == 200
    assert reverse("admin_password_reset") in page.text


# --- Signing in -----------------------------------------------------------------------------------------------------


def test_after_ten_wrong_passwords_even_the_right_one_waits_but_only_here_and_not_for_ever() -> None:
    User.objects.create_user("author", password=PASSWORD, is_staff=True)
    for _number in range(10):
        assert sign_in_by_password("author", "wrong").status_code == 200
    assert sign_in_by_password("AUTHOR", PASSWORD).status_code == 200
    assert sign_in_by_password("author", PASSWORD).status_code == 200
    assert sign_in_by_password("author", PASSWORD, REMOTE_ADDR="192.0.2.1").status_code == 302
    Attempts.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert sign_in_by_password("author", PASSWORD).status_code == 302


def test_signing_in_begins_to_count_anew() -> None:
    User.objects.create_user("author", password=PASSWORD, is_staff=True)
    for _round in range(3):
        for _number in range(8):
            sign_in_by_password("author", "wrong")
        assert sign_in_by_password("author", PASSWORD).status_code == 302


def test_one_machine_with_many_names_is_stopped_and_a_stated_address_changes_nothing() -> None:
    User.objects.create_user("author", password=PASSWORD, is_staff=True)
    for number in range(100):
        sign_in_by_password(
            f"name{number}", "wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}", HTTP_X_REAL_IP=f"192.0.2.{number}"
        )
    assert sign_in_by_password("author", PASSWORD).status_code == 200


def test_many_machines_at_one_name_are_stopped_but_not_where_its_owner_signed_in_before() -> None:
    User.objects.create_user("author", password=PASSWORD, is_staff=True)
    assert sign_in_by_password("author", PASSWORD, REMOTE_ADDR="198.51.100.7").status_code == 302
    for number in range(101):
        sign_in_by_password("author", "wrong", REMOTE_ADDR=f"192.0.2.{number}")
    assert sign_in_by_password("author", PASSWORD, REMOTE_ADDR="203.0.113.1").status_code == 200
    assert sign_in_by_password("author", PASSWORD, REMOTE_ADDR="198.51.100.7").status_code == 302


def test_a_known_and_an_unknown_name_are_told_the_same() -> None:
    User.objects.create_user("author", password=PASSWORD, is_staff=True)
    User.objects.create_user("shut", password=PASSWORD, is_staff=True, is_active=False)
    told = set()
    for name in ("author", "nobody", "shut"):
        for _number in range(12):
            page = sign_in_by_password(name, "wrong")
        told.add((page.status_code, str(page.context["form"].errors)))
    assert len(told) == 1


def test_signing_in_gives_a_new_session() -> None:
    User.objects.create_user("author", password=PASSWORD, is_staff=True)
    client = Client()
    client.cookies["sessionid"] = "a" * 32
    sign_in_by_password("author", PASSWORD, client)
    assert client.cookies["sessionid"].value not in ("", "a" * 32)


@pytest.mark.parametrize(
    ("header", "meta", "machine"),
    [
        ("", {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}, "192.0.2.1"),
        ("X-Forwarded-For", {"HTTP_X_FORWARDED_FOR": "10.0.0.1, 198.51.100.1"}, "198.51.100.1"),
        ("X-Forwarded-For", {}, "unknown"),
        ("X-Real-IP", {"HTTP_X_REAL_IP": "x" * 5000}, "unknown"),
        ("", {"REMOTE_ADDR": "2001:db8::1:2"}, "2001:db8::/64"),
        ("", {"REMOTE_ADDR": "::ffff:192.0.2.1"}, "192.0.2.1"),
    ],
)
def test_a_machine_is_known_by_its_connection_or_by_the_header_that_the_operator_trusts(
    settings: Any, header: str, meta: dict[str, str], machine: str
) -> None:
    settings.CLIENT_ADDRESS_HEADER = header
    assert machine_of(RequestFactory().get("/", **meta)) == machine


def test_what_is_over_is_cleared_away() -> None:
    limit = Limit("test", 2, 1)
    assert [limit.take("a") for _number in range(3)] == [True, True, False]
    Attempts.objects.update(until=timezone.now() - timedelta(days=2))
    assert limit.take("b")
    assert Attempts.objects.count() == 1


def test_only_rights_of_what_has_a_screen_are_offered_and_all_have_japanese_names() -> None:
    boss = make_person("superuser")
    client = sign_in(boss)
    page = client.get(reverse("admin:auth_user_change", args=[boss.pk]))
    names = [label for _key, label in page.context["adminform"].form.fields["user_permissions"].choices]
    assert [name for name in names if not re.search("[ぁ-んァ-ン一-龥]", name) or "Can " in name] == []
    shown = {right.content_type.model_class() for right in offered_rights(None)}
    assert shown <= set(admin.site._registry)
    assert len(names) == len(set(names)) > 20
    group = client.get(reverse("admin:auth_group_add")).context["adminform"].form.fields["permissions"]
    assert [label for _key, label in group.choices] == names


def test_a_right_that_is_not_offered_is_kept_by_a_save() -> None:
    client, group = sign_in(make_person("superuser")), Group.objects.create(name="もとから")
    odd = Permission.objects.get(content_type__app_label="sessions", codename="view_session")
    group.permissions.add(odd)
    address = reverse("admin:auth_group_change", args=[group.pk])
    page = client.get(address)
    assert str(odd.pk) in [str(key) for key, _label in page.context["adminform"].form.fields["permissions"].choices]
    assert client.post(address, {"name": "別の名", "permissions": [odd.pk]}).status_code == 302
    assert list(Group.objects.get(name="別の名").permissions.all()) == [odd]
    refused = client.post(reverse("admin:auth_group_add"), {"name": "新しい", "permissions": [odd.pk]})
    assert (refused.status_code, Group.objects.filter(name="新しい").exists()) == (200, False)
