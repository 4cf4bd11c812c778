"""What the site is called."""

from __future__ import annotations

from django.conf import settings


def site_name() -> str:
    """The site's name in the masthead, titles and feeds."""
    return getattr(settings, "SITE_NAME", "") or "瓦版"


def site_description() -> str:
    """One sentence about the site, for search engines and feeds; may be empty."""
    return getattr(settings, "SITE_DESCRIPTION", "")
