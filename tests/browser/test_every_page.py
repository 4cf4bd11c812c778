"""Every page of the product in a real browser, light and dark: for everybody, and not a word from policy or console."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from articles.editorial import drafts, workflow
from articles.findings import Finding
from articles.models import ImportItem, ImportRun, Post
from tests.browser.waiting import run_axe, settle
from tests.desk import fill_address, list_addresses, make_rows
from tests.factories import make_newsroom
from tests.people import make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

PARTS = 6
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
# What is no page: it leads elsewhere, answers a script, or signs out.
# Steps and downloads; and the page of a conflict, which tests of its own look at.
NOT_PAGES = (
    "articles_importrun_act",
    "articles_importrun_conflict",
    "articles_post_search",
    "articles_mediafile_search",
    "articles_mediafile_upload",
    "articles_mediafile_texts",
    "articles_tableimport_report",
    "articles_proofrun_csv",
    "articles_proofrun_json",
    "articles_importrun_csv",
    "articles_importrun_json",
    "articles_importrun_progress",
    "articles_importrun_picture",
    "articles_importrun_frame",
    "logout",
    "autocomplete",
    "jsi18n",
    "login",
)
READERS = {
    "home": "/",
    "older": "/?before=1793500000000000-0",
    "article": "/2026/11/news-0/",
    "advertising": "/2026/11/news-3/",
    "english": "/2026/10/where-articles-live/",
    "category": "/categories/開発者/",
    "tag": "/tags/ai/",
    "author": "/authors/瓦版編集部/",
    "year": "/2026/",
    "month": "/2026/11/",
    "search": "/search/?q=原稿",
    "rss": "/rss.xml",
    "sitemap": "/sitemap-posts.xml",
}
REFUSALS = {"missing": "/2026/11/where-article-live/", "withdrawn": "/withdrawn/"}
# Violations of the policy reach the page as an event, wherever the console would name them or not.
LISTEN = """
window.refused = [];
document.addEventListener("securitypolicyviolation", event => {
  window.refused.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Window:
    """A browser that notes everything it complains about. Each address has a page of its own, closed when it was looked at."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.add_init_script(LISTEN)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def look(self, address: str, *, status: int = 200) -> list[str]:
        """What is wrong with the page at an address: violations of accessibility and policy, words on the console."""
        self.complaints.clear()
        page = self.context.new_page()
        # A page that learns that its work is done opens itself anew, in the middle of what is asked of it here.
        page.route(re.compile("/progress/$"), lambda route: None if route.request.resource_type == "fetch" else route.fallback())
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        try:
            return self._look(page, address, status)
        finally:
            page.close()

    def _look(self, page: Page, address: str, status: int) -> list[str]:
        answer = page.goto(address)
        assert answer is not None
        settle(page)
        found = [] if answer.status == status else [f"status {answer.status}"]
        found += [f"policy: {text}" for text in page.evaluate("window.refused ?? []")]
        # The browser writes a line for every answer that is no success; that one is the page asked for.
        found += [text for text in self.complaints if not (status >= 400 and f"status of {status}" in text)]
        if "html" in answer.headers.get("content-type", ""):
            page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
            # Last: axe writes styles of its own into the page, which the policy refuses.
            for rule in run_axe(page):
                found += [f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:200]}" for node in rule["nodes"][:3]]
        return found


# Each scheme at one width: colours do not depend on the width, nor the order of things on the colours.
@pytest.fixture(params=[("light", DESK), ("dark", PHONE)], ids=["light", "dark"])
def window(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Window]:
    scheme, size = request.param
    context = browser.new_context(color_scheme=scheme, viewport=size, locale="ja-JP", reduced_motion="reduce")
    yield Window(context)
    context.close()


def sign_in(window: Window, site: Any, person: Any) -> None:
    client = Client()
    client.force_login(person)
    cookie = client.cookies["sessionid"].value
    window.context.add_cookies([{"name": "sessionid", "value": cookie, "url": site.url}])


def spell(wrong: dict[str, list[str]]) -> str:
    return "\n".join(f"{name}: {line}" for name, found in wrong.items() for line in found)


def make_busy_desk(person: Any) -> dict[str, Any]:
    """One row of everything, with what pages look different for: findings, versions, every state, a full report."""
    rows = make_rows(person)
    post: Post = rows["articles_post"]
    post.refresh_from_db()
    workflow.save_post(post, person, {"body": "変えた本文。\n\n> [!NOTE]\n> 囲み\n\n{{< unknown >}}", "tags": ["AI", "編集"]})
    kept = {**drafts.read_present(post), "body": "ほかの人の本文。"}
    rows["set aside"] = drafts.set_aside(post, make_person("editor", "kakari"), kept, drafts.present_revision(post), "")
    run: ImportRun = rows["articles_importrun"]
    findings = [
        Finding("bad-yaml", severity, "Line %(line)s is not valid TOML: %(problem)s. Correct it.", {"line": 3, "problem": "x"}, 3)
        for severity in ("error", "warning", "info")
    ]
    stored = [finding.as_json() for finding in findings]  # type: ignore[arg-type]
    ImportRun.objects.filter(pk=run.pk).update(findings=stored, totals={"create": 1, "refused": 1, "conflict": 1})
    for verdict in ("refused", "conflict", "update", "unchanged"):
        ImportItem.objects.create(run=run, path=f"_posts/{verdict}.md", verdict=verdict, findings=stored, permalink="/x/")
    for number, act in enumerate((workflow.submit_for_review, workflow.publish, workflow.move_to_trash)):
        act(workflow.save_post(Post(), None, {"title": f"記事{number}", "path": f"/{number}/"}), None)
    return rows


def list_pages(rows: dict[str, Any]) -> dict[str, str]:
    """Every address of the desk that shows a page to a superuser, and the same pages in other conditions."""
    pages = {}
    for address in list_addresses(desk=True):
        if address.name in NOT_PAGES or (not address.name and "url" in address.places):
            continue
        pages[address.name or address.route] = fill_address(address, rows)
    key, version = rows["articles_post"].pk, rows["articles_revision"].pk
    pages["articles_post_join"] = f"/admin/articles/post/{key}/join/{rows['set aside'].pk}/"
    pages["articles_post_compare"] += f"?before={version}"
    pages |= {
        "searched": "/admin/articles/post/?q=倉庫&state=draft",
        "nothing found": "/admin/articles/post/?q=zzz",
        "trash": "/admin/articles/post/?trash=1",
        "version in the form": f"/admin/articles/post/{key}/change/?version={version}",
    }
    return pages


def test_every_page_for_readers_can_be_read_by_everybody(window: Window, live_site: Any, media_root: Any) -> None:
    make_newsroom()
    wrong = {name: found for name, path in READERS.items() if (found := window.look(live_site.url + path))}
    for name, path in REFUSALS.items():
        if found := window.look(live_site.url + path, status=410 if name == "withdrawn" else 404):
            wrong[name] = found
    assert not wrong, spell(wrong)


def test_a_site_without_a_post_can_be_read_by_everybody(window: Window, live_site: Any, media_root: Any) -> None:
    assert window.look(live_site.url + "/") == []
    assert window.look(live_site.url + "/nothing/", status=404) == []


# In parts, which two browsers look at side by side.
@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_of_the_desk_can_be_used_by_everybody(window: Window, live_site: Any, media_root: Any, part: int) -> None:
    person = make_person("superuser")
    pages = dict(list(list_pages(make_busy_desk(person)).items())[part::PARTS])
    assert window.look(f"{live_site.url}/admin/login/") == []
    sign_in(window, live_site, person)
    client = Client()
    client.force_login(person)
    wrong = {}
    for name, path in pages.items():
        # Records that nobody adds or deletes have such addresses too: 403; steps are posted: 405.
        if client.get(path).status_code not in (403, 405) and (found := window.look(live_site.url + path)):
            wrong[name] = found
    assert not wrong, spell(wrong)


def test_what_the_desk_refuses_can_be_read_by_everybody(window: Window, live_site: Any, media_root: Any) -> None:
    sign_in(window, live_site, make_person("staff"))
    refusals = {"/admin/articles/post/": 403, "/admin/articles/post/1/change/": 404, "/admin/?e=%00": 400, "/admin/nothing/": 404}
    assert {path: found for path, status in refusals.items() if (found := window.look(live_site.url + path, status=status))} == {}
    assert window.look(live_site.url + "/admin/") == []
