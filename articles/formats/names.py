"""Names of files and folders that every system can hold, and no two of which are one file on some of them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

MAX_BYTES = 255
"""The longest name of common file systems, in UTF-8. macOS and Windows count otherwise and allow no less."""
ROOM = 24
"""Bytes kept free for a suffix and a number."""

# Reserved by Windows; ``#^[]`` by Obsidian's links; ``%`` would be read as an escape where a name becomes an address.
_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*#^\[\]%\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=$|[. ])", re.IGNORECASE)


def safe_name(text: str, fallback: str = "file", *, limit: int = MAX_BYTES - ROOM) -> str:
    """``text`` as the stem of a file's name or as a folder's: NFC, no signs that a system reserves, at most ``limit`` bytes.

    Never empty, never hidden, no name of a device of Windows, and neither blank nor dot at its end.
    """
    name = " ".join(_UNFIT.sub(" ", unicodedata.normalize("NFC", text)).split())
    name = _cut(name.lstrip(". _~"), limit).rstrip(". ")
    if not name:
        name = _cut(fallback, limit)
    return _DEVICES.sub(lambda match: match[0] + "_", name, count=1)


def safe_path(path: str, fallback: str = "file") -> str:
    """The parts of an address or path, each made safe, without its final suffix being treated as one."""
    parts = [safe_name(part, fallback) for part in path.strip("/").split("/") if part]
    return "/".join(parts) or fallback


def _cut(text: str, limit: int) -> str:
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= limit else encoded[:limit].decode("utf-8", "ignore")


class NameBook:
    """Gives each file of a tree a path of its own, the same in every run: who comes first keeps the name.

    Two paths are one file on some system where they are equal without regard to case and composition; nor can one
    path be a file and a folder.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def claim(self, path: str) -> str:
        """``path``, or ``path`` with ``-2``, ``-3`` … before its suffix where that name is taken."""
        pure = PurePosixPath(path)
        candidate, number = path, 1
        while not self._is_free(candidate):
            number += 1
            candidate = str(pure.with_name(f"{pure.stem}-{number}{pure.suffix}"))
        self.add(candidate)
        return candidate

    def add(self, path: str) -> None:
        """Notes a path that must stay as it is."""
        folded = fold(path)
        self._files.add(folded)
        while "/" in folded:
            folded = folded.rpartition("/")[0]
            if folded in self._folders:
                break
            self._folders.add(folded)

    def _is_free(self, path: str) -> bool:
        folded = fold(path)
        if folded in self._files or folded in self._folders:
            return False
        while "/" in folded:
            folded = folded.rpartition("/")[0]
            if folded in self._folders:
                return True
            if folded in self._files:
                return False
        return True


def fold(path: str) -> str:
    """What a system that knows neither case nor composition takes for the same path."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()
