"""A site that is started with the theme of the guide, as it is started for readers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.own_site import OwnSite
from tests.test_themes import GUIDES, ROOT, read_example, write_theme

POST = """---
title: 電力需要の見通し
date: 2026-11-20
author: 経済班
categories: [投資]
tags: [電力]
---
原稿は旅を始める。
"""

pytestmark = pytest.mark.browser


def prepare_site(folder: Path, theme: Path) -> OwnSite:
    site = OwnSite(folder / "data", DEBUG="false", THEME_DIR=str(theme))
    site.manage("migrate", "--verbosity=0")
    site.manage("collectstatic", "--no-input", "--verbosity=0")
    archive = write_theme(folder / "archive", {"outlook.md": POST})
    site.manage("import_posts", str(archive), "--dialect", "plain")
    site.manage("shell", "--no-imports", "-c", "from articles.models import Post; Post.objects.update(state='published')")
    return site


def test_a_site_with_the_theme_of_the_guide_shows_another_by_line_and_another_accent(page: Page, tmp_path: Path):
    site = prepare_site(tmp_path, write_theme(tmp_path / "theme", read_example(GUIDES[0])))
    try:
        site.start_server()
        page.emulate_media(color_scheme="light")
        page.goto(site.url)
        page.get_by_role("link", name="電力需要の見通し").click()
        expect(page.locator(".signed")).to_contain_text("文・経済班")
        expect(page.locator("a.kicker")).to_have_css("color", "rgb(29, 92, 69)")
        expect(page.get_by_role("link", name="お便りをお寄せください")).to_be_visible()
        page.emulate_media(color_scheme="dark")
        expect(page.locator("a.kicker")).to_have_css("color", "rgb(127, 209, 174)")
    finally:
        site.stop()


def test_a_broken_theme_ends_the_check_with_file_and_line(tmp_path: Path):
    files = {**read_example(GUIDES[0]), "templates/articles/list.html": '{% extends "articles/list.html" %}\n{% if %}'}
    site = OwnSite(tmp_path / "data", THEME_DIR=str(write_theme(tmp_path / "theme", files)))
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=site.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "templates/articles/list.html, line 2: " in done.stderr
    assert "kawaraban.E010" in done.stderr
