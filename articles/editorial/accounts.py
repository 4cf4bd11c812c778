"""Accounts of colleagues: invited, given a new password, deactivated. Nobody gives rights that they do not hold.

A link sets a password once, for a few days, and is addressed by ``SITE_URL`` whatever host a request names. Mails go by
background work, which makes the link itself: no table holds one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from articles.editorial.notices import WAITS
from articles.formats.terms import identity
from articles.mail import absolute, language_of, one_line, send
from articles.models import Invitation
from articles.queue import enqueue
from articles.site_settings import current

logger = logging.getLogger(__name__)

INVITATION, RESET = "invitation", "reset"
SEND = "articles.tasks.send_account_link"
SEND_FORGOTTEN = "articles.tasks.send_forgotten"
MAX_ACCOUNTS = 5
"""How many accounts of one e-mail address get a link."""


class RefusedAccount(Exception):
    """What cannot be done with an account. The message is a sentence for the person who tried, in the active language."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who is invited. ``email`` is where the link goes."""

    username: str
    email: str
    group: Group
    last_name: str = ""
    first_name: str = ""


# --- Who may -------------------------------------------------------------------------------------------------------


def may_manage(manager: Any, account: User) -> bool:
    """Whether ``manager`` may change ``account``: never a superuser's, nor one with a right that the manager lacks."""
    if manager.is_superuser:
        return True
    if account.is_superuser:
        return False
    # Inactive accounts report no permissions; what they would hold when switched on again is what counts.
    held = User(pk=account.pk, is_active=True).get_all_permissions()
    return held <= manager.get_all_permissions()


def may_invite(manager: Any) -> bool:
    return bool(manager.has_perm("auth.add_user"))


def grantable_groups(manager: Any) -> list[Group]:
    """The groups that ``manager`` may give: those whose every right they hold themselves."""
    groups = Group.objects.order_by("name").prefetch_related("permissions__content_type")
    if manager.is_superuser:
        return list(groups)
    held = manager.get_all_permissions()
    return [group for group in groups if _rights_of(group) <= held]


def is_last_superuser(account: User) -> bool:
    """Whether nobody else could manage everything once ``account`` cannot."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=account.pk)
    return account.is_superuser and account.is_active and not others.exists()


# --- What is done --------------------------------------------------------------------------------------------------


@transaction.atomic
def invite(manager: User, newcomer: Newcomer) -> User:
    """Makes an account without a password and has the link sent by which its owner sets one.

    Raises RefusedAccount for a role that the manager may not give, and for a name or an address that is taken.
    """
    if not may_invite(manager) or newcomer.group not in grantable_groups(manager):
        raise RefusedAccount(_("You may not give this role: it has rights that you do not hold yourself."))
    if User.objects.filter(username__iexact=newcomer.username).exists():
        raise RefusedAccount(_("There is an account “%(name)s” already. Choose another name.") % {"name": newcomer.username})
    if User.objects.filter(email__iexact=newcomer.email).exists():
        raise RefusedAccount(_("There is an account with the address %(email)s already.") % {"email": newcomer.email})
    account = User(
        username=newcomer.username,
        email=newcomer.email,
        last_name=newcomer.last_name,
        first_name=newcomer.first_name,
        is_staff=True,
    )
    account.set_unusable_password()
    account.save()
    account.groups.add(newcomer.group)
    Invitation.objects.create(account=account, invited_by=manager)
    enqueue(SEND, account.pk, INVITATION)
    return account


@transaction.atomic
def invite_again(manager: User, account: User) -> User:
    """Sends a new link; the one before leads nowhere from then on. Raises RefusedAccount where nobody is waited for."""
    row = _open(manager, account, "auth.add_user")
    invitation = Invitation.objects.filter(account=row).first()
    if invitation is None:
        raise RefusedAccount(_("“%(name)s” has accepted the invitation already.") % {"name": row.username})
    # A link holds the hash of the password as it was, also of one that cannot be used.
    row.set_unusable_password()
    row.save(update_fields=["password"])
    invitation.sent_at, invitation.invited_by = timezone.now(), manager
    invitation.save()
    enqueue(SEND, row.pk, INVITATION)
    return row


@transaction.atomic
def revoke(manager: User, account: User) -> None:
    """Takes an invitation back that nobody accepted: the account goes, its link leads nowhere. Raises RefusedAccount."""
    row = _open(manager, account, "auth.add_user")
    if not Invitation.objects.filter(account=row).exists() or row.last_login is not None:
        raise RefusedAccount(
            _("“%(name)s” has accepted the invitation already. Deactivate the account instead.") % {"name": row.username}
        )
    row.delete()


@transaction.atomic
def send_reset(manager: User, account: User) -> None:
    """Has a link for a new password sent to the account's own address. Raises RefusedAccount where it has none."""
    row = _open(manager, account, "auth.change_user")
    if not row.is_active:
        raise RefusedAccount(_("“%(name)s” is deactivated. Reactivate the account first.") % {"name": row.username})
    if not row.email:
        raise RefusedAccount(_("“%(name)s” has no e-mail address to which a link could go.") % {"name": row.username})
    enqueue(SEND, row.pk, RESET)


@transaction.atomic
def deactivate(manager: User, account: User) -> User:
    """Shuts an account: it is signed out everywhere at once, and what it wrote stays. Raises RefusedAccount."""
    row = _open(manager, account, "auth.change_user")
    if row.pk == manager.pk:
        raise RefusedAccount(_("You cannot deactivate your own account. Ask a colleague."))
    if is_last_superuser(row):
        raise RefusedAccount(_("“%(name)s” is the last superuser. Make another one first.") % {"name": row.username})
    row.is_active = False
    row.save(update_fields=["is_active"])
    # An account that is shut has no session anyway; but these would live again once it is opened.
    end_sessions(row)
    return row


@transaction.atomic
def reactivate(manager: User, account: User) -> User:
    """Opens a deactivated account again, with the rights that it had. Raises RefusedAccount."""
    row = _open(manager, account, "auth.change_user")
    row.is_active = True
    row.save(update_fields=["is_active"])
    return row


def accept(account: User) -> None:
    """Notes that the owner of an account has set a password."""
    Invitation.objects.filter(account=account).delete()


def end_sessions(account: User) -> None:
    """Signs the account out everywhere. Django does not note whose a session is, so each one is looked into."""
    sessions = Session.objects.filter(expire_date__gt=timezone.now()).iterator(500)
    keys = [session.pk for session in sessions if session.get_decoded().get(SESSION_KEY) == str(account.pk)]
    Session.objects.filter(pk__in=keys).delete()


# --- Links ---------------------------------------------------------------------------------------------------------


def make_link(account: User) -> str:
    """A whole address at which the account's password can be set, once, until it expires."""
    uid = urlsafe_base64_encode(force_bytes(account.pk))
    token = default_token_generator.make_token(account)
    return absolute(reverse("password_reset_confirm", args=[uid, token]))


def send_link(key: int, kind: str, tries: int = 0) -> None:
    """Sends a link to an account, where it is active and has an address; tried again where the mail server does not take it."""
    account = User.objects.filter(pk=key, is_active=True).exclude(email="").first()
    if account is None or (kind == INVITATION and not Invitation.objects.filter(account=account).exists()):
        return
    try:
        with translation.override(language_of(account)):
            send(account.email, *_write_link(account, kind))
    except OSError as error:
        reason = one_line(str(error) or type(error).__name__)[:200]
        if tries >= len(WAITS):
            logger.error("account %s: the mail with the link was given up: %s", key, reason)
            return
        logger.warning("account %s: the mail with the link was not taken and is tried again: %s", key, reason)
        enqueue(SEND, key, kind, tries + 1, delay=timedelta(minutes=WAITS[tries]))


def send_forgotten(address: str) -> None:
    """Has links sent to the accounts of an e-mail address. Says nobody whether there are any."""
    wanted = identity(address)
    found = User.objects.filter(email__iexact=address.strip(), is_active=True, is_staff=True).exclude(email="")
    for account in found[:MAX_ACCOUNTS]:
        # A database may take two letters for one; the mail goes to the address that is stored, never to the one typed.
        if identity(account.email) == wanted:
            is_invited = Invitation.objects.filter(account=account).exists()
            enqueue(SEND, account.pk, INVITATION if is_invited else RESET)


def _write_link(account: User, kind: str) -> tuple[str, list[str]]:
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    ends = ngettext("It can be used once, within %(days)d day.", "It can be used once, within %(days)d days.", days)
    name = _("Your name for signing in: %(name)s") % {"name": account.username}
    link = make_link(account)
    if kind == INVITATION:
        asked = Invitation.objects.select_related("invited_by").get(account=account).invited_by
        who = _("%(who)s invites you to write for %(site)s.") % {"who": asked or _("The system"), "site": current().name}
        return _("Invitation"), [who, name, _("Set a password at this address:") + "\n" + link, ends % {"days": days}]
    return _("A new password"), [
        name,
        _("Set a new password at this address:") + "\n" + link,
        ends % {"days": days},
        _("If you did not ask for it, do nothing: your password stays as it is."),
    ]


def _open(manager: User, account: User, permission: str) -> User:
    """The row as it is now, locked. Raises RefusedAccount where the manager may not manage it."""
    row = User.objects.select_for_update().filter(pk=account.pk).first()
    if row is None:
        raise RefusedAccount(_("This account was deleted meanwhile."))
    if not (manager.has_perm(permission) and may_manage(manager, row)):
        raise RefusedAccount(_("You may not manage “%(name)s”: it has rights that you do not hold.") % {"name": row.username})
    return row


def _rights_of(group: Group) -> set[str]:
    return {f"{right.content_type.app_label}.{right.codename}" for right in group.permissions.all()}
