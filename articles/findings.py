"""Problem reports with a stable code, said in the reader's language when shown and in English when stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext, gettext_noop

Severity = Literal["info", "warning", "error"]

# The parameter whose value is itself a text of the code, marked where it is written, or of the system, listed here.
REASON = "reason"
_SYSTEM_REASONS = (
    gettext_noop("Permission denied"),
    gettext_noop("No such file or directory"),
    gettext_noop("Is a directory"),
    gettext_noop("Not a directory"),
    gettext_noop("No space left on device"),
    gettext_noop("Read-only file system"),
    gettext_noop("File name too long"),
    gettext_noop("Input/output error"),
    gettext_noop("Too many levels of symbolic links"),
    gettext_noop("Too many open files"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a person should know about a file or a text.

    ``code`` is stable (``duplicate-key``); ``template`` is English with ``%(name)s`` places and is marked for
    translation where it is written (``gettext_noop``); it names the thing and the remedy. A value of ``params`` may be
    another finding, and that of ``reason`` is translated too. ``line`` counts from 1 in the whole file, front matter
    included; ``None`` where no line applies.
    """

    code: str
    severity: Severity
    template: str
    params: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None

    def __post_init__(self) -> None:
        # Names come from texts and archives; no database takes this character, nor the line of a log.
        if any("\0" in value for value in self.params.values() if isinstance(value, str)):
            params = {
                name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in self.params.items()
            }
            object.__setattr__(self, "params", params)

    @property
    def message(self) -> str:
        """The English message, for reports that machines read."""
        return self.template % self.params if self.params else self.template

    def localised(self) -> str:
        """The message in the active language."""
        text = gettext(self.template)
        return text % {name: _say(name, value) for name, value in self.params.items()} if self.params else text

    def __str__(self) -> str:
        return self.message

    def as_json(self) -> dict[str, Any]:
        """A plain mapping that :meth:`from_json` reads back; ``message`` is there for people with no catalogue."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "line": self.line,
            "template": self.template,
            "params": {name: _as_plain(value) for name, value in self.params.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        params = data.get("params") or {}
        read = {name: cls.from_json(value) if isinstance(value, Mapping) else value for name, value in params.items()}
        return cls(data["code"], data["severity"], data["template"], read, data.get("line"))


def _say(name: str, value: Any) -> Any:
    if isinstance(value, Finding):
        return value.localised()
    # The empty text would be answered with the catalogue's own header.
    return gettext(str(value)) if name == REASON and value else value


def _as_plain(value: Any) -> Any:
    return value.as_json() if isinstance(value, Finding) else str(value)


class RefusedFile(Exception):
    """A file that cannot be taken in. ``finding`` says which, why, and what to do. Raised by the pure layers."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding

    def __reduce__(self) -> tuple[type[RefusedFile], tuple[Finding]]:
        return (type(self), (self.finding,))
