"""Content of other sites, shown as a link that a reader follows: no text here loads anything from a third party.

On a page the link becomes a figure that can load the item when a reader asks for it: ``articles.site.embeds``.
"""

from __future__ import annotations

import re
from html import escape, unescape
from urllib.parse import parse_qs, urlsplit

from articles.markup.engines import to_html
from articles.markup.page import Page
from articles.players import service_of

#: Service → address of an item. ``{}`` takes the item's id, reduced to characters that are safe in a path.
SERVICES = {
    "youtube": "https://www.youtube.com/watch?v={}",
    "vimeo": "https://vimeo.com/{}",
    "gist": "https://gist.github.com/{}",
    "tweet": "https://x.com/i/status/{}",
    "x": "https://x.com/i/status/{}",
    "instagram": "https://www.instagram.com/p/{}/",
    "slideshare": "https://www.slideshare.net/slideshow/embed_code/key/{}",
    "speakerdeck": "https://speakerdeck.com/player/{}",
    "docswell": "https://www.docswell.com/s/{}",
    "codepen": "https://codepen.io/{}",
    "jsfiddle": "https://jsfiddle.net/{}",
    "codesandbox": "https://codesandbox.io/embed/{}",
    "stackblitz": "https://stackblitz.com/edit/{}",
    "figma": "https://www.figma.com/{}",
    "nicovideo": "https://www.nicovideo.jp/watch/{}",
    "soundcloud": "https://soundcloud.com/{}",
    "spotify": "https://open.spotify.com/{}",
}
_KINDS = {"tweet": "post", "x": "post", "instagram": "post", "gist": "code", "codepen": "code", "jsfiddle": "code"}
_VIDEO = {"youtube", "vimeo", "nicovideo"}
_TAG = re.compile(r"<[^<>]*>")
_LINE = re.compile(r"<p>((?:(?!</?p>).)*)</p>\n?", re.S)
_ITEM = re.compile(r"[\w./@~-]{1,200}")
_PLAYER_PATH = re.compile(r"/(?:embed|v|shorts|video)/([\w-]{1,40})")
_MAX_TITLE = 200
_PRIVATE_FILM = re.compile(r"[0-9a-f]{6,20}")


def embed_item(page: Page, service: str, item: str, title: str = "") -> str | None:
    """The card for an item of a known service, or ``None`` where the service or the id is not one we know."""
    if item.startswith(("http://", "https://")):
        return embed_address(page, item, title)
    template = SERVICES.get(service)
    if template is None or not _ITEM.fullmatch(item) or ".." in item:
        return None
    return _card(page, service, template.format(item), title)


def embed_address(page: Page, address: str, title: str = "") -> str | None:
    """The card for an address of a host that may be embedded, or ``None``. ``title`` is what the text calls the item."""
    if address.startswith("//"):
        address = "https:" + address
    service = service_of(address)
    if not service:
        return None
    if service in _VIDEO:
        parts = urlsplit(address)
        player = _PLAYER_PATH.match(parts.path)
        query = parse_qs(parts.query)
        start, key = query.get("start", [""])[0], query.get("h", [""])[0]
        if player and player[1] != "videoseries":
            address = SERVICES[service].format(player[1])
            if service == "youtube" and start.isdecimal():
                address += f"&t={start}"
            if service == "vimeo" and _PRIVATE_FILM.fullmatch(key):
                address += f"/{key}"
    return _card(page, service, address, title)


def _card(page: Page, service: str, address: str, title: str) -> str:
    kind = "video" if service in _VIDEO else _KINDS.get(service, "embed")
    host = (urlsplit(address).hostname or "").removeprefix("www.")
    title = " ".join(title.split())[:_MAX_TITLE]
    # The page's figure asks whether the text gave a title of its own.
    words = f'<span class="embed-title">{escape(title)}</span>' if title else page.word(kind)
    return (
        f'<p class="embed embed-{service}"><a class="embed" href="{escape(address)}" rel="noopener">'
        f'{words} <span class="embed-host">{escape(host)}</span></a></p>'
    )


def file_figure(page: Page, source: str, attributes: dict[str, str]) -> str:
    """A ``<figure>`` from a template tag's attributes: ``alt``, ``caption``, ``title``, ``attr``, ``attrlink``, ``link``.

    Caption and credit are Markdown, and without ``alt`` the caption is the alternative text, as in Hugo.
    """
    caption = _inline_html(attributes.get("caption", ""))
    alt = attributes["alt"] if "alt" in attributes else unescape(_TAG.sub("", caption))
    image = f'<img src="{escape(source)}" alt="{escape(alt)}"'
    image += "".join(f' {key}="{escape(attributes[key])}"' for key in ("width", "height") if attributes.get(key, "").isdecimal())
    image += ">"
    if attributes.get("link"):
        image = f'<a href="{escape(attributes["link"])}">{image}</a>'
    lines = []
    if attributes.get("title"):
        lines.append(f"<strong>{escape(attributes['title'])}</strong>")
    if caption:
        lines.append(caption)
    if attributes.get("attr"):
        credit = _inline_html(attributes["attr"])
        lines.append(f'<a href="{escape(attributes["attrlink"])}">{credit}</a>' if attributes.get("attrlink") else credit)
    text = f"<figcaption>{' '.join(lines)}</figcaption>" if lines else ""
    return f"<figure>{image}{text}</figure>"


def _inline_html(text: str) -> str:
    """One line of Markdown as HTML; what would be a block, such as ``1. place``, stays as it is written."""
    text = " ".join(text.split())
    line = _LINE.fullmatch(to_html(text, "commonmark", frozenset({"strikethrough"}))) if text else None
    return line[1] if line else escape(text)
