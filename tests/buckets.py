"""A bucket that speaks S3 in this process, and a line to it on which a test makes things go wrong."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from articles.stores import s3

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
REGION = "us-east-1"


@dataclass
class Bucket:
    """One empty bucket of the server at ``endpoint``."""

    endpoint: str
    name: str

    @cached_property
    def client(self) -> Any:
        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    @property
    def setting(self) -> dict[str, str]:
        """As ``settings.MEDIA_STORE`` has it."""
        return {"bucket": self.name, "prefix": "site", "endpoint_url": self.endpoint, "region": REGION}

    @property
    def address(self) -> str:
        """As the variable ``MEDIA_STORE`` has it."""
        return f"s3://{self.name}/site?endpoint_url={self.endpoint}&region={REGION}"

    def through(self, line: Line) -> dict[str, str]:
        """The setting for a site that reaches the bucket by ``line``."""
        return self.setting | {"endpoint_url": f"http://127.0.0.1:{line.port}"}

    def names(self, part: str = "") -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.name, Prefix=f"site/{part}")
        return sorted(one["Key"].removeprefix(f"site/{part}") for one in found.get("Contents", ()))


@contextmanager
def serve_buckets() -> Iterator[str]:
    """A server of buckets on a free port; its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def hurry(monkeypatch: Any) -> None:
    """Shortens what a store waits for, so that a test of a line that hangs takes a second and not a minute."""
    for name, seconds in (
        ("CONNECT_SECONDS", 1),
        ("ANSWER_SECONDS", 0.3),
        ("HURRIED_ANSWER_SECONDS", 0.3),
        ("REST_SECONDS", 0.2),
    ):
        monkeypatch.setattr(s3, name, seconds)


class Line:
    """A port that leads to another. ``mode``: ``pass``, ``refuse``, ``hang``, ``reset``, or ``cut`` after ``limit`` bytes."""

    def __init__(self, address: str) -> None:
        host, _mark, port = address.rpartition("//")[2].partition(":")
        self.target = (host, int(port))
        self.mode = "pass"
        self.limit = 0
        self.passed = 0
        self._ends = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ends.is_set():
            with suppress(TimeoutError):
                connection, _address = self._listener.accept()
                thread = threading.Thread(target=self._lead, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _lead(self, caller: socket.socket) -> None:
        if self.mode in ("refuse", "reset"):
            _break(caller)
            return
        with socket.create_connection(self.target) as server:
            for end in (caller, server):
                end.settimeout(0.02)
            try:
                while not self._ends.is_set() and self._carry(caller, server) and self._carry(server, caller):
                    pass
                caller.close()
            except OSError:
                _break(caller)

    def _carry(self, source: socket.socket, target: socket.socket) -> bool:
        """One piece from one end to the other; whether there may be more. Raises OSError where the line breaks."""
        try:
            data = source.recv(65536)
        except TimeoutError:
            return True
        while self.mode == "hang" and not self._ends.wait(0.02):
            pass
        if target.getpeername()[1] == self.target[1]:
            self.passed += len(data)
        if self.mode in ("refuse", "reset") or (self.mode == "cut" and self.passed > self.limit):
            raise ConnectionResetError
        target.settimeout(5)
        target.sendall(data)
        target.settimeout(0.02)
        return bool(data)


def _break(connection: socket.socket) -> None:
    """Ends a connection as a machine does that went away."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
