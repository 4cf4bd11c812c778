"""Files of the library: the original is kept privately and exported as it came; readers get a cleaned copy."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from articles.pictures import Picture

FOCUS_STEP = 10  # per cent; the style sheets have a class for each step and axis


class MediaFile(models.Model):
    """One file by content. ``public_name`` is its path below ``MEDIA_ROOT``, or empty where readers do not get it.

    ``focus_x`` and ``focus_y`` are the point, in per cent from the left and the top, that every crop keeps in sight.
    ``likeness`` is what :func:`articles.media.measure_likeness` gives: empty until it is measured.
    """

    class Licence(models.TextChoices):
        ALL_RIGHTS = "all-rights-reserved", _("all rights reserved")
        AGENCY = "agency", _("agency picture")
        CC_BY = "cc-by", "CC BY"
        CC_BY_SA = "cc-by-sa", "CC BY-SA"
        CC_BY_ND = "cc-by-nd", "CC BY-ND"
        CC_BY_NC = "cc-by-nc", "CC BY-NC"
        CC_BY_NC_SA = "cc-by-nc-sa", "CC BY-NC-SA"
        CC_BY_NC_ND = "cc-by-nc-nd", "CC BY-NC-ND"
        CC0 = "cc0", "CC0"
        PUBLIC_DOMAIN = "public-domain", _("public domain")
        OTHER = "other", _("other terms")

    sha256 = models.CharField(_("fingerprint"), max_length=64, unique=True, editable=False)
    name = models.CharField(_("file name"), max_length=255)
    content_type = models.CharField(_("type"), max_length=100)
    size = models.PositiveBigIntegerField(_("size in bytes"), default=0)
    width = models.PositiveIntegerField(_("width"), default=0)
    height = models.PositiveIntegerField(_("height"), default=0)
    public_name = models.CharField(_("public file"), max_length=400, blank=True, editable=False)
    alt = models.CharField(_("alternative text"), max_length=500, blank=True)
    caption = models.TextField(_("caption"), blank=True)
    is_decorative = models.BooleanField(
        _("decorative"), default=False, help_text=_("It says nothing that the text does not say: read aloud, it is passed over.")
    )
    credit = models.CharField(_("credit"), max_length=200, blank=True)
    licence = models.CharField(_("licence"), max_length=20, choices=Licence, blank=True)
    licence_text = models.CharField(
        _("terms in words"), max_length=300, blank=True, help_text=_("As the agency or the owner states them.")
    )
    licence_url = models.URLField(_("address of the licence"), max_length=500, blank=True)
    focus_x = models.PositiveSmallIntegerField(_("focal point from the left, %"), default=50, validators=[MaxValueValidator(100)])
    focus_y = models.PositiveSmallIntegerField(_("focal point from the top, %"), default=50, validators=[MaxValueValidator(100)])
    likeness = models.CharField(max_length=16, blank=True, default="", editable=False)
    findings = models.JSONField(_("findings"), default=list, blank=True, editable=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("uploaded by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("media file")
        verbose_name_plural = _("media files")
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["public_name"], name="media_file_public_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """The address readers get it at, or ``""`` where it is not served."""
        return settings.MEDIA_URL + self.public_name if self.public_name else ""

    @property
    def is_image(self) -> bool:
        return self.content_type.startswith("image/")

    @property
    def picture(self) -> Picture:
        """What a page needs to show it, with the variants that fit its content and its focal point."""
        made: PictureVariants | None = getattr(self, "variants", None)
        if made is None or made.sha256 != self.sha256 or not self.url:
            return Picture(self.url, {}, self.width, self.height)
        shapes = {
            name: shape for name, shape in made.shapes.items() if shape.get("focus") in (None, [self.focus_x, self.focus_y])
        }
        return Picture(self.url, shapes, self.width, self.height, made.tone)

    @property
    def focus_class(self) -> str:
        """The classes that keep the focal point in sight where the picture is cropped; empty for the middle."""
        across, down = (round(value / FOCUS_STEP) * FOCUS_STEP for value in (self.focus_x, self.focus_y))
        names = [f"{axis}-{value}" for axis, value in (("fx", across), ("fy", down)) if value != 50]
        return " ".join(names)


class MediaVersion(models.Model):
    """What stood at a library entry before it was replaced. The original is kept; readers are led to what stands there now.

    ``public_name`` is the address at which readers had it. Texts name it still, and it never means another entry.
    """

    media = models.ForeignKey(MediaFile, models.CASCADE, related_name="versions", verbose_name=_("media file"))
    sha256 = models.CharField(_("fingerprint"), max_length=64, db_index=True, editable=False)
    name = models.CharField(_("file name"), max_length=255)
    content_type = models.CharField(_("type"), max_length=100)
    size = models.PositiveBigIntegerField(_("size in bytes"), default=0)
    width = models.PositiveIntegerField(_("width"), default=0)
    height = models.PositiveIntegerField(_("height"), default=0)
    public_name = models.CharField(_("public file"), max_length=400, unique=True, editable=False)
    replaced_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("replaced by")
    )
    replaced_at = models.DateTimeField(_("replaced"), auto_now_add=True)

    class Meta:
        verbose_name = _("former file")
        verbose_name_plural = _("former files")
        ordering = ["-replaced_at", "-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """The address at which readers had it."""
        return settings.MEDIA_URL + self.public_name


class DerivedFile(models.Model):
    """What a worker makes for readers, and who is making it. :mod:`articles.claims` writes ``holder``, ``until`` and ``tries``.

    Nobody else begins before ``until``: it is the end of a claim, or of the rest after a failure.
    """

    holder = models.CharField(max_length=120, blank=True, default="", editable=False)
    until = models.DateTimeField(null=True, blank=True, editable=False)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    findings = models.JSONField(default=list, blank=True, editable=False)

    class Meta:
        abstract = True


class PictureVariants(DerivedFile):
    """The smaller copies of a picture, as :mod:`articles.pictures` describes them in ``shapes``.

    Made of the content ``sha256`` by ``recipe``; of another content they are worth nothing. ``focus_x`` and ``focus_y`` are
    the focal point of the crops. ``tone`` is the class of the picture's colour. ``has_crops`` and ``has_square`` say which
    shapes were asked for, whether or not there was anything to make.
    """

    media = models.OneToOneField(MediaFile, models.CASCADE, related_name="variants", verbose_name=_("media file"))
    sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    recipe = models.PositiveSmallIntegerField(default=0, editable=False)
    shapes = models.JSONField(default=dict, blank=True, editable=False)
    tone = models.CharField(max_length=20, blank=True, default="", editable=False)
    focus_x = models.PositiveSmallIntegerField(default=50, editable=False)
    focus_y = models.PositiveSmallIntegerField(default=50, editable=False)
    has_crops = models.BooleanField(default=False, editable=False)
    has_square = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("variants of a picture")
        verbose_name_plural = _("variants of pictures")
        ordering = ["pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.media_id}"


class MediaBand(models.Model):
    """A quarter of a picture's likeness with its place, by which pictures that look alike are found."""

    media = models.ForeignKey(MediaFile, models.CASCADE, related_name="bands")
    key = models.IntegerField()

    class Meta:
        verbose_name = _("part of a likeness")
        verbose_name_plural = _("parts of likenesses")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["key", "media"], name="media_band_once")]

    def __str__(self) -> str:
        return f"{self.key:x}"


class MediaPair(models.Model):
    """Two pictures that look alike. ``is_dismissed``: somebody looked and said that they are two."""

    first = models.ForeignKey(MediaFile, models.CASCADE, related_name="pairs_before")
    second = models.ForeignKey(MediaFile, models.CASCADE, related_name="pairs_after")
    distance = models.PositiveSmallIntegerField()
    is_dismissed = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("pair of pictures")
        verbose_name_plural = _("pairs of pictures")
        ordering = ["-second", "-first"]
        constraints = [models.UniqueConstraint(fields=["second", "first"], name="media_pair_once")]

    def __str__(self) -> str:
        return f"{self.first_id} {self.second_id}"
