"""A server between the site and what it depends on, which can be slow, hang, refuse and cut while a test runs."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from types import TracebackType
from urllib.parse import urlsplit

LONGEST = 60.0
CHUNK = 65536


class FaultProxy:
    """Passes bytes between whoever connects to :attr:`port` and one address, in a mode that a test changes at any time.

    ``pass``; ``delay`` waits ``seconds`` before each piece; ``hang`` takes connections and bytes and gives none back; ``refuse``
    resets what is there and what comes.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.taken = 0
        """Connections so far."""
        self._mode, self._seconds = "pass", 0.0
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._is_over = False
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    def before(cls, address: str, default_port: int) -> FaultProxy:
        """In front of the server of a URL."""
        parts = urlsplit(address)
        return cls(parts.hostname or "127.0.0.1", parts.port or default_port)

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._is_over = True
        self.set("refuse")
        self._listener.close()

    def set(self, mode: str, seconds: float = 0.0) -> None:
        """Changes the mode, also for connections that are open."""
        with self._changed:
            self._mode, self._seconds = mode, seconds
            self._changed.notify_all()
            if mode == "refuse":
                for one in list(self._open):
                    _reset(one)

    def redirect(self, host: str, port: int) -> None:
        """Connects whoever comes from now on with another address."""
        self._target = (host, port)

    def _accept(self) -> None:
        while not self._is_over:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.taken += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._mode == "refuse":
            _reset(client)
            return
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        self._open |= {client, server}
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            with contextlib.suppress(OSError, ValueError):
                while self._pass_on(ready):
                    pass
        self._open -= {client, server}
        for one in (client, server):
            one.close()

    def _pass_on(self, ready: selectors.BaseSelector) -> bool:
        for key, _ in ready.select(0.2):
            data = key.fileobj.recv(CHUNK)  # type: ignore[union-attr]
            if not data:
                return False
            with self._changed:
                self._changed.wait_for(lambda: self._mode != "hang" or self._is_over, LONGEST)
            if self._mode == "delay":
                time.sleep(self._seconds)
            key.data.sendall(data)
        return not self._is_over


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
        one.close()
