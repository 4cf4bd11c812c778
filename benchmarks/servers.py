"""Granian and gunicorn (gthread) under the same site: which one production starts.

    python benchmarks/servers.py [--posts 500] [--seconds 5] [--rounds 3]

Both run ``cms.wsgi:application`` in two processes of four threads: Granian as ``manage.py serve`` starts it, gunicorn from the
package index, put into a folder of this run. wrk asks with 16 connections (apt install wrk); the processor's time is that of
the server's whole process tree. Prints Markdown tables: speed and memory (medians, the servers in turn), and what happens under
slow clients and at SIGTERM and SIGHUP under load. A request is "lost" where its connection was taken and no whole answer came.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from beside_generators import PRODUCTION, PROJECT, family, manage, proportional_set
from corpus import write_site
from responsiveness import answers, free_port

SERVERS = ("granian", "gunicorn")
WORKERS, THREADS, CONNECTIONS, SLOW_SOCKETS, SLOW_SECONDS = 2, 4, 16, 500, 40
ARTICLE = "/posts/2010-01-01-post-000000/"
PAGES = {
    "an article, always the same": ARTICLE,
    "`/healthz`": "/healthz",
    "`/readyz`": "/readyz",
    "hits of a search, never the same": "",
}
# Every request another question, so that no cache has the answer: hits for a word, without what holds a number.
ANOTHER_QUESTION = """
counter = 0
request = function()
    counter = counter + 1
    return wrk.format("GET", "/search/?q=%E7%B7%A8%E9%9B%86%20-" .. os.time() .. counter)
end
"""
TICKS = os.sysconf("SC_CLK_TCK")


def install_gunicorn(folder: Path) -> str:
    """Puts gunicorn into ``folder`` and returns its version."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "gunicorn"]
    if subprocess.run([sys.executable, "-c", "import pip"], capture_output=True, check=False).returncode:
        command = ["uv", "pip", "install", "--quiet", "--target", str(folder), "gunicorn"]
    subprocess.run(command, check=True)
    return next(path.name.split("-")[1].removesuffix(".dist") for path in folder.glob("gunicorn-*.dist-info"))


def command_of(server: str, port: int) -> list[str]:
    if server == "granian":
        return manage("serve", "--port", str(port), "--workers", str(WORKERS), "--threads", str(THREADS))
    options = ["-k", "gthread", "--workers", str(WORKERS), "--threads", str(THREADS), "--backlog", "2048", "--keep-alive", "30"]
    return [
        sys.executable,
        "-m",
        "gunicorn",
        *options,
        "--graceful-timeout",
        "30",
        "-b",
        f"127.0.0.1:{port}",
        "cms.wsgi:application",
    ]


@contextmanager
def running(server: str, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The server, ready to answer, and its port."""
    port = free_port()
    process = subprocess.Popen(
        command_of(server, port),
        cwd=PROJECT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _attempt in range(300):
            if answers(port):
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"{server} did not answer")
        # A moment for the other process.
        time.sleep(2)
        yield process, port
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def processor_seconds(root: int) -> float:
    total = 0
    for pid in family(root):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def press(port: int, path: str, seconds: int, root: int, folder: Path) -> tuple[float, float]:
    """Requests per second, and microseconds of the processor per request. Stops where an answer is no 200."""
    script = folder / "ask.lua"
    refusals = 'done = function(s, l, r) io.write("errors " .. s.errors.status .. "\\n") end\n'
    script.write_text('wrk.headers["Host"] = "localhost"\n' + ("" if path else ANOTHER_QUESTION) + refusals)
    address = f"http://127.0.0.1:{port}{path}"
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--timeout", "30s", "-s", str(script), address]
    before = processor_seconds(root)
    output = subprocess.run(wrk, capture_output=True, text=True, check=True).stdout
    spent = processor_seconds(root) - before
    if not re.search(r"^errors 0$", output, re.MULTILINE):
        raise SystemExit(f"{path or 'the search'} was refused:\n{output}")
    count = int(re.search(r"(\d+) requests in", output)[1])  # type: ignore[index]
    if count < 3 * CONNECTIONS:
        print(f"only {count} requests of {path or 'the search'} in {seconds} s: take more (--seconds)", file=sys.stderr)
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])  # type: ignore[index]
    return rate, 1e6 * spent / max(count, 1)


# --- Clients that are slow, and clients that go on while the server stops -------------------------------------------


async def open_slow(port: int, head: bytes, count: int) -> list[asyncio.StreamWriter]:
    """Connections that have sent ``head`` and send a byte a second from now on (:func:`trickle`)."""
    writers = []
    for _number in range(count):
        with suppress(OSError):
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            writers.append(writer)
    return writers


async def trickle(writers: list[asyncio.StreamWriter], byte: bytes) -> None:
    while True:
        for writer in writers:
            if not writer.is_closing():
                writer.write(byte)
        await asyncio.sleep(1)


async def ask(port: int, path: str, seconds: float) -> str:
    """``ok``, ``refused``, ``late`` (no whole answer in time) or ``lost``, for one request on a connection of its own."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), seconds)
    except ConnectionRefusedError:
        return "refused"
    except (OSError, TimeoutError):
        return "late"
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(-1), seconds)
    except TimeoutError:
        return "late"
    except OSError:
        return "lost"
    finally:
        writer.close()
    head, _end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    is_whole = length is None or int(length[1]) == len(body)
    return "ok" if answer.startswith(b"HTTP/1.1 200") and is_whole else "lost"


async def beside_slow(port: int, head: bytes, byte: bytes, count: int) -> str:
    """What others get of ``/healthz``, one request a second, while slow clients are there."""
    writers = await open_slow(port, head, count)
    slow = asyncio.create_task(trickle(writers, byte))
    results: Counter[str] = Counter()
    waits = []
    ends = time.monotonic() + SLOW_SECONDS
    while time.monotonic() < ends:
        began = time.monotonic()
        outcome = await ask(port, "/healthz", 5)
        results[outcome] += 1
        waits.append(1000 * (time.monotonic() - began))
        await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))
    slow.cancel()
    closed = sum(writer.is_closing() or writer.transport.get_extra_info("socket") is None for writer in writers)
    for writer in writers:
        writer.close()
    return f"{results['ok']} of {sum(results.values())}, slowest {max(waits):,.0f} ms; {closed} of {count} were closed"


async def through_signal(port: int, pid: int, number: int) -> Counter[str]:
    """What 16 clients meet that ask without a pause, before and after the signal; at SIGTERM each leaves when it is refused."""
    results: Counter[str] = Counter()
    ends = time.monotonic() + (40 if number == signal.SIGTERM else 20)

    async def client() -> None:
        while time.monotonic() < ends:
            outcome = await ask(port, "/healthz", 20)
            results[outcome] += 1
            if outcome == "refused":
                if number == signal.SIGTERM:
                    return
                await asyncio.sleep(0.05)

    async def send() -> None:
        await asyncio.sleep(3)
        os.kill(pid, number)

    await asyncio.gather(send(), *(client() for _number in range(CONNECTIONS)))
    return results


def describe(results: Counter[str]) -> str:
    return f"{results['ok']:,} answered, {results['lost'] + results['late']} lost"


# --- The tables -----------------------------------------------------------------------------------------------------


def measure_speed(environment: dict[str, str], seconds: int, rounds: int, folder: Path) -> list[str]:
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    costs: dict[tuple[str, str], list[float]] = defaultdict(list)
    memory: dict[str, list[float]] = defaultdict(list)
    for _round in range(rounds):
        for server in SERVERS:
            with running(server, environment) as (process, port):
                for page, path in PAGES.items():
                    press(port, path, 1, process.pid, folder)
                    rate, cost = press(port, path, seconds, process.pid, folder)
                    rates[server, page].append(rate)
                    costs[server, page].append(cost)
                memory[server].append(sum(map(proportional_set, family(process.pid))) / 1024)
    lines = [
        "| | granian: requests/s | CPU µs each | gunicorn: requests/s | CPU µs each | CPU, granian : gunicorn |",
        "|---|---|---|---|---|---|",
    ]
    for page in PAGES:
        mine, other = ((statistics.median(rates[name, page]), statistics.median(costs[name, page])) for name in SERVERS)
        lines.append(
            f"| {page} | {mine[0]:,.0f} | {mine[1]:,.0f} | {other[0]:,.0f} | {other[1]:,.0f} | {mine[1] / other[1]:.2f} |"
        )
    mine_mb, other_mb = (statistics.median(memory[name]) for name in SERVERS)
    lines.append(f"| memory afterwards, MiB (PSS) | {mine_mb:.0f} | | {other_mb:.0f} | | {mine_mb / other_mb:.2f} |")
    return lines


def measure_trouble(environment: dict[str, str], rounds: int) -> list[str]:
    heads = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
    # With the cookie of a form, or it would be refused unread.
    cookie = b"Cookie: csrftoken=" + b"a" * 32 + b"\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    body = b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n" + cookie + b"Content-Length: 100000\r\n\r\n"
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for server in SERVERS:
        with running(server, environment) as (_process, port):
            rows[f"{SLOW_SOCKETS} heads that arrive a byte a second: others answered in 5 s"][server] = asyncio.run(
                beside_slow(port, heads, b"x", SLOW_SOCKETS)
            )
        with running(server, environment) as (_process, port):
            rows[f"{CONNECTIONS} bodies that arrive a byte a second: the same"][server] = asyncio.run(
                beside_slow(port, body, b"x", CONNECTIONS)
            )
        for number in (signal.SIGTERM, signal.SIGHUP):
            total: Counter[str] = Counter()
            for _round in range(rounds):
                with running(server, environment) as (process, port):
                    total += asyncio.run(through_signal(port, process.pid, number))
            rows[f"{number.name} under load, {rounds} times"][server] = describe(total)
    lines = ["| | granian | gunicorn |", "|---|---|---|"]
    return lines + [f"| {name} | {row['granian']} | {row['gunicorn']} |" for name, row in rows.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is needed; on Debian: apt install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        version = install_gunicorn(folder / "peers")
        environment = PRODUCTION | {"DATA_DIR": str(folder / "data"), "PYTHONPATH": str(folder / "peers")}
        write_site(folder / "site", options.posts, "hugo")
        for command in (
            manage("migrate", "-v0"),
            manage("collectstatic", "--no-input", "-v0"),
            manage("import_posts", str(folder / "site")),
        ):
            subprocess.run(command, cwd=PROJECT, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
        print(f"gunicorn {version}; {options.posts} posts, {WORKERS} processes of {THREADS} threads, {CONNECTIONS} connections\n")
        print("\n".join(measure_speed(environment, options.seconds, options.rounds, folder)))
        print()
        print("\n".join(measure_trouble(environment, options.rounds)))


if __name__ == "__main__":
    main()
