"""Everything the product remembers. The Markdown source is the record; the rest is derived from it."""

from articles.models.media import MediaFile
from articles.models.people import Author
from articles.models.post import Post, PostAuthor, PostCategory, PostLink, PostQuerySet, TaggedPost
from articles.models.redirect import Redirect
from articles.models.revision import Revision
from articles.models.taxonomy import Category, Series, Tag
from articles.models.transfer import ImportItem, ImportRun, Source, SourceFile

__all__ = [
    "Author",
    "Category",
    "ImportItem",
    "ImportRun",
    "MediaFile",
    "Post",
    "PostAuthor",
    "PostCategory",
    "PostLink",
    "PostQuerySet",
    "Redirect",
    "Revision",
    "Series",
    "Source",
    "SourceFile",
    "Tag",
    "TaggedPost",
]
