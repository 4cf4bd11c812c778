"""The site's settings as staff change them: what may be said, where links lead, a new version, and what two differ in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, models, transaction
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from articles import cards
from articles.addresses import host_of, is_impossible, spellings_of
from articles.colours import DEFAULTS, LEAST, Fault, find_accent_fault, find_paper_fault, is_colour
from articles.editorial.permalinks import BadAddress, check_pattern
from articles.editorial.permissions import Account, can_set_up
from articles.editorial.workflow import ChangedMeanwhile, NotAllowed, RefusedChange
from articles.models import Author, Category, MediaFile, Post, Redirect, Series, SiteLink, SiteSettings, Tag
from articles.queue import enqueue_once
from articles.site_settings import forget, load_frame, show_sections

#: How many links each place takes.
MAX_LINKS: Mapping[str, int] = {"navigation": 12, "footer": 20, "social": 10}
FIELDS = tuple(column.name for column in SiteSettings._meta.concrete_fields if column.editable and not column.primary_key)
_PICTURES = ("logo", "logo_dark")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_DOMAIN = re.compile(r"[\w.,:/-]*", re.ASCII)
# What ends a policy's entry, or the address within a mark.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\"'<>;,\\`{}|^\ud800-\udfff\u2028\u2029]")


class BadTarget(ValueError):
    """A target that no link can have. The message is a sentence in the active language."""


@dataclass(frozen=True, slots=True)
class Row:
    """A link as it is typed: ``target`` is an address of this site or of another."""

    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a target means; of these one is set."""

    category: Category | None = None
    tag: Tag | None = None
    post: Post | None = None
    address: str = ""


Links = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Draft:
    """The settings as a form has them: values by the names of columns (pictures as rows), links by their place."""

    values: Mapping[str, Any]
    links: Links


@dataclass(slots=True)
class Faults:
    """Sentences, by the names of columns, and by place and number of a link."""

    fields: dict[str, str] = field(default_factory=dict)
    links: dict[tuple[str, int], str] = field(default_factory=dict)
    labels: set[tuple[str, int]] = field(default_factory=set)
    """Those of ``links`` whose label is at fault, and not what they lead to."""

    def __bool__(self) -> bool:
        return bool(self.fields or self.links)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing in which two versions differ, as it is shown; ``name`` is a column or a place."""

    name: str
    label: str
    before: str
    after: str


def list_versions() -> models.QuerySet[SiteSettings]:
    """All versions, the newest first, with what :func:`read_draft` needs."""
    links = SiteLink.objects.select_related("category", "tag").order_by("place", "position")
    posts = models.Prefetch("post", queryset=Post.objects.only("path"))
    return SiteSettings.objects.select_related("user", *_PICTURES).prefetch_related(
        models.Prefetch("links", queryset=links.prefetch_related(posts))
    )


def newest() -> SiteSettings | None:
    """The version that holds, if any was ever saved."""
    return list_versions().first()


def read_draft(version: SiteSettings | None) -> Draft:
    """A version as a form begins with it; without one, everything is empty."""
    if version is None:
        blank = SiteSettings()
        return Draft({name: getattr(blank, name) for name in FIELDS}, dict.fromkeys(MAX_LINKS, ()))
    links: dict[str, list[Row]] = {place: [] for place in MAX_LINKS}
    for link in version.links.all():
        links[link.place].append(Row(link.label, _spell(link)))
    return Draft({name: getattr(version, name) for name in FIELDS}, links)


def save_settings(user: Account | None, draft: Draft, *, seen: int) -> SiteSettings | None:
    """A new version; ``None`` where nothing differs from the one that holds. Readers get it at once.

    ``seen`` is the number of the version that the user saw last, 0 for none. Raises NotAllowed; RefusedChange where
    :func:`find_faults` finds any; ChangedMeanwhile where somebody saved since.
    """
    if not can_set_up(user):
        raise NotAllowed(_("You may not change the site's settings."))
    faults = find_faults(draft)
    if faults:
        raise RefusedChange(next(iter([*faults.fields.values(), *faults.links.values()])))
    try:
        with transaction.atomic():
            known = newest()
            _check_unchanged(known, seen)
            before = read_draft(known)
            if not find_changes(before, draft):
                return None
            version = SiteSettings.objects.create(
                number=seen + 1, user=None if user is None or user.pk is None else user, **draft.values
            )
            SiteLink.objects.bulk_create(_make_links(version, draft.links))
            # By the rows: what this process remembers may be seconds old, and must not learn what is not there for all yet.
            if _name_of(draft) != _name_of(before):
                # Cards show the name. The worker draws those of the last days, the command the others.
                cards.forget_all()
                enqueue_once("articles.tasks.make_cards")
            forget()
    except IntegrityError:
        # Two saved at once, and the other one has the number.
        _check_unchanged(newest(), seen)
        raise
    return version


def _name_of(draft: Draft) -> str:
    return draft.values["name"] or settings.SITE_NAME


def find_changes(before: Draft, after: Draft) -> list[Change]:
    """In what two states of the settings differ."""
    changes = []
    for name in FIELDS:
        old, new = before.values[name], after.values[name]
        if old != new:
            column = SiteSettings._meta.get_field(name)
            label = capfirst(str(column.verbose_name))  # type: ignore[union-attr]
            changes.append(Change(name, label, _show(old), _show(new)))
    for place in MAX_LINKS:
        rows = [list(map(_show_row, side.links[place])) for side in (before, after)]
        if rows[0] != rows[1]:
            changes.append(
                Change(place, capfirst(str(SiteLink.Place(place).label)), *(" ／ ".join(side) or _("(empty)") for side in rows))
            )
    return changes


def bring_together(base: Draft, ours: Draft, theirs: Draft) -> Draft:
    """``ours`` with what only ``theirs`` changed since ``base``; where both did, ours stays."""
    ours_changed = {change.name for change in find_changes(base, ours)}
    values = {name: (ours if name in ours_changed else theirs).values[name] for name in FIELDS}
    links = {place: (ours if place in ours_changed else theirs).links[place] for place in MAX_LINKS}
    return Draft(values, links)


# --- What may be said -----------------------------------------------------------------------------------------------


def find_faults(draft: Draft) -> Faults:
    """Everything in a draft that cannot be saved, each with its remedy."""
    faults = Faults()
    for name in _PICTURES:
        if message := find_picture_fault(draft.values[name]):
            faults.fields[name] = message
    if draft.values["logo_dark"] and not draft.values["logo"]:
        faults.fields["logo_dark"] = _("Choose the picture for light screens too: this one stands in its place on dark ones.")
    for scheme in DEFAULTS:
        faults.fields |= _colour_faults(scheme, draft.values[f"paper_{scheme}"], draft.values[f"accent_{scheme}"])
    if draft.values["permalink"]:
        try:
            check_pattern(draft.values["permalink"])
        except BadAddress as bad:
            faults.fields["permalink"] = str(bad)
    faults.fields |= _analytics_faults(draft.values)
    for place, rows in draft.links.items():
        for number, row in enumerate(rows):
            message = _crowd_fault(place, number)
            if not message and (message := _label_fault(row)):
                faults.labels.add((place, number))
            if message := message or _target_fault(place, row):
                faults.links[place, number] = message
    return faults


def find_picture_fault(media: MediaFile | None) -> str:
    """Why a file cannot be shown as a picture, with the remedy; empty where it can."""
    if media is None:
        return ""
    if not media.is_image:
        return _("“%(name)s” is no picture. Choose one, or bring one to the library first.") % {"name": media.name}
    if not media.public_name:
        return _("Readers do not get “%(name)s”: see its findings in the library, or choose another picture.") % {
            "name": media.name
        }
    return ""


def _colour_faults(scheme: str, paper: str, accent: str) -> dict[str, str]:
    faults = {
        f"{part}_{scheme}": _("Write a colour as # and six digits from 0 to f, such as %(example)s.")
        % {"example": getattr(DEFAULTS[scheme], part)}
        for part, colour in (("paper", paper), ("accent", accent))
        if colour and not is_colour(colour)
    }
    if faults:
        return faults
    if paper and (found := find_paper_fault(scheme, paper)):
        return {f"paper_{scheme}": _describe(found, _("The site's text (%(against)s) would stand on this paper at"))}
    if (paper or accent) and (found := find_accent_fault(scheme, accent or DEFAULTS[scheme].accent, paper)):
        return {f"accent_{scheme}": _describe(found, _("This colour would stand on %(against)s, one of the page's grounds, at"))}
    return {}


def _describe(fault: Fault, beginning: str) -> str:
    rest = _("%(ratio)s : 1, and %(least)s : 1 is needed to read it. The nearest colour that has it is %(nearest)s.")
    # Rounded down: 4.496 must not be refused as "4.5".
    ratio = f"{int(fault.ratio * 100) / 100:.2f}"
    return " ".join(
        (beginning % {"against": fault.against}, rest % {"ratio": ratio, "least": LEAST, "nearest": fault.nearest or "#000000"})
    )


def _analytics_faults(values: Mapping[str, Any]) -> dict[str, str]:
    script, domain = values["analytics_script"], values["analytics_domain"]
    if values["has_analytics"] and not script:
        return {"analytics_script": _("Give the address of the script, or do not count visits.")}
    if script and not (script.isascii() and _is_https(script)):
        return {"analytics_script": _("Give the whole address of the script: https://stats.example.jp/script.js")}
    if not _DOMAIN.fullmatch(domain):
        return {"analytics_domain": _("Only Latin letters, digits and . , : / - _ stand in this name.")}
    return {}


def _crowd_fault(place: str, number: int) -> str:
    if number < MAX_LINKS[place]:
        return ""
    return _("At most %(limit)d links stand here. Take some out.") % {"limit": MAX_LINKS[place]}


def _label_fault(row: Row) -> str:
    if not row.label:
        return _("Give the link a label.")
    limit: int = SiteLink._meta.get_field("label").max_length  # type: ignore[assignment]
    return _("The label is longer than %(limit)d characters.") % {"limit": limit} if len(row.label) > limit else ""


def _target_fault(place: str, row: Row) -> str:
    try:
        read_target(place, row.target)
    except BadTarget as bad:
        return str(bad)
    return ""


# --- Where links lead -----------------------------------------------------------------------------------------------


def read_target(place: str, text: str) -> Target:
    """What a typed target means. Raises BadTarget, with the remedy, for what no link of that place may lead to."""
    text = unicodedata.normalize("NFC", text.strip())
    if len(text) > SiteLink._meta.get_field("address").max_length:  # type: ignore[operator]
        raise BadTarget(_("The address is too long."))
    if place == SiteLink.Place.SOCIAL:
        if not _is_https(text):
            raise BadTarget(_("Give the whole address of the account: https://…"))
        return Target(address=text)
    if text.startswith("mailto:"):
        return Target(address=_read_mail(text))
    if host_of(text) and host_of(text) == host_of(settings.SITE_URL):
        parts = urlsplit(text)
        text = (parts.path or "/") + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    if text.startswith("/") and not text.startswith("//"):
        return _read_own(text)
    if not _is_web(text):
        raise BadTarget(_("Give an address of this site, such as /about/, or a whole one: https://…"))
    return Target(address=text)


def explain_absences(links: Links) -> dict[tuple[str, int], str]:
    """Why readers would not see a link now, as sentences by place and number; three queries whatever their number.

    Looked at are addresses in the spelling in which they are kept; others are when they are saved.
    """
    rows = {(place, number): unquote(row.target) for place, found in links.items() for number, row in enumerate(found)}
    paths = {path for path in rows.values() if path.startswith("/") and not is_impossible(path)}
    posts = dict.fromkeys(Post.objects.filter(path__in=paths).values_list("path", flat=True), False)
    posts |= dict.fromkeys(Post.objects.published().filter(path__in=paths).values_list("path", flat=True), True)
    slugs = {path: _slugs_of(path) for path in paths if path not in posts}
    tags = [slug for kind, slug in slugs.values() if kind == "tag"]
    full_tags = set(Post.objects.published().dated().filter(tags__slug__in=tags).values_list("tags__slug", flat=True))
    sections = load_frame()[1] if any(kind == "category" for kind, _slug in slugs.values()) else []
    full_sections = show_sections(sections)
    hidden = {
        path: _("What stands there is not public, so readers do not see this link yet.") for path in posts if not posts[path]
    }
    for path, (kind, slug) in slugs.items():
        if (kind == "category" and slug not in full_sections) or (kind == "tag" and slug not in full_tags):
            hidden[path] = _("Nothing public is in it, so readers do not see this link yet.")
    return {place: hidden[path] for place, path in rows.items() if path in hidden}


def _slugs_of(path: str) -> tuple[str, str]:
    """``category`` or ``tag`` and the slug in an address, or two empty texts."""
    try:
        match = resolve(path)
    except Resolver404:
        return "", ""
    slug = match.kwargs.get("full_slug") or match.kwargs.get("slug") or ""
    return (match.url_name, slug) if match.url_name in ("category", "tag") else ("", "")


def _read_mail(text: str) -> str:
    try:
        validate_email(text.removeprefix("mailto:"))
    except ValidationError as error:
        raise BadTarget(_("Give one mail address: mailto:news@example.jp")) from error
    return text


def _read_own(text: str) -> Target:
    """The thing at an address of this site, so that the link follows it when it moves, and hides while it is not public."""
    parts = urlsplit(text)
    path = unicodedata.normalize("NFC", unquote(parts.path))
    if is_impossible(unquote(text)):
        raise BadTarget(_("The address holds a character that no address has."))
    target = _find_target(path)
    if target.address and path != parts.path:
        return Target(address=path + text[len(parts.path) :])
    if not target.address and (parts.query or parts.fragment):
        raise BadTarget(_("Leave out “?” and “#”: the link leads to the beginning of the page."))
    return Target(address=text) if target.address else target


def _find_target(path: str) -> Target:
    # In the trash, too: a link to a post that was thrown away must not keep staff from changing something else.
    if post := Post.objects.filter(path=path).light().first():
        return Target(post=post)
    try:
        match = resolve(path)
    except Resolver404:
        match = None
    name, arguments = (match.url_name or "", match.kwargs) if match else ("address", {})
    slug = str(arguments.get("full_slug") or arguments.get("slug") or "").strip("/")
    # Without its final slash an address has no name; it leads to the one with it.
    parts = path.strip("/").split("/")
    kind = name or {"categories": "category", "tags": "tag", "authors": "author", "series": "series"}.get(parts[0], "")
    if path.casefold().startswith("/admin"):
        raise BadTarget(_("The desk is not for readers."))
    if kind == "category" and (category := Category.objects.filter(full_slug=slug).first()):
        return Target(category=category)
    if kind == "tag" and (tag := Tag.objects.filter(slug=slug).first()):
        return Target(tag=tag)
    if (kind == "author" and Author.objects.filter(slug=slug).exists()) or (
        kind == "series" and Series.objects.filter(slug=slug).exists()
    ):
        return Target(address=path)
    if kind in ("category", "tag", "author", "series", "address"):
        return Target(post=_find_post(path))
    return Target(address=path)


def _find_post(path: str) -> Post:
    spellings = list(spellings_of(path))
    posts = Post.objects.filter(trashed_at__isnull=True).light()
    post = posts.filter(path__in=spellings).first()
    if post is None:
        former = Redirect.objects.filter(old_path__in=spellings).values("post")
        post = posts.filter(pk__in=former).first()
    if post is None:
        raise BadTarget(_("Nothing stands at %(path)s on this site. Look at the address again.") % {"path": path})
    return post


def _is_https(text: str) -> bool:
    return text.startswith("https://") and _is_web(text)


def _is_web(text: str) -> bool:
    """Whether a text is a whole address of the web that says nothing but where: no user, no blank, no mark that ends it."""
    if _UNSAFE.search(text):
        return False
    try:
        parts = urlsplit(text)
        host, _port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except (ValueError, UnicodeError):
        return False
    return parts.scheme in ("https", "http") and "@" not in parts.netloc and _HOST.fullmatch(host) is not None


# --- Versions -------------------------------------------------------------------------------------------------------


def _make_links(version: SiteSettings, links: Links) -> list[SiteLink]:
    made = []
    for place, rows in links.items():
        for position, row in enumerate(rows):
            target = read_target(place, row.target)
            made.append(
                SiteLink(
                    settings=version,
                    place=place,
                    position=position,
                    label=row.label,
                    category=target.category,
                    tag=target.tag,
                    post=target.post,
                    address=target.address,
                )
            )
    return made


def _spell(link: SiteLink) -> str:
    """The target of a stored link as one types it: addresses as people read them."""
    found = link.category or link.tag or link.post
    return link.address if found is None else unquote(found.get_absolute_url())


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value) if value not in (None, "") else _("(empty)")


def _show_row(row: Row) -> str:
    return f"{row.label} → {row.target}"


def _check_unchanged(known: SiteSettings | None, seen: int) -> None:
    """Raises ChangedMeanwhile where the version that holds is another one than ``seen``."""
    if (known.number if known else 0) == seen:
        return
    if known is None:
        raise ChangedMeanwhile(_("The settings that you opened are gone. Look at yours again, then save."))
    moment = date_format(timezone.localtime(known.created_at), "SHORT_DATETIME_FORMAT")
    who = known.user.get_username() if known.user else _("someone")
    raise ChangedMeanwhile(
        _("%(who)s saved the settings at %(moment)s, after you had opened this page. Nothing of yours was saved yet.")
        % {"who": who, "moment": moment}
    )
