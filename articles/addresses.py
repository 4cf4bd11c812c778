"""Which addresses posts may hold. Pure: shared by the public site and by imports."""

from __future__ import annotations

import re

MAX_PATH = 800  # Post.path

#: First parts of addresses that the product itself answers. A post there could never be reached.
RESERVED_PREFIXES = frozenset({"admin", "api", "static", "feed", "healthz", "readyz"})

#: Whole addresses that the product itself answers.
RESERVED_FILES = frozenset({"rss.xml", "atom.xml", "feed.json", "sitemap.xml", "robots.txt"})

# Library files live at /media/<2 hex>/<16 hex>/<name>. The rest of /media/ stays free: newsrooms have sections of
# that name, and their addresses must go on answering.
_RESERVED_SHAPE = re.compile(r"/media/[0-9a-f]{2}/[0-9a-f]{16}/|/sitemap-[0-9]+\.xml$")
_SUFFIX = re.compile(r"(?<=[^/.])\.[A-Za-z][A-Za-z0-9]{0,4}$")


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
