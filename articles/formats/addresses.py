"""Addresses as files and configurations write them, made safe: decoded paths of one site, and web addresses of others."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029\u202a-\u202e\u2066-\u2069]")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def clean_address(text: str) -> str | None:
    """``text`` as a decoded path that starts with ``/``, without query and fragment; ``None`` where it is no path of this site.

    No path are other hosts (``//host``, ``https://host/x``), other schemes, backslashes, control and direction
    characters, also when percent-encoded, dot segments, and the empty text.
    """
    raw = text.strip()
    if not raw or raw.startswith("//") or SCHEME.match(raw):
        return None
    return decode_address(re.split(r"[?#]", raw, maxsplit=1)[0])


def decode_address(path: str) -> str | None:
    """A percent-encoded ``path`` (no query) decoded to Unicode; ``None`` where a browser or a header could misread it."""
    decoded = unquote(path, errors="strict") if _decodes(path) else path
    if UNSAFE.search(text := "/" + decoded.lstrip("/")) or (decoded.startswith("//")):
        return None
    if any(part in (".", "..") for part in text.split("/")):
        return None
    return text


def _decodes(path: str) -> bool:
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


_ENCODED_WORDS = re.compile(r"(?:%[89a-fA-F][0-9a-fA-F])+")


def decode_words(text: str) -> str:
    """``%e7%a9%ba`` as ``空``: WordPress stores slugs so. What is ASCII, or is no UTF-8, stays as it is written."""

    def decode(match: re.Match[str]) -> str:
        try:
            decoded = unquote(match[0], errors="strict")
        except UnicodeDecodeError:
            return match[0]
        return match[0] if UNSAFE.search(decoded) else decoded

    return _ENCODED_WORDS.sub(decode, text) if "%" in text else text


def strip_host(text: str, host: str) -> str:
    """An absolute address on the site's own ``host`` as its path; anything else as it is."""
    if not host or not is_web_address(text):
        return text
    parts = urlsplit(text)
    return parts.path or "/" if parts.hostname == host.lower() else text


def join_base(base_path: str, path: str) -> str:
    """``path`` below a site's sub-path."""
    return f"{base_path.rstrip('/')}/{path.lstrip('/')}"


def split_base_url(url: str) -> tuple[str, str]:
    """A site's ``url``/``baseURL`` as ``(base_url, base_path)``: the address without, and its sub-path without, final slash."""
    text = url.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return "", ""
    path = clean_address(parts.path) or "/"
    if parts.scheme not in ("http", "https", "") or (parts.scheme and not parts.netloc):
        return "", ""
    return (text.rstrip("/") if parts.netloc else ""), path.rstrip("/")


def is_web_address(text: str) -> bool:
    """Whether ``text`` is an absolute http(s) address with a host and without blanks, quotes, brackets or control characters."""
    if re.search(r"[\s<>\"'`\\]", text) or UNSAFE.search(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
