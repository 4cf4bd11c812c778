"""Who is told of a step, at the desk and by mail.

A verb calls :func:`notify` inside its transaction; mails are owed from then on and sent by background work.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from articles.editorial.permissions import OTHERS, RULES, Account, Verb, owns, visible_posts
from articles.editorial.versions import ordered_categories
from articles.mail import absolute, language_of, one_line, send
from articles.models import Assignment, Category, DeskSettings, Notice, Post, Revision
from articles.queue import enqueue

logger = logging.getLogger(__name__)

Kind = Notice.Kind
MAX_REASON = 2000
BACKEND = "django.contrib.auth.backends.ModelBackend"
REVIEW = "articles.review_post"
SUBMITTED = "submitted"
"""The note of the version that a submission keeps."""
SEND = "articles.tasks.send_notice"
# Minutes until a mail that the server did not take is tried again; after the last one somebody must look.
WAITS = (1, 5, 30, 120, 720)
LOST_AFTER = timedelta(minutes=15)
_KINDS: Mapping[Verb, str] = {
    Verb.SUBMIT: Kind.SUBMITTED,
    Verb.RETURN: Kind.RETURNED,
    Verb.PUBLISH: Kind.PUBLISHED,
    Verb.WITHDRAW: Kind.WITHDRAWN,
}


def notify(verb: Verb, post: Post, actor: Account | None, reason: str = "") -> list[Notice]:
    """Tells everyone whom the step concerns, but not who took it. ``post`` is the row after the step; gives the notices.

    Call it inside the verb's transaction. A submission concerns who may review the post, all else its owner and who
    submitted it last. Queries do not grow with the people concerned.
    """
    kind = _kind_of(verb, post)
    concerned = _find_concerned(kind, post)
    if actor is not None and actor.pk is not None:
        concerned = concerned.exclude(pk=actor.pk)
    people = list(concerned.distinct())
    silent = {
        settings.user_id
        for settings in DeskSettings.objects.filter(user__in=people).only("unmailed_kinds")
        if kind in settings.unmailed_kinds
    }
    now = timezone.now()
    notices = Notice.objects.bulk_create(
        Notice(
            recipient=person,
            kind=kind,
            post=post,
            title=post.title,
            actor_id=None if actor is None else actor.pk,
            text=reason.strip()[:MAX_REASON],
            created_at=now,
            mail_due_at=now if person.email and person.pk not in silent else None,
        )
        for person in people
    )
    for notice in notices:
        if notice.mail_due_at is not None:
            enqueue(SEND, notice.pk)
    return notices


def needs_reason(post: Post, actor: Account | None) -> bool:
    """Whether a return must say why: where it gives somebody else's text back from review."""
    is_in_review = post.state == Post.State.IN_REVIEW or (post.is_live and post.pending_submitted_at is not None)
    return is_in_review and actor is not None and not owns(actor, post)


def newest_return(post: Post) -> Notice | None:
    """The last return of a draft, where a reason was given: what stands above the text until it is submitted again."""
    is_draft = post.state == Post.State.DRAFT or (post.is_live and post.pending_id is not None)
    if not is_draft:
        return None
    last = Notice.objects.filter(post=post, kind__in=(Kind.RETURNED, Kind.SUBMITTED)).select_related("actor").first()
    return last if last is not None and last.kind == Kind.RETURNED and last.text else None


def count_unread(user: Account, limit: int = 100) -> int:
    """How many notices wait to be read, counted up to ``limit``."""
    return Notice.objects.filter(recipient=user.pk, read_at__isnull=True).order_by()[:limit].count()


def describe(notice: Notice) -> str:
    """What happened, in one sentence without the title, in the active language."""
    who = str(notice.actor) if notice.actor else _("The system")
    sentences = {
        Kind.SUBMITTED: _("%(who)s submitted this post for review."),
        Kind.RETURNED: _("%(who)s returned this post to draft."),
        Kind.PUBLISHED: _("%(who)s published this post."),
        Kind.SCHEDULED: _("%(who)s scheduled this post."),
        Kind.WITHDRAWN: _("%(who)s withdrew this post."),
    }
    return sentences[Kind(notice.kind)] % {"who": who}


# --- Mail -----------------------------------------------------------------------------------------------------------


def deliver(key: int) -> None:
    """Sends the mail of one notice, where it is owed; a server that does not take it is asked again later, some times.

    Does nothing for what was sent meanwhile: a task may come twice.
    """
    notice = Notice.objects.select_related("recipient", "actor", "post").filter(pk=key, mail_due_at__isnull=False).first()
    if notice is None:
        return
    # Whoever counts this try sends: of two workers one finds the number changed.
    mine = Notice.objects.filter(pk=key, mail_tries=notice.mail_tries, mail_due_at__isnull=False)
    if not mine.update(mail_tries=F("mail_tries") + 1, mail_due_at=timezone.now()):
        return
    if not _may_be_told(notice):
        _settle(key, mail_error="")
        return
    try:
        with translation.override(language_of(notice.recipient)):
            send(notice.recipient.email, _subject(notice), _paragraphs(notice))
    except OSError as error:
        _try_later(notice, error)
        return
    _settle(key, mail_error="", mailed_at=timezone.now())


def take_up_mails() -> int:
    """Enqueues mails again whose task was lost (a power cut between commit and queue); gives their number."""
    lost = Notice.objects.filter(mail_due_at__lt=timezone.now() - LOST_AFTER)
    for notice in lost.filter(mail_tries__gt=len(WAITS)):
        logger.error("notice %s: the mail was given up: its last worker ended while sending", notice.pk)
        _settle(notice.pk, mail_error="worker ended")
    keys = list(lost.filter(mail_tries__lte=len(WAITS)).values_list("pk", flat=True)[:500])
    Notice.objects.filter(pk__in=keys).update(mail_due_at=timezone.now())
    for key in keys:
        enqueue(SEND, key)
    return len(keys)


def _try_later(notice: Notice, error: OSError) -> None:
    reason = one_line(str(error) or type(error).__name__)[:200]
    if notice.mail_tries >= len(WAITS):
        logger.error("notice %s: the mail was given up after %s tries: %s", notice.pk, notice.mail_tries + 1, reason)
        _settle(notice.pk, mail_error=reason)
        return
    wait = timedelta(minutes=WAITS[notice.mail_tries])
    logger.warning("notice %s: the mail was not taken and is tried again: %s", notice.pk, reason)
    # Not before the task itself: what is due later counts as lost later.
    Notice.objects.filter(pk=notice.pk).update(mail_error=reason, mail_due_at=timezone.now() + wait)
    enqueue(SEND, notice.pk, delay=wait)


def _settle(key: int, **columns: object) -> None:
    Notice.objects.filter(pk=key).update(mail_due_at=None, **columns)


def _may_be_told(notice: Notice) -> bool:
    """Whether the recipient still has an account with an address, and may still see the post that the mail names."""
    person = notice.recipient
    if not (person.is_active and person.email):
        return False
    return notice.post_id is None or visible_posts(person).filter(pk=notice.post_id).exists()


def _subject(notice: Notice) -> str:
    return f"{notice.get_kind_display()}: {notice.title}"


def _paragraphs(notice: Notice) -> list[str]:
    lines = [one_line(notice.title), describe(notice)]
    if notice.kind == Kind.SCHEDULED and notice.post is not None and notice.post.published_at is not None:
        moment = timezone.localtime(notice.post.published_at)
        lines.append(
            _("Readers see it from %(time)s (%(zone)s) on.")
            % {"time": date_format(moment, "SHORT_DATETIME_FORMAT"), "zone": timezone.get_default_timezone_name()}
        )
    if notice.text:
        lines.append(_("Reason:") + "\n" + notice.text)
    if notice.post_id is not None:
        lines.append(absolute(reverse("admin:articles_post_change", args=[notice.post_id])))
    lines.append(_("Which mails you get: %(address)s") % {"address": absolute(reverse("desk:settings"))})
    return lines


# --- Who --------------------------------------------------------------------------------------------------------------


def _kind_of(verb: Verb, post: Post) -> str:
    if verb is Verb.PUBLISH and post.state == Post.State.SCHEDULED:
        return Kind.SCHEDULED
    return _KINDS[verb]


def _find_concerned(kind: str, post: Post) -> QuerySet[User]:
    active = User.objects.filter(is_active=True, is_staff=True)
    owner = active.filter(pk__in=[post.owner_id])
    if kind == Kind.SUBMITTED:
        return owner | active.filter(pk__in=reviewers(post))
    submitter = Revision.objects.filter(post=post, note=SUBMITTED).values_list("user", flat=True).first()
    return owner | active.filter(pk__in=[submitter])


def reviewers(post: Post) -> QuerySet[User]:
    """Active accounts that may review the post, whoever wrote it: not those who are limited to other categories."""
    categories: set[int] = set()
    for category in ordered_categories(post):
        above: Category | None = category
        while above is not None:
            categories.add(above.pk)
            above = above.parent
    limits = Assignment.objects.filter(user=OuterRef("pk"))
    people = User.objects.filter(is_active=True)
    for permission in (REVIEW, f"articles.{OTHERS}", f"articles.{RULES[Verb.VIEW].permission}"):
        people = people.filter(pk__in=User.objects.with_perm(permission, backend=BACKEND).values("pk"))
    within = Exists(limits.filter(category__in=categories))
    return people.filter(Q(is_superuser=True) | ~Exists(limits) | within)
