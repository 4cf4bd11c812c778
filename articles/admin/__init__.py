"""The editors' desk: declarative screens whose buttons call the verbs of ``articles.editorial``."""

from articles.admin import accounts, front_page, media, posts, proving, site_settings, tables, taxonomy, transfer

__all__ = ["accounts", "front_page", "media", "posts", "proving", "site_settings", "tables", "taxonomy", "transfer"]
