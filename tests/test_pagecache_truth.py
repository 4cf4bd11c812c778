"""After any series of edits, every page that is kept is what Django would make of it now."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from tests.newsroom import Newsroom
from tests.pages import CachedSite

pytestmark = pytest.mark.django_db
STEPS = 30
ASKED = 12
_OLDER = re.compile(r'href="(\?before=[0-9-]+)"')


@pytest.mark.parametrize("seed", range(4))
def test_every_kept_page_is_what_django_would_make_of_it(seed: int, clock: list[timedelta], settings: Any) -> None:
    settings.LANGUAGE_CODE = "ja"
    newsroom = Newsroom(seed, clock)
    site = CachedSite()
    done: list[str] = []
    compared = 0
    for _step in range(STEPS):
        for address in newsroom.random.sample(sorted(newsroom.addresses()), ASKED):
            answer = site.get(unquote(address))
            if older := _OLDER.search(answer.text):
                site.get(unquote(address) + older[1])
        action = newsroom.random.choice(newsroom.actions())
        done.append(action.__name__)
        action()
        site.follower.hear()
        for address, page in site.kept.items():
            kept, now = site.get(address), site.fresh(address)
            assert kept.how == "hit"
            assert (now.status, now.text) == (200, kept.text), f"{address} after {done[-3:]} ({page.shown})"
            compared += 1
    assert compared > 10 * ASKED, "hardly any page was kept at all"
