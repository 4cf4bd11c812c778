"""Where the site's own pages are, by the names of their routes."""

from __future__ import annotations

from functools import lru_cache

from django.urls import get_script_prefix, reverse
from django.utils.encoding import iri_to_uri


def address_of(name: str, *args: str | int) -> str:
    """The percent-encoded address of a public page below the script prefix, without scheme and host.

    ``name`` is a route of ``articles``, such as ``tag``; ``args`` are its parts. A page has dozens of them, and Django works
    each out anew. Raises :class:`django.urls.NoReverseMatch` where no such page can be.
    """
    return _known(get_script_prefix(), name, *args)


def period_address(year: int, month: int | None) -> str:
    """The address of the list of a year, or of a month of it."""
    return address_of("month", year, month) if month else address_of("year", year)


def path_address(path: str) -> str:
    """The address of what stands at ``path``, decoded as :attr:`articles.models.Post.path` is, in the same form."""
    return address_of("home") + iri_to_uri(path.lstrip("/").replace("%", "%25").replace("?", "%3F").replace("#", "%23"))


@lru_cache(maxsize=4096)
def _known(_script_prefix: str, name: str, *args: str | int) -> str:
    """The same below a prefix that Django's own look-up reads from the thread."""
    return reverse(f"articles:{name}", args=args)
