"""The form of a post: what an editor sees, and which changes it asks the verbs for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.fields import NamesField
from articles.editorial import permalinks
from articles.editorial.terms import unknown_tags
from articles.editorial.workflow import COLUMNS
from articles.findings import RefusedFile
from articles.formats import frontmatter
from articles.markup import DEFAULT_FEATURES, FEATURES
from articles.models import Post

SCHEDULE = "schedule"

FEATURE_LABELS = {
    "attributes": gettext_lazy("attributes of headings {#id}"),
    "autolinks": gettext_lazy("bare addresses become links"),
    "block_attributes": gettext_lazy("attributes of blocks"),
    "callouts": gettext_lazy("callouts"),
    "comments": gettext_lazy("%% comments"),
    "definition_lists": gettext_lazy("definition lists"),
    "embeds": gettext_lazy("embedded videos and posts"),
    "emoji": gettext_lazy(":emoji: names"),
    "footnotes": gettext_lazy("footnotes"),
    "hardbreaks": gettext_lazy("every line end is a line break"),
    "highlight": gettext_lazy("==highlight=="),
    "math": gettext_lazy("maths"),
    "ruby": gettext_lazy("ruby"),
    "strikethrough": gettext_lazy("~~strikethrough~~"),
    "tables": gettext_lazy("tables"),
    "tasklists": gettext_lazy("task lists"),
    "typographer": gettext_lazy("typographic quotes and dashes"),
    "wikilinks": gettext_lazy("[[wikilinks]]"),
}


class PostForm(forms.ModelForm):
    """All editable fields but authors and categories, which have rows of their own. ``state`` is none of them.

    ``user`` and ``refusal`` are set on the class by the admin for one request: who edits, and the sentence with which
    a verb refused this very form, so that it comes back with everything that was typed.
    """

    user: Any = None
    refusal = ""

    tags = NamesField(label=gettext_lazy("Tags"))
    features = forms.MultipleChoiceField(
        label=gettext_lazy("Markdown features"), required=False, widget=forms.CheckboxSelectMultiple
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Post
        fields = [*(name for name in COLUMNS if name not in ("slug", "extra")), "tags"]
        labels = {
            "title": gettext_lazy("Title"),
            "body": gettext_lazy("Text (Markdown)"),
            "path": gettext_lazy("Address"),
            "published_at": gettext_lazy("Date of publication"),
            "updated_at": gettext_lazy("Date of update, as readers see it"),
            "expires_at": gettext_lazy("Leaves the site"),
            "cover": gettext_lazy("Picture"),
            "cover_alt": gettext_lazy("What the picture shows"),
            "cover_caption": gettext_lazy("Caption"),
            "custom_excerpt": gettext_lazy("Excerpt in lists"),
            "description": gettext_lazy("Description for search engines"),
            "canonical_url": gettext_lazy("Original address, where this text was published first"),
            "source_url": gettext_lazy("Address of the quoted source"),
            "language": gettext_lazy("Language"),
            "kind": gettext_lazy("Article or standing page"),
        }
        help_texts = {"cover_alt": gettext_lazy("Read aloud to people who cannot see it.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "features" in self.fields:
            chosen = set(self.instance.features or ())
            cast(forms.MultipleChoiceField, self.fields["features"]).choices = [
                (name, FEATURE_LABELS.get(name, name)) for name in sorted(FEATURES | chosen)
            ]
            if self.instance.pk is None:
                self.initial["features"] = sorted(DEFAULT_FEATURES[""])
        if self.instance.pk is not None:
            self.initial["seen"] = self.instance.modified_at.isoformat()
            self.initial["tags"] = [tagged.tag.name for tagged in self.instance.tagged_items.select_related("tag")]
        self._rename_labels()

    @property
    def verb(self) -> str:
        """The button that was pressed: empty for saving only."""
        return str(self.data.get("_verb", ""))

    @property
    def seen_at(self) -> datetime | None:
        """The moment of the save on which this form is based."""
        return parse_datetime(self.cleaned_data.get("seen") or "")

    @property
    def changes(self) -> dict[str, Any]:
        """What the user changed, by name, for :func:`articles.editorial.workflow.save_post`."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name != "seen"}

    def clean_title(self) -> str:
        title: str = self.cleaned_data["title"]
        if not title.strip():
            raise ValidationError(_("Give the post a title."))
        return title if title == self.initial.get("title") else " ".join(title.split())

    def clean_seen(self) -> str:
        seen: str = self.cleaned_data["seen"]
        if self.instance.pk is not None and parse_datetime(seen) is None:
            raise ValidationError(_("This form is incomplete. Copy your text, open the post again, and paste it there."))
        return seen

    def clean_path(self) -> str:
        stated: str = self.cleaned_data["path"].strip()
        if not stated:
            return ""
        try:
            return permalinks.claim(Post(pk=self.instance.pk, path=self.initial.get("path", "")), stated)
        except permalinks.BadAddress as bad:
            raise ValidationError(str(bad)) from bad

    def clean_features(self) -> list[str]:
        return sorted(self.cleaned_data["features"])

    def clean_tags(self) -> list[str]:
        names: list[str] = self.cleaned_data["tags"]
        if self.user is not None and not self.user.has_perm("articles.add_tag") and (new := unknown_tags(names)):
            raise ValidationError(_("There is no tag “%(names)s” yet. Ask an editor to make it.") % {"names": "、".join(new)})
        return names

    def clean_front_matter(self) -> str:
        """Keys that fields here stand for are changed in those fields, so that the two never disagree."""
        text: str = self.cleaned_data["front_matter"]
        if text == self.instance.front_matter or not self.instance.front_matter:
            return text
        head = text if text.endswith("\n") else text + "\n"
        before = frontmatter.parse(self.instance.front_matter, self.instance.front_matter_format)
        try:
            found, _rest, kind = frontmatter.split(head)
            after = frontmatter.parse(found, kind)
        except RefusedFile as refused:
            raise ValidationError(refused.finding.localised()) from refused
        fixed = [name for name in before if name not in self.instance.extra and after.get(name) != before[name]]
        if fixed:
            raise ValidationError(_("Change these in their own fields above: %(keys)s") % {"keys": ", ".join(fixed)})
        return text

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.refusal:
            raise ValidationError(self.refusal)
        date = self.cleaned_data.get("published_at")
        if self.verb == SCHEDULE and (date is None or date <= timezone.now()):
            self.add_error("published_at", _("To schedule the post, give a date to come."))
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        # The address is checked by claim(), which knows redirects and reserved places too.
        return {*super()._get_validation_exclusions(), "path"}  # type: ignore[misc]

    def _rename_labels(self) -> None:
        zone = timezone.get_default_timezone_name()
        for name in ("published_at", "updated_at", "expires_at"):
            if name in self.fields:
                self.fields[name].help_text = _("Time zone: %(zone)s") % {"zone": zone}


class OrderedRowsFormSet(forms.BaseInlineFormSet):
    """Rows in the order of their numbers; a row without one stands last."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["position"] = forms.IntegerField(
            label=gettext_lazy("Order"),
            required=False,
            min_value=0,
            max_value=999,
            widget=forms.NumberInput(attrs={"class": "order"}),
        )
        if form.instance.pk is None:
            form.initial.pop("position", None)

    def chosen(self, name: str) -> list[Any]:
        """What the rows name, in order, each once, without the rows marked for deletion."""
        rows = [
            form.cleaned_data
            for form in self.forms
            if getattr(form, "cleaned_data", None) and form.cleaned_data.get(name) and not form.cleaned_data.get("DELETE")
        ]
        numbered: Iterable[tuple[int, int]] = (
            (1000 if row.get("position") is None else row["position"], place) for place, row in enumerate(rows)
        )
        return list(dict.fromkeys(rows[place][name] for _number, place in sorted(numbered)))
