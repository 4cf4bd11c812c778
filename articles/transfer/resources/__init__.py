"""The models that leave and come as tables."""

from articles.transfer.resources.base import ChunkLoader, Column, Judgement, TableResource
from articles.transfer.resources.posts import PostResource
from articles.transfer.resources.redirects import RedirectResource
from articles.transfer.resources.terms import AuthorResource, CategoryResource, TagResource

__all__ = ["RESOURCES", "ChunkLoader", "Column", "Judgement", "TableResource"]

#: Resources by the name of their model, as in ``TableImport.model``, addresses and commands.
RESOURCES: dict[str, type[TableResource]] = {
    resource.model_name: resource for resource in (PostResource, AuthorResource, CategoryResource, TagResource, RedirectResource)
}
