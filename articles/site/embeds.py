"""Films, slides, posts of other sites on a page: each a figure with a poster of our own, loaded when a reader asks for it.

Stored texts hold plain links (``articles.markup.embeds``); so do feeds, the API and exports. The figure is made here, from
texts that are sanitised already: whatever an author wrote, its attributes are ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from html import unescape

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from articles.players import Player, find_player

MAX_PLAYERS = 100
"""Of one page; what comes after them stays a link."""
#: What an item is, and what a reader does with it, by its player's kind.
KINDS = {
    "video": (_("Video"), _("Watch the video")),
    "sound": (_("Audio"), _("Listen")),
    "sounds": (_("Audio"), _("Listen")),
    "slides": (_("Slides"), _("See the slides")),
    "code": (_("Code"), _("See the code")),
    "map": (_("Map"), _("See the map")),
    "document": (_("Document"), _("See the document")),
    "post": (_("Message"), _("See the post")),
}
_ATTRIBUTES = '(?: [a-z-]+="[^"]*")*'
# A link card of the renderer, or a linked picture that is its whole paragraph, as the sanitiser writes them.
_EMBED = re.compile(
    rf'<p class="embed(?: embed-[a-z]+)?"><a class="embed" href="(?P<card>[^"]*)"{_ATTRIBUTES}>'
    r"(?P<words>(?:[^<]|</?span[^<>]*>)*)</a></p>"
    rf'|<p><a href="(?P<link>[^"]*)"{_ATTRIBUTES}>(?P<image><img src="(?P<source>[^"]*)"{_ATTRIBUTES}>)</a></p>'
)
_TITLE = re.compile(r'<span class="embed-title">([^<]*)</span>')
_ALT = re.compile(r' alt="([^"]*)"')
_NAMING = re.compile(r' title="[^"]*"')


def place_players(html: str, language: str, *, text_language: str = "") -> tuple[str, list[str]]:
    """A rendered text with figures in the place of what can be played, and the origins that these load from, sorted.

    ``language`` is that of the words which the figures add; they name it where ``text_language`` is another. Where
    ``EMBED_SERVICES`` is empty nothing changes.
    """
    services: Collection[str] = settings.EMBED_SERVICES
    if not services or not ('<p class="embed' in html or "></a></p>" in html):
        return html, []
    found: list[Player] = []

    def place(match: re.Match[str]) -> str:
        player = find_player(unescape(match["card"] or match["link"] or ""), services)
        if player is None or len(found) == MAX_PLAYERS or not _may_stand_for(player, match["source"]):
            return match[0]
        found.append(player)
        return _write(player, match, language if text_language not in ("", language) else "")

    with translation.override(language):
        html = _EMBED.sub(place, html)
    return html, sorted({player.origin for player in found})


def _may_stand_for(player: Player, picture: str | None) -> bool:
    """Whether a linked picture means the player: one of ours for anything, another's for films only (their own stills).

    Projects put badges of other sites before their code, and mean a link.
    """
    return picture is None or _is_ours(picture) or player.kind == "video"


def _is_ours(source: str) -> bool:
    return source.startswith("/") and not source.startswith("//")


def _write(player: Player, match: re.Match[str], words_language: str) -> str:
    picture = title = ""
    if image := match["image"]:
        if alt := _ALT.search(image):
            title = unescape(alt[1])
        # The title stands beside the poster, and nobody wants to hear it twice. Another site's picture is not asked for.
        picture = _ALT.sub(' alt=""', _NAMING.sub("", image)) if _is_ours(match["source"]) else ""
    elif named := _TITLE.search(match["words"]):
        title = unescape(named[1])
    what, action = KINDS[player.kind]
    context = {
        "player": player,
        "address": unescape(match["card"] or match["link"]),
        "picture": mark_safe(picture),
        "title": " ".join(title.split()),
        "what": what,
        "action": action,
        "words_language": words_language,
    }
    return render_to_string("articles/_partials/player.html", context).strip()
