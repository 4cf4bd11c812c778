"""What an open form says while somebody writes: its text, to be kept, and that it is still there. JSON for ``js/keeping.js``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from articles.admin.history import parse_moment
from articles.admin.naming import name_user
from articles.editorial import drafts, workflow
from articles.editorial.workflow import local_text
from articles.models import Post, Revision

_PLACES = {"address": "change", "keep": "keep", "present": "present", "preview": "preview"}
MAX_SESSION = 32
TITLE_LENGTH = 60


def find_made(user: Any, session: str) -> Post | None:
    """The post that a new form has become already: the answer that named it may have been lost, or the form was saved."""
    made = Revision.objects.filter(session=session, user=user.pk).select_related("post").first() if session else None
    return made.post if made is not None else None


def find_saved(post: Post, user: Any, session: str) -> Revision | None:
    """The version that a form saved last."""
    return post.revisions.saved().filter(session=session, user=user.pk).first()


def make_kept_post(user: Any, changes: Mapping[str, Any], session: str) -> Post:
    """The post that a new form becomes. Raises EditorialError."""
    title = changes.get("title") or _first_words(str(changes.get("body", ""))) or _("Untitled")
    return workflow.save_draft(Post(), user, {**changes, "title": title}, session=session).post


def keep_form(
    post: Post, user: Any, changes: Mapping[str, Any], base: Revision | None, session: str, *, is_rescued: bool
) -> None:
    """Keeps what the form holds, if that differs from the version that it was opened on. Raises FormClosed as ``keep`` does."""
    present = base.snapshot if base is not None else drafts.read_present(post)
    kept = workflow.spell_changes(present, changes)
    if kept != present or post.revisions.open().filter(session=session, user=user.pk).exists():
        drafts.keep(post, user, kept, base, session, is_rescued=is_rescued)


def answer_new(post: Post, user: Any, session: str) -> HttpResponse:
    """Where the form of a post that it made goes on."""
    return _answer({"kept": _clock(), "post": _describe_post(post, user, session)})


def answer_held() -> HttpResponse:
    """The post has all of what was sent: there is nothing to offer."""
    return _answer({"kept": _clock()})


def answer_state(
    post: Post, user: Any, data: Mapping[str, Any], *, is_kept: bool, open_texts: Sequence[Mapping[str, Any]] = ()
) -> HttpResponse:
    """Who else is there, and who saved since the form was opened. ``open_texts`` are offered to be taken up."""
    present = [
        {
            "name": name_user(row.user),
            "since": local_text(row.opened_at),
            "is_writing": row.is_writing,
            "is_own": row.user_id == user.pk,
        }
        for row in drafts.list_present(post, read_session(data))
    ]
    answer: dict[str, Any] = {"present": present, "newer": _describe_newer(post, str(data.get("seen", "")))}
    if is_kept:
        answer["kept"] = _clock()
        answer["open"] = [{**text, "moment": strip_tags(text["moment"])} for text in open_texts]
    return _answer(answer)


def answer_refusal(message: str) -> HttpResponse:
    """Why nothing was kept; the browser's own copy stays."""
    return _answer({"refused": message}, status=409)


def answer_closed(post: Post, user: Any, session: str) -> HttpResponse:
    """The form was saved: a page of it that is still there goes on as another form. Nothing was kept."""
    return _answer({"closed": True, "post": _describe_post(post, user, session)}, status=409)


def _describe_post(post: Post, user: Any, session: str) -> dict[str, Any]:
    """Where a form goes on that saved the post: on the version that it saved, whatever others saved since.

    Where that version has another's text too, which the page does not show, the page stays on the one that it was opened on.
    """
    described: dict[str, Any] = {name: reverse(f"admin:articles_post_{view}", args=[post.pk]) for name, view in _PLACES.items()}
    saved = find_saved(post, user, session)
    is_mixed = post.revisions.filter(session=session, user=user.pk, kind=Revision.Kind.SET_ASIDE).exists()
    if saved is not None and not is_mixed:
        is_newest = drafts.present_revision(post) == saved
        described |= {"base": saved.pk, "seen": (post.modified_at if is_newest else saved.created_at).isoformat()}
    return described


def read_session(data: Mapping[str, Any]) -> str:
    """The name of the form, or nothing for one that no page of ours has."""
    session = str(data.get("session", ""))
    return session if session.isascii() and session.isalnum() and len(session) <= MAX_SESSION else ""


def note_presence(post: Post, user: Any, data: Mapping[str, Any]) -> None:
    """Says that the form is open, or that it was closed."""
    session = read_session(data)
    if not session:
        return
    if data.get("closed"):
        drafts.forget_presence(session, user)
    else:
        drafts.note_presence(post, cast(User, user), session, is_writing=bool(data.get("writing")))


def _describe_newer(post: Post, seen: str) -> str:
    moment = parse_moment(seen)
    if moment is None or post.modified_at == moment:
        return ""
    newest = drafts.present_revision(post)
    who = name_user(newest.user) if newest else _("the system")
    return _(
        "%(who)s saved this post at %(time)s, after you had opened it. What you write is brought together with it when you save."
    ) % {
        "who": who,
        "time": local_text(post.modified_at),
    }


def _clock() -> str:
    return date_format(timezone.localtime(timezone.now()), "TIME_FORMAT")


def _first_words(text: str) -> str:
    lines = (line.strip(" #>*-　\t") for line in text.split("\n"))
    return next((line[:TITLE_LENGTH] for line in lines if line), "")


def _answer(data: Mapping[str, Any], status: int = 200) -> HttpResponse:
    return JsonResponse(data, status=status, headers={"Cache-Control": "no-store"})
