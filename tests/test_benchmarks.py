"""Benchmarks are never timed here; they only start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NAMES = (
    *("beside_generators", "cold_pages", "crawl", "degraded", "desk_beside_wagtail", "desk_list", "figures", "publishing"),
    *("readers", "reading", "scale", "servers", "several_machines"),
)
BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_starts_and_says_what_it_takes(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{name}.py"), "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith(f"usage: {name}.py")
    assert done.stderr == ""
