"""Addresses as readers, texts and lists write them: which belong to the product, and which spellings mean the same.

Pure: shared by the public site, by imports and by the resolution of links.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from articles.formats.terms import identity

MAX_PATH = 800  # Post.path

#: First parts of addresses that the product itself answers. A post there could never be reached.
RESERVED_PREFIXES = frozenset({"admin", "api", "static", "feed", "healthz", "readyz"})

#: Whole addresses that the product itself answers.
RESERVED_FILES = frozenset(
    (
        *("rss.xml", "atom.xml", "feed.json", "sitemap.xml", "robots.txt", "llms.txt"),
        *("favicon.ico", "apple-touch-icon.png", "manifest.webmanifest"),
    )
)

#: Files that stand for their folder.
INDEXES = ("index.html", "index.htm", "index.php", "index")

# Library files live at /media/<2 hex>/<16 hex>/<name>. The rest of /media/ stays free: newsrooms have sections of
# that name, and their addresses must go on answering.
_RESERVED_SHAPE = re.compile(r"/media/[0-9a-f]{2}/[0-9a-f]{16}/|/sitemap-(?:[0-9]+|posts|news)\.xml$|/colours-[0-9a-f]{12}\.css$")
_SUFFIX = re.compile(r"(?<=[^/.])\.[A-Za-z][A-Za-z0-9]{0,4}$")
_PAGE_SUFFIXES = (".html", ".htm")
# No post has these in its address, and PostgreSQL refuses NUL and surrogates even in a question.
_IMPOSSIBLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SLASHES = re.compile("/{2,}")
_ABSOLUTE = re.compile(r"\s*(?:https?:)?//(?!/)", re.IGNORECASE)
# The ordinary ones, which are almost all: no user, no port, no name that needs another form.
_PLAIN_HOST = re.compile(r"\s*(?:https?:)?//([a-z0-9.-]+)(?=[/?#]|\s*\Z)", re.IGNORECASE)
_NOISE = re.compile(r"\.(?:html?|php|md)$|^index$|^[0-9]{1,4}$")
_BREAKS = re.compile(r"[\W_]+")


def is_reserved(path: str) -> bool:
    """Whether a decoded path beginning with ``/`` belongs to the product: desk, feeds, sitemap, files, health, API.

    Compared without regard to case, so that no post stands at ``/Admin/``; empty and ``.`` parts do not hide anything.
    """
    parts = [part for part in path.casefold().split("/") if part not in ("", ".")]
    if not parts:
        return False
    clean = "/" + "/".join(parts) + ("/" if path.endswith("/") else "")
    return parts[0] in RESERVED_PREFIXES or (len(parts) == 1 and parts[0] in RESERVED_FILES) or bool(_RESERVED_SHAPE.match(clean))


def with_number(path: str, number: int) -> str:
    """The address of a newcomer where ``path`` is taken, at most :data:`MAX_PATH` characters long.

    ``/a/b/`` → ``/a/b-2/``, ``/a.html`` → ``/a-2.html``, ``/`` → ``/index-2/``.
    """
    if path == "/":
        return f"/index-{number}/"
    if path.endswith("/"):
        stem, end = path.rstrip("/"), "/"
    else:
        suffix = _SUFFIX.search(path)
        stem, end = (path[: suffix.start()], suffix.group()) if suffix else (path, "")
    tail = f"-{number}{end}"
    return stem[: MAX_PATH - len(tail)] + tail


# --- Spellings --------------------------------------------------------------------------------------------------------


def is_impossible(path: str) -> bool:
    """Whether ``path`` holds what no post has in its address; a database may refuse even to look for it."""
    return _IMPOSSIBLE.search(path) is not None


def spellings_of(path: str) -> Iterator[str]:
    """The addresses that ``path`` may mean, best first, each once. Nothing for what no post can have.

    As written; composed and decomposed (macOS decomposes file names); decoded once more (texts are copied encoded);
    with single slashes; each with and without final slash, index file and suffix; and last in lower case, as Hugo
    writes addresses whatever case the file's name has.
    """
    if len(path) > MAX_PATH or is_impossible(path):
        return
    composed = unicodedata.normalize("NFC", path)
    bases = [path, composed, unquote(composed), unicodedata.normalize("NFD", path), _SLASHES.sub("/", composed)]
    spellings = [*bases, *(variant for base in bases for variant in _variants(base))]
    seen: set[str] = set()
    for spelling in [*spellings, *(spelling.lower() for spelling in spellings)]:
        if spelling not in seen and spelling.startswith("/") and not _IMPOSSIBLE.search(spelling):
            seen.add(spelling)
            yield spelling


def _variants(path: str) -> Iterator[str]:
    """With and without final slash, index file and suffix, as generators and servers differ about them."""
    stem = bare_form(path)
    yield stem + "/"
    if stem:
        yield stem
        yield stem + ".html"
    yield stem + "/index.html"


def bare_form(path: str) -> str:
    """``path`` without index file, suffix of a page and final slash; empty for the home page."""
    folder, _slash, name = path.rpartition("/")
    if name in INDEXES:
        return folder.rstrip("/")
    for suffix in _PAGE_SUFFIXES:
        path = path.removesuffix(suffix)
    return path.rstrip("/")


def file_spellings(path: str) -> list[str]:
    """The spellings under which a file may have been served: as written, composed, decomposed, decoded once more, lower case."""
    if len(path) > MAX_PATH or is_impossible(path):
        return []
    composed = unicodedata.normalize("NFC", _SLASHES.sub("/", path))
    forms = [path, composed, unicodedata.normalize("NFD", composed), unquote(composed), composed.lower()]
    return [form for form in dict.fromkeys(forms) if form.startswith("/") and not _IMPOSSIBLE.search(form)]


def loose_form(path: str) -> str:
    """One form for all spellings of an address: composed, without case, final slash, index file and suffix.

    Equal for addresses that :func:`spellings_of` takes for one; so an exact match must be tried first.
    """
    return bare_form(unicodedata.normalize("NFC", _SLASHES.sub("/", path)).casefold()) or "/"


# --- Hosts ------------------------------------------------------------------------------------------------------------


def host_of(address: str) -> str:
    """The host of an absolute ``http``, ``https`` or ``//`` address in one spelling, or ``""`` where it has none.

    Without user, ``www.`` and the ports that the schemes mean anyway; international names in their ASCII form.
    """
    if not _ABSOLUTE.match(address):
        return ""
    if plain := _PLAIN_HOST.match(address):
        return plain[1].lower().rstrip(".").removeprefix("www.")
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    host = host.lower().rstrip(".").removeprefix("www.")
    return f"{host}:{port}" if host and port not in (None, 80, 443) else host


def split_address(address: str) -> tuple[str, str, str, str]:
    """``(host, path, query, fragment)`` of an absolute address: host as :func:`host_of`, path decoded and never empty."""
    host = host_of(address)
    rest = address.strip().partition("//")[2]
    rest, _mark, fragment = rest.partition("#")
    rest, _mark, query = rest.partition("?")
    _authority, slash, path = rest.partition("/")
    return host, unquote(slash + path) or "/", query, fragment


# --- Likeness ---------------------------------------------------------------------------------------------------------


def letter_pairs(text: str) -> frozenset[str]:
    """Pairs of neighbouring letters within the words of an address or title: they need no dictionary, in any language."""
    parts = [_NOISE.sub("", part) for part in unquote(text)[:400].split("/")]
    words = [word for part in parts for word in _BREAKS.split(identity(part)) if not _NOISE.match(word)]
    return frozenset(word[at : at + 2] for word in words for at in range(len(word) - 1))


def likeness(wanted: frozenset[str], *texts: str) -> float:
    """How much of the wanted pairs (0 to 1) a text has, the best of ``texts``."""
    if not wanted:
        return 0.0
    return max(len(wanted & letter_pairs(text)) / len(wanted) for text in texts)
