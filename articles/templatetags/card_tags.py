"""The cards of lists and the links to other articles: many to a page, so they are written here instead of being drawn.

``articles/_partials/card.html`` with ``kicker.html`` and ``meta.html`` say how a card looks, ``step.html`` how a link does, and
a theme that has one of them is asked each time. Where it has none, :func:`card` and :func:`step` write the same bytes, which a
test compares, in a twentieth of the time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.template.loader import get_template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from articles.models import Post
from articles.templatetags.picture_tags import picture as write_picture
from articles.templatetags.site_tags import day, iso, phrases, reading_minutes, teaser

register = template.Library()

TEMPLATES = tuple(f"articles/_partials/{name}.html" for name in ("card", "kicker", "meta"))
STEP = "articles/_partials/step.html"


@register.simple_tag(takes_context=True)
def card(
    context: template.Context,
    post: Post,
    level: int,
    text: str = "",
    *,
    picture: bool = False,
    place: str = "card",
    loads: str = "lazy",
) -> SafeString:
    """One article in a list, as ``articles/_partials/card.html`` draws it with the same arguments.

    ``text`` is ``always``, ``without-picture`` or nothing; ``post`` has its credits.
    """
    if is_themed(*TEMPLATES):
        shown = {"post": post, "level": level, "text": text, "picture": picture, "place": place, "loads": loads}
        return _draw(TEMPLATES[0], context, shown)
    cover = post.cover
    has_cover = cover is not None and bool(cover.url)
    address = escape(post.get_absolute_url())
    shown_picture = ""
    if picture and cover is not None and has_cover and cover.is_image:
        image = write_picture(cover, place, "wide", loads=loads)
        shown_picture = f'<a class="picture" href="{address}" tabindex="-1" aria-hidden="true">{image}</a>'
    shown_text = ""
    if (text == "always" or (text and not has_cover)) and (words := teaser(post)):
        shown_text = f'<p class="text">{escape(words)}</p>'
    is_other = post.language and post.language != context.get("language")
    language = f' lang="{escape(post.language)}"' if is_other else ""
    return mark_safe(
        f'\n<article class="story"{language}>\n'
        f"{shown_picture}\n{_kicker(post, context)}\n"
        f'<h{level}><a href="{address}">{phrases(post.title)}</a></h{level}>\n'
        f"{shown_text}\n{_meta(post)}\n</article>\n"
    )


@register.simple_tag(takes_context=True)
def step(context: template.Context, other: Post, label: str = "", rel: str = "") -> SafeString:
    """A link to another article, as ``articles/_partials/step.html`` draws it with the same arguments.

    Without a ``label`` it says section and day, for which ``other`` has its credits.
    """
    if is_themed(STEP):
        return _draw(STEP, context, {"other": other, "label": label, "rel": rel})
    above: str
    if label:
        above = escape(label)
    else:
        categories = other.credits.categories  # type: ignore[attr-defined]
        section = f"{escape(categories[0].name)} · " if categories else ""
        above = f'{section}<time datetime="{iso(other.published_at)}">{day(other.published_at)}</time>'
    is_other = context.get("interface_language") != context.get("language")
    language = f' lang="{escape(other.language or context.get("site_language"))}"' if is_other else ""
    relation = f' rel="{escape(rel)}"' if rel else ""
    return mark_safe(
        f'\n<li><a href="{escape(other.get_absolute_url())}"{relation}><small>{above}</small>'
        f'<span class="title"{language}>{phrases(other.title)}</span></a></li>\n'
    )


def _draw(name: str, context: template.Context, shown: dict[str, Any]) -> SafeString:
    values: dict[Any, Any] = {**context.flatten(), **shown}
    drawn: SafeString = get_template(name).template.render(context.new(values))  # type: ignore[attr-defined]
    return drawn


def is_themed(*names: str) -> bool:
    """Whether a theme has one of these templates. Looked up once, but on a developer's machine."""
    return _finds_in_theme(names) if settings.DEBUG else _known_in_theme(settings.THEME_DIR, names)


@lru_cache(maxsize=8)
def _known_in_theme(_folder: Any, names: tuple[str, ...]) -> bool:
    return _finds_in_theme(names)


def _finds_in_theme(names: tuple[str, ...]) -> bool:
    return settings.THEME_DIR is not None and any((settings.THEME_DIR / "templates" / name).exists() for name in names)


def _kicker(post: Any, context: template.Context) -> str:
    first = post.credits.categories[0] if post.credits.categories else None
    note = getattr(post, "staff_note", "")
    if not (first or post.series_id or post.has_paid_links or note):
        return "\n\n\n\n"
    named = ""
    if post.series_id:
        number = ""
        if post.series_order is not None:
            number = f" <span>{_('No. %(number)s') % {'number': post.series_order}}</span>"
        named = f'<a class="kicker" href="{escape(post.series.get_absolute_url())}">{escape(post.series.name)}{number}</a>'
    elif first:
        named = f'<a class="kicker" href="{escape(first.url)}">{escape(first.name)}</a>'
    label = ""
    if post.has_paid_links:
        site = context.get("site")
        words = site.advertising_label_short if site else ""
        label = f'<span class="label">{escape(words) if words else escape(_("Advertising links"))}</span>'
    noted = f'<span class="label">{escape(note)}</span>' if note else ""
    return f'\n\n\n<p class="kickers">\n{named}\n{noted}\n{label}\n</p>\n\n\n'


def _meta(post: Any) -> str:
    names = "".join(f"<span>{escape(author.name)}</span>" for author in post.credits.authors)
    time = minutes = ""
    if moment := post.published_at:
        time = f'<time datetime="{iso(moment)}">{day(moment)}</time>'
    if post.character_count:
        minutes = f"<span>{_('about %(minutes)s min') % {'minutes': reading_minutes(post)}}</span>"
    return f'\n<p class="meta">\n{names}\n{time}\n{minutes}\n</p>\n'
