"""What a reference may mean: the ways in which Markdown sites name their posts and files."""

import pytest

from articles.references import MemoryIndex, Place, name_key, wanted_names

POSTS = (
    ("_posts/2024-01-03-b.md", "/sub/2024/01/03/b/", "二つ目"),
    ("_docs/d.md", "/sub/docs/d.html", "D"),
    ("about.md", "/sub/about.html", "案内"),
    ("content/blog/second.md", "/sub/blog/second/", "Second"),
)


def resolve(kind, target, place):
    index = MemoryIndex(place.base_path)
    for path, permalink, title in POSTS:
        index.add_post(path, permalink, title, set(wanted_names(kind, target, place)))
    return index.resolver(place.path, place.permalink).link(kind, target)


@pytest.mark.parametrize(
    ("target", "permalink"),
    [
        ("/sub/2024/01/03/b/", "/sub/2024/01/03/b/"),
        ("/2024/01/03/b/", "/sub/2024/01/03/b/"),
        ("/about.html", "/sub/about.html"),
        ("/_docs/d.md", "/sub/docs/d.html"),
        ("2024-01-03-b.md", "/sub/2024/01/03/b/"),
        ("../_docs/d.md", "/sub/docs/d.html"),
        ("../../../../2024/01/03/b/", "/sub/2024/01/03/b/"),
        ("../../../../docs/d.html", "/sub/docs/d.html"),
        ("@/blog/second.md", "/sub/blog/second/"),
        ("../../../../2024/01/03/b", "/sub/2024/01/03/b/"),
        ("../../../../../../etc", None),
        ("/nowhere/", None),
        ("https://example.org/about.html", None),
    ],
)
def test_an_address_means_a_file_a_permalink_or_a_page_seen_from_here(target, permalink):
    place = Place("_posts/2024-01-02-a.md", "/sub/2024/01/02/a/", "/sub")
    assert resolve("path", target, place) == permalink


def test_every_way_that_leads_to_a_post_has_its_name():
    place = Place("_posts/2024-01-02-a.md", "/sub/2024/01/02/a/", "/sub")
    for path, permalink, title in POSTS:
        keys = {name_key(name) for name in (path, permalink, title)}
        for kind, target in (("path", permalink), ("path", "/" + path), ("wikilink", title), ("ref", path), ("post_url", path)):
            if resolve(kind, target, place) == permalink:
                assert name_key(target) in keys
