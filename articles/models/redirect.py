"""Former addresses. A redirect points to a post or a term, never to a string, so that chains cannot form."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Redirect(models.Model):
    """``old_path`` is a decoded path beginning with ``/``. It answers only while the post is public, or 410 when withdrawn."""

    old_path = models.CharField(_("old address"), max_length=800, unique=True)
    post = models.ForeignKey("Post", models.CASCADE, related_name="redirects", verbose_name=_("post"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("redirect")
        verbose_name_plural = _("redirects")
        ordering = ["old_path"]

    def __str__(self) -> str:
        return self.old_path


class TermRedirectManager(models.Manager["TermRedirect"]):
    def note_move(self, term: models.Model, former: str, present: str) -> None:
        """Keeps ``former``, which ``term`` had until now, and frees ``present``, which answers for itself from now on.

        ``former`` is empty for a term that is new.
        """
        kind = str(term._meta.model_name)
        self.filter(kind=kind, old_slug=present).delete()
        if former and former != present:
            owners = {name: term if name == kind else None for name in TermRedirect.KINDS}
            self.update_or_create(kind=kind, old_slug=former, defaults=owners)


class TermRedirect(models.Model):
    """``old_slug`` is what a term's address had where its slug is now (of a category, the slugs from the root down).

    Written wherever a term is saved. It answers while the term shows something, and only where no other term has it.
    """

    #: Names of the models, of the routes of their lists, and of the columns here.
    KINDS = ("category", "tag", "author", "series")

    kind = models.CharField(_("kind"), max_length=10)
    old_slug = models.CharField(_("former address"), max_length=700)
    category = models.ForeignKey("Category", models.CASCADE, null=True, blank=True, related_name="former_addresses")
    tag = models.ForeignKey("Tag", models.CASCADE, null=True, blank=True, related_name="former_addresses")
    author = models.ForeignKey("Author", models.CASCADE, null=True, blank=True, related_name="former_addresses")
    series = models.ForeignKey("Series", models.CASCADE, null=True, blank=True, related_name="former_addresses")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar[TermRedirectManager] = TermRedirectManager()

    class Meta:
        verbose_name = _("former address of a term")
        verbose_name_plural = _("former addresses of terms")
        ordering = ["kind", "old_slug"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["kind", "old_slug"], name="term_redirect_once")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.old_slug}"

    @property
    def term(self) -> Any:
        """The term that had the address."""
        return getattr(self, self.kind)
