"""Background work: enqueued by dotted name, and told when its process is asked to stop."""

from __future__ import annotations

import os
import socket
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.module_loading import import_string
from django_tasks_db.models import DBTaskResult

MACHINE = 20
"""Characters of a machine's name. A worker's name, of which this is a part, has room for 64 in the library's table."""

_stop = threading.Event()


class Stopping(Exception):
    """This process was asked to stop. Long work raises it where it can be taken up again."""


def enqueue(name: str, *arguments: int | str, delay: timedelta | None = None) -> None:
    """Puts the task of the dotted name ``name`` (``articles.tasks.…``) into the queue once the transaction commits.

    ``delay`` is the earliest moment from now. A task that is lost between the two (a power cut) must be found by what it
    was to work on: see :func:`articles.transfer.runs.take_up`.
    """
    transaction.on_commit(partial(_enqueue, name, arguments, delay))


def enqueue_once(name: str) -> None:
    """The same for a task that works off whatever waits: not where one of its name has not begun yet."""
    transaction.on_commit(partial(_enqueue_once, name))


def _enqueue_once(name: str) -> None:
    if not DBTaskResult.objects.ready().filter(task_path=name).exists():
        _enqueue(name, (), None)


def _enqueue(name: str, arguments: tuple[int | str, ...], delay: timedelta | None) -> None:
    task = import_string(name)
    if delay is not None:
        task = task.using(run_after=timezone.now() + delay)
    task.enqueue(*arguments)


def request_stop() -> None:
    """Asks the work of this process to stop at its next safe point."""
    _stop.set()


def allow_work() -> None:
    """Takes :func:`request_stop` back: this process begins anew."""
    _stop.clear()


def is_stopping() -> bool:
    """Whether this process was asked to stop."""
    return _stop.is_set()


def stop_if_asked() -> None:
    """Raises Stopping where this process was asked to stop."""
    if _stop.is_set():
        raise Stopping


# --- Processes, by name ---------------------------------------------------------------------------------------------


def name_process() -> str:
    """A name for this process that no other has or had: machine, process space, number, moment of its start."""
    return f"{socket.gethostname()[:MACHINE]}/{_read_space()}/{os.getpid()}/{_read_start(os.getpid())}"


def name_holder() -> str:
    """A name for one piece of work of this process."""
    return f"{name_process()}/{get_random_string(12)}"


def has_ended(holder: str) -> bool | None:
    """Whether the process of ``holder`` (of :func:`name_holder`) is gone; ``None`` where it ran on another machine."""
    parts = holder.split("/")
    if len(parts) < 4 or parts[0] != socket.gethostname()[:MACHINE] or parts[1] != _read_space() or not parts[2].isdigit():
        return None
    number = int(parts[2])
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _read_start(number) != parts[3]


def _read_space() -> str:
    """Which process space (container) this is: the same number means another process in another one."""
    try:
        return os.readlink("/proc/self/ns/pid").rpartition(":")[2].strip("[]")
    except OSError:
        return "-"


def _read_start(number: int) -> str:
    """When a process started, as the kernel counts; ``-`` where it does not say. Numbers of processes are used again."""
    try:
        # The name of the program stands in brackets and may hold blanks.
        return Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"
