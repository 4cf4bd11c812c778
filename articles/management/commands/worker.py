"""``manage.py worker``: runs background work, and takes up imports whose process died."""

from __future__ import annotations

import logging
import os
import signal
import time
from argparse import ArgumentParser
from datetime import timedelta
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from articles import cards, variants
from articles.edge import Edge
from articles.editorial.notices import take_up_mails
from articles.editorial.schedule import settle_due
from articles.following import Follower
from articles.lookalikes import measure_waiting
from articles.management.reasons import first_line
from articles.management.translated import TranslatedCommand
from articles.queue import allow_work, enqueue_once, has_ended, name_holder, request_stop
from articles.referrers import refresh_due
from articles.related import relate_waiting
from articles.transfer.runs import take_up
from articles.transfer.uploads import clear_uploads

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60
GIVES_WAY = 10
"""How far the worker steps back behind the server on one machine, as ``nice`` counts: readers wait for nobody's import."""
PICTURES_AT_ONCE = 200
POSTS_AT_ONCE = 100
REST_SECONDS = 1.0
LONGEST_REST = 30.0
NAME_LENGTH = 64


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Runs imports and other background work until it is stopped. SIGTERM or Ctrl-C: stops at the next safe point."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help=_("works off what is waiting, then ends"))

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = logging.getLogger("django_tasks_db")
        # The library says every second that there is nothing to do.
        quiet.setLevel(logging.WARNING)
        allow_work()
        if not options["once"]:
            os.nice(GIVES_WAY)
        worker = StoppableWorker()
        worker.configure_signals()
        logger.info("worker %s started", worker.worker_id)
        if settings.EDGE_PURGE_URL and not options["once"]:
            # In a thread of its own: an import that takes an hour must not keep a withdrawn text in other caches.
            Follower(Edge()).start()
        Loop(worker, ends_when_idle=options["once"]).run()


class StoppableWorker(Worker):
    """The library's worker, one task at a time; a signal also asks the task that is running to stop at a safe point."""

    def __init__(self) -> None:
        super().__init__(
            queue_names=["*"],
            interval=0,
            batch=True,
            backend_name="default",
            startup_delay=False,
            max_tasks=1,
            worker_id=name_holder()[:NAME_LENGTH],
            excluded_queue_names=[],
        )

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        request_stop()
        super().shutdown(signum, frame)

    def configure_signals(self) -> None:
        super().configure_signals()
        signal.signal(signal.SIGHUP, self.shutdown)

    def work_once(self) -> bool:
        """Runs one task; whether there was one."""
        self._run_tasks = 0
        self.run()
        return self._run_tasks > 0


class Loop:
    """Works, rests, and looks now and then for imports that nobody works on. Survives a database that goes away."""

    def __init__(self, worker: StoppableWorker, *, ends_when_idle: bool) -> None:
        self.worker, self.ends_when_idle = worker, ends_when_idle
        self.looked = -float(LOOK_SECONDS)
        # Posts may have appeared or expired while no worker ran.
        self.due_until = timezone.now() - timedelta(hours=1)
        self.rest = REST_SECONDS

    def run(self) -> None:
        while self.worker.running:
            try:
                self._look()
                worked = self.worker.work_once()
                self.rest = REST_SECONDS
            except (DatabaseError, InterfaceError) as error:
                logger.error("the database does not answer: %s", first_line(error))
                connections.close_all()
                worked = False
                self.rest = min(LONGEST_REST, self.rest * 2)
            if worked:
                continue
            if self.ends_when_idle:
                return
            if self.worker.running:
                time.sleep(self.rest)

    def _look(self) -> None:
        if time.monotonic() - self.looked < LOOK_SECONDS:
            return
        # Between two tasks this process works on nothing, so a task that says so was left by a database that went away.
        fail_lost_tasks()
        if number := take_up():
            logger.info("taken up: %s imports", number)
        if number := take_up_mails():
            logger.info("taken up: %s mails", number)
        if number := clear_uploads():
            logger.info("cleared away: %s uploads", number)
        if number := settle_due():
            logger.info("published by their date: %s posts", number)
        now = timezone.now()
        refresh_due(self.due_until, now)
        self.due_until = now
        measure_waiting(PICTURES_AT_ONCE)
        relate_waiting(POSTS_AT_ONCE)
        if variants.is_waiting():
            enqueue_once("articles.tasks.make_variants")
        if cards.is_waiting():
            enqueue_once("articles.tasks.make_cards")
        self.looked = time.monotonic()


def fail_lost_tasks() -> int:
    """Marks tasks as failed whose worker has ended; the library leaves them running for ever. Gives their number."""
    count = 0
    for task in DBTaskResult.objects.running():
        worker = task.worker_ids[-1] if task.worker_ids else ""
        if has_ended(worker):
            rows = DBTaskResult.objects.filter(pk=task.pk, status=task.status)
            count += rows.update(
                status="FAILED",
                finished_at=timezone.now(),
                exception_class_path="articles.queue.WorkerEnded",
                traceback="The worker's process ended while the task ran.",
            )
    return count
