"""The editors' desk: declarative screens whose buttons call the verbs of ``articles.editorial``."""

from articles.admin import accounts, media, posts, taxonomy, transfer

__all__ = ["accounts", "media", "posts", "taxonomy", "transfer"]
