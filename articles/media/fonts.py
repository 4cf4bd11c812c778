"""The fonts of this machine that have Japanese letters, and which letters each has. Pure but for reading the font files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.utils.translation import gettext_noop as _
from PIL import ImageFont

from articles.findings import Finding, RefusedFile

FOLDERS: Final = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/Library/Fonts")
MAX_FILES: Final = 20_000
MOST: Final = 4
#: How names of files begin (small, letters and digits alone), the best first. In collections the first face is the Japanese one.
JAPANESE: Final = (
    *("bizudpgothicbold", "bizudgothicbold", "notosanscjkjpbold", "notosanscjkbold", "notosansjpbold", "sourcehansansjpbold"),
    *(
        "bizudpgothic",
        "bizudgothic",
        "notosanscjk",
        "notosansjp",
        "ipaexg",
        "ipag",
        "fontsjapanesegothic",
        "takaopgothic",
        "vlpgothic",
    ),
    *("bizudpmincho", "notoserifcjkbold", "ipaexm", "droidsansfallback"),
)
#: Have letters that the others lack, but no Japanese ones.
OTHERS: Final = ("dejavusansbold", "notosansbold", "liberationsansbold", "dejavusans")
_SAMPLE: Final = "日本語新聞かなカナ々ー、。「」（）！０Ａ"
_SIZE: Final = 32
# No font has a letter there, so it draws what it draws for all that it lacks.
_ABSENT: Final = "\U0010ffff"


class Face:
    """One font file at any size. Raises OSError for what is no font."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._sizes: dict[int, ImageFont.FreeTypeFont] = {}
        self._known: dict[str, bool] = {}
        self._absent = self._draw(_ABSENT)

    @property
    def name(self) -> str:
        """Family and style."""
        return " ".join(filter(None, self.at(_SIZE).getname()))

    @property
    def is_bold(self) -> bool:
        """Whether its letters are heavy by themselves."""
        return any(word in self.name for word in ("Bold", "Heavy", "Black"))

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at a size in pixels."""
        if size not in self._sizes:
            self._sizes[size] = ImageFont.truetype(self.path, size, layout_engine=ImageFont.Layout.BASIC)
        return self._sizes[size]

    def has(self, letter: str) -> bool:
        """Whether it draws the letter as anything but its sign for a missing one."""
        if letter not in self._known:
            self._known[letter] = letter.isspace() or self._draw(letter) != self._absent
        return self._known[letter]

    def is_japanese(self) -> bool:
        """Whether it has all of a sample of Japanese letters and signs."""
        return all(map(self.has, _SAMPLE))

    def _draw(self, letter: str) -> tuple[tuple[int, int], bytes]:
        mask = self.at(_SIZE).getmask(letter)
        return mask.size, bytes(mask)


class NoFont(RefusedFile):
    """There is no font with Japanese letters; the finding says what was tried."""

    def __init__(self, template: str, **params: str) -> None:
        super().__init__(Finding("no-card-font", "warning", template, params))


@lru_cache(maxsize=8)
def find_faces(chosen: str = "") -> tuple[Face, ...]:
    """The faces to write with: ``chosen`` (the path of a font file) or the best one here, then those that stand in for it.

    Raises NoFont.
    """
    faces: list[Face] = []
    if chosen:
        try:
            faces.append(Face(chosen))
        except OSError as error:
            raise NoFont(_("CARD_FONT is %(path)s, which cannot be read as a font."), path=chosen) from error
        if not faces[0].is_japanese():
            raise NoFont(_("CARD_FONT is %(path)s, which has no Japanese letters."), path=chosen)
    files = list(_list_fonts())
    for name in (*JAPANESE, *OTHERS):
        if len(faces) >= MOST:
            break
        face = _open(files, name)
        if face is not None and (name in OTHERS or face.is_japanese()):
            faces.append(face)
    if not faces or not faces[0].is_japanese():
        raise NoFont(_("No font with Japanese letters was found."))
    return tuple(faces)


def _open(files: list[tuple[str, str]], beginning: str) -> Face | None:
    path = next((path for name, path in files if name.startswith(beginning)), None)
    try:
        return Face(path) if path else None
    except OSError:
        # A damaged font file is as good as none; the next one in the list is tried.
        return None


def _list_fonts() -> Iterator[tuple[str, str]]:
    """Names as :data:`JAPANESE` has them, with their paths, in a constant order."""
    count = 0
    for folder in FOLDERS:
        for root, folders, files in os.walk(Path(folder).expanduser()):
            folders.sort()
            for file in sorted(files):
                count += 1
                if count > MAX_FILES:
                    return
                stem, suffix = os.path.splitext(file)
                if suffix.lower() in (".ttf", ".otf", ".ttc"):
                    yield "".join(letter for letter in stem.lower() if letter.isalnum()), os.path.join(root, file)
