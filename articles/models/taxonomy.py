"""Categories (a tree), tags and series. Two spellings that differ in width or case are one term."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from taggit.models import TagBase

from articles.formats.terms import identity, slugify
from articles.models.redirect import TermRedirect
from articles.routes import address_of

MAX_NAME = 200


class LastingTerm(models.Model):
    """A term that is found again under its former addresses and names, whoever changes it and by whatever form.

    ``address_column`` is the column that its address is made of.
    """

    address_column: ClassVar[str] = "slug"
    name: Any
    slug: Any
    identity: Any
    aliases: Any

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        columns = kwargs.get("update_fields")
        if columns is not None and not {"name", "slug", "parent"} & set(columns):
            self.store(*args, **kwargs)
            return
        if columns is not None:
            kwargs["update_fields"] = {*columns, "identity", "aliases", "slug", self.address_column}
        stored = type(self)._default_manager.filter(pk=self.pk).first() if self.pk else None
        self.identity = term_identity(self.name)
        if stored is not None:
            # A form whose slug was emptied asks for no other address.
            self.slug = self.slug or stored.slug
            self._keep_name(stored.name)
        self.fill_address()
        self.store(*args, **kwargs)
        self._take_name(stored)
        former = getattr(stored, self.address_column) if stored is not None else ""
        present = getattr(self, self.address_column)
        if former != present:
            TermRedirect.objects.note_move(self, former, present)

    def store(self, *args: Any, **kwargs: Any) -> None:
        """Writes the row."""
        models.Model.save(self, *args, **kwargs)

    def fill_address(self) -> None:
        """Makes what is missing of the address. Only a slug that somebody gave takes what was the address of another term."""
        if not self.slug:
            self.slug = free_slug(self, slugify(self.name))

    def namesakes(self) -> models.QuerySet[Any]:
        """The other terms that cannot have the same name."""
        return type(self)._default_manager.exclude(pk=self.pk)

    def _keep_name(self, former: str) -> None:
        """Files and tables go on naming a term as it was called."""
        if term_identity(former) != self.identity:
            self.aliases = [*(alias for alias in self.aliases if alias not in (former, self.name)), former]

    def _take_name(self, stored: Any) -> None:
        """A name leads to whichever term had it last: it is no other name of another one any more.

        One query where the term is new, was renamed or went elsewhere, and a second where another had the name; else none.
        """
        if stored is not None and stored.identity == self.identity and stored.name_scope == self.name_scope:
            return
        taken = {self.identity} if stored is None else {self.identity, stored.identity}
        changed = []
        others: Any = self.namesakes()
        for row in others.exclude(aliases=[]).only("aliases"):
            kept = [alias for alias in row.aliases if term_identity(str(alias)) not in taken]
            if kept != row.aliases:
                row.aliases = kept
                changed.append(row)
        if changed:
            others.bulk_update(changed, ["aliases"])

    @property
    def name_scope(self) -> Any:
        """Where no other term has the same name: among all, unless a kind says otherwise."""
        return None


class IdentifiedTerm(LastingTerm):
    """What every term has: one shown spelling, the other spellings met, and the identity that joins them."""

    identity = models.CharField(_("identity"), max_length=250, editable=False)
    aliases = models.JSONField(_("other spellings"), default=list, blank=True)
    description = models.TextField(_("description"), blank=True)

    class Meta:
        abstract = True


def term_identity(name: str) -> str:
    """What makes two names one term, as the columns hold them: a few letters grow eighteenfold under NFKC."""
    return identity(name[:MAX_NAME])[:250]


def free_slug(term: LastingTerm, wanted: str, *, is_given: bool = False) -> str:
    """``wanted``, or ``wanted-2``, ``wanted-3`` … for the address of ``term``: whichever no other term has, or ever had.

    ``is_given`` says that a person wants it: then ``wanted`` may be what another term left.
    """
    kind = str(term._meta.model_name)
    rows = type(term)._default_manager.exclude(pk=term.pk)
    former = TermRedirect.objects.filter(kind=kind).exclude(**{kind: term.pk})
    candidate, number = wanted, 1
    while rows.filter(**{term.address_column: candidate}).exists() or (
        not (is_given and number == 1) and former.filter(old_slug=candidate).exists()
    ):
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate


class Tag(IdentifiedTerm, TagBase):
    """A tag. Its name is the first spelling met; identity is NFKC and case fold (``AI`` = ``ＡＩ`` = ``ai``)."""

    name = models.CharField(_("name"), max_length=MAX_NAME, unique=True)
    slug = models.CharField(_("slug"), max_length=210, unique=True)

    # Of a base class without types, mypy cannot see the manager.
    objects: ClassVar[models.Manager[Tag]]

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["identity"], name="tag_identity_unique")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return address_of("tag", self.slug)


class Category(IdentifiedTerm):
    """A category in a tree. ``full_slug`` is the slugs from the root down, joined by ``/``; ``depth`` of a root is 0."""

    address_column = "full_slug"

    name = models.CharField(_("name"), max_length=MAX_NAME)
    slug = models.CharField(_("slug"), max_length=210, blank=True)
    full_slug = models.CharField(_("address"), max_length=700, unique=True, editable=False)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent category")
    )
    position = models.PositiveIntegerField(_("position"), default=0, help_text=_("Smaller numbers stand first."))

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["position", "full_slug"]
        constraints = [
            models.UniqueConstraint(fields=["parent", "identity"], name="category_identity_unique"),
            models.UniqueConstraint(
                fields=["identity"], condition=models.Q(parent__isnull=True), name="category_root_identity_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return address_of("category", self.full_slug)

    def fill_address(self) -> None:
        wanted = self.slug or slugify(self.name)[:130]
        prefix = f"{self.parent.full_slug}/" if self.parent else ""
        self.full_slug = free_slug(self, prefix + wanted, is_given=bool(self.slug))
        self.slug = self.full_slug.removeprefix(prefix)

    def namesakes(self) -> models.QuerySet[Category]:
        return super().namesakes().filter(parent=self.parent_id)

    @property
    def name_scope(self) -> Any:
        return self.parent_id

    def store(self, *args: Any, **kwargs: Any) -> None:
        """Also moves the addresses of everything below."""
        super().store(*args, **kwargs)
        for child in self.children.all():
            if not child.full_slug.startswith(self.full_slug + "/"):
                child.save()


class Series(IdentifiedTerm):
    """Posts that belong together in an order (連載)."""

    name = models.CharField(_("name"), max_length=MAX_NAME)
    slug = models.CharField(_("slug"), max_length=210, unique=True, blank=True)

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["identity"], name="series_identity_unique")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return address_of("series", self.slug)
