"""What staff set of the site as a whole: versions of the settings, each with its links in order."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.models.media import MediaFile
from articles.models.post import Post
from articles.models.taxonomy import Category, Tag

MIN_PER_PAGE, MAX_PER_PAGE = 5, 100


class SiteSettings(models.Model):
    """One version of the settings; the one with the highest number holds. Nothing in it changes once it is saved.

    What is empty is as the environment or the product has it. ``number`` is unique, so that of two people who save at once
    one is refused by the database.
    """

    number = models.PositiveIntegerField(_("number"), unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("by"),
    )
    created_at = models.DateTimeField(_("saved"), default=timezone.now, editable=False)

    name = models.CharField(_("site name"), max_length=80, blank=True)
    description = models.CharField(_("description of the site"), max_length=300, blank=True)
    logo = models.ForeignKey(
        MediaFile, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture in the masthead")
    )
    logo_dark = models.ForeignKey(
        MediaFile, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("the same for dark screens")
    )
    footer_text = models.CharField(_("text in the foot"), max_length=500, blank=True)
    copyright = models.CharField(_("copyright line"), max_length=200, blank=True)
    accent_light = models.CharField(_("accent colour, light"), max_length=7, blank=True)
    accent_dark = models.CharField(_("accent colour, dark"), max_length=7, blank=True)
    paper_light = models.CharField(_("paper colour, light"), max_length=7, blank=True)
    paper_dark = models.CharField(_("paper colour, dark"), max_length=7, blank=True)
    permalink = models.CharField(_("form of new addresses"), max_length=120, blank=True)
    posts_per_page = models.PositiveSmallIntegerField(
        _("articles on a page of a list"),
        null=True,
        blank=True,
        validators=[MinValueValidator(MIN_PER_PAGE), MaxValueValidator(MAX_PER_PAGE)],
    )
    has_analytics = models.BooleanField(_("count visits with the script below"), default=False)
    analytics_script = models.CharField(_("address of the script"), max_length=300, blank=True)
    analytics_domain = models.CharField(_("name of this site there"), max_length=200, blank=True)
    advertising_label = models.CharField(_("advertising label on an article"), max_length=60, blank=True)
    advertising_label_short = models.CharField(_("advertising label in lists"), max_length=30, blank=True)

    class Meta:
        verbose_name = _("site settings")
        verbose_name_plural = _("site settings")
        ordering = ["-number"]
        default_permissions = ("change",)

    def __str__(self) -> str:
        return _("Site settings no. %(number)d") % {"number": self.number}


class SiteLink(models.Model):
    """One link of the navigation, the foot or the accounts, in order: to a category, a tag, a post or an address."""

    class Place(models.TextChoices):
        NAVIGATION = "navigation", _("navigation")
        FOOTER = "footer", _("links in the foot")
        SOCIAL = "social", _("accounts elsewhere")

    settings = models.ForeignKey(SiteSettings, models.CASCADE, related_name="links", verbose_name=_("site settings"))
    place = models.CharField(_("place"), max_length=10, choices=Place)
    position = models.PositiveSmallIntegerField(_("position"))
    label = models.CharField(_("label"), max_length=60)
    category = models.ForeignKey(Category, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("category"))
    tag = models.ForeignKey(Tag, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("tag"))
    post = models.ForeignKey(Post, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("post"))
    address = models.CharField(_("address"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("link of the site")
        verbose_name_plural = _("links of the site")
        ordering = ["settings", "place", "position"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["settings", "place", "position"], name="site_link_place")]

    def __str__(self) -> str:
        return self.label
