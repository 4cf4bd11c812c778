"""Bytes ↔ text: strict decoding, never a guess that changes a character, and the same bytes back."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from charset_normalizer import from_bytes
from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import frontmatter
from articles.formats.document import SourceText

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024

# UTF-32 before UTF-16: FF FE 00 00 begins with UTF-16's mark.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BOM_OF = {name: mark for mark, name in _BOMS}
_WIDE = frozenset(("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"))
# EUC-JIS-2004 and EUC's NEC row hold ①, which Python's euc_jp does not know.
_LEGACY = ("euc_jp", "cp932", "euc_jis_2004")

_ISO_2022_JP = re.compile(rb"\x1b\$[@B]|\x1b\$\(D|\x1b\([JI]")
_LINE_END = re.compile("\r\n|\r|\n")
_LINE = re.compile("[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_LINE_BYTES = re.compile(b"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_UTF8_SEQUENCE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_FALSE_UTF8 = re.compile(
    rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xed[\xa0-\xbf][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}"
)
_DIFF_LINES = 4000
_WINDOW = 128 * 1024


@dataclass(frozen=True, slots=True)
class EncodingProposal:
    """The legacy encoding that fits all of a source's non-Unicode files.

    ``encoding`` is ``""`` where every file is Unicode, or none fits. ``certain`` is false where a person should
    confirm it: ``findings`` says why.
    """

    encoding: str
    certain: bool = True
    findings: list[Finding] = field(default_factory=list)


def decode_source(data: bytes, *, encoding: str = "", max_bytes: int = MAX_DOCUMENT_BYTES) -> SourceText:
    """Decodes one file and splits head and body; :func:`encode_source` gives ``data`` back, whatever was accepted.

    Tried strictly, in this order: byte order mark, ISO-2022-JP (by its escapes), UTF-8, then ``encoding`` (the
    source's own, from :func:`propose_encoding`), or without one EUC-JP and CP932, whichever reads as Japanese. Empty
    files are empty documents. Raises :class:`RefusedFile` for files over ``max_bytes``, for NUL, for bytes that fit
    nothing, for damaged UTF-8 (with byte offset and line), and for unclosed front matter.
    """
    text, name, bom = _decode_checked(data, encoding, max_bytes)
    newline, is_mixed = "\n", False
    if "\r" in text:
        newline, is_mixed = _find_newline(text)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    head, body, kind = frontmatter.split(text)
    source = SourceText(head, body, kind, name, bom, newline)
    if is_mixed or (name != "utf-8" and _encode_text(source) != data):
        source.raw = data
    return source


def decode_text(data: bytes, *, encoding: str = "", max_bytes: int = MAX_DOCUMENT_BYTES) -> str:
    """The text of a file that is no document (a configuration), with line ends ``\\n``; decoded by the same rules.

    Raises :class:`RefusedFile` as :func:`decode_source` does, front matter apart.
    """
    text = _decode_checked(data, encoding, max_bytes)[0]
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def encode_source(source: SourceText) -> bytes:
    """The file's bytes: those that were decoded, or after :func:`with_text` the edited ones.

    Raises ``UnicodeEncodeError`` only for a source built by hand whose text its encoding lacks.
    """
    return source.raw if source.raw is not None else _encode_text(source)


def with_text(source: SourceText, head: str, body: str) -> SourceText:
    """``source`` with another text (line ends ``\\n``), in its encoding, line end and mark.

    The old bytes are dropped; where the file had mixed line ends, ``raw`` holds the edited file with the line ends of
    untouched lines as they were. A text that a legacy encoding lacks (an emoji in CP932) makes the file UTF-8.
    """
    kind = frontmatter.split(head + body)[2] if head != source.head else source.format
    edited = replace(source, head=head, body=body, format=kind, raw=None)
    if head == source.head and body == source.body:
        return replace(edited, raw=source.raw)
    if not _can_encode(edited):
        edited = replace(edited, encoding="utf-8", bom=False)
    if source.raw is not None:
        data = encode_edited(source, head, body)
        if data != _encode_text(edited):
            edited.raw = data
    return edited


def encode_edited(original: SourceText, head: str, body: str) -> bytes:
    """The bytes of ``original`` after its text became ``head + body``: untouched lines keep their bytes.

    Lines are compared with those of the original; a new or changed line takes the line end of the line before it.
    Only files whose bytes had to be kept (``raw``) need the comparison. A text that the encoding lacks gives UTF-8,
    still with the untouched lines' own line ends.
    """
    edited = replace(original, head=head, body=body, raw=None)
    encoding = original.encoding
    if not _can_encode(edited):
        encoding = "utf-8"
        edited = replace(edited, encoding=encoding, bom=False)
    if original.raw is None:
        return _encode_text(edited)
    mark = _BOM_OF[original.encoding] if original.bom else b""
    old_lines = _split_raw(original.raw[len(mark) :], original.encoding)
    lines = _weave_lines(old_lines, (head + body), original.newline)
    if encoding == original.encoding:
        return mark + b"".join(raw if raw is not None else text.encode(encoding) for text, raw in lines)
    return "".join(text for text, _raw in lines).encode(encoding)


def propose_encoding(samples: Iterable[bytes]) -> str:
    """The legacy encoding for all files of a source (see :func:`propose`); ``""`` where none is needed or none fits."""
    return propose(samples).encoding


def propose(samples: Iterable[bytes]) -> EncodingProposal:
    """Which one encoding fits every sample that is not Unicode, tried over all of them together.

    One file alone decides badly: half-width katakana in CP932 is also valid EUC-JP. Where both fit everywhere, the
    reading with more ordinary Japanese wins and a finding says that there was a choice. Where neither fits,
    charset_normalizer's guess is proposed, never certain.
    """
    legacy = [data for data in samples if _needs_legacy(data)]
    if not legacy:
        return EncodingProposal("")
    scores = _score_candidates(legacy)
    if not scores:
        guess = _guess_encoding(legacy)
        return EncodingProposal(guess, False, [_describe_guess(guess)] if guess else [])
    (best, score), *others = sorted(scores.items(), key=lambda item: -item[1])
    if others and score - others[0][1] < 0.2:
        return EncodingProposal(best, False, [_describe_choice(best, others[0][0])])
    return EncodingProposal(best)


def _decode_checked(data: bytes, encoding: str, max_bytes: int) -> tuple[str, str, bool]:
    if len(data) > max_bytes:
        raise RefusedFile(_describe_size(len(data), max_bytes))
    text, name, bom = _decode(data, encoding)
    if "\0" in text:
        raise RefusedFile(_describe_nul(text, data, name))
    return text, name, bom


def _decode(data: bytes, encoding: str) -> tuple[str, str, bool]:
    """Text, encoding name, whether a mark was there. The mark is no part of the text."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _decode_strictly(data, name, len(mark)), name, True
    if encoding:
        encoding = _name_encoding(encoding)
        if encoding in _WIDE:
            return _decode_strictly(data, encoding, 0), encoding, False
    if b"\x1b" in data and _ISO_2022_JP.search(data) and data.isascii():
        text = _try_decode(data, "iso2022_jp_ext")
        if text is not None:
            return text, "iso2022_jp_ext", False
    try:
        return data.decode("utf-8"), "utf-8", False
    except UnicodeDecodeError as error:
        return _decode_legacy(data, encoding, error)


def _decode_legacy(data: bytes, encoding: str, error: UnicodeDecodeError) -> tuple[str, str, bool]:
    if _is_damaged_utf8(data, error.start, trust_overlong=not encoding):
        raise RefusedFile(_describe_damage(data, error))
    if encoding:
        return _decode_strictly(data, encoding, 0), encoding, False
    scores = _score_candidates([data])
    if scores:
        best = max(scores, key=lambda name: scores[name])
        return data.decode(best), best, False
    raise RefusedFile(_describe_unknown(data, error))


def _decode_strictly(data: bytes, name: str, start: int) -> str:
    try:
        return data[start:].decode(name)
    except UnicodeDecodeError as error:
        offset = start + error.start
        raise RefusedFile(
            Finding(
                "bad-bytes",
                "error",
                _("Byte %(offset)s is not valid %(encoding)s. Save the file as UTF-8, or name its encoding for the import."),
                {"offset": offset, "encoding": name},
                _count_lines(data[:offset], name),
            )
        ) from error


def _try_decode(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        return None


def _name_encoding(encoding: str) -> str:
    """Python's name of an encoding that a person named. Raises :class:`RefusedFile` if there is no such text encoding."""
    try:
        info = codecs.lookup(encoding)
        "".encode(info.name)
    except (LookupError, ValueError) as error:
        finding = Finding(
            "unknown-encoding",
            "error",
            _("There is no text encoding “%(encoding)s”. Try utf-8, cp932 or euc-jp."),
            {"encoding": encoding},
        )
        raise RefusedFile(finding) from error
    # Shift_JIS as declared by people is the Windows variant: ①, ～ and － differ.
    return "cp932" if info.name in ("shift_jis", "shift-jis") else info.name


def _encode_text(source: SourceText) -> bytes:
    text = source.head + source.body
    if source.newline != "\n":
        text = text.replace("\n", source.newline)
    data = text.encode(source.encoding)
    return _BOM_OF[source.encoding] + data if source.bom else data


def _can_encode(source: SourceText) -> bool:
    try:
        (source.head + source.body).encode(source.encoding)
    except UnicodeEncodeError:
        return False
    return True


def _find_newline(text: str) -> tuple[str, bool]:
    """The most frequent line end, and whether there are others."""
    crlf = text.count("\r\n")
    counts = {"\r\n": crlf, "\n": text.count("\n") - crlf, "\r": text.count("\r") - crlf}
    newline = max(counts, key=lambda end: counts[end])
    return newline, sum(1 for count in counts.values() if count) > 1


def _split_raw(data: bytes, encoding: str) -> list[tuple[str, bytes | None]]:
    """Lines with their line ends, each with its bytes (``None`` where lines cannot be cut out of the bytes)."""
    text = data.decode(encoding)
    if encoding not in _WIDE:
        pieces = _LINE_BYTES.findall(data)
        texts = [_try_decode(piece, encoding) for piece in pieces]
        if "".join(part or "" for part in texts) == text:
            return [(part or "", piece) for part, piece in zip(texts, pieces, strict=True)]
    return [(line, None) for line in _LINE.findall(text)]


def _weave_lines(old: list[tuple[str, bytes | None]], text: str, newline: str) -> list[tuple[str, bytes | None]]:
    """The lines of ``text`` with the line ends (and bytes) of the equal lines of ``old``."""
    new = _split_lines(text)
    old_texts = [_LINE_END.sub("\n", line) for line, _raw in old]
    lines: list[tuple[str, bytes | None]] = []
    for tag, old_start, old_end, new_start, new_end in _compare(old_texts, new):
        if tag == "equal":
            lines += old[old_start:old_end]
            continue
        end = newline
        if lines and (found := _LINE_END.search(lines[-1][0])):
            end = found.group()
        for place, line in enumerate(new[new_start:new_end]):
            # A changed line keeps its own line end.
            same = old[old_start + place][0] if old_start + place < old_end else ""
            if found := _LINE_END.search(same):
                end = found.group()
            lines.append((line.replace("\n", end), None))
    return _part_line_ends(lines)


def _part_line_ends(lines: list[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    """A line that ends with CR before an empty line that ends with LF would make one CRLF of the two: CR for both."""
    for number in range(1, len(lines)):
        if lines[number][0] == "\n" and lines[number - 1][0].endswith("\r"):
            lines[number] = ("\r", None)
    return lines


def _split_lines(text: str) -> list[str]:
    """Lines ending with ``\\n``; never ``splitlines()``, to which VT, FF, NEL and U+2028 are line ends too."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _compare(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    """difflib's opcodes; what is common at both ends is cut off first, since difflib is quadratic on repeated lines."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old_end, new_end = len(old) - end, len(new) - end
    if max(old_end, new_end) - start > _DIFF_LINES:
        middle = [("replace", start, old_end, start, new_end)]
    else:
        matcher = difflib.SequenceMatcher(None, old[start:old_end], new[start:new_end], autojunk=False)
        middle = [(tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in matcher.get_opcodes()]
    return [("equal", 0, start, 0, start), *middle, ("equal", old_end, len(old), new_end, len(new))]


def _needs_legacy(data: bytes) -> bool:
    if data.startswith(tuple(mark for mark, _name in _BOMS)) or data.isascii():
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return not _is_damaged_utf8(data, error.start, trust_overlong=True)
    return False


def _is_damaged_utf8(data: bytes, place: int, *, trust_overlong: bool) -> bool:
    """Whether bytes that are no valid UTF-8 (first at ``place``) were meant to be: read as anything else they are mojibake.

    Two signs: at least two thirds of the non-ASCII bytes are valid sequences (legacy Japanese reaches a third by
    chance); or all are valid, overlong or surrogate sequences, which only a faulty or hostile UTF-8 encoder writes.
    """
    high = valid = false = 0
    # A window is enough to judge by, and large files stay cheap.
    for run in _HIGH_RUN.findall(data, max(0, place - _WINDOW), place + _WINDOW):
        high += len(run)
        rest = _UTF8_SEQUENCE.sub(b"", run)
        valid += len(run) - len(rest)
        false += len(rest) - len(_FALSE_UTF8.sub(b"", rest))
    if valid * 3 >= (high - false) * 2 and valid:
        return True
    return trust_overlong and valid + false == high


def _score_candidates(samples: list[bytes]) -> dict[str, float]:
    """The encodings that decode every sample strictly and read as Japanese, with a score from 0 to 1."""
    scores: dict[str, float] = {}
    for name in _LEGACY:
        if name == "euc_jis_2004" and "euc_jp" in scores:
            continue
        texts = [_try_decode(data, name) for data in samples]
        if None in texts:
            continue
        score = _score_japanese("\n".join(_cut_sample(text or "", _WINDOW // len(samples)) for text in texts))
        if score > 0.3:
            scores[name] = score
    return scores


def _cut_sample(text: str, length: int) -> str:
    """Up to ``length`` characters (at least 200) from the first that is not ASCII on."""
    first = _HIGH.search(text)
    return text[max(0, first.start() - 1) : first.start() + max(200, length)] if first else ""


_ORDINARY = re.compile("[\u3040-\u30ff\u3000-\u303f\uff01-\uff5e]")
_KANJI = re.compile("[\u4e00-\u9fff々〆〇]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_HIGH = re.compile("[^\x00-\x7f]")
_LONE_KANJI = re.compile("(?<=[A-Za-z])[\u4e00-\u9fff](?=[A-Za-z])|(?<=[A-Za-z])[\u4e00-\u9fff](?![^\x00-\x7f])")


def _score_japanese(text: str) -> float:
    """How far the non-ASCII characters look like Japanese prose, 0 to 1.

    Kana and Japanese punctuation count fully, kanji of JIS level 1 nearly so, half-width katakana a little; rarer
    kanji, private use and foreign letters not at all; kanji standing alone between Latin letters (é read as CP932)
    count against.
    """
    high = len(_HIGH.findall(text))
    if not high:
        return 0.0
    common = sum(1 for kanji in _KANJI.findall(text) if _is_common_kanji(kanji))
    good = len(_ORDINARY.findall(text)) + 0.9 * common + 0.4 * len(_HALF_KANA.findall(text))
    return max(0.0, (good - 2 * len(_LONE_KANJI.findall(text))) / high)


def _is_common_kanji(kanji: str) -> bool:
    """JIS X 0208 level 1: rows 16 to 47."""
    try:
        code = kanji.encode("euc_jp")
    except UnicodeEncodeError:
        return False
    return (len(code) == 2 and code[0] <= 0xCF) or kanji in "々〆〇"


def _guess_encoding(samples: list[bytes]) -> str:
    """charset_normalizer's best guess that decodes every sample, or ``""``."""
    best = from_bytes(b"\n".join(samples)[:20_000]).best()
    if best is None or any(_try_decode(data, best.encoding) is None for data in samples):
        return ""
    return best.encoding


def _count_lines(data: bytes, encoding: str) -> int:
    """The line, from 1, on which the bytes after ``data`` stand."""
    text = data.decode(encoding, errors="replace")
    return len(_LINE_END.findall(text)) + 1


def _describe_size(size: int, limit: int) -> Finding:
    return Finding(
        "too-large",
        "error",
        _("The file has %(size)s bytes; a document may have %(limit)s. Split it, or keep large data in an attachment."),
        {"size": size, "limit": limit},
    )


def _describe_nul(text: str, data: bytes, name: str) -> Finding:
    line = len(_LINE_END.findall(text[: text.index("\0")])) + 1
    if name == "utf-8" and data.count(b"\0") * 3 > len(data):
        template = _("The file seems to be UTF-16 without a byte order mark. Save it as UTF-8.")
    else:
        template = _("There is a NUL character in line %(line)s. Remove it: no database and no browser keeps it.")
    return Finding("nul", "error", template, {"line": line}, line)


def _describe_damage(data: bytes, error: UnicodeDecodeError) -> Finding:
    line = _count_lines(data[: error.start], "latin-1")
    return Finding(
        "damaged-utf-8",
        "error",
        _("Byte %(offset)s (hexadecimal %(byte)s) in line %(line)s is damaged UTF-8. Correct that place."),
        {"offset": error.start, "byte": data[error.start : error.start + 1].hex(), "line": line},
        line,
    )


def _describe_unknown(data: bytes, error: UnicodeDecodeError) -> Finding:
    line = _count_lines(data[: error.start], "latin-1")
    guess = _guess_encoding([data])
    if guess:
        template = _(
            "The file is neither UTF-8 nor Japanese (byte %(offset)s, line %(line)s); it may be %(guess)s. Save it as UTF-8, "
            "or name the encoding for the import."
        )
    else:
        template = _(
            "The file is neither UTF-8 nor Japanese (byte %(offset)s, line %(line)s). Save it as UTF-8, or name the encoding "
            "for the import."
        )
    return Finding("unknown-encoding", "error", template, {"offset": error.start, "line": line, "guess": guess}, line)


def _describe_guess(guess: str) -> Finding:
    return Finding(
        "encoding-guessed",
        "warning",
        _("Some files are neither UTF-8 nor Japanese; they may be %(encoding)s. Name the encoding for the import."),
        {"encoding": guess},
    )


def _describe_choice(best: str, other: str) -> Finding:
    return Finding(
        "encoding-ambiguous",
        "warning",
        _("The files that are not UTF-8 can be read as %(best)s and as %(other)s; %(best)s was taken. Check a few titles."),
        {"best": best, "other": other},
    )
