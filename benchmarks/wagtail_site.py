"""The Wagtail site of ``desk_beside_wagtail.py`` and ``readers.py``: made by Wagtail's own commands, with its tutorial's article.

Everything below :func:`make_project` runs in a process of that site, in a virtual environment that has Wagtail.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

SETTINGS = """from .production import *

SECRET_KEY = "only-for-this-benchmark-0123456789-abcdefghij"
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["news", *INSTALLED_APPS]
LANGUAGE_CODE = "ja"
TIME_ZONE = "Asia/Tokyo"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
# As cms/settings.py opens SQLite.
DATABASES["default"]["OPTIONS"] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA journal_size_limit=67108864;",
}
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}}
"""
# For readers: the stored HTML as it is, which spares Wagtail looking for its own links in a rich text.
READERS = """from .measured import *

TEMPLATES[0]["DIRS"].insert(0, BASE_DIR / "readers_templates")
"""
# wagtail-cache as its own documentation installs it, in the memory of each process.
CACHED = """from .readers import *

INSTALLED_APPS = ["wagtailcache", *INSTALLED_APPS]
MIDDLEWARE = ["wagtailcache.cache.UpdateCacheMiddleware", *MIDDLEWARE, "wagtailcache.cache.FetchFromCacheMiddleware"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "TIMEOUT": 86_400}}
"""
MODELS = """from django import forms
from django.core.paginator import Paginator
from django.db import models
from modelcluster.contrib.taggit import ClusterTaggableManager
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from taggit.models import TaggedItemBase
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.fields import RichTextField
from wagtail.models import Orderable, Page
from wagtail.search import index
from wagtail.snippets.models import register_snippet


class NewsIndexPage(Page):
    # As the tutorial lists its pages, twenty at a time; "?tuned": as few queries as this takes.
    def get_context(self, request, *args, **kwargs):
        if "tuned" in request.GET:
            articles = ArticlePage.objects.child_of(self).live().prefetch_related("authors", "tags")
        else:
            articles = self.get_children().live()
        articles = Paginator(articles.order_by("-first_published_at"), 20).get_page(request.GET.get("page"))
        return super().get_context(request, *args, **kwargs) | {"articles": articles}

    def get_template(self, request, *args, **kwargs):
        return "news/news_index_page_tuned.html" if "tuned" in request.GET else "news/news_index_page.html"


class ArticlePageTag(TaggedItemBase):
    content_object = ParentalKey("ArticlePage", related_name="tagged_items", on_delete=models.CASCADE)


@register_snippet
class Author(models.Model):
    name = models.CharField(max_length=255)
    author_image = models.ForeignKey("wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    panels = ["name", "author_image"]

    def __str__(self):
        return self.name


class ArticlePage(Page):
    date = models.DateField("Post date")
    intro = models.CharField(max_length=250)
    body = RichTextField(blank=True)
    authors = ParentalManyToManyField("news.Author", blank=True)
    tags = ClusterTaggableManager(through=ArticlePageTag, blank=True)

    search_fields = [*Page.search_fields, index.SearchField("intro"), index.SearchField("body")]
    content_panels = [
        *Page.content_panels,
        MultiFieldPanel(
            ["date", FieldPanel("authors", widget=forms.CheckboxSelectMultiple), "tags"], heading="Article information"
        ),
        "intro",
        "body",
        "gallery_images",
    ]


class ArticlePageGalleryImage(Orderable):
    page = ParentalKey(ArticlePage, on_delete=models.CASCADE, related_name="gallery_images")
    image = models.ForeignKey("wagtailimages.Image", on_delete=models.CASCADE, related_name="+")
    caption = models.CharField(blank=True, max_length=250)

    panels = ["image", "caption"]
"""
TEMPLATE = """{% extends "base.html" %}

{% load wagtailcore_tags wagtailimages_tags %}

{% block content %}
    <h1>{{ page.title }}</h1>
    <p class="meta">{{ page.date }}</p>
    {% with authors=page.authors.all %}
        {% if authors %}
            <h3>Posted by:</h3>
            <ul>{% for author in authors %}<li>{{ author.name }}</li>{% endfor %}</ul>
        {% endif %}
    {% endwith %}
    <div class="intro">{{ page.intro }}</div>
    {{ page.body|richtext }}
    {% for item in page.gallery_images.all %}
        <div>{% image item.image fill-320x240 %}<p>{{ item.caption }}</p></div>
    {% endfor %}
    <p><a href="{{ page.get_parent.url }}">Return</a></p>
    {% with tags=page.tags.all %}
        {% if tags %}
            <h3>Tags</h3>
            {% for tag in tags %}<a href="{% slugurl 'tags' %}?tag={{ tag }}">{{ tag }}</a>{% endfor %}
        {% endif %}
    {% endwith %}
{% endblock %}
"""
# Title, date, by-lines, introduction and tags, as on this product's cards; written as the tutorial writes them.
LIST_TEMPLATE = """{% extends "base.html" %}

{% load wagtailcore_tags %}

{% block content %}
    <h1>{{ page.title }}</h1>
    {% for article in articles %}
        {% with article=article.specific %}
            <h2><a href="{% pageurl article %}">{{ article.title }}</a></h2>
            <p class="meta">{{ article.date }}{% for author in article.authors.all %} {{ author.name }}{% endfor %}</p>
            <p>{{ article.intro }}</p>
            {% for tag in article.tags.all %}<a href="{% slugurl 'tags' %}?tag={{ tag }}">{{ tag }}</a>{% endfor %}
        {% endwith %}
    {% endfor %}
    {% if articles.has_previous %}<a href="?page={{ articles.previous_page_number }}">Newer</a>{% endif %}
    {% if articles.has_next %}<a href="?page={{ articles.next_page_number }}">Older</a>{% endif %}
{% endblock %}
"""
TUNED_LIST_TEMPLATE = (
    LIST_TEMPLATE.replace("{% slugurl 'tags' %}", "{{ tags_url }}")
    .replace("article=article.specific", "article=article")
    .replace("{% for article in", "{% slugurl 'tags' as tags_url %}\n    {% for article in")
)
FILES = {
    "peer/settings/measured.py": SETTINGS,
    "peer/settings/readers.py": READERS,
    "peer/settings/cached.py": CACHED,
    "news/__init__.py": "",
    "news/models.py": MODELS,
    "news/templates/news/article_page.html": TEMPLATE,
    "news/templates/news/news_index_page.html": LIST_TEMPLATE,
    "news/templates/news/news_index_page_tuned.html": TUNED_LIST_TEMPLATE,
    "readers_templates/news/article_page.html": TEMPLATE.replace("page.body|richtext", "page.body|safe"),
}
AT_ONCE = 500


def make_project(python: Path, folder: Path, texts: Path) -> None:
    """Starts a project with Wagtail's own template, migrates, and fills it with ``texts``, a JSON object in each line."""
    folder.mkdir(parents=True)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "peer.settings.measured"}

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)

    run(str(python), "-m", "wagtail.bin.wagtail", "start", "peer", ".")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    run(str(python), "manage.py", "makemigrations", "news", "-v0")
    run(str(python), "manage.py", "migrate", "-v0")
    run(str(python), "manage.py", "collectstatic", "--no-input", "-v0")
    run(str(python), __file__, str(texts))


def enter(folder: Path) -> None:
    """Makes this process one of the project below ``folder``."""
    import django

    sys.path.insert(0, str(folder))
    os.environ["DJANGO_SETTINGS_MODULE"] = "peer.settings.measured"
    django.setup()


def fill(texts: Path) -> None:
    """One page of each text, live, with one version, below one index; in the search index like all that Wagtail saves."""
    from django.contrib.auth.models import User
    from django.db import connection, transaction
    from home.models import HomePage
    from news.models import ArticlePage, NewsIndexPage
    from wagtail.models import Page, Revision

    person = User.objects.create_superuser("chief", password="x")
    index = HomePage.objects.get().add_child(instance=NewsIndexPage(title="記事", slug="posts"))
    first = Page.objects.order_by("pk").values_list("pk", flat=True).last() + 1
    revisions: list[Any] = []
    with transaction.atomic():
        for page in make_pages(index, person, texts, first):
            # Wagtail's own save() also looks for the parent and for the same slug beside it.
            page.save_base()
            page.tagged_items.commit()
            page.authors.commit()
            revisions.append(make_revision(page, person))
            if len(revisions) == AT_ONCE:
                Revision.objects.bulk_create(revisions)
                revisions = []
        Revision.objects.bulk_create(revisions)
        Page.objects.filter(pk=index.pk).update(numchild=ArticlePage.objects.count())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def make_pages(index: Any, person: Any, texts: Path, first: int) -> Iterator[Any]:
    from django.contrib.contenttypes.models import ContentType
    from news.models import ArticlePage, Author

    kind = ContentType.objects.get_for_model(ArticlePage)
    authors: dict[str, Any] = {}
    with texts.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            text = json.loads(line)
            moment = datetime.fromisoformat(text["date"])
            slug = f"post-{number:06}"
            page = ArticlePage(
                pk=first + number,
                path=ArticlePage._get_path(index.path, index.depth + 1, number + 1),
                depth=index.depth + 1,
                url_path=f"{index.url_path}{slug}/",
                content_type=kind,
                locale=index.locale,
                owner=person,
                slug=slug,
                title=text["title"],
                draft_title=text["title"],
                first_published_at=moment,
                last_published_at=moment,
                latest_revision_created_at=moment,
                latest_revision_id=first + number,
                live_revision_id=first + number,
                date=moment.date(),
                intro=text["description"],
                body=text["html"],
            )
            if text["author"] not in authors:
                authors[text["author"]] = Author.objects.create(name=text["author"])
            page.authors.set([authors[text["author"]]])
            page.tags.set(text["tags"])
            yield page


def make_revision(page: Any, person: Any) -> Any:
    from wagtail.models import Revision

    return Revision(
        pk=page.latest_revision_id,
        content_type=page.get_content_type(),
        base_content_type=page.get_base_content_type(),
        object_id=str(page.pk),
        object_str=str(page),
        created_at=page.latest_revision_created_at,
        user=person,
        content=page.serializable_data(),
    )


if __name__ == "__main__":
    enter(Path.cwd())
    fill(Path(sys.argv[1]))
