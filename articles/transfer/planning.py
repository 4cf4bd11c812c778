"""Plans an import: what would become of every file, found by the same walk that imports, and kept for people to look at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext_noop

from articles.editorial.terms import former_address, is_called, load_moved_categories, load_other_names
from articles.findings import Finding
from articles.formats.terms import variant_key
from articles.models import Author, Category, ImportItem, ImportRun, ImportTerm, Series, Tag
from articles.models.taxonomy import term_identity
from articles.queue import enqueue
from articles.transfer.archives import fetch_archive, remove_upload
from articles.transfer.choices import (
    Choices,
    category_identity,
    check_choices,
    join_category,
    split_category,
)
from articles.transfer.importing import carry_out
from articles.transfer.passages import GONE, Passage, RefusedArchive, fingerprint_archive
from articles.transfer.runs import (
    TASKS,
    Lease,
    State,
    add_event,
    count_items,
    held,
    load_user,
    move,
    queue,
    require_own,
)
from articles.transfer.storing import MAX_DEPTH, Entry, StalePlan

OVER = (State.FINISHED, State.REFUSED, State.CANCELLED, State.UNDOING, State.UNDONE)
CHANGEABLE = (State.UPLOADED, State.PLANNED)
MAX_SHOWN = 300
"""Characters of a field that an item keeps for display."""
MAX_LISTED = 200
MAX_PATHS = 20
"""Ways to write the place of one category by former names."""
Kind = ImportTerm.Kind
Verdict = ImportItem.Verdict
BATCH = 500

UPLOAD_CHANGED = gettext_noop("The uploaded archive is gone or damaged. Upload it again.")
PLANNED = gettext_noop("It was planned.")
STALE = {
    "file": gettext_noop("The file “%(path)s” changed since the plan: the import stopped there and was planned again."),
    "post": gettext_noop("The post of “%(path)s” changed since the plan: the import stopped there and was planned again."),
    "address": gettext_noop("The address of “%(path)s” was given away since the plan: the import stopped and was planned again."),
    "source": gettext_noop("The source “%(path)s” changed since the plan: the import stopped there and was planned again."),
    "archive": gettext_noop("In “%(path)s” files came or went since the plan: the import stopped and was planned again."),
}


# --- What is to be imported -----------------------------------------------------------------------------------------


# --- Planning -------------------------------------------------------------------------------------------------------


def start_planning(run: ImportRun, user: User | None) -> None:
    """Enqueues the plan of an upload, or a new one of the whole. Raises NotAllowed, WrongState."""
    require_own(run, user)
    queue(run, CHANGEABLE, State.PLANNING, plan={})


def change_choices(run: ImportRun, user: User | None, **changes: Any) -> ImportRun:
    """Stores decisions of staff and plans anew what they touch, in the background where files must be read again.

    ``changes`` are fields of :class:`Choices`; what is left out stays as it was. Raises NotAllowed, BadChoice, WrongState.
    """
    require_own(run, user)
    old = Choices.from_json(run.choices)
    new = check_choices({**run.choices, **changes}, user)
    if new == old:
        return run
    scope = find_scope(run, old, new)
    if run.state == State.PLANNED and scope == []:
        with transaction.atomic():
            move(run, (State.PLANNED,), State.PLANNED, choices=new.as_json(), planned_at=now())
            _settle(run, new)
        run.refresh_from_db()
        return run
    if run.state == State.UPLOADED:
        move(run, (State.UPLOADED,), State.UPLOADED, choices=new.as_json())
        return run
    queue(run, (State.PLANNED,), State.PLANNING, choices=new.as_json(), plan={**run.plan, "scope": scope})
    return run


def find_scope(run: ImportRun, old: Choices, new: Choices) -> list[str] | None:
    """The paths that must be read again when choices change: ``None`` for all, ``[]`` for none."""
    quick = {"excluded", "terms", "authors", "default_author", "on_conflict"}
    changed = {name for name in Choices.__dataclass_fields__ if getattr(old, name) != getattr(new, name)}
    if changed - quick or ("on_conflict" in changed and new.withdraw_missing):
        return None
    paths: set[str] = set()
    if "on_conflict" in changed:
        paths.update(run.items.filter(verdict__in=(Verdict.CONFLICT, Verdict.UPDATE)).values_list("path", flat=True))
    if "excluded" in changed:
        moved = set(old.excluded) ^ set(new.excluded)
        gone = set(run.items.filter(verdict__in=GONE).values_list("path", flat=True))
        if moved & gone and new.withdraw_missing:
            return None
        paths |= _sharing_claims(run, moved - gone) | (moved - gone)
    if changed & {"terms", "authors", "default_author"} and run.sites and any(site["source"] for site in run.sites):
        # A source that is known has files which these choices make be read anew.
        return None
    if paths and run.items.filter(path__in=paths, seen__moved=True).exists():
        # A file that moved takes a post from among those whose files went: all of them must be looked at.
        return None
    return sorted(paths)


def _sharing_claims(run: ImportRun, paths: set[str]) -> set[str]:
    """The files that ask for an address that one of ``paths`` asks for."""
    claims = set(run.items.filter(path__in=paths).exclude(claim="").values_list("claim", flat=True))
    return set(run.items.filter(claim__in=claims).values_list("path", flat=True)) if claims else set()


def work_off(lease: Lease) -> ImportRun:
    """Makes the plan of the run of ``lease``; however it ends, the run says so."""
    run = lease.run
    with held(lease):
        user = load_user(run)
        if not _see_archive(run, lease):
            return run
        scope = run.plan.get("scope")
        _clear(run, lease, scope)
        choices = Choices.from_json(run.choices)
        tally = Tally()
        passage = Passage(
            run,
            lease,
            choices,
            user,
            writes=False,
            describe=lambda entry, item: _describe(entry, item, tally),
            only=None if scope is None else frozenset(scope),
        )
        try:
            carry_out(passage)
        except RefusedArchive as refused:
            lease.end(State.REFUSED, findings=[refused.finding.as_json()], finished_at=now())
            remove_upload(run)
            return run
        except StalePlan:
            # The source that an earlier part of the import went to is gone: all must be decided again.
            with transaction.atomic():
                lease.hold(sites=[], plan={})
                lease.queue_again()
                enqueue(TASKS[State.PLANNING], run.pk)
            return run
        if scope is not None or passage.journalled:
            tally = _tally_items(run)
        with transaction.atomic():
            lease.hold()
            _write_terms(run, tally, choices)
            plan = {**tally.as_json(), "may_publish": passage.may_publish}
            lease.end(
                State.PLANNED,
                planned_at=now(),
                plan=plan,
                totals=count_items(run),
                findings=_last_stale(run) + [finding.as_json() for finding in passage.findings],
                events=add_event(run, Finding("planned", "info", PLANNED), user),
                interrupted_in="",
            )
    return run


def _see_archive(run: ImportRun, lease: Lease) -> bool:
    """Whether the archive is there. An upload must be the one that came; a folder is taken as it is now."""
    size, sha256 = fingerprint_archive(fetch_archive(run))
    if run.is_upload and sha256 != run.sha256:
        lease.end(State.REFUSED, findings=[Finding("upload-changed", "error", UPLOAD_CHANGED).as_json()], finished_at=now())
        return False
    lease.hold(size=size, sha256=sha256, **({} if run.items.filter(applied_at__isnull=False).exists() else {"moment": now()}))
    return True


def _clear(run: ImportRun, lease: Lease, scope: list[str] | None) -> None:
    """Removes the items that are to be made anew; those that were carried out stay."""
    items = run.items.filter(applied_at=None)
    with transaction.atomic():
        lease.hold()
        if scope is None:
            items.delete()
            if not run.items.exists():
                lease.hold(sites=[])
            return
        for start in range(0, len(scope), BATCH):
            items.filter(path__in=scope[start : start + BATCH]).exclude(verdict__in=GONE).delete()


def _last_stale(run: ImportRun) -> list[dict[str, Any]]:
    """Why the plan had to be made again, where the last attempt to carry it out stopped for that."""
    found: list[dict[str, Any]] = []
    for event in reversed(run.events):
        if event["code"] == "planned":
            break
        if event["code"] == "plan-stale":
            found.insert(0, {name: event[name] for name in ("code", "severity", "message", "line", "template", "params")})
    return found


def describe_stale(stale: StalePlan) -> list[Finding]:
    """What changed since the plan, for people: the first files by name."""
    return [Finding("plan-stale", "warning", STALE[reason], {"path": path}) for path, reason in stale.items[:10]]


# --- What a plan says of a file -------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What a plan counts over all files."""

    terms: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    template_code: Counter[str] = field(default_factory=Counter)
    missing_images: Counter[str] = field(default_factory=Counter)
    collisions: int = 0
    keys: Counter[str] = field(default_factory=Counter)

    def add(self, item: ImportItem) -> None:
        """Counts what a described item holds."""
        mapped = item.mapped or {}
        if item.excluded:
            return
        for name in mapped.get("tags", ()):
            self.terms[Kind.TAG, term_identity(name)][name] += 1
        for name in mapped.get("authors", ()):
            self.terms[Kind.AUTHOR, term_identity(name)][name] += 1
        for path in mapped.get("categories", ()):
            self.terms[Kind.CATEGORY, category_identity(path)][join_category(path)] += 1
        if name := mapped.get("series"):
            self.terms[Kind.SERIES, term_identity(name)][name] += 1
        self.missing_images.update(mapped.get("missing", ()))
        self.keys.update(mapped.get("keys", ()))
        for finding in item.findings:
            if finding["code"] == "unknown-template-code":
                self.template_code[finding["params"].get("name", "")] += 1
            elif finding["code"] == "permalink-collision":
                self.collisions += 1

    def as_json(self) -> dict[str, Any]:
        """The counts, the commonest first."""
        return {
            "template_code": dict(self.template_code.most_common(MAX_LISTED)),
            "missing_images": dict(self.missing_images.most_common(MAX_LISTED)),
            "missing_images_total": len(self.missing_images),
            "collisions": self.collisions,
            "keys": dict(self.keys.most_common(MAX_LISTED)),
        }


def _tally_items(run: ImportRun) -> Tally:
    tally = Tally()
    for item in run.items.filter(mapped__isnull=False).only("mapped", "findings", "excluded").iterator(chunk_size=BATCH):
        tally.add(item)
    return tally


def _describe(entry: Entry, item: ImportItem, tally: Tally) -> None:
    """Keeps the fields as read on the item, for display; the file itself is not kept."""
    document, post = entry.document, entry.post
    rendered = entry.read.rendered
    missing = [link.target for link in rendered.links if link.kind == "image" and not link.url] if rendered else []
    item.mapped = {
        "title": document.title[:MAX_SHOWN],
        "kind": document.kind,
        "state": str(post.state),
        "slug": document.slug,
        "language": document.language[:35],
        "published_at": document.published_at.isoformat() if document.published_at else None,
        "updated_at": document.updated_at.isoformat() if document.updated_at else None,
        "authors": [name[:MAX_SHOWN] for name in document.authors],
        "categories": [[name[:MAX_SHOWN] for name in path] for path in document.categories if path],
        "tags": [name[:MAX_SHOWN] for name in document.tags],
        "series": document.series[:MAX_SHOWN],
        "cover": document.cover.target[:MAX_SHOWN] if document.cover else "",
        "description": document.description[:MAX_SHOWN],
        "aliases": [alias[:MAX_SHOWN] for alias in document.aliases[:20]],
        "flavour": document.flavour,
        "keys": [str(key)[:100] for key in document.front_matter if key not in document.known_keys][:50],
        "missing": [target[:MAX_SHOWN] for target in dict.fromkeys(missing)][:50],
    }
    tally.add(item)


# --- Terms ----------------------------------------------------------------------------------------------------------


def _write_terms(run: ImportRun, tally: Tally, choices: Choices) -> None:
    """Stores the terms that the archive names, each with what this site has for it and what it may be another spelling of."""
    run.terms.all().delete()
    rows: list[ImportTerm] = []
    for kind in Kind.values:
        here = _find_terms_here(kind)
        met = {identity: spellings for (of_kind, identity), spellings in tally.terms.items() if of_kind == kind and identity}
        if kind == Kind.CATEGORY:
            new = [split_category(next(iter(spellings))) for identity, spellings in met.items() if identity not in here]
            here |= _find_moved_categories(new, [site["source"] for site in run.sites if site["source"]])
        for identity, spellings in met.items():
            names = [name for name, _count in spellings.most_common()]
            rows.append(
                ImportTerm(
                    run=run,
                    kind=kind,
                    name=(here[identity][1] if identity in here else names[0])[:1200],
                    identity=identity[:1300],
                    spellings=names[:20],
                    posts=sum(spellings.values()),
                    existing=here[identity][0] if identity in here else None,
                )
            )
        _propose([row for row in rows if row.kind == kind], here)
    ImportTerm.objects.bulk_create(rows, batch_size=BATCH)
    _settle(run, choices)


def _find_terms_here(kind: str) -> dict[str, tuple[int, str]]:
    """Identity → key and name of the terms that this site has, by the names that they have and those that they had."""
    if kind == Kind.CATEGORY:
        return _find_categories_here()
    model: Any = {Kind.TAG: Tag, Kind.SERIES: Series, Kind.AUTHOR: Author}[Kind(kind)]
    found = {identity: (pk, name) for pk, identity, name in model.objects.values_list("pk", "identity", "name").iterator()}
    names = dict(found.values())
    for (_above, identity), pk in load_other_names(model).items():
        found.setdefault(identity, (pk, names[pk]))
    return found


def _find_categories_here() -> dict[str, tuple[int, str]]:
    rows = {pk: (parent, name) for pk, parent, name in Category.objects.values_list("pk", "parent_id", "name")}
    others: dict[int, list[str]] = {}
    for (_above, name), pk in load_other_names(Category).items():
        others.setdefault(pk, []).append(name)
    found = {}
    former: dict[str, tuple[int, str]] = {}
    for pk in rows:
        path: list[str] = []
        called: list[list[str]] = []
        key: int | None = pk
        while key is not None:
            parent, name = rows[key]
            path.insert(0, name)
            called.insert(0, [name, *others.get(key, ())])
            key = parent
        found[category_identity(path)] = (pk, join_category(path))
        for names in islice(product(*called), 1, MAX_PATHS):
            former.setdefault(category_identity(names), (pk, join_category(path)))
    return former | found


def _find_moved_categories(paths: Sequence[Sequence[str]], sources: Sequence[int]) -> dict[str, tuple[int, str]]:
    """Identity → key and path of what the import will follow to another place, among ``paths``: categories of ``sources``.

    At most four queries; one where no category ever moved.
    """
    moved = load_moved_categories(sources) if paths else {}
    if not moved:
        return {}
    rows = {row.pk: row for row in Category.objects.only("name", "identity", "aliases", "full_slug", "parent_id")}
    by_place = load_other_names(Category) | {(row.parent_id, row.identity): row.pk for row in rows.values()}
    found = {}
    for path in paths:
        row: Category | None = None
        for name in path[:MAX_DEPTH]:
            key = by_place.get((row.pk if row else None, term_identity(name)))
            former = rows.get(moved.get(former_address(row.full_slug if row else "", name), 0))
            row = rows.get(key or 0) or (former if former is not None and is_called(former, name) else None)
            if row is None:
                break
        if row is not None:
            found[category_identity(path)] = (row.pk, join_category(_names_down_to(row, rows)))
    return found


def _names_down_to(row: Category, rows: Mapping[int, Category]) -> list[str]:
    """The names of a category's path, outermost first."""
    above = rows.get(row.parent_id or 0)
    return [*(_names_down_to(above, rows) if above is not None else ()), row.name]


def _propose(rows: Sequence[ImportTerm], here: Mapping[str, tuple[int, str]]) -> None:
    """Proposes, for terms that would be made, the one they may be another spelling of: one that is here, else the commonest."""
    known: dict[str, str] = {}
    for _pk, name in sorted(here.values()):
        known.setdefault(_variant(name), name)
    new = sorted((row for row in rows if row.existing is None), key=lambda row: (-row.posts, -len(row.name), row.name))
    for row in new:
        leader = known.setdefault(_variant(row.name), row.name)
        row.proposal = leader[:1200] if leader != row.name else ""


def _variant(name: str) -> str:
    return "\x1f".join(map(variant_key, split_category(name))) or variant_key(name)


def _settle(run: ImportRun, choices: Choices) -> None:
    """Shows on the terms of a plan what staff decided for them."""
    authors = {row.pk: row.name for row in Author.objects.filter(pk__in=[t.get("author", 0) for t in choices.authors.values()])}
    accounts = {user.pk: user for user in User.objects.filter(pk__in=[t.get("user", 0) for t in choices.authors.values()])}
    changed = []
    for row in run.terms.all():
        choice = choices.terms.get(row.kind, {}).get(row.identity, "")
        if row.kind == Kind.AUTHOR and (target := choices.authors.get(row.identity)):
            account = accounts.get(target.get("user", 0))
            choice = authors.get(target.get("author", 0), "") or (
                account.get_full_name() or account.get_username() if account else ""
            )
        if row.choice != choice[:1200]:
            row.choice = choice[:1200]
            changed.append(row)
    ImportTerm.objects.bulk_update(changed, ["choice"], batch_size=BATCH)
