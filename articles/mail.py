"""Plain-text mails in the recipient's language. Sent by background work only: nobody waits for a mail server."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage

from articles.models import DeskSettings
from articles.site_settings import current

SUBJECT = 150
"""Characters of a subject: longer ones are cut by readers, and every title fits into the text."""
ANSWER_LINES = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
# Line ends and everything else that is not shown: a title must not begin a header of its own, nor turn the line around.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def language_of(account: User) -> str:
    """The language in which the account wants its mails: its own choice, else the site's."""
    chosen = DeskSettings.objects.filter(user=account).values_list("language", flat=True).first()
    return chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def absolute(path: str) -> str:
    """The whole address of a path of this site. From the settings: the host that a request names is the sender's word."""
    return f"{settings.SITE_URL}{path}"


def one_line(text: str) -> str:
    """A text as a part of one line: line ends, control characters and marks that turn the direction become blanks."""
    return " ".join(_UNSHOWN.sub(" ", text).split())


def send(to: str, subject: str, paragraphs: Sequence[str]) -> None:
    """Sends one mail. Raises OSError or smtplib.SMTPException (which is one) where the server does not take it."""
    message = EmailMessage(
        subject=one_line(f"[{current().name}] {subject}")[:SUBJECT],
        body="\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n",
        to=[to],
        headers=ANSWER_LINES,
    )
    message.send()
