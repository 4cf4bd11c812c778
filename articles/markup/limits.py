"""Bounds on what one text may cost: size, depth and time.

The kramdown engine runs in Python and can be slow on hostile text. In the main thread a timer interrupts it; in a
threaded server, where no signal reaches the thread, it runs in a helper process that can be killed.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

#: Seconds that one text may take in a bounded engine.
TIME_LIMIT = 5.0
#: Characters of one text. The largest real post seen is 0.6 million (images in base64).
MAX_CHARACTERS = 4_000_000
#: Characters that one text may print by name, all values together.
MAX_PRINTED = 200_000
#: Characters for the kramdown engine, which is far slower.
MAX_KRAMDOWN_CHARACTERS = 1_000_000
#: Open elements within each other. Browsers and sanitisers take time quadratic in the depth.
MAX_DEPTH = 500
#: Tags of inline formatting left open by authors' HTML: a parser opens each of them again in every later paragraph.
MAX_UNCLOSED = 50

_STARTUP_LIMIT = 30.0
_PROJECT = Path(__file__).resolve().parents[2]
#: What running out of depth or memory raises.
_EXHAUSTION = (RecursionError, MemoryError)
#: What a mistake in the code raises on a text that nobody had thought of. None of these says that the text costs too much.
FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)

Engine = Callable[[str, frozenset[str]], str]


class TooComplex(Exception):
    """The text costs more to render than any article is worth."""


class EngineFailed(Exception):
    """The engine has a fault that this text meets. The message is the traceback, wherever the engine ran."""


class _TimeIsUp(BaseException):
    """Raised by the timer. No ``Exception``, so that no handler within the engine swallows it."""


def call_bounded(engine: Engine, text: str, features: frozenset[str], seconds: float = TIME_LIMIT) -> str:
    """``engine(text, features)``, ended after ``seconds``.

    Raises :class:`TooComplex` where it takes more time, depth or memory than it may, :class:`EngineFailed` where it has a fault.
    ``engine`` is a module-level function, found again by its name in the helper process.
    """
    if len(text) > MAX_KRAMDOWN_CHARACTERS:
        raise TooComplex
    if threading.current_thread() is threading.main_thread():
        return _call_with_timer(engine, text, features, seconds)
    return _helper(engine).ask(text, features, seconds)


def _call_with_timer(engine: Engine, text: str, features: frozenset[str], seconds: float) -> str:
    try:
        with _timer(seconds):
            return engine(text, features)
    except (_TimeIsUp, *_EXHAUSTION) as error:
        raise TooComplex from error
    except FAULTS as error:
        raise EngineFailed("".join(traceback.format_exception(error))) from error


def _raise_time_is_up(signum: int, frame: FrameType | None) -> None:
    raise _TimeIsUp


@contextmanager
def _timer(seconds: float) -> Iterator[None]:
    """Raises :class:`_TimeIsUp` inside the block after ``seconds``. An outer timer goes on afterwards."""
    started = time.monotonic()
    previous = signal.signal(signal.SIGALRM, _raise_time_is_up)
    outer, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(outer - (time.monotonic() - started), 0.001), interval)


class _Helper:
    """One long-lived process that runs one engine, one text at a time; killed and started anew when a text is too slow."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.owner = os.getpid()
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, text: str, features: frozenset[str], seconds: float) -> str:
        """Raises :class:`TooComplex` when the engine dies or takes longer than ``seconds``, :class:`EngineFailed` for a fault."""
        request = json.dumps([text, sorted(features), seconds]).encode()
        with self.lock:
            process = self._running()
            try:
                answer = self._exchange(process, request, time.monotonic() + seconds + 1)
            except (OSError, EOFError, TimeoutError) as error:
                self.stop()
                raise TooComplex from error
        html, fault = json.loads(answer)
        if fault is not None:
            raise EngineFailed(fault)
        if html is None:
            raise TooComplex
        return str(html)

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.process.poll() is not None:
            code = "import sys; from articles.markup.limits import serve; serve(*sys.argv[1:])"
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, self.engine.__module__, self.engine.__qualname__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=_PROJECT,
            )
            try:
                _read_message(self.process.stdout.fileno(), time.monotonic() + _STARTUP_LIMIT)  # type: ignore[union-attr]
            except (OSError, EOFError, TimeoutError) as error:
                self.stop()
                raise TooComplex from error
        return self.process

    def _exchange(self, process: subprocess.Popen[bytes], request: bytes, deadline: float) -> bytes:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(struct.pack(">Q", len(request)) + request)
        process.stdin.flush()
        return _read_message(process.stdout.fileno(), deadline)

    def stop(self) -> None:
        """Ends the process, if there is one, and closes its pipes."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        # Closing a pipe writes what is left in it, and nobody reads there any more.
        with suppress(BrokenPipeError), process:
            pass


_helpers: dict[str, _Helper] = {}
_helpers_lock = threading.Lock()


def _helper(engine: Engine) -> _Helper:
    name = f"{engine.__module__}:{engine.__qualname__}"
    with _helpers_lock:
        found = _helpers.get(name)
        # A forked child must not share its parent's pipes.
        if found is None or found.owner != os.getpid():
            found = _helpers[name] = _Helper(engine)
        return found


@atexit.register
def _stop_helpers() -> None:
    for helper in _helpers.values():
        if helper.owner == os.getpid():
            helper.stop()


def _read_message(descriptor: int, deadline: float) -> bytes:
    (size,) = struct.unpack(">Q", _read_exactly(descriptor, 8, deadline))
    return _read_exactly(descriptor, size, deadline)


def _read_exactly(descriptor: int, size: int, deadline: float) -> bytes:
    chunks: list[bytes] = []
    while size:
        ready, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError
        chunk = os.read(descriptor, min(size, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def serve(module: str, name: str) -> None:
    """The helper process: answers each text on its standard input with its HTML and a fault; both ``null``: too complex."""
    engine: Engine = getattr(importlib.import_module(module), name)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    _write_message(target.fileno(), b"ready")
    while header := source.read(8):
        text, features, seconds = json.loads(source.read(struct.unpack(">Q", header)[0]))
        answer: tuple[str | None, str | None] = (None, None)
        try:
            answer = (_call_with_timer(engine, text, frozenset(features), seconds), None)
        except TooComplex:
            pass
        except EngineFailed as failure:
            answer = (None, str(failure))
        _write_message(target.fileno(), json.dumps(answer).encode())


def _write_message(descriptor: int, message: bytes) -> None:
    data = memoryview(struct.pack(">Q", len(message)) + message)
    while data:
        data = data[os.write(descriptor, data) :]


# Void elements, and those that the next of their kind closes, cannot nest by being left open.
_NESTING_TAG = re.compile(
    r"<(/?)(?!(?:area|br|caption|col|colgroup|dd|dt|hr|img|input|li|option|p|rp|rt|source|tbody|td|tfoot|th|thead|tr|track|wbr)\b)[a-z]",
    re.I,
)
_NESTED_BY_ENGINES = ("<blockquote", "<ul", "<ol", "<dd")
_FORMATTING_TAG = re.compile(r"<(/?)(a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.I)


def check_html_cost(html: str, *, has_raw_html: bool) -> None:
    """Raises :class:`TooComplex` for HTML that is so nested that sanitising it takes time quadratic in its length."""
    if has_raw_html or (html.count("<") > MAX_DEPTH and sum(map(html.count, _NESTED_BY_ENGINES)) > MAX_DEPTH):
        _check_balance(_NESTING_TAG, html, MAX_DEPTH)
    if has_raw_html:
        _check_balance(_FORMATTING_TAG, html, MAX_UNCLOSED)


def _check_balance(tags: re.Pattern[str], html: str, limit: int) -> None:
    depth = 0
    for match in tags.finditer(html):
        depth = max(depth - 1, 0) if match[1] else depth + 1
        if depth > limit:
            raise TooComplex
