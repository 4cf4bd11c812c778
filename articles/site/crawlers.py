"""What programs that read the web are told: robots.txt, the words of a page's head, and the site's policy for AI."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from articles.site.responses import allows_ai, public_page


@dataclass(frozen=True, slots=True)
class Crawler:
    """A program that reads for language models. ``name`` is what robots.txt calls it; ``source`` is where its maker, or a
    list where the maker says nothing, names it."""

    name: str
    source: str


_LIST = "https://github.com/ai-robots-txt/ai.robots.txt/blob/main/table-of-bot-metrics.md"

#: Known in November 2026. Programs that only fetch what a person asks for at that moment are among them: they take the text
#: into an answer.
AI_CRAWLERS = (
    Crawler("AI2Bot", "https://allenai.org/crawler"),
    Crawler("Amazonbot", "https://developer.amazon.com/amazonbot"),
    Crawler("anthropic-ai", _LIST),
    Crawler("Applebot-Extended", "https://support.apple.com/en-us/119829"),
    Crawler("Bytespider", _LIST),
    Crawler("CCBot", "https://commoncrawl.org/ccbot"),
    Crawler("ChatGPT-User", "https://platform.openai.com/docs/bots"),
    Crawler("Claude-SearchBot", "https://support.anthropic.com/en/articles/8896518"),
    Crawler("Claude-User", "https://support.anthropic.com/en/articles/8896518"),
    Crawler("ClaudeBot", "https://support.anthropic.com/en/articles/8896518"),
    Crawler("cohere-ai", _LIST),
    Crawler("Cotoyogi", "https://ds.rois.ac.jp/en_center8/en_crawler/"),
    Crawler("DeepSeekBot", _LIST),
    Crawler("Diffbot", "https://docs.diffbot.com/docs/getting-started-with-crawl"),
    Crawler("DuckAssistBot", "https://duckduckgo.com/duckduckgo-help-pages/results/duckassistbot"),
    Crawler("FacebookBot", "https://developers.facebook.com/docs/sharing/bot/"),
    Crawler("Google-Extended", "https://developers.google.com/search/docs/crawling-indexing/google-common-crawlers"),
    Crawler("GPTBot", "https://platform.openai.com/docs/bots"),
    Crawler("meta-externalagent", "https://developers.facebook.com/docs/sharing/webmasters/web-crawlers/"),
    Crawler("meta-externalfetcher", "https://developers.facebook.com/docs/sharing/webmasters/web-crawlers/"),
    Crawler("MistralAI-User", "https://docs.mistral.ai/robots"),
    Crawler("OAI-SearchBot", "https://platform.openai.com/docs/bots"),
    Crawler("omgili", _LIST),
    Crawler("Perplexity-User", "https://docs.perplexity.ai/guides/bots"),
    Crawler("PerplexityBot", "https://docs.perplexity.ai/guides/bots"),
    Crawler("Timpibot", _LIST),
    Crawler("YouBot", _LIST),
)


@public_page
def show_robots(request: HttpRequest) -> HttpResponseBase:
    """Everything public may be read, unless the site's policy keeps AI out; the sitemaps say where it is.

    Posts that search engines are to leave out are not named here: a program that may not read a page does not see that it
    is to be left out, and whoever reads this would be told of each.
    """
    groups = ["User-agent: *\nDisallow:"]
    if not allows_ai():
        groups.append("\n".join(f"User-agent: {crawler.name}" for crawler in AI_CRAWLERS) + "\nDisallow: /")
    sitemaps = [reverse("articles:sitemap"), reverse("articles:news_sitemap")]
    groups.append("\n".join(f"Sitemap: {settings.SITE_URL}{address}" for address in sitemaps))
    return HttpResponse("\n\n".join(groups) + "\n", content_type="text/plain; charset=utf-8")
