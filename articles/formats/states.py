"""Which keys of front matter say who may see a text, and what they say: drafts under all their names.

Surveyed in the manuals of Jekyll, Hugo, Hexo, Zola, Eleventy, Astro, Docusaurus, VitePress, Pelican, Nikola, Grav, of Ghost's
and WordPress's exporters, Obsidian Publish and its kin, Zenn, Qiita, Hatena, DEV and Hashnode.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from articles.formats import frontmatter
from articles.formats.dates import BadDate, parse_date
from articles.formats.frontmatter import Scalar

StateReading = Literal["public", "private", "unknown", "secret", "unlisted"]

# All names are in the spelling of fold_state_key.
_PRIVATE_KEYS = frozenset(
    (
        *("draft", "drafts", "isdraft", "saveasdraft", "private", "isprivate", "ignorepublish", "unpublished"),
        *("wip", "trashed", "deleted", "下書き", "非公開"),
    )
)
# Of the others false says nothing: Qiita's files have both "private" and "ignorePublish".
_OPENED_BY_FALSE = frozenset(["draft", "drafts", "isdraft", "private", "isprivate", "下書き", "非公開"])
_PUBLIC_KEYS = frozenset(["published", "ispublished", "publish", "dgpublish", "public", "ispublic", "公開"])
_STATUS_KEYS = frozenset(
    ["status", "state", "poststatus", "publishstatus", "publicationstatus", "visibility", "公開状態", "公開設定", "ステータス"]
)
_SECRET_KEYS = frozenset(
    ["password", "postpassword", "encrypt", "encrypted", "protected", "membersonly", "subscribersonly", "requireslogin"]
)
# These kept a text out of lists while its address answered: said by true, or by false.
_UNLISTED_KEYS = {
    **dict.fromkeys(["hidden", "ishidden", "hide", "unlisted", "isunlisted", "eleventyexcludefromcollections"], True),
    **dict.fromkeys(["listed", "visible", "discoverable"], False),
}
# Here another value than yes or no is another use of the word.
_LOOSE_KEYS = frozenset(["public", "ispublic", "drafts", "wip", "deleted", "trashed"])
_DATED_KEYS = frozenset(["published", "publish", "公開"])
STATE_KEYS = _PRIVATE_KEYS | _PUBLIC_KEYS | _STATUS_KEYS | _SECRET_KEYS | _UNLISTED_KEYS.keys()
_PUBLIC_WORDS = frozenset(["published", "publish", "public", "live", "done", "公開", "公開済み", "公開中", "全体公開"])
_PRIVATE_WORDS = frozenset(
    (
        *("draft", "drafts", "auto-draft", "private", "pending", "future", "scheduled", "review", "in review", "in_review"),
        *("in-review", "unpublished", "unlisted", "hidden", "archived", "trash", "deleted", "inherit", "skip", "sent"),
        *("members", "paid", "tiers", "internal", "password", "wip", "in progress", "not started"),
        *("下書き", "非公開", "限定公開", "予約", "予約投稿", "執筆中", "作業中", "未公開", "公開待ち"),
    )
)
# Words near enough to one of these are meant as a state of publication.
_STATE_WORDS = ["draft", "private", "pending", "unpublished", "published", "scheduled", "下書き", "非公開", "公開"]
_JOINTS = str.maketrans("", "", "_- ")


@lru_cache(maxsize=1024)
def fold_state_key(key: str) -> str:
    """One spelling for a key: whoever writes ``Is_Draft`` or ``isDraft`` means it, whatever the generator reads."""
    return key.casefold().translate(_JOINTS)


def read_state(key: str, value: Any, zone: ZoneInfo, *, has_other_statuses: bool = False) -> StateReading | None:
    """What one key says of the publication; ``None`` where it says nothing of it.

    ``unknown`` is private too: a value that means nothing where only a state is meant. ``has_other_statuses``: a word for
    something else than publication, such as "completed", may stand under ``status``.
    """
    name = fold_state_key(key)
    if name not in STATE_KEYS or not (text := frontmatter.as_text(value).strip()):
        return None
    flag = frontmatter.as_bool(value)
    if name in _UNLISTED_KEYS:
        return "unlisted" if flag is _UNLISTED_KEYS[name] else None
    if name in _SECRET_KEYS:
        return "secret" if flag is not False and isinstance(value, Scalar) else None
    if name in _STATUS_KEYS:
        return _read_status(text, has_other_statuses=has_other_statuses) if isinstance(value, Scalar) else None
    if flag is None:
        return None if name in _LOOSE_KEYS or (name in _DATED_KEYS and is_date(text, zone)) else "unknown"
    if flag is not (name in _PUBLIC_KEYS):
        return "private"
    return "public" if name in _PUBLIC_KEYS or name in _OPENED_BY_FALSE else None


def _read_status(text: str, *, has_other_statuses: bool) -> StateReading | None:
    word = " ".join(text.casefold().split())
    if word in _PUBLIC_WORDS:
        return "public"
    if word in _PRIVATE_WORDS:
        return "private"
    return None if has_other_statuses and not get_close_matches(word[:40], _STATE_WORDS, 1, 0.75) else "unknown"


#: Keys by which themes keep a text out of search engines, and which hold yes or no: PaperMod's is the second.
NOINDEX_KEYS = ("noindex", "robotsNoIndex")
#: The key under which others write the words of the page's own ``<meta name="robots">``.
ROBOTS_KEY = "robots"
_NOINDEX_FLAGS = frozenset(key.casefold() for key in NOINDEX_KEYS)
_NOINDEX_WORDS = frozenset(("noindex", "none"))


def says_noindex(key: str, value: Any) -> bool:
    """Whether one key asks search engines to leave the text out."""
    folded = key.casefold()
    if folded == ROBOTS_KEY:
        return bool(_NOINDEX_WORDS & set(robots_words(value)))
    return folded in _NOINDEX_FLAGS and frontmatter.as_bool(value) is True


def robots_words(value: Any) -> list[str]:
    """The words of a key ``robots``, in lower case."""
    if isinstance(value, dict):
        return []
    text = ",".join(map(frontmatter.as_text, value)) if isinstance(value, list) else frontmatter.as_text(value)
    return [word for part in text.split(",") if (word := part.strip().casefold())]


def without_noindex(value: Any) -> str | None:
    """What is left of a key ``robots`` when search engines may have the text; ``None`` where that is nothing."""
    words = ["nofollow" if word == "none" else word for word in robots_words(value) if word != "noindex"]
    return ", ".join(words) or None


def write_state(key: str, value: Any) -> bool | str | None:
    """The value with which ``key``, now private, says that the text is public; ``None`` where no value does (passwords)."""
    name = fold_state_key(key)
    if name in _STATUS_KEYS:
        if not frontmatter.as_text(value).isascii():
            return "公開"
        return "public" if name == "visibility" else "published"
    if name in _UNLISTED_KEYS:
        return not _UNLISTED_KEYS[name]
    return None if name in _SECRET_KEYS else name in _PUBLIC_KEYS


def is_date(text: str, zone: ZoneInfo) -> bool:
    """Whether the text names an instant."""
    try:
        return parse_date(text, zone) is not None
    except BadDate:
        return False
