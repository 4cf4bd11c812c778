"""Moving in, in a real browser, over a real server and worker: the whole way, without scripts, killed, on a telephone."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.own_site import OwnSite, run_site, sign_in
from tests.browser.pictures import DESK, LOCALES, show
from tests.browser.waiting import click_through, follow, is_wide, run_axe, wait_until

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
WAIT = 180_000
# Cells whose content is higher than they are.
TORN = """() => [...document.querySelectorAll("#content table th, #content table td")]
  .filter(cell => cell.scrollHeight > cell.clientHeight + 2 && cell.clientHeight && getComputedStyle(cell).overflowY === "visible"
    && !cell.closest(".visually-hidden"))
  .map(cell => `${cell.clientHeight} < ${cell.scrollHeight}: ${cell.textContent.trim().slice(0, 60)}`)"""
# Django's own side bar and top bar are not this module's to mend.
CHECKED = {"include": [["#content"]]}


def make_site(number: int = 6) -> dict[str, str | bytes]:
    picture = io.BytesIO()
    Image.new("RGB", (320, 180), "#31506f").save(picture, "PNG")
    files: dict[str, str | bytes] = {
        "_config.yml": "url: https://news.example\ntitle: 川沿い新聞\ntimezone: Asia/Tokyo\n",
        "assets/kawa.png": picture.getvalue(),
        "_posts/2025-06-30-yomenai.md": "---\ntitle: [読めない\n---\n",
    }
    for place in range(1, number + 1):
        tag = "サーバー" if place % 2 else "サーバ"
        files[f"_posts/2025-06-{place % 28 + 1:02d}-kiji-{place}.md"] = (
            f"---\ntitle: 川沿いの記録　その{place}\ntags: [{tag}, 川]\nauthor: 地域班\nreporter: 川野班\n---\n"
            f"朝の川は静かだった。\n\n![川](/assets/kawa.png)\n\n![](/assets/gone-{place}.png)\n\n## つぎの日\n\n本文{place}。\n"
        )
    return files


def pack(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnSite]:
    people = (("henshu", "importer+publisher"), ("yomite", "importer"), ("kanri", "superuser"))
    with run_site(tmp_path_factory.mktemp("moving"), *people) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", viewport=DESK, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def window(context: BrowserContext, site: OwnSite) -> Iterator[Page]:
    """A window of the account that moves in. What the policy refuses fails the test."""
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    sign_in(page, site, "henshu")
    yield page
    assert refused == []


def begin(page: Page, site: OwnSite, *paths: Path, field: str = "files") -> None:
    page.goto(f"{site.url}/admin/articles/importrun/add/")
    page.set_input_files(f"#id_{field}", list(map(str, paths)))
    page.click("#bring button[type=submit]")
    page.wait_for_url("**/change/", timeout=WAIT)


def wait_for_plan(page: Page) -> None:
    expect(page.locator(".sentence")).to_be_visible(timeout=WAIT)


def wait_for_report(page: Page) -> None:
    expect(page.locator('a[href$="/report.csv"]')).to_be_visible(timeout=WAIT)


def ask_again_until(page: Page, selector: str) -> None:
    """Follows the link of a page that does not renew itself until something is there."""

    def ask() -> bool:
        if page.locator(selector).count():
            return True
        click_through(page.locator(".progress-again a"))
        return False

    wait_until(page, ask, seconds=WAIT // 1000)


def open_plan(page: Page) -> str:
    """The address of the run, to which the names of its pages are added."""
    return re.sub(r"change/.*$", "", page.url)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_site_moves_in_and_out_again(browser: Browser, site: OwnSite, tmp_path: Path, language: str) -> None:
    context = browser.new_context(locale=LOCALES[language], viewport=DESK)
    page = context.new_page()
    sign_in(page, site, "henshu")
    archive = pack(tmp_path / f"kawa-{language}.zip", make_site())
    page.goto(f"{site.url}/admin/articles/importrun/add/")
    page.set_input_files("#id_files", str(archive))
    expect(page.locator(".drop-chosen")).to_contain_text(archive.name)
    show(page, f"moving-upload-{language}")
    page.click("#bring button[type=submit]")
    page.wait_for_url("**/change/", timeout=WAIT)
    wait_for_plan(page)
    show(page, f"moving-plan-{language}")
    address = open_plan(page)

    # One file is left out.
    page.locator("tr", has_text="kiji-3.md").locator("input[type=checkbox]").check()
    click_through(page.locator('button[value="exclude-chosen"]'))
    wait_for_plan(page)
    expect(page.locator("tr.is-out")).to_have_count(1, timeout=WAIT)

    # A merge is accepted.
    page.goto(f"{address}terms/?only=proposed")
    page.locator("label.proposal input").first.check()
    show(page, f"moving-terms-{language}")
    click_through(page.locator('button[value="keep"]'))
    page.goto(f"{address}change/")
    wait_for_plan(page)

    # One file is looked at, in a frame that shows its picture.
    click_through(page.locator("table.lines tbody th a", has_text="kiji-1.md").first)
    frame = page.frame_locator("iframe").last
    expect(frame.locator("h1")).to_contain_text("川沿いの記録")
    expect(frame.locator("img").first).to_have_js_property("naturalWidth", 320)
    show(page, f"moving-file-{language}")

    page.goto(f"{address}apply/")
    show(page, f"moving-apply-{language}")
    click_through(page.locator("form.acts button.default"))
    expect(page.locator("h1")).to_have_text({"ja": "取り込みました", "en": "Imported"}[language], timeout=WAIT)
    wait_for_report(page)
    show(page, f"moving-report-{language}")
    reader = browser.new_context().new_page()
    assert reader.goto(f"{site.url}/2025/06/02/kiji-1.html").status == 200  # type: ignore[union-attr]
    assert reader.goto(f"{site.url}/2025/06/04/kiji-3.html").status == 404  # type: ignore[union-attr]
    with page.expect_download() as csv:
        page.click('a[href$="/report.csv"]')
    assert "kiji-1.md" in Path(csv.value.path()).read_text(encoding="utf-8")

    page.goto(f"{address}undo/")
    show(page, f"moving-undo-{language}")
    click_through(page.locator("form.acts button.default"))
    # What the import wrote has a report too.
    expect(page.locator("h1")).to_have_text({"ja": "取り消しました", "en": "Taken back"}[language], timeout=WAIT)
    wait_for_report(page)
    assert reader.goto(f"{site.url}/2025/06/02/kiji-1.html").status == 404  # type: ignore[union-attr]
    reader.context.close()
    context.close()


def test_several_files_and_a_folder_keep_their_places(window: Page, site: OwnSite, tmp_path: Path) -> None:
    folder = tmp_path / "日記"
    (folder / "_posts").mkdir(parents=True)
    (folder / "_config.yml").write_text("url: https://diary.example\n", encoding="utf-8")
    for day in (1, 2):
        (folder / "_posts" / f"2025-07-0{day}-hi.md").write_text(f"---\ntitle: 日{day}\n---\n本文\n", encoding="utf-8")
    begin(window, site, folder, field="folder")
    wait_for_plan(window)
    expect(window.locator(".run-facts").first).to_contain_text("日記")
    expect(window.locator("table.lines.sites")).to_contain_text("jekyll")
    expect(window.locator(".files tbody tr")).to_have_count(2)
    click_through(window.locator('form[action$="/cancel/"] button'))

    begin(window, site, *sorted((folder / "_posts").iterdir()))
    wait_for_plan(window)
    expect(window.locator(".files tbody tr")).to_have_count(2)
    click_through(window.locator('form[action$="/cancel/"] button'))


def test_a_dropped_file_is_taken(window: Page, site: OwnSite) -> None:
    window.goto(f"{site.url}/admin/articles/importrun/add/")
    window.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["# 落とした原稿\\n"], "otoshita.md"));
            const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
            document.querySelector(".drop").dispatchEvent(drop);
        }"""
    )
    expect(window.locator(".drop-chosen")).to_contain_text("otoshita.md")
    window.click("#bring button[type=submit]")
    window.wait_for_url("**/change/", timeout=WAIT)
    wait_for_plan(window)
    click_through(window.locator('form[action$="/cancel/"] button'))


def test_a_killed_worker_loses_nothing_and_the_import_goes_on(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    archive = pack(tmp_path / "many.zip", {f"a/{number:04d}.md": f"# 題{number}\n\n" + "本文。" * 300 for number in range(3000)})
    with run_site(tmp_path / "data", ("kanri", "superuser")) as own:
        page = browser.new_context(locale="ja-JP").new_page()
        sign_in(page, own, "kanri")
        begin(page, own, archive)
        wait_for_plan(page)
        address = open_plan(page)
        page.goto(f"{address}apply/")
        click_through(page.locator("form.acts button.default"))
        expect(page.locator(".progress-counts")).to_contain_text(re.compile(r"[1-9]00件?"), timeout=WAIT)
        own.kill_worker()
        page.goto(f"{address}change/")
        expect(page.locator(".progress-text")).to_contain_text("終わっています")
        click_through(page.locator('form[action$="/stop/"] button'))
        expect(page.locator(".complaint")).to_be_visible()
        own.start_worker()
        click_through(page.locator('form[action$="/resume/"] button'))
        wait_for_report(page)
        expect(page.locator(".tabs a[aria-current] b").first).to_have_text(re.compile("^3,?000$"))
        count = own.manage("shell", "--no-imports", "-c", "from articles.models import Post; print(Post.objects.count())")
        assert count.split()[-1] == "3000"
        page.context.close()


def test_all_of_it_works_without_scripts(browser: Browser, site: OwnSite, tmp_path: Path) -> None:
    context = browser.new_context(locale="ja-JP", java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    sign_in(page, site, "henshu")
    files = {name.replace("kiji", "plain"): content for name, content in make_site().items()}
    begin(page, site, pack(tmp_path / "plain.zip", files))
    ask_again_until(page, ".sentence")
    address = open_plan(page)
    page.goto(f"{address}apply/")
    click_through(page.locator("form.acts button.default"))
    ask_again_until(page, 'a[href$="/report.csv"]')
    expect(page.locator("h1")).to_have_text("取り込みました")
    page.goto(f"{address}undo/")
    click_through(page.locator("form.acts button.default"))
    ask_again_until(page, 'h1:has-text("取り消しました")')
    context.close()


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
def test_every_page_can_be_used_by_everybody_and_fits(
    browser: Browser, site: OwnSite, tmp_path: Path, size: Any, scheme: Any
) -> None:
    context = browser.new_context(locale="ja-JP", viewport=size, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    sign_in(page, site, "kanri")
    begin(page, site, pack(tmp_path / "axe.zip", make_site(3)))
    wait_for_plan(page)
    address = open_plan(page)
    file = page.locator("table.lines tbody th a").first.get_attribute("href")
    pages = ["../add/", "change/", "terms/", "terms/?kind=author", "terms/?kind=key", "apply/"]
    complaints: dict[str, Any] = {}
    for name in [*(f"{address}{name}" for name in pages), f"{site.url}{file}", f"{site.url}/admin/"]:
        page.goto(name)
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        found = run_axe(page, context=CHECKED)
        if found:
            complaints[name] = [(rule["id"], [node["html"][:160] for node in rule["nodes"]][:3]) for rule in found]
        if is_wide(page):
            complaints[f"{name} is too wide"] = size
        if torn := page.evaluate(TORN):
            complaints[f"{name} has rows that lie on others"] = torn
    page.goto(f"{address}change/")
    click_through(page.locator('form[action$="/cancel/"] button'))
    context.close()
    assert complaints == {}


def test_an_upload_is_chosen_and_sent_by_keyboard(window: Page, site: OwnSite, tmp_path: Path) -> None:
    window.goto(f"{site.url}/admin/articles/importrun/add/")
    window.set_input_files("#id_files", str(pack(tmp_path / "keys.zip", {"a.md": "# 鍵盤\n"})))
    window.locator("#id_files").focus()
    for _ in range(6):
        window.keyboard.press("Tab")
        if window.evaluate("document.activeElement.type === 'submit'"):
            break
    window.keyboard.press("Enter")
    window.wait_for_url("**/change/", timeout=WAIT)
    wait_for_plan(window)
    follow(window.locator('form[action$="/cancel/"] button'))
    expect(window.locator("h1")).to_have_text("取りやめました")
