"""Proves old addresses: asks the site for each as a reader would, and says what it answered and what may have been meant.

Asked is this process's own request handler, without a network, or a server of one's own. An address of another host is
reported and never asked.
"""

from __future__ import annotations

import csv
import io
import json
import re
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from articles.addresses import MAX_PATH, file_spellings, host_of, is_reserved, letter_pairs, likeness, spellings_of
from articles.asking import OwnHandler
from articles.editorial.permalinks import find_holder
from articles.editorial.permissions import visible_posts
from articles.findings import Finding
from articles.library import find_owner, may_be_shown
from articles.models import ImportItem, ImportRun, Post, ProofItem, ProofRun, Redirect, Source, SourceFile
from articles.references import name_key

T = TypeVar("T")
Outcome, Note = ProofItem.Outcome, ProofItem.Note
PORTION = 100
MAX_LENGTH = 2_000
KEPT_RUNS = 20
"""Proofs that are kept per account; older ones go when a new one begins."""
PROVED = (Outcome.OK, Outcome.MOVED, Outcome.GONE)
"""What an old address should answer. Everything else is for somebody to look at."""
TIMEOUT = 20
_LIKE_ENOUGH = 0.45
_NEIGHBOURS = 4
_MAX_NAMESAKES = 2_000
_REDIRECTS = (301, 302, 303, 307, 308)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_DOT = re.compile(r"%2e", re.IGNORECASE)
_SAFE_IN_PATH = "/:@!$&'()*+,;=~-._"
_SAFE = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: the status, and the address in its ``Location``."""

    status: int
    location: str = ""


class Unreachable(Exception):
    """The server gave no answer; the message says why."""


#: Asks for a path with its query, percent-encoded and beginning with ``/``. Raises Unreachable.
Fetch = Callable[[str], Answer]


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of one address, as :class:`articles.models.ProofItem` keeps it. ``candidate`` is a post's key."""

    address: str
    outcome: str
    path: str = ""
    status: int | None = None
    location: str = ""
    candidate: int | None = None
    candidate_path: str = ""
    note: str = ""


# --- Asking -----------------------------------------------------------------------------------------------------------


class InProcess:
    """Asks Django's own handler, all its middleware included, as an anonymous reader on the site's own host."""

    def __init__(self) -> None:
        self.handler = OwnHandler()

    def __call__(self, target: str) -> Answer:
        response = self.handler.ask(target, "HEAD")
        return Answer(response.status_code, response.headers.get("Location", ""))


class OverHttp:
    """Asks a running server. ``base`` is its scheme, host and port; a sub-path of it stands before every path.

    Raises ValueError for a base that is none, or that is neither this machine nor a host of this site.
    """

    def __init__(self, base: str) -> None:
        parts = urlsplit(base.rstrip("/"))
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(base)
        if not is_own_host(parts.hostname):
            raise ValueError(base)
        self.parts = parts
        self.connection: HTTPConnection | None = None

    def __call__(self, target: str) -> Answer:
        try:
            return self._ask(target)
        except (HTTPException, OSError):
            # A server may close a kept connection at any time; the second try has a new one.
            self.close()
        try:
            return self._ask(target)
        except (HTTPException, OSError) as error:
            self.close()
            raise Unreachable(str(error) or type(error).__name__) from error

    def _ask(self, target: str) -> Answer:
        if self.connection is None:
            kind = HTTPSConnection if self.parts.scheme == "https" else HTTPConnection
            self.connection = kind(self.parts.netloc, timeout=TIMEOUT)
        self.connection.request("HEAD", self.parts.path + target, headers={"User-Agent": "prove_urls"})
        response = self.connection.getresponse()
        response.read()
        return Answer(response.status, response.headers.get("Location", ""))

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def is_own_host(host: str) -> bool:
    """Whether a host is this machine or one that this site answers for."""
    if host in ("localhost", "127.0.0.1", "::1") or host == urlsplit(settings.SITE_URL).hostname:
        return True
    return any(host == known or (known.startswith(".") and host.endswith(known)) for known in settings.ALLOWED_HOSTS)


# --- Proving ----------------------------------------------------------------------------------------------------------


def known_hosts() -> frozenset[str]:
    """Hosts whose addresses are proved here: the site's own, and those of the sources."""
    bases = [settings.SITE_URL, *Source.objects.exclude(base_url="").values_list("base_url", flat=True)]
    return frozenset(map(host_of, bases)) - {""}


def prove(
    addresses: Iterable[str], *, hosts: Collection[str] = (), fetch: Fetch | None = None, user: User | None = None
) -> Iterator[Proof]:
    """Asks for each address and says what it answered, in order; addresses are taken from the iterable only as needed.

    An address is a path, or absolute on one of ``hosts`` (besides :func:`known_hosts`; see
    :func:`articles.addresses.host_of`). ``fetch`` asks (default: :class:`InProcess`). ``user`` is who reads the report: only
    that person's posts are named as not public yet (``None``: the system, all). Candidates are public posts alone. A portion of
    addresses costs a request each, and a constant number of questions besides two by index for each that is not found.
    """
    asked = fetch or InProcess()
    ours = {*known_hosts(), *hosts}
    for portion in _portions(addresses, PORTION):
        yield from _explain([_prove_one(address, ours, asked) for address in portion], user)


def _portions(values: Iterable[T], size: int) -> Iterator[list[T]]:
    waiting = iter(values)
    while portion := list(islice(waiting, size)):
        yield portion


def _prove_one(address: str, ours: Collection[str], fetch: Fetch) -> Proof:
    shown = address.strip()[:MAX_LENGTH]
    if host := host_of(address):
        if host not in ours:
            return Proof(shown, Outcome.FOREIGN)
        rest = address.strip().partition("//")[2]
        start = re.search(r"[/?#]", rest)
        target = rest[start.start() :] if start else "/"
    else:
        target = address.strip()
    target = read_target(target)
    if not target or len(address) > MAX_LENGTH:
        return Proof(shown, Outcome.UNUSABLE)
    path = _shown(target.partition("?")[0])
    try:
        return replace(_follow(target, fetch), address=shown, path=path)
    except Unreachable as error:
        return Proof(shown, Outcome.UNREACHABLE, path, location=str(error)[:200])


def _shown(target: str) -> str:
    """An encoded address as people read it. No control character comes of it: PostgreSQL refuses NUL even in a question."""
    return _CONTROL.sub("\ufffd", unquote(target))[:MAX_LENGTH]


def read_target(written: str) -> str:
    """An address below the host as a browser would ask for it: encoded, without dot segments and fragment; ``""`` for none."""
    text = written.partition("#")[0]
    path, mark, query = text.partition("?")
    if (path and not path.startswith("/")) or path.startswith("//") or _CONTROL.search(text):
        return ""
    parts: list[str] = []
    segments = (path or "/").split("/")[1:]
    for number, segment in enumerate(segments):
        plain = _DOT.sub(".", segment)
        if plain not in (".", ".."):
            parts.append(segment)
            continue
        if plain == "..":
            parts = parts[:-1]
        if number == len(segments) - 1:
            parts.append("")
    encoded = quote("/" + "/".join(parts), safe=_SAFE)
    return encoded + (mark + quote(query, safe=_SAFE + "?") if query else "")


def _follow(target: str, fetch: Fetch) -> Proof:
    """One request, and where it answers with a redirect a second one."""
    answer = fetch(target)
    note = Note.QUERY if "?" in target else ""
    if answer.status not in _REDIRECTS:
        return Proof("", _outcome_of(answer.status), status=answer.status, note=note if answer.status == 200 else "")
    location = urljoin(settings.SITE_URL + target, answer.location)
    parts = urlsplit(location)
    if host_of(location) != host_of(settings.SITE_URL) and not is_own_host(parts.hostname or ""):
        return Proof("", Outcome.ASTRAY, status=answer.status, location=location[:MAX_LENGTH])
    onward = parts.path + (f"?{parts.query}" if parts.query else "")
    shown = _shown(onward)
    if onward == target:
        return Proof("", Outcome.CHAIN, status=answer.status, location=shown)
    second = fetch(onward)
    outcome = (
        Outcome.CHAIN if second.status in _REDIRECTS else Outcome.MOVED if second.status == 200 else _outcome_of(second.status)
    )
    return Proof(
        "", outcome, status=answer.status, location=shown, note=Note.TEMPORARY if answer.status in (302, 303, 307) else note
    )


def _outcome_of(status: int) -> str:
    if status == 200:
        return Outcome.OK
    return {404: Outcome.MISSING, 410: Outcome.GONE}.get(status, Outcome.ERROR)


# --- What was meant ---------------------------------------------------------------------------------------------------


def _explain(proofs: list[Proof], user: User | None) -> list[Proof]:
    """The proofs of a portion, those that were not found with the nearest post or the reason."""
    missing = [proof for proof in proofs if proof.outcome == Outcome.MISSING and proof.path]
    if not missing:
        return proofs
    paths = {proof.path for proof in missing}
    hidden, unserved = _find_hidden(paths, user), _find_unserved(paths)
    nearest = _find_nearest(paths - hidden)
    return [_explained(proof, hidden, unserved, nearest) if proof.outcome == Outcome.MISSING else proof for proof in proofs]


def _explained(proof: Proof, hidden: set[str], unserved: set[str], nearest: dict[str, Candidate]) -> Proof:
    if proof.path in hidden:
        return replace(proof, note=Note.NOT_PUBLIC)
    if proof.path in unserved:
        return replace(proof, note=Note.NOT_SERVED)
    post = nearest.get(proof.path)
    return replace(proof, candidate=post.pk, candidate_path=post.path) if post else proof


def _find_hidden(paths: Collection[str], user: User | None) -> set[str]:
    """Those of ``paths`` at which a post stands, or stood, that readers may not see and the user may; three queries."""
    spelled = {spelling: path for path in paths for spelling in spellings_of(path)}
    posts = Post.objects.all() if user is None else visible_posts(user)
    standing = posts.filter(path__in=spelled).values_list("path", flat=True)
    # Two questions: as one, with a subquery, the whole table of posts would be read.
    redirects = list(Redirect.objects.filter(old_path__in=spelled).order_by().values_list("old_path", "post_id"))
    seen = set(posts.filter(pk__in={pk for _path, pk in redirects}).values_list("pk", flat=True))
    former = [path for path, pk in redirects if pk in seen]
    return {spelled[path] for path in (*standing, *former)} | _find_hidden_files(paths, posts)


def _find_hidden_files(paths: Collection[str], posts: QuerySet[Post]) -> set[str]:
    """Those of ``paths`` at which a file was that waits for its post to become public; a query, and a few per file found."""
    spelled = {spelling: path for path in paths for spelling in file_spellings(path)}
    files = SourceFile.objects.filter(public_path__in=spelled).exclude(media=None).exclude(media__public_name="")
    hidden = set()
    for file in files.select_related("media", "source").order_by("pk")[:PORTION]:
        owner = find_owner(file)
        if not may_be_shown(file) and (owner is None or posts.filter(pk=owner.pk).exists()):
            hidden.add(spelled[file.public_path])
    return hidden


def _find_unserved(paths: Collection[str]) -> set[str]:
    """Those of ``paths`` at which a source has a file that readers are not given; three queries."""
    bases = list(Source.objects.values_list("pk", "base_path"))
    names: dict[str, str] = {}
    for path in paths:
        inner = {path.removeprefix(base).lstrip("/") for _pk, base in bases}
        names |= {folder + name: path for name in inner if name for folder in ("", "static/", "source/", "public/", "assets/")}
    files = SourceFile.objects.filter(source__in=[pk for pk, _base in bases], path__in=names)
    kept = files.filter(role=SourceFile.Role.SITE_FILE).values_list("path", flat=True)
    private = SourceFile.objects.filter(public_path__in=paths, media__public_name="").values_list("public_path", flat=True)
    return {names[path] for path in kept} | set(private)


class Candidate(NamedTuple):
    """A public post that an address may have meant."""

    pk: int
    path: str
    title: str


def _find_nearest(paths: Collection[str]) -> dict[str, Candidate]:
    """For each path the public post that it most likely meant: of the same last part, else a neighbour in the index.

    Two queries for all names, and two that read a few rows of the index for each path that no name answers.
    """
    keys = {path: name_key(path) for path in paths}
    by_key: dict[str, set[Candidate]] = {}
    for column in ("address_key", "name_key"):
        named = Post.objects.published().filter(**{f"{column}__in": set(keys.values()) - {""}}).order_by("pk")
        for key, *row in named.values_list(column, "pk", "path", "title")[:_MAX_NAMESAKES]:
            by_key.setdefault(key, set()).add(Candidate(*row))
    found = {}
    for path, key in keys.items():
        pairs = letter_pairs(path)
        same = by_key.get(key, ())
        best = max(same, key=lambda post: (likeness(pairs, post.path), -post.pk), default=None)
        found[path] = best or _nearest_neighbour(path, pairs)
    return {path: post for path, post in found.items() if post}


def _nearest_neighbour(path: str, pairs: frozenset[str]) -> Candidate | None:
    if not pairs or len(path) > MAX_PATH or not path.isprintable():
        return None
    rows = Post.objects.published().values_list("pk", "path", "title")
    after = rows.filter(path__gt=path).order_by("path")[:_NEIGHBOURS]
    before = rows.filter(path__lt=path).order_by("-path")[:_NEIGHBOURS]
    near = [Candidate(*row) for row in (*after, *before)]
    best = max(near, key=lambda post: likeness(pairs, post.path, post.title), default=None)
    return best if best and likeness(pairs, best.path, best.title) >= _LIKE_ENOUGH else None


# --- Which addresses there were ---------------------------------------------------------------------------------------


def addresses_of_source(source: Source) -> Iterator[str]:
    """The addresses at which the source's site was read, as far as they are known: of its public posts, as its files claim
    them and as they were before; of its files; of its home pages, lists, feeds and sitemap. Percent-encoded."""
    public = Post.objects.published().filter(source=source).order_by("pk")
    for path, asked in public.values_list("path", "source_permalink").iterator(chunk_size=1000):
        yield quote(asked or path, safe=_SAFE_IN_PATH)
    former = Redirect.objects.filter(post__in=public.order_by()).order_by("pk").values_list("old_path", flat=True)
    for path in former.iterator(chunk_size=1000):
        yield quote(path, safe=_SAFE_IN_PATH)
    hidden, shown = _bundles(source, is_public=False), _bundles(source, is_public=True)
    files = source.files.exclude(public_path="").filter(media__isnull=False).exclude(media__public_name="").order_by("path")
    for path, public_path in files.values_list("path", "public_path").iterator(chunk_size=1000):
        folders = [path[:at] for at, char in enumerate(path) if char == "/"]
        owner = next((folder for folder in reversed(folders) if folder in hidden or folder in shown), None)
        if owner is None or owner not in hidden:
            yield quote(public_path, safe=_SAFE_IN_PATH)
        # A bundle's files were served with its page in each language.
        yield from (quote(page + path[len(owner or "") + 1 :], safe=_SAFE_IN_PATH) for page in shown.get(owner or "", ()))
    yield from _addresses_of_lists(source)


def _bundles(source: Source, *, is_public: bool) -> dict[str, list[str]]:
    """The folders of page bundles whose page readers may, or may not, see: files in them come and go with it.

    With the folders below which the pages had their files, one for each language.
    """
    public = Post.objects.published().order_by().values("pk")
    posts = source.posts.filter(source_path__contains="/index.")
    posts = posts.filter(pk__in=public) if is_public else posts.exclude(pk__in=public)
    found: dict[str, list[str]] = {}
    for path, asked, at in posts.order_by("pk").values_list("source_path", "source_permalink", "path"):
        folder, _slash, name = path.rpartition("/")
        if name.startswith("index."):
            page = asked or at
            found.setdefault(folder, []).append(page if page.endswith("/") else page.removesuffix(".html") + "/")
    return found


def _addresses_of_lists(source: Source) -> Iterator[str]:
    homes = list(dict.fromkeys([f"{source.base_path}/", *(address for kind, address in source.lists if kind == "home")]))
    feed = {"hugo": "index.xml", "jekyll": "feed.xml", "hexo": "atom.xml"}.get(source.dialect)
    for home in homes:
        yield quote(home, safe=_SAFE_IN_PATH)
        yield from (quote(home + name, safe=_SAFE_IN_PATH) for name in (feed, "sitemap.xml") if name)
    public = Post.objects.published().dated().filter(source=source).order_by()
    relations = {
        "tag": "tagged_items__tag",
        "category": "postcategory__category",
        "author": "postauthor__author",
        "series": "series",
    }
    for stated, address in source.lists:
        kind = stated.partition(":")[0]
        yield quote(address, safe=_SAFE_IN_PATH)
        if feed and kind in ("section", "list", "terms", *relations):
            yield quote(address + feed, safe=_SAFE_IN_PATH)
        if kind == "terms":
            written = _terms_in_texts(source, address.strip("/").rpartition("/")[2])
            yield from (quote(f"{address}{name.strip().replace(' ', '-')}/", safe=_SAFE_IN_PATH) for name in written)
        if relation := relations.get(kind):
            names = public.filter(**{f"{relation}__isnull": False}).values_list(f"{relation}__name", flat=True).distinct()
            for name in names.order_by(f"{relation}__name"):
                yield quote(f"{address}{name.strip().replace(' ', '-')}/", safe=_SAFE_IN_PATH)


def _terms_in_texts(source: Source, taxonomy: str) -> list[str]:
    """The terms of a taxonomy that this site has no lists for, as the front matter of the source's public posts has them."""
    found: dict[str, None] = {}
    for extra in Post.objects.published().filter(source=source).order_by("pk").values_list("extra", flat=True).iterator(1000):
        for value in (value for key, value in extra.items() if key.lower() == taxonomy):
            found |= dict.fromkeys(text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))
    return list(found)


def addresses_of_run(run: ImportRun) -> Iterator[str]:
    """The addresses that a run's files have or ask for, and those of the sources that it read."""
    sources = Source.objects.filter(pk__in=run.items.exclude(source=None).values("source")).order_by("pk")
    for source in sources:
        yield from addresses_of_source(source)
    claimed = run.items.filter(verdict=ImportItem.Verdict.CONFLICT) | run.items.filter(source=None)
    for path in claimed.exclude(permalink="").order_by("pk").values_list("permalink", flat=True).iterator(chunk_size=1000):
        yield quote(path, safe=_SAFE_IN_PATH)


def count_hidden(sources: Iterable[Source]) -> int:
    """How many posts of the sources are not public, so that their addresses are not asked for."""
    posts = Post.objects.filter(source__in=list(sources))
    return posts.exclude(pk__in=Post.objects.published().order_by().values("pk")).count()


# --- A proof that is kept ---------------------------------------------------------------------------------------------


@transaction.atomic
def begin_proof(
    user: User | None,
    label: str,
    addresses: Iterable[str],
    *,
    findings: Iterable[Finding] = (),
    hosts: Collection[str] = (),
) -> ProofRun:
    """Keeps a list of addresses to be proved by :func:`continue_proof`, each once; the oldest proofs of the account go.

    ``hosts`` as in :func:`prove`.
    """
    notes = [finding.as_json() for finding in findings]
    run = ProofRun.objects.create(user=user, label=label[:300], findings=notes, hosts=sorted(hosts))
    unique = dict.fromkeys(address.strip()[:MAX_LENGTH] for address in addresses)
    for portion in _portions(unique, 1000):
        ProofItem.objects.bulk_create([ProofItem(run=run, address=address) for address in portion if "\x00" not in address])
    run.total = run.items.count()
    if not run.total:
        run.state, run.finished_at = ProofRun.State.FINISHED, timezone.now()
    run.save()
    _forget_old_runs(user)
    return run


def _forget_old_runs(user: User | None) -> None:
    old = ProofRun.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)[KEPT_RUNS:]
    for pk in list(old):
        ProofItem.objects.filter(run=pk).delete()
        ProofRun.objects.filter(pk=pk).delete()


def continue_proof(pk: int, *, seconds: float | None = None) -> ProofRun:
    """Goes on with a proof until it is finished, or about ``seconds`` have passed; gives the run as it is then.

    It may be called again at any time, also while another process does: an address that is asked twice gives one answer.
    Raises ProofRun.DoesNotExist.
    """
    run = ProofRun.objects.select_related("user").get(pk=pk)
    began, fetch = time.monotonic(), InProcess()
    while run.state != ProofRun.State.FINISHED:
        items = list(run.items.filter(outcome="").order_by("pk")[:PORTION])
        _prove_items(run, items, fetch)
        run.done = run.total - run.items.filter(outcome="").count()
        if run.done >= run.total:
            run.state, run.finished_at = ProofRun.State.FINISHED, timezone.now()
        run.save(update_fields=["done", "state", "finished_at"])
        if seconds is not None and time.monotonic() - began >= seconds:
            break
    return run


def _prove_items(run: ProofRun, items: list[ProofItem], fetch: Fetch) -> None:
    proofs = prove((item.address for item in items), hosts=run.hosts, fetch=fetch, user=run.user)
    for item, proof in zip(items, proofs, strict=True):
        item.outcome, item.path, item.status, item.location = proof.outcome, proof.path, proof.status, proof.location
        item.candidate_id, item.note = proof.candidate, proof.note
    ProofItem.objects.bulk_update(items, ["outcome", "path", "status", "location", "candidate", "note"], batch_size=100)


def totals_of(run: ProofRun) -> dict[str, int]:
    """How many addresses had which outcome."""
    counted = run.items.exclude(outcome="").order_by().values_list("outcome").annotate(number=Count("pk"))
    return dict(counted)


# --- Leading on -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One redirect that may be made: an address that was not found, and the public post it is to lead to."""

    item: ProofItem
    post: Post
    refusal: str = ""

    @property
    def path(self) -> str:
        return unicodedata.normalize("NFC", self.item.path)


def plan_redirects(items: Iterable[ProofItem]) -> list[Step]:
    """For each item that has a candidate, the redirect that would be made, or why it would not. Writes nothing."""
    steps = []
    for item in items:
        post = item.candidate
        if post is None or item.outcome != Outcome.MISSING or not item.path:
            continue
        steps.append(Step(item, post, _refusal(unicodedata.normalize("NFC", item.path), post)))
    return steps


def _refusal(path: str, post: Post) -> str:
    """Why no redirect may be made, in the active language; ``""`` where it may."""
    if not post.is_public:
        return gettext("The post is not public any more.")
    if len(path) > MAX_PATH or "//" in path or not any(True for _spelling in spellings_of(path)):
        return gettext("This address is too long, or has characters that no address here may have.")
    if is_reserved(path):
        return gettext("“%(path)s” belongs to the site itself. Choose another address.") % {"path": path}
    if path == post.path or find_holder(path, post) is not None:
        return gettext("“%(path)s” is the address of another post, or was. Choose another.") % {"path": path}
    return ""


@transaction.atomic
def make_redirects(run: ProofRun, steps: Iterable[Step]) -> list[Step]:
    """Makes the redirects of those steps that may be taken, asks for their addresses again, and gives the steps taken."""
    taken = []
    for step in steps:
        if step.refusal or _refusal(step.path, step.post):
            continue
        if Redirect.objects.get_or_create(old_path=step.path, defaults={"post": step.post})[1]:
            taken.append(step)
    _prove_items(run, [step.item for step in taken], InProcess())
    return taken


# --- Reports ----------------------------------------------------------------------------------------------------------

COLUMNS = ("address", "path", "outcome", "status", "location", "candidate", "note")


def stored_proofs(run: ProofRun, outcome: str = "") -> Iterator[Proof]:
    """The proofs of a run, or those of one outcome, as they stand."""
    items = run.items.exclude(outcome="").order_by("pk")
    if outcome:
        items = items.filter(outcome=outcome)
    for item in items.select_related("candidate").only(*_REPORTED).iterator(chunk_size=500):
        post = item.candidate
        yield Proof(
            item.address,
            item.outcome,
            item.path,
            item.status,
            item.location,
            post.pk if post else None,
            post.path if post and post.is_public else "",
            item.note,
        )


_REPORTED = (
    *("run", "address", "path", "outcome", "status", "location", "note", "candidate__path", "candidate__state"),
    *("candidate__published_at", "candidate__expires_at", "candidate__trashed_at"),
)


def write_csv(proofs: Iterable[Proof]) -> Iterator[str]:
    """The report as lines of a table with a byte order mark, as spreadsheets in Japan need; no cell is a formula."""
    yield "\ufeff" + _csv_line(COLUMNS)
    for proof in proofs:
        yield _csv_line([inert(value) for value in _values(proof).values()])


def write_json(proofs: Iterable[Proof], about: Mapping[str, Any]) -> Iterator[str]:
    """The report as JSON: what is said of the whole, then ``addresses``, one per line."""
    head = json.dumps(dict(about), ensure_ascii=False)
    yield head.removesuffix("}") + (", " if about else "") + '"addresses": [\n'
    comma = ""
    for proof in proofs:
        yield comma + json.dumps(_values(proof), ensure_ascii=False)
        comma = ",\n"
    yield "\n]}\n"


def _values(proof: Proof) -> dict[str, Any]:
    return {
        "address": proof.address,
        "path": proof.path,
        "outcome": str(proof.outcome),
        "status": proof.status,
        "location": proof.location,
        "candidate": proof.candidate_path,
        "note": str(proof.note),
    }


def inert(value: object) -> str:
    """A cell that no spreadsheet takes for a formula, and that stays on its line."""
    text = "" if value is None else _CONTROL.sub(" ", str(value))
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text


def _csv_line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
