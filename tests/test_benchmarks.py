"""Benchmarks are never timed here; they only start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = ("beside_generators", "cold_pages", "crawl", "desk_beside_wagtail", "desk_list", "figures", "reading", "scale", "servers")
BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_starts_and_says_what_it_takes(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{name}.py"), "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith(f"usage: {name}.py")
    assert done.stderr == ""


@pytest.mark.skipif(not all(map(shutil.which, ("wrk", "nginx", "hugo"))), reason="needs Debian's wrk, nginx and hugo")
def test_readers_are_measured_at_every_server_and_each_goal_is_named_beside_it() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "readers.py"), "--quick", "--alone"],
        capture_output=True,
        text=True,
        check=False,
        timeout=450,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for row in (
        "| nginx, files of Hugo | article |",
        "| nginx proxy_cache alone | list |",
        "| this product, hot | article, not modified |",
        "| this product, uncached | front page |",
        "| this product, uncached, 200 posts | page 2 of all |",
        '| Django "hello", granian | hello |',
        "| hot article: files of Hugo | ≥ 0.40 × |",
        "| a publish is visible on the front page, in the slower worker | ≤ 1 s |",
        "| renders of one page for 500 clients at once | ≤ 1 |",
    ):
        assert row in done.stdout
