"""The form of a post: what an editor sees, and which changes it asks the verbs for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.base import is_key
from articles.admin.fields import MAX_TYPED_NAME, NamesField, refuse_long_names
from articles.admin.pictures import check_picture
from articles.editorial import drafts, permalinks
from articles.editorial.drafts import Draft
from articles.editorial.terms import unknown_tags
from articles.editorial.versions import COLUMNS, MOMENTS, ordered_authors, ordered_categories, ordered_tags
from articles.findings import RefusedFile
from articles.formats import frontmatter
from articles.markup import DEFAULT_FEATURES, FEATURES
from articles.models import MediaFile, Post, Revision

SCHEDULE = "schedule"
# What a form says of itself, which is none of the post's.
TOKENS = ("seen", "base", "session")
SESSION_LENGTH = 20

FEATURE_LABELS = {
    "attributes": gettext_lazy("attributes of headings {#id}"),
    "autolinks": gettext_lazy("bare addresses become links"),
    "block_attributes": gettext_lazy("attributes of blocks {.class}"),
    "callouts": gettext_lazy("callouts"),
    "comments": gettext_lazy("%% comments"),
    "definition_lists": gettext_lazy("definition lists"),
    "directives": gettext_lazy("notices :::note and !!! note"),
    "embeds": gettext_lazy("embedded videos and posts"),
    "emoji": gettext_lazy(":emoji: names"),
    "footnotes": gettext_lazy("footnotes"),
    "hardbreaks": gettext_lazy("every line end is a line break"),
    "hatena": gettext_lazy("Hatena's notation"),
    "hexo_tags": gettext_lazy("Hexo's tags {% %}"),
    "highlight": gettext_lazy("==highlight=="),
    "inline_footnotes": gettext_lazy("^[footnotes in the line]"),
    "liquid": gettext_lazy("Liquid {% %}"),
    "math": gettext_lazy("maths"),
    "mdx": gettext_lazy("MDX"),
    "passthrough": gettext_lazy("maths between \\( and \\)"),
    "ruby": gettext_lazy("ruby"),
    "shortcodes": gettext_lazy("Hugo's shortcodes"),
    "strikethrough": gettext_lazy("~~strikethrough~~"),
    "tables": gettext_lazy("tables"),
    "tasklists": gettext_lazy("task lists"),
    "tera": gettext_lazy("Zola's shortcodes"),
    "typographer": gettext_lazy("typographic quotes and dashes"),
    "wide_autolinks": gettext_lazy("bare addresses beside Japanese become links"),
    "wikilinks": gettext_lazy("[[wikilinks]]"),
    "zenn": gettext_lazy("Zenn's notation"),
}


def find_base(post: Post, number: object) -> Revision | None:
    """The version of this very post that a form names as the one it was opened on."""
    return post.revisions.filter(pk=str(number)).first() if post.pk is not None and is_key(number) else None


class PostForm(forms.ModelForm):
    """All editable fields but authors and categories, which have rows of their own. ``state`` is none of them.

    ``user`` and ``refusal`` are set on the class by the admin for one request: who edits, and the sentence with which
    a verb refused this very form, so that it comes back with everything that was typed. ``version`` are values of a
    kept version that the fields show instead of the post's own.
    """

    user: Any = None
    refusal = ""
    version: Mapping[str, Any] = {}

    tags = NamesField(label=gettext_lazy("Tags"))
    features = forms.MultipleChoiceField(
        label=gettext_lazy("Markdown features"), required=False, widget=forms.CheckboxSelectMultiple
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    base = forms.CharField(required=False, widget=forms.HiddenInput)
    session = forms.CharField(required=False, widget=forms.HiddenInput, max_length=32)

    class Meta:
        model = Post
        fields = [name for name in COLUMNS if name not in ("slug", "extra")]
        labels = {
            "title": gettext_lazy("Title"),
            "body": gettext_lazy("Text (Markdown)"),
            "path": gettext_lazy("Address"),
            "published_at": gettext_lazy("Date of publication"),
            "updated_at": gettext_lazy("Date of update, as readers see it"),
            "embargo_until": gettext_lazy("Embargo: not before"),
            "expires_at": gettext_lazy("Leaves the site"),
            "cover": gettext_lazy("Picture"),
            "cover_alt": gettext_lazy("What the picture shows"),
            "cover_caption": gettext_lazy("Caption"),
            "custom_excerpt": gettext_lazy("Excerpt in lists"),
            "description": gettext_lazy("Description for search engines"),
            "canonical_url": gettext_lazy("Original address, where this text was published first"),
            "noindex": gettext_lazy("Ask search engines not to list this post"),
            "source_url": gettext_lazy("Address of the quoted source"),
            "language": gettext_lazy("Language"),
            "kind": gettext_lazy("Article or standing page"),
        }
        help_texts = {
            "path": gettext_lazy("Where readers find the post. Left empty, it is made from the date and the title."),
            "kind": gettext_lazy("A standing page has no date and stands in no list."),
            "cover_alt": gettext_lazy("Read aloud to people who cannot see it."),
            "cover_caption": gettext_lazy("Readers see it under the picture."),
            "noindex": gettext_lazy("Readers find it here as before; it is left out of the sitemap."),
            "custom_excerpt": gettext_lazy("Readers see it in lists. Left empty, it is the beginning of the text."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "features" in self.fields:
            chosen = set(self.instance.features or ())
            cast(forms.MultipleChoiceField, self.fields["features"]).choices = [
                (name, FEATURE_LABELS.get(name, name)) for name in sorted(FEATURES | chosen)
            ]
            if self.instance.pk is None:
                self.initial["features"] = sorted(DEFAULT_FEATURES[""])
        self.initial["session"] = get_random_string(SESSION_LENGTH)
        if self.instance.pk is not None:
            self.initial["seen"] = self.instance.modified_at.isoformat()
            self.initial["base"] = drafts.base_of(self.instance) or ""
            draft: Draft | None = getattr(self.instance, "draft", None)
            self.initial["tags"] = draft.tags if draft else [tag.name for tag in ordered_tags(self.instance)]
        if not self.is_bound:
            # What is shown only: a form that comes back is compared with the post itself.
            self.initial.update(
                {name: getattr(value, "pk", value) for name, value in self.version.items() if name in self.fields}
            )
        self._rename_labels()
        restore_nothing(self)

    @property
    def verb(self) -> str:
        """The button that was pressed: empty for saving only."""
        return str(self.data.get("_verb", ""))

    @property
    def seen_at(self) -> datetime | None:
        """The moment of the save on which this form is based."""
        return parse_datetime(self.cleaned_data.get("seen") or "")

    @property
    def base_revision(self) -> Revision | None:
        """The version that this form was opened on."""
        return find_base(self.instance, self.cleaned_data.get("base"))

    @property
    def changes(self) -> dict[str, Any]:
        """What the user changed, by name, for :func:`articles.editorial.workflow.save_post`."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name not in TOKENS and name in self.cleaned_data}

    @property
    def session_name(self) -> str:
        """The name of the open form, which its page got when it was opened."""
        return str(self.cleaned_data.get("session", ""))

    def clean_title(self) -> str:
        title: str = self.cleaned_data["title"]
        if not title.strip():
            raise ValidationError(_("Give the post a title."))
        if title == self.initial.get("title"):
            return title
        # Only line ends: wide and narrow blanks are the writer's own.
        return " ".join(line.strip() for line in title.splitlines() if line.strip())

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

    def clean_cover(self) -> MediaFile | None:
        return check_picture(self.cleaned_data["cover"], self.initial.get("cover"))

    def clean_features(self) -> list[str]:
        return sorted(self.cleaned_data["features"])

    def clean_tags(self) -> list[str]:
        names: list[str] = self.cleaned_data["tags"]
        refuse_long_names(unknown_tags(name for name in names if len(name) > MAX_TYPED_NAME))
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
        for name in MOMENTS:
            if name not in self.fields:
                continue
            field = self.fields[name]
            field.help_text = _("Time zone: %(zone)s") % {"zone": zone}
            # Two boxes have one label, which is neither's.
            for part, template in zip(
                getattr(field.widget, "widgets", ()), (_("%(label)s: date"), _("%(label)s: time")), strict=False
            ):
                part.attrs["aria-label"] = template % {"label": field.label}


class RowForm(forms.ModelForm):
    """A row that is read and never stored: what it names becomes a change of the post."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Also a row that nobody touched is one of the post's.
        self.empty_permitted = False

    def _post_clean(self) -> None:
        """Nothing: the row is made nowhere, so that the database need not be asked a second time for what it names."""


def restore_nothing(form: forms.BaseForm) -> None:
    """Keeps a browser that goes back from putting what stood in a form before into one that it has fetched anew.

    What was saved since, by others too, would look deleted by a writer who had opened the newest version.
    """
    for field in form.fields.values():
        # The admin wraps choices of rows; what it wraps is drawn.
        drawn = getattr(field.widget, "widget", None) or field.widget
        cast(forms.Widget, drawn).attrs["autocomplete"] = "off"


class OrderedRowsFormSet(forms.BaseInlineFormSet):
    """Rows in the order of their numbers; a row without one stands last. They show the draft that the form shows."""

    model: type[Model]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "queryset": self.model._default_manager.none()})
        shown: list[Model] = self.shown
        self.initial_extra = [{self.named: row.pk, "position": place} for place, row in enumerate(shown, 1)]
        self.extra = len(shown)

    @property
    def named(self) -> str:
        """What a row names: ``author`` or ``category``."""
        return next(name for name in ("author", "category") if hasattr(self.model, name))

    @property
    def relation(self) -> str:
        """The field of a post that the rows are."""
        return {"author": "authors", "category": "categories"}[self.named]

    @cached_property
    def shown(self) -> list[Any]:
        """What the post names now, as the form shows it."""
        if self.instance.pk is None:
            return []
        draft: Draft | None = getattr(self.instance, "draft", None)
        if draft is not None:
            return list(getattr(draft, self.relation))
        return ordered_authors(self.instance) if self.named == "author" else ordered_categories(self.instance)

    def initial_form_count(self) -> int:
        """None: rows are replaced as a whole, so that none stands for a stored one."""
        return 0

    def clean(self) -> None:
        """Nothing: the same entry twice is one entry."""

    def validate_unique(self) -> None:
        """Nothing, for the same reason."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields[self.named].required = False
        form.fields["position"] = forms.IntegerField(
            label=gettext_lazy("Order"),
            required=False,
            min_value=0,
            max_value=999,
            widget=forms.NumberInput(attrs={"class": "order"}),
        )
        restore_nothing(form)

    def changes(self) -> dict[str, list[Any]]:
        """What the rows change of the post, as a save takes it."""
        chosen = self.chosen(self.named)
        return {} if chosen == self.shown else {self.relation: chosen}

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


MAX_ROWS = 200


def read_rows(data: Mapping[str, Any], prefix: str, name: str, model: type[Model]) -> list[Any]:
    """What :meth:`OrderedRowsFormSet.chosen` gives, unchecked, in one query; the set of forms asks for each row by itself."""
    total = data.get(f"{prefix}-TOTAL_FORMS", "")
    rows = []
    for number in range(min(int(total), MAX_ROWS) if is_key(total) else 0):
        row = f"{prefix}-{number}"
        key, position = data.get(f"{row}-{name}", ""), data.get(f"{row}-position", "")
        if is_key(key) and not data.get(f"{row}-DELETE"):
            rows.append((int(position) if is_key(position) else 1000, number, int(key)))
    if not rows:
        return []
    found = model._default_manager.in_bulk([key for _position, _number, key in rows])
    return [found[key] for key in dict.fromkeys(key for _position, _number, key in sorted(rows)) if key in found]
