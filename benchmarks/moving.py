"""Moves real and hostile archives in through the desk, with a real server, worker and browser, and out again.

    python benchmarks/moving.py SHARED [corpus] [hostile]

SHARED holds corpus/, corpus-truth/ and hostile/, which are no part of the project. Each section prints what it measured; the
exit code is 1 where a promise does not hold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests.browser.own_site import OwnSite, run_site, sign_in  # noqa: E402

WAIT = 600_000
failures: list[str] = []


def show(holds: bool, text: str) -> None:
    """Prints one promise with what was measured, and remembers a broken one."""
    print(f"{'ok  ' if holds else 'FAIL'}  {text}", flush=True)
    if not holds:
        failures.append(text)


@contextmanager
def open_desk(browser: Browser, folder: Path) -> Iterator[tuple[OwnSite, Page]]:
    """A site of its own with one account, signed in."""
    (folder / "data").mkdir()
    with run_site(folder / "data", ("kanri", "superuser")) as site:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        sign_in(page, site, "kanri")
        yield site, page
        context.close()


def upload(page: Page, site: OwnSite, path: Path) -> str:
    """Uploads by the page's own form and gives the run's address."""
    page.goto(f"{site.url}/admin/articles/importrun/add/")
    page.set_input_files("#id_files", str(path))
    page.click("#bring button[type=submit]")
    page.wait_for_url("**/change/", timeout=WAIT)
    return re.sub(r"change/.*$", "", page.url)


def wait_for(page: Page, address: str) -> str:
    """Waits until nothing is at work on the run and gives its state."""
    end = time.monotonic() + WAIT / 1000
    while time.monotonic() < end:
        answer = page.request.get(f"{address}progress/").json()
        if not answer["is_working"]:
            return str(answer["state"])
        time.sleep(0.1)
    return "too slow"


def press(page: Page, address: str, name: str) -> str:
    """Confirms on the page ``name`` of a run, and waits until it is done."""
    # The page that shows the progress opens itself anew when the work is done, which would end this way to another.
    page.goto("about:blank")
    page.goto(f"{address}{name}/")
    button = page.locator("form.acts button.default")
    if not button.count():
        return wait_for(page, address)
    button.click()
    page.wait_for_url("**/change/", timeout=WAIT)
    return wait_for(page, address)


def prove(page: Page, site: OwnSite, address: str) -> dict[str, Any]:
    """Proves the addresses of a run on the page for it, and gives its report once all were asked for."""
    number = address.rstrip("/").rpartition("/")[2]
    page.goto(f"{site.url}/admin/articles/proofrun/add/?run={number}")
    page.click("#content form button[type=submit]")
    page.wait_for_url("**/proofrun/*/change/", timeout=WAIT)
    proof = re.sub(r"change/.*$", "", page.url)
    end = time.monotonic() + WAIT / 1000
    while time.monotonic() < end:
        report: dict[str, Any] = page.request.get(f"{proof}report.json", timeout=WAIT).json()
        if report["state"] == "finished":
            break
        time.sleep(0.5)
    return report


def digest(site: OwnSite) -> str:
    return site.manage("content_digest").split()[-1]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def corpus(browser: Browser, shared: Path, folder: Path) -> None:
    """All real sites as one zip: planned, imported, proved, exported the same to the byte, taken back to an equal digest."""
    archive = folder / "corpus.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted((shared / "corpus").rglob("*")):
            if path.is_file():
                target.write(path, path.relative_to(shared / "corpus").as_posix())
    wanted = {}
    for line in (shared / "corpus-truth" / "dev.sha256").read_text(encoding="utf-8").splitlines():
        value, name = line.split(maxsplit=1)
        wanted[name.lstrip("*").removeprefix("./").removeprefix("corpus/")] = value
    with open_desk(browser, folder) as (site, page):
        before = digest(site)
        began = time.monotonic()
        address = upload(page, site, archive)
        state = wait_for(page, address)
        show(state == "planned", f"corpus: planned by the desk in {time.monotonic() - began:.0f} s ({state})")
        show(digest(site) == before, "corpus: a plan changes nothing")
        began = time.monotonic()
        state = press(page, address, "apply")
        report = page.request.get(f"{address}report.json", timeout=WAIT).json()
        show(state == "finished", f"corpus: imported in {time.monotonic() - began:.0f} s: {report['totals']} ({state})")
        began = time.monotonic()
        proof = prove(page, site, address)
        proved = sum(proof["totals"].get(name, 0) for name in ("ok", "moved", "gone"))
        show(
            proof["state"] == "finished" and proved > 0,
            f"corpus: {proved} of {proof['total']} old addresses proved in {time.monotonic() - began:.0f} s: {proof['totals']}",
        )
        site.manage("export_posts", str(folder / "out"))
        exported = Counter(sha256(path.read_bytes()) for path in (folder / "out").rglob("*") if path.is_file())
        texts = {item["path"] for item in report["items"] if item["verdict"] == "create"}
        unequal = [name for name in wanted if name in texts and not exported[wanted[name]]]
        compared = len(texts.intersection(wanted))
        show(
            bool(compared) and not unequal, f"corpus: {compared} texts exported, {len(unequal)} not byte-identical {unequal[:5]}"
        )
        began = time.monotonic()
        state = press(page, address, "undo")
        took, same = time.monotonic() - began, digest(site) == before
        show(state == "undone" and same, f"corpus: taken back in {took:.0f} s, digest equal: {same} ({state})")


def hostile(browser: Browser, shared: Path, folder: Path) -> None:
    """Each hostile archive and text through the desk's door: the verdict of the manifest, and nothing outside."""
    manifest = json.loads((shared / "hostile" / "manifest.json").read_text(encoding="utf-8"))
    secret = Path(manifest["canaries"]["secret_path"])
    secret.write_text(manifest["canaries"]["secret_text"], encoding="utf-8")
    results: Counter[str] = Counter()
    slowest = 0.0
    with open_desk(browser, folder) as (site, page):
        for case in manifest["files"]:
            if case["category"] not in ("zip", "frontmatter", "encoding"):
                continue
            began = time.monotonic()
            address = upload(page, site, shared / "hostile" / case["file"])
            state = wait_for(page, address)
            if state == "planned":
                press(page, address, "apply")
            slowest = max(slowest, time.monotonic() - began)
            # Looked at in the window too: a script in it would run.
            status = page.request.get(f"{address}change/").status
            page.goto("about:blank")
            page.goto(f"{address}change/")
            report = page.request.get(f"{address}report.json").json()
            problem = judge(site, case, report) if status == 200 else f"the page fails with {status}"
            results["as expected" if not problem else "otherwise"] += 1
            if problem:
                print(f"      {case['id']} {case['what']}: {problem}")
            site.manage("shell", "--no-imports", "-c", CLEAR)
        if page.evaluate("window.__pwn") is not None:
            results["otherwise"] += 1
    show(not results["otherwise"], f"hostile: {dict(results)} through the desk, the slowest in {slowest:.1f} s")
    escaped = [str(path) for place in (Path("/tmp"), PROJECT, Path.cwd()) for path in place.glob("HOSTILE_ESCAPE*")]
    show(not escaped, f"hostile: files written outside: {escaped}")


CLEAR = """
from articles.models import Author, Category, ImportRun, MediaFile, Post, Source, Tag
for model in (ImportRun, Post, Tag, Author, Category, Source, MediaFile):
    model.objects.all().delete()
"""
COUNT = """
import json
from articles.models import Post
print(json.dumps({
    "posts": Post.objects.count(),
    "public": Post.objects.published().count(),
    "html": "".join(Post.objects.values_list("body_html", flat=True)),
}))
"""


def judge(site: OwnSite, case: dict[str, Any], report: dict[str, Any]) -> str:
    """What is wrong with the outcome, or ``""``."""
    found = json.loads(site.manage("shell", "--no-imports", "-c", COUNT).splitlines()[-1])
    outcome, count = case["expect"]["outcome"], case["expect"]["posts"]
    verdicts = Counter(item["verdict"] for item in report["items"])
    messages = [finding["message"] for item in report["items"] for finding in item["findings"]]
    messages += [finding["message"] for finding in report["findings"]]
    if outcome == "reject_file" and (found["posts"] or not verdicts["refused"]):
        return f"{found['posts']} posts, {dict(verdicts)}, {report['state']}"
    if outcome == "reject_all" and found["posts"]:
        return f"{found['posts']} posts"
    if outcome in ("reject_file", "reject_all") and not any(messages):
        return "refused without a message"
    if count is not None and found["posts"] != count:
        return f"{found['posts']} posts, not {count}: {' '.join(messages)[:200]}"
    if found["public"] and any(word.startswith("DRAFTCANARY") for word in case["expect"]["forbid"]):
        return "a draft is public"
    return "a script is in the page" if "__pwn" in found["html"] and "<script" in found["html"] else ""


SECTIONS = {"corpus": corpus, "hostile": hostile}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser to use")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        for name in options.sections or list(SECTIONS):
            with tempfile.TemporaryDirectory(prefix="kawaraban-moving-") as folder:
                SECTIONS[name](browser, options.shared.resolve(), Path(folder))
        browser.close()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
