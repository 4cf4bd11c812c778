"""Which file an address becomes, and back. Pure.

``/a/`` → ``a/index.html``, ``/a.html`` → ``a.html``, ``/a`` → ``a``: a server finds them without a table. What no file of its
own name can hold (too long a name, ``..``, a file where others have a folder, a suffix that means another type) lies in
:data:`ODD`, under a name made from its address, and a table leads there.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

ODD = "_addresses"
"""The folder of what has no file of its own name; no address lies in it."""
STAGING = ".kawaraban-new"
"""Where files are written before they are moved to their places."""
PACKED = ".gz"
MAX_NAME = 255 - len(PACKED)
"""Bytes of one name, so that its packed copy has one, too."""
MAX_FILE = 3_000
"""Bytes of a whole name below the target; systems take 4,096 with the target's own."""

HTML = "text/html; charset=utf-8"
#: What a server says of a suffix outside of the folders for media and static files. Every other name is a page.
TYPES = {
    "html": HTML,
    "htm": HTML,
    "xml": "application/xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
    "webmanifest": "application/manifest+json; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
_BEFORE = re.compile(r"before=(-?[0-9]{1,17}-[0-9]{1,6})")
_FROM = re.compile(r"from=[^&=]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\\\\]")


def path_of(address: str) -> str:
    """The decoded path of an address (percent-encoded, without host and query)."""
    return unquote(urlsplit(address).path)


def static_address(address: str) -> str:
    """The address at which files hold what an address with a query holds; one without a query is its own.

    ``/tags/a/?before=1-2`` → ``/tags/a/page/1-2/``; ``/tags/?from=…`` → ``/tags/page/<digits>/``; of the sitemap, whose files
    must not lie below what they name, ``/sitemap-posts-<digits>.xml``. Empty for any other query.
    """
    path, mark, query = address.partition("?")
    if not mark or not query:
        return path
    if match := _BEFORE.fullmatch(query):
        return f"{path}page/{match[1]}/" if path.endswith("/") else ""
    if not _FROM.fullmatch(query):
        return ""
    digits = hashlib.sha256(unquote(query).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    stem, dot, suffix = path.rpartition(".")
    return f"{path}page/{digits}/" if path.endswith("/") else f"{stem}-{digits}{dot}{suffix}"


def token_of(address: str) -> tuple[int, int] | None:
    """Which page of a list an address with a query names: the greater, the newer; ``None`` for any other."""
    match = _BEFORE.fullmatch(address.partition("?")[2])
    if match is None:
        return None
    moment, skipped = match[1].rsplit("-", 1)
    return int(moment), -int(skipped)


def natural_place(address: str, content_type: str, *, is_asset: bool = False) -> str:
    """The file of an address below the target, or ``""`` where it needs a place in :data:`ODD`.

    ``is_asset``: of the library or the site's own files, whose types their folders say. Raises ValueError for what is no text.
    """
    path = path_of(address)
    file = path.removeprefix("/") + ("index.html" if path.endswith("/") else "")
    parts = file.split("/")
    if len(file.encode("utf-8", "strict")) > MAX_FILE or _CONTROL.search(file) or parts[0] == ODD:
        return ""
    if any(not part or part.startswith(".") or len(part.encode()) > MAX_NAME for part in parts):
        return ""
    if file.endswith(PACKED) or path.endswith("/index.html"):
        return ""
    return file if is_asset or type_of(file) == content_type else ""


def odd_place(address: str, content_type: str) -> str:
    """The file of an address that has none of its own name."""
    suffix = next((suffix for suffix, type in TYPES.items() if type == content_type), "bin")
    return f"{ODD}/{hashlib.sha256(address.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.{suffix}"


def type_of(file: str) -> str:
    """What the server says of a file in the site's own folders."""
    return TYPES.get(file.rpartition("/")[2].rpartition(".")[2], HTML) if "." in file.rpartition("/")[2] else HTML


def address_of(file: str) -> str:
    """The address of a file that has the name of its own address."""
    return "/" + quote(file.removesuffix("index.html") if file == "index.html" or file.endswith("/index.html") else file)


def fold(file: str) -> str:
    """Equal for names that one file system or another takes for one."""
    return unicodedata.normalize("NFC", file).casefold()


def folders_of(file: str) -> Iterator[str]:
    """The folders that a file needs, the innermost first."""
    while (file := file.rpartition("/")[0]) != "":
        yield file
