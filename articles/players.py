"""Players of other sites: which address is an item of which service, and the one address at which its player loads.

An address that a text names is never framed. It is taken apart into service and id, and the player's address is written anew
from what stands here, so that no text leads a frame to another host. Pure: texts in, texts out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

MAX_ADDRESS = 3_000

_ORIGIN = "strict-origin-when-cross-origin"
_SANDBOX = "allow-scripts allow-same-origin allow-popups allow-popups-to-escape-sandbox"
_VIDEO = "autoplay; encrypted-media; fullscreen; picture-in-picture"
_MOMENT = re.compile(r"(?:([0-9]{1,2})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,6})s?)?")
_MAP_KEYS = ("key", "q", "center", "zoom", "maptype", "origin", "destination", "mode", "language", "region")
_PUBLISHED = {
    "document": ("pub", {"embedded": "true"}),
    "spreadsheets": ("pubhtml", {"widget": "true", "headers": "false"}),
    "presentation": ("pubembed", {}),
    "forms": ("viewform", {"embedded": "true"}),
}


@dataclass(frozen=True, slots=True)
class Player:
    """An item of a service that can be shown within a page.

    ``kind`` says how much room it takes, ``source`` is what a frame loads, ``sandbox``, ``allow`` and ``referrer`` are what
    that frame may do and tells: whatever is not named, it may not.
    """

    kind: str
    source: str
    service: str = ""
    label: str = ""
    sandbox: str = _SANDBOX
    allow: str = "fullscreen"
    referrer: str = "no-referrer"

    @property
    def origin(self) -> str:
        """Scheme and host of what is loaded, as a content security policy names it."""
        parts = urlsplit(self.source)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        """The host as a reader is told it."""
        return (urlsplit(self.source).hostname or "").removeprefix("www.")


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an item's address that say which item it is; of a repeated parameter the first counts."""

    host: str
    path: str
    query: dict[str, str]

    def match(self, pattern: str) -> re.Match[str] | None:
        """The whole path but a final slash, as ASCII."""
        return re.fullmatch(pattern, self.path.rstrip("/"), re.ASCII)

    def item(self, key: str, pattern: str) -> str:
        """A parameter if it has the form of an id, else ``""``."""
        value = self.query.get(key, "")
        return value if re.fullmatch(pattern, value, re.ASCII) else ""


@dataclass(frozen=True, slots=True)
class Service:
    """A site that items come from. ``find`` gives the player of an address, ``None`` for what cannot be shown elsewhere."""

    label: str
    hosts: tuple[str, ...]
    find: Callable[[Address], Player | None] | None = None


def _seconds(text: str) -> int:
    """``90``, ``90s`` or ``1h2m3s`` in seconds; 0 for anything else."""
    found = _MOMENT.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return hours * 3600 + minutes * 60 + seconds


def _query(values: dict[str, str | int]) -> str:
    """``?a=b&c=d`` without what is empty."""
    kept = {key: value for key, value in values.items() if value}
    return "?" + urlencode(kept, quote_via=quote, safe="!*") if kept else ""


# --- Services, each with the forms that its own pages and embed codes have --------------------------------------------------


def _youtube(at: Address) -> Player | None:
    found = at.match(r"/([\w-]{5,20})") if at.host == "youtu.be" else at.match(r"/(?:embed|v|shorts|live)/([\w-]{5,20})")
    item = found[1] if found else at.item("v", r"[\w-]{5,20}") if at.match("/watch") else ""
    playlist = at.item("list", r"[\w-]{10,64}")
    if item in ("", "videoseries"):
        item = "videoseries" if playlist and (item or at.match("/playlist")) else ""
    if not item:
        return None
    start = _seconds(at.query.get("start") or at.query.get("t", ""))
    query = _query({"autoplay": 1, "start": start, "list": playlist})
    # Without the page's origin the player refuses to play (“error 153”).
    return Player("video", f"https://www.youtube-nocookie.com/embed/{item}{query}", allow=_VIDEO, referrer=_ORIGIN)


def _vimeo(at: Address) -> Player | None:
    found = at.match(r"/(?:video/|channels/[\w-]+/|groups/[\w-]+/videos/)?([0-9]{1,12})(?:/([0-9a-f]{6,20}))?")
    if not found:
        return None
    query = _query({"dnt": 1, "autoplay": 1, "h": found[2] or at.item("h", "[0-9a-f]{6,20}")})
    # Where its owner lets a film be shown on some sites only, the player asks which this is.
    return Player("video", f"https://player.vimeo.com/video/{found[1]}{query}", allow=_VIDEO, referrer=_ORIGIN)


def _nicovideo(at: Address) -> Player | None:
    found = at.match(r"/((?:sm|nm|so)?[0-9]{1,12})") if at.host == "nico.ms" else at.match(r"/watch/((?:sm|nm|so)?[0-9]{1,12})")
    query = _query({"from": _seconds(at.query.get("from", ""))})
    return Player("video", f"https://embed.nicovideo.jp/watch/{found[1]}{query}", allow=_VIDEO) if found else None


def _spotify(at: Address) -> Player | None:
    found = at.match(r"(?:/intl-[a-z-]{2,8})?(?:/embed)?/(track|episode|album|playlist|show|artist)/([A-Za-z0-9]{22})")
    if not found:
        return None
    kind = "sound" if found[1] in ("track", "episode") else "sounds"
    return Player(kind, f"https://open.spotify.com/embed/{found[1]}/{found[2]}", allow="encrypted-media")


def _soundcloud(at: Address) -> Player | None:
    inner = split_address(at.query.get("url", "")) if at.host == "w.soundcloud.com" else at
    if inner is None:
        return None
    api = inner.match(r"/(tracks|playlists)/([0-9]{1,15})") if inner.host == "api.soundcloud.com" else None
    own = inner.match(r"/[\w-]{1,80}/(sets/)?[\w-]{1,200}") if inner.host == "soundcloud.com" else None
    found = api or own
    if not found:
        return None
    kind = "sounds" if found[1] in ("playlists", "sets/") else "sound"
    target = quote(f"https://{inner.host}{found[0]}", safe="")
    return Player(kind, f"https://w.soundcloud.com/player/?url={target}", allow="")


def _slideshare(at: Address) -> Player | None:
    found = at.match(r"/slideshow/embed_code/((?:key/)?\w{3,40})")
    return Player("slides", f"https://www.slideshare.net/slideshow/embed_code/{found[1]}") if found else None


def _speakerdeck(at: Address) -> Player | None:
    found = at.match(r"/player/([0-9a-f]{10,40})")
    return Player("slides", f"https://speakerdeck.com/player/{found[1]}") if found else None


def _docswell(at: Address) -> Player | None:
    found = at.match(r"/slide/([0-9A-Z]{4,12})(?:/embed)?") or at.match(
        r"/s/[\w-]{1,60}/([0-9A-Z]{4,12})(?:-[\w-]*)?(?:/[0-9]+)?"
    )
    return Player("slides", f"https://www.docswell.com/slide/{found[1]}/embed") if found else None


def _codepen(at: Address) -> Player | None:
    found = at.match(r"/([\w-]{1,60})/(?:pen|full|details|embed)/(\w{3,40})")
    if not found:
        return None
    source = f"https://codepen.io/{found[1]}/embed/{found[2]}?default-tab=result"
    return Player("code", source, sandbox=f"{_SANDBOX} allow-forms")


def _jsfiddle(at: Address) -> Player | None:
    found = at.match(r"/((?:[\w-]{1,60}/)?[a-z0-9]{5,12}(?:/[0-9]{1,4})?)(?:/embedded(?:/[a-z,]*)?)?")
    source = f"https://jsfiddle.net/{found[1]}/embedded/" if found else ""
    return Player("code", source, sandbox=f"{_SANDBOX} allow-forms") if source else None


def _codesandbox(at: Address) -> Player | None:
    found = at.match(r"/(?:embed|s)/([\w-]{3,100})")
    source = f"https://codesandbox.io/embed/{found[1]}" if found else ""
    return Player("code", source, sandbox=f"{_SANDBOX} allow-forms") if source else None


def _stackblitz(at: Address) -> Player | None:
    found = at.match(r"/edit/([\w-]{3,100})")
    source = f"https://stackblitz.com/edit/{found[1]}?embed=1" if found else ""
    return Player("code", source, sandbox=f"{_SANDBOX} allow-forms") if source else None


def _figma(at: Address) -> Player | None:
    inner = split_address(at.query.get("url", "")) if at.match("/embed") else at
    if inner is None or inner.host not in ("figma.com", "embed.figma.com"):
        return None
    found = inner.match(r"/(file|design|board|proto|slides|deck)/([0-9A-Za-z]{22,128})(?:/[^/]*)?")
    if not found:
        return None
    kind = "design" if found[1] == "file" else found[1]
    query = _query({"embed-host": "kawaraban", "node-id": inner.item("node-id", r"[\w:-]{1,40}")})
    return Player("document", f"https://embed.figma.com/{kind}/{found[2]}{query}")


def _google(at: Address) -> Player | None:
    return (_google_document if at.host == "docs.google.com" else _google_map)(at)


def _google_map(at: Address) -> Player | None:
    base = "https://www.google.com/maps"
    if at.match("/maps/embed") and (place := at.item("pb", r"![^\x00-\x1f]{1,2000}")):
        return Player("map", f"{base}/embed{_query({'pb': place})}")
    if at.match("/maps/d(?:/u/[0-9])?/embed") and (own := at.item("mid", r"[\w.-]{10,80}")):
        return Player("map", f"{base}/d/embed{_query({'mid': own})}")
    if found := at.match("/maps/embed/v1/(place|view|directions|search)"):
        # Its key may be good for this site alone, so the map asks which site this is.
        values: dict[str, str | int] = {key: at.query.get(key, "") for key in _MAP_KEYS}
        return Player("map", f"{base}/embed/v1/{found[1]}{_query(values)}", referrer=_ORIGIN)
    if at.match("(?:/maps)?") and at.query.get("output") == "embed":
        return Player("map", f"{base}{_query({'q': at.query.get('q', ''), 'z': at.item('z', '[0-9]{1,2}'), 'output': 'embed'})}")
    return None


def _google_document(at: Address) -> Player | None:
    forms = r"pub|pubhtml|pubembed|embed|viewform"
    found = at.match(rf"/(document|spreadsheets|presentation|forms)/d/e/([\w-]{{20,120}})/(?:{forms})")
    if not found:
        return None
    form, values = _PUBLISHED[found[1]]
    kind = "slides" if found[1] == "presentation" else "document"
    source = f"https://docs.google.com/{found[1]}/d/e/{found[2]}/{form}{_query(dict(values))}"
    return Player(kind, source, sandbox=f"{_SANDBOX} allow-forms")


def _x(at: Address) -> Player | None:
    found = at.match(r"/(?:i|i/web|\w{1,20})/status(?:es)?/([0-9]{1,20})(?:/(?:photo|video)/[0-9])?")
    item = found[1] if found else at.item("id", "[0-9]{1,20}") if at.host == "platform.twitter.com" else ""
    return Player("post", f"https://platform.twitter.com/embed/Tweet.html?dnt=true&id={item}") if item else None


def _instagram(at: Address) -> Player | None:
    found = at.match(r"/(?:[\w.]{1,40}/)?(p|reel|tv)/([\w-]{5,40})(?:/embed(?:/captioned)?)?")
    return Player("post", f"https://www.instagram.com/{found[1]}/{found[2]}/embed/") if found else None


#: By the name that settings and classes use. Those without a player can only be linked to.
SERVICES: dict[str, Service] = {
    "youtube": Service("YouTube", ("youtube.com", "m.youtube.com", "youtube-nocookie.com", "youtu.be"), _youtube),
    "vimeo": Service("Vimeo", ("vimeo.com", "player.vimeo.com"), _vimeo),
    "nicovideo": Service("ニコニコ動画", ("nicovideo.jp", "embed.nicovideo.jp", "sp.nicovideo.jp", "nico.ms"), _nicovideo),
    "spotify": Service("Spotify", ("open.spotify.com",), _spotify),
    "soundcloud": Service("SoundCloud", ("soundcloud.com", "w.soundcloud.com"), _soundcloud),
    "slideshare": Service("SlideShare", ("slideshare.net",), _slideshare),
    "speakerdeck": Service("Speaker Deck", ("speakerdeck.com",), _speakerdeck),
    "docswell": Service("Docswell", ("docswell.com",), _docswell),
    "codepen": Service("CodePen", ("codepen.io",), _codepen),
    "jsfiddle": Service("JSFiddle", ("jsfiddle.net",), _jsfiddle),
    "codesandbox": Service("CodeSandbox", ("codesandbox.io",), _codesandbox),
    "stackblitz": Service("StackBlitz", ("stackblitz.com",), _stackblitz),
    "figma": Service("Figma", ("figma.com", "embed.figma.com"), _figma),
    "google": Service("Google", ("google.com", "maps.google.com", "docs.google.com"), _google),
    "x": Service("X", ("x.com", "twitter.com", "mobile.twitter.com", "platform.twitter.com"), _x),
    "instagram": Service("Instagram", ("instagram.com",), _instagram),
    "gist": Service("GitHub Gist", ("gist.github.com",)),
}
PLAYABLE = tuple(name for name, service in SERVICES.items() if service.find)
"""Names of the services that have a player."""
_BY_HOST = {host: name for name, service in SERVICES.items() for host in service.hosts}


# --- Asking -------------------------------------------------------------------------------------------------------------


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        has_port = parts.port is not None
    except ValueError:
        return None
    is_plain = parts.scheme in ("http", "https") and parts.username is None and parts.password is None and not has_port
    return parts if is_plain and len(address) <= MAX_ADDRESS else None


def split_address(address: str) -> Address | None:
    """An ``http`` or ``https`` address; ``None`` for any other, for one with a user or port, and for one that is too long."""
    parts = _split(address)
    if parts is None:
        return None
    query = dict(reversed(parse_qsl(parts.query, max_num_fields=200)) if parts.query.count("&") < 200 else ())
    return Address((parts.hostname or "").removeprefix("www."), parts.path, query)


def service_of(address: str) -> str:
    """The name of the service that an address belongs to, or ``""``."""
    parts = _split(address)
    return _BY_HOST.get((parts.hostname or "").removeprefix("www."), "") if parts else ""


def find_player(address: str, services: Collection[str] = PLAYABLE) -> Player | None:
    """The player of an item, if it has one and its service is among ``services``."""
    name = service_of(address)
    at = split_address(address)
    service = SERVICES.get(name)
    if at is None or service is None or service.find is None or name not in services:
        return None
    player = service.find(at)
    return replace(player, service=name, label=service.label) if player else None
