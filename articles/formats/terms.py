"""Terms and slugs: when two spellings are one term, and what a term or title looks like in an address."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

MAX_SLUG = 200

_SEPARATORS = re.compile("[、，,\u3000\r\n]")
_BLANKS = re.compile(r"\s+")
# Default-ignorable characters: soft hyphen, zero-width characters, bidi marks, overrides and isolates, joiners,
# invisible operators, variation selectors, BOM, tags. They change nothing that a reader sees, so they never make a
# second term or a second "admin" (Unicode TR36).
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_NOT_SLUG = re.compile(r"[^\w-]+")
_DASHES = re.compile("--+")
# A sign after a letter or digit is part of a name (C++, C#, F#, Disney+); elsewhere it is punctuation (#1, + item).
_SPOKEN_SIGNS = re.compile(r"(?<=[\w+#])[+#]")
_SIGN_NAMES = {"+": "-plus", "#": "-sharp"}


@lru_cache(maxsize=8192)
def identity(text: str) -> str:
    """What makes two spellings one term: ``AI``, ``ＡＩ`` and ``ai`` are one, ``C``, ``C++`` and ``C#`` are three.

    Two terms are the same if and only if their :func:`fold_text` is equal; it may be empty for a term that shows nothing.
    """
    return fold_text(text)


def fold_text(text: str) -> str:
    """``text`` without what makes no difference to a reader who looks for it: width, case, invisible characters, blanks.

    Invisible characters are dropped, then NFKC, case folding and NFKC again (folding can undo it), and blanks are collapsed.
    For texts of any length; names go through :func:`identity`, which remembers them.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    visible = _INVISIBLE.sub("", text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return _BLANKS.sub(" ", _INVISIBLE.sub("", folded)).strip()


def slugify(text: str) -> str:
    """The last part of an address for ``text``: ``[\\w-]{1,200}``, NFC, lower case, never empty.

    Letters and digits of every script stay (Japanese is not romanised); half-width and full-width forms become the
    ordinary ones (NFKC); everything else collapses to one ``-``. ``+`` and ``#`` directly after a letter, digit or
    another such sign are spelled out, so ``C``, ``C++`` and ``C#`` give ``c``, ``c-plus-plus`` and ``c-sharp``.
    Combining marks that have no composed form are left out. A text with no letter or digit (emoji, punctuation)
    gives ``x-`` and eight hexadecimal digits of its identity's SHA-256: the same at every call.
    """
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).lower()
    spoken = _SPOKEN_SIGNS.sub(lambda sign: _SIGN_NAMES[sign.group()], plain)
    # lower() can decompose again (İ), and a mark is no \w: it would cut the word in two.
    composed = unicodedata.normalize("NFKC", spoken)
    unmarked = "".join(char for char in composed if not unicodedata.category(char).startswith("M"))
    slug = _shorten(_DASHES.sub("-", _NOT_SLUG.sub("-", unmarked)).strip("-_"))
    if slug:
        return unicodedata.normalize("NFC", slug)
    return "x-" + hashlib.sha256(identity(text).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def split(text: str) -> list[str]:
    """The terms named in one text: ``、`` ``，`` ``,``, full-width spaces and line ends separate; blanks are trimmed.

    Ordinary spaces do not separate (``machine learning`` is one term). Empty parts are dropped; of parts with one
    identity the first spelling stays.
    """
    terms: dict[str, str] = {}
    for part in _SEPARATORS.split(text):
        term = part.strip()
        if term and identity(term):
            terms.setdefault(identity(term), term)
    return list(terms.values())


def _shorten(slug: str) -> str:
    """Cuts at the last ``-`` of the final fifth, so that no word is cut where there are words."""
    if len(slug) <= MAX_SLUG:
        return slug
    cut = slug.rfind("-", MAX_SLUG * 4 // 5, MAX_SLUG + 1)
    return slug[: cut if cut > 0 else MAX_SLUG].strip("-_")


_KATAKANA_RUN = re.compile("[\u30a1-\u30fa\u30fc]+")
_SMALL_KANA = str.maketrans(
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ", "あいうえおつやゆよわかけアイウエオツヤユヨワカケ"
)
_BETWEEN_WORDS = re.compile(r"[\s・‐‑‒–—―_·-]+")
_LONG_MARK = "ー"
_LONG_WORD = 5
_ENDED_WORD = 3


def variant_key(text: str) -> str:
    """What names have in common that may be one term though their identities differ: a proposal to people, never a rule.

    Spelling that Japanese desks vary in is folded: the long-vowel mark at the end of a katakana word of three letters or
    more (サーバ, サーバー; JIS Z 8301) and anywhere in a longer one (ローカルサーバ), small kana (ウェブ, ウエブ), and what
    stands between words (・, hyphens, blanks). A short word keeps its mark (ビル is no ビール); a Latin plural is another word.
    """
    joined = _BETWEEN_WORDS.sub("", identity(text).translate(_SMALL_KANA))
    return _KATAKANA_RUN.sub(lambda found: _without_long_marks(found.group()), joined)


def _without_long_marks(word: str) -> str:
    bare = word.replace(_LONG_MARK, "")
    if len(bare) >= _LONG_WORD:
        return bare
    ended = word.rstrip(_LONG_MARK)
    return ended if len(ended) >= _ENDED_WORD else word
