"""Everything the product remembers. The Markdown source is the record; the rest is derived from it."""

from articles.models.account import Attempts, Invitation
from articles.models.card import PostCard
from articles.models.change import Change
from articles.models.correction import Correction
from articles.models.front import FrontPage, FrontSlot
from articles.models.media import MediaBand, MediaFile, MediaPair, MediaVersion, PictureVariants
from articles.models.notice import DeskSettings, Notice
from articles.models.people import Assignment, Author
from articles.models.post import Post, PostAuthor, PostCategory, PostLink, PostQuerySet, TaggedPost
from articles.models.proof import ProofItem, ProofRun
from articles.models.redirect import Redirect, TermRedirect
from articles.models.revision import Presence, Revision
from articles.models.search import RelatedPost, SearchEntry
from articles.models.site import SiteLink, SiteSettings
from articles.models.tables import TableImport, TableRow
from articles.models.taxonomy import Category, Series, Tag
from articles.models.term_merge import TermMerge
from articles.models.transfer import ImportChange, ImportItem, ImportRun, ImportTerm, Source, SourceFile
from articles.models.views import SavedView

__all__ = [
    "Assignment",
    "Attempts",
    "Author",
    "Category",
    "Change",
    "Correction",
    "DeskSettings",
    "FrontPage",
    "FrontSlot",
    "ImportChange",
    "ImportItem",
    "ImportRun",
    "ImportTerm",
    "Invitation",
    "MediaBand",
    "MediaFile",
    "MediaPair",
    "MediaVersion",
    "Notice",
    "PictureVariants",
    "Post",
    "PostAuthor",
    "PostCard",
    "PostCategory",
    "PostLink",
    "PostQuerySet",
    "Presence",
    "ProofItem",
    "ProofRun",
    "Redirect",
    "RelatedPost",
    "Revision",
    "SavedView",
    "SearchEntry",
    "Series",
    "SiteLink",
    "SiteSettings",
    "Source",
    "SourceFile",
    "TableImport",
    "TableRow",
    "Tag",
    "TaggedPost",
    "TermMerge",
    "TermRedirect",
]
