"""Log lines that an attacker's file name, path or user agent cannot break."""

import logging
import re

# Control characters, line separators, and marks that reverse the reading direction of what follows.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def escape_controls(text: str) -> str:
    """The text on one line, each unsafe character written as its escape (``\\n``, ``\\x1b``, ``\\u2028``)."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class OrdinaryAnswers(logging.Filter):
    """Of a logger: takes from answers that every site gives all day their rank of a warning, and their traceback.

    Nobody could see what matters between the lines of robots that ask for what is not there. What may be an attack has loggers
    of its own (``django.security``), and what the server is at fault for stays an error.
    """

    LEVELS = {403: logging.INFO, 404: logging.DEBUG, 405: logging.DEBUG, 410: logging.DEBUG}

    def filter(self, record: logging.LogRecord) -> bool:
        level = self.LEVELS.get(getattr(record, "status_code", 0))
        if level is None:
            return True
        record.levelno, record.levelname = level, logging.getLevelName(level)
        record.exc_info = record.exc_text = None
        return logging.getLogger(record.name).isEnabledFor(level)


class LineFormatter(logging.Formatter):
    """Writes an event, its traceback included, as one line: time, level, logger, message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self.default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        return escape_controls(super().format(record))
