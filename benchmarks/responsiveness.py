"""How long readers wait while an import runs on the same machine.

    python benchmarks/responsiveness.py [--posts 10000] [--seconds 30] [--rate 20]

Starts the real server on a site of 500 posts, asks for an article, a list and the feed in turn at a steady rate, first
with nothing else running, then while a site of ``--posts`` posts is imported by another process, and then again with
nothing else running: the site has become larger, and its lists with it. Prints a Markdown table of the waiting times in
milliseconds and the ratios of the 99th percentiles; the goal is below 2.
"""

from __future__ import annotations

import argparse
import http.client
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent))
from beside_generators import PRODUCTION, PROJECT, manage
from corpus import write_site

PAGES = ("/posts/2010-01-01-post-000000/", "/posts/", "/feed.xml", "/tags/" + quote("経済") + "/")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(environment: dict[str, str], port: int) -> Iterator[None]:
    """The server as ``demo`` starts it, ready to answer."""
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "2",
    ]
    process = subprocess.Popen(
        [*command, "--no-ws", "--http", "1", "--log-level", "error", "--blocking-threads", "4", "cms.wsgi:application"],
        cwd=PROJECT,
        env=os.environ | environment,
    )
    try:
        for _attempt in range(200):
            if answers(port):
                break
            time.sleep(0.1)
        else:
            raise SystemExit("the server did not answer")
        yield
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def find_pages(port: int) -> list[str]:
    """Addresses that answer 200 here: the home page, and those of :data:`PAGES` that the imported site has."""
    return [path for path in ("/", *PAGES) if ask(port, path)[0] == 200]


def ask(port: int, path: str) -> tuple[int, float]:
    """Status and milliseconds of one request on a connection of its own."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Host": "localhost"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, 1000 * (time.perf_counter() - began)


def sample(port: int, pages: list[str], rate: float, goes_on: Callable[[], bool]) -> list[float]:
    """Milliseconds of each request, one every ``1 / rate`` seconds while ``goes_on()``; a late one delays no other."""
    waits: list[float] = []
    number, began = 0, time.monotonic()
    while goes_on():
        status, wait = ask(port, pages[number % len(pages)])
        if status != 200:
            raise SystemExit(f"{pages[number % len(pages)]} answered {status}")
        waits.append(wait)
        number += 1
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        if time.monotonic() - began > (number + 5) / rate:
            began = time.monotonic() - number / rate
    return waits


def row(name: str, waits: list[float]) -> str:
    cuts = statistics.quantiles(waits, n=100)
    return f"| {name} | {len(waits)} | {cuts[49]:.1f} | {cuts[89]:.1f} | {cuts[98]:.1f} | {max(waits):.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--nice", type=int, default=10, help="how far the import gives way, as the worker does")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        environment = PRODUCTION | {"DATA_DIR": str(work / "data")}
        write_site(work / "small", 500, "hugo")
        write_site(work / "large", options.posts, "jekyll")
        for command in (
            manage("migrate", "-v0"),
            manage("collectstatic", "--no-input", "-v0"),
            manage("import_posts", str(work / "small")),
        ):
            subprocess.run(command, cwd=PROJECT, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        with server(environment, port):
            pages = find_pages(port)
            end = time.monotonic() + options.seconds
            alone = sample(port, pages, options.rate, lambda: time.monotonic() < end)
            process = subprocess.Popen(
                ["nice", "-n", str(options.nice), *manage("import_posts", str(work / "large"))],
                cwd=PROJECT,
                env=os.environ | environment,
                stdout=subprocess.DEVNULL,
            )
            meanwhile = sample(port, pages, options.rate, lambda: process.poll() is None)
            if process.returncode:
                raise SystemExit("the import failed")
            end = time.monotonic() + options.seconds
            after = sample(port, pages, options.rate, lambda: time.monotonic() < end)
    print(f"{options.posts} posts imported, Python {platform.python_version()}, {os.cpu_count()} cores; {', '.join(pages)}\n")
    print("| readers' wait, ms | requests | median | p90 | p99 | longest |")
    print("|---|---:|---:|---:|---:|---:|")
    print(row("before, nothing else running", alone))
    print(row("during the import", meanwhile))
    print(row("after it, nothing else running", after))
    for name, other in (("before", alone), ("after", after)):
        ratio = statistics.quantiles(meanwhile, n=100)[98] / statistics.quantiles(other, n=100)[98]
        print(f"\np99 during : p99 {name} = {ratio:.2f}")


if __name__ == "__main__":
    main()
