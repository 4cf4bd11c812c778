"""The guide to Markdown: a page, and the same in the post form. Every result is made by the renderer of the site itself."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, Literal, cast

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from articles.admin.markdown_guide import EXAMPLES, KRAMDOWN_NEVER, KRAMDOWN_OWN, PICTURE, Example
from articles.admin.post_form import FEATURE_LABELS
from articles.admin.preview import protect
from articles.admin.tools import SHORTCUTS
from articles.editorial.permissions import Verb, can
from articles.formats.translating import list_differences
from articles.markup import DEFAULT_FEATURES, FEATURES, render
from articles.models import Post

#: Characters of an example that is rendered while it is changed. Whole texts have the preview.
MAX_EXAMPLE = 5_000
Flavour = Literal["commonmark", "kramdown"]
FLAVOURS: dict[str, Flavour] = {"commonmark": "commonmark", "kramdown": "kramdown"}


def guide_urls(site: AdminSite) -> list[URLPattern]:
    """The guide's addresses, below those of posts."""
    return [
        path("markdown/", site.admin_view(partial(show_guide, site)), name="articles_post_markdown"),
        path("markdown/render/", site.admin_view(render_typed), name="articles_post_markdown_render"),
    ]


def show_guide(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The guide for ``?flavour=`` and ``?features=`` (names with blanks between them; without: those of a new post).

    ``?panel=`` gives its content alone, for the post form. Raises PermissionDenied for whoever may write no post.
    """
    _demand_writer(request)
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    asked = request.GET.get("flavour", Post.Flavour.COMMONMARK)
    flavour = FLAVOURS.get(asked, "commonmark")
    features = _read_features(request.GET.get("features"))
    other: Flavour = "kramdown" if flavour == "commonmark" else "commonmark"
    language = _language()
    context = {
        "flavour": flavour,
        "flavour_name": Post.Flavour(flavour).label,
        "other_name": Post.Flavour(other).label,
        "is_html": asked == Post.Flavour.HTML,
        "features": " ".join(sorted(features)),
        "flavours": [
            {
                "name": Post.Flavour(name).label,
                "query": urlencode({"flavour": name, "features": " ".join(sorted(features))}),
                "is_chosen": name == flavour,
            }
            for name in FLAVOURS
        ],
        "examples": [_show(example, flavour, other, features, language) for example in EXAMPLES],
        "language": language,
        "shortcuts": SHORTCUTS,
        "is_panel": "panel" in request.GET,
        "limit": MAX_EXAMPLE,
    }
    if context["is_panel"]:
        answer = TemplateResponse(request, "admin/articles/post/_guide.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer
    context |= {**site.each_context(request), "title": _("Guide to Markdown"), "opts": Post._meta}
    return TemplateResponse(request, "admin/articles/post/guide.html", context)


def render_typed(request: HttpRequest) -> HttpResponse:
    """An example as somebody changed it, as JSON. Raises PermissionDenied for whoever may write no post."""
    _demand_writer(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    text = request.POST.get("text", "")
    if len(text) > MAX_EXAMPLE:
        message = _("An example has at most %(limit)s characters here. Whole texts have the preview beside them.")
        return protect(JsonResponse({"complaint": message % {"limit": f"{MAX_EXAMPLE:,}"}}, status=413))
    flavour = FLAVOURS.get(request.POST.get("flavour", ""), "commonmark")
    features = _read_features(request.POST.get("features"))
    rendered = render(text, flavour=flavour, features=features, language=_language())
    return protect(JsonResponse({"html": rendered.html}))


def _demand_writer(request: HttpRequest) -> None:
    user = cast(User, request.user)
    if not (can(user, Verb.ADD) or can(user, Verb.CHANGE)):
        raise PermissionDenied


def _read_features(names: str | None) -> frozenset[str]:
    """Features by name; those of a post made here where none are stated at all."""
    return DEFAULT_FEATURES[""] if names is None else frozenset(names.split()) & FEATURES


def _language() -> str:
    """The language of the examples: that of the desk, where they are written in it."""
    return "ja" if (get_language() or "ja").startswith("ja") else "en"


def _show(example: Example, flavour: Flavour, other: Flavour, features: frozenset[str], language: str) -> dict[str, Any]:
    source = example.source(flavour, language).replace(PICTURE, static("img/icon.svg"))
    differs, in_other = _compare(source, flavour, other, features, language)
    return {
        "name": example.name,
        "heading": example.heading,
        "note": example.note,
        "source": source,
        "rows": source.count("\n") + 1,
        "html": _render(source, flavour, features, language),
        "in_other": in_other if differs else "",
        "is_off": bool(example.feature) and not _has(example.feature, flavour, features),
        "feature": FEATURE_LABELS.get(example.feature, ""),
        "is_inline": example.is_inline,
    }


def _has(feature: str, flavour: Flavour, features: frozenset[str]) -> bool:
    """Whether a text in the flavour has a feature: by its own grammar, or because it is switched on."""
    if flavour == "kramdown":
        return feature in KRAMDOWN_OWN | KRAMDOWN_NEVER or feature in features
    return feature in features


# The examples are few and the same for everybody; what somebody types is never kept.
@lru_cache(maxsize=1024)
def _render(source: str, flavour: Flavour, features: frozenset[str], language: str) -> str:
    return render(source, flavour=flavour, features=features, language=language).html


@lru_cache(maxsize=1024)
def _compare(source: str, flavour: Flavour, other: Flavour, features: frozenset[str], language: str) -> tuple[bool, str]:
    """Whether readers would see something else in the other flavour, and what."""
    html = _render(source, other, features, language)
    return bool(list_differences(_render(source, flavour, features, language), html, 1)), html
