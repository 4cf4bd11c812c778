"""Problem reports with a stable code, said in the reader's language when shown and in English when stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a person should know about a file or a text.

    ``code`` is stable (``duplicate-key``); ``template`` is English with ``%(name)s`` places and is marked for
    translation where it is written (``gettext_noop``); it names the thing and the remedy. ``line`` counts from 1
    in the whole file, front matter included; ``None`` where no line applies.
    """

    code: str
    severity: Severity
    template: str
    params: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None

    @property
    def message(self) -> str:
        """The English message, for reports that machines read."""
        return self.template % self.params if self.params else self.template

    def localised(self) -> str:
        """The message in the active language."""
        text = gettext(self.template)
        return text % self.params if self.params else text

    def as_json(self) -> dict[str, Any]:
        """A plain mapping that :meth:`from_json` reads back; ``message`` is there for people with no catalogue."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "line": self.line,
            "template": self.template,
            "params": {name: str(value) for name, value in self.params.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        return cls(data["code"], data["severity"], data["template"], data.get("params") or {}, data.get("line"))


class RefusedFile(Exception):
    """A file that cannot be taken in. ``finding`` says which, why, and what to do. Raised by the pure layers."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding

    def __reduce__(self) -> tuple[type[RefusedFile], tuple[Finding]]:
        return (type(self), (self.finding,))
