"""What a server has to know beside the files: headers, addresses without a file of their own name, and where former ones lead.

For nginx two files to include, one outside and one inside of its ``server``; for a bucket, lists of what to upload under which
key and of what leads where. They lie beside the target, not in it.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_noop as _

from articles.addresses import bare_form
from articles.findings import Finding
from articles.media import SERVED_TYPES
from articles.site.publishing.places import HTML, ODD, STAGING, TYPES, path_of
from articles.site.publishing.target import Target
from articles.whole import write_whole

#: The pages that stand for what is not there. They have no address, and so no slash; where a post has their file, another one.
PAGES_OF_FAULTS = {404: "404.html", 410: "410.html"}
OUTSIDE, INSIDE = "nginx-http.conf", "nginx-server.conf"
#: nginx reads a word of its configuration into 4,096 bytes.
MAX_WORD = 4_000
_MEDIA = "^/media/[0-9a-f]{2}/[0-9a-f]{16}/[^/]+$"
_IS_MEDIA = re.compile(_MEDIA)
_NOT_PLAIN = re.compile(r"([^A-Za-z0-9_/ -])")
#: Told by the types of files, not one by one.
_TYPE = "Content-Type"


def write_tables(target: Target, search_url: str) -> list[str]:
    """Writes what changed of them beside the target, each whole; their names. Nothing is written where the target only looks."""
    texts = {
        OUTSIDE: "".join(_outside(target)),
        INSIDE: "".join(_inside(target, search_url)),
        "files.jsonl": "".join(_files(target)),
        "redirects.csv": _redirects_csv(target),
        "redirects.json": _redirects_json(target),
    }
    changed = []
    for name, text in texts.items():
        place = target.state / name
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            changed.append(name)
            if target.mode == "write":
                write_whole(place, [text.encode("utf-8")], prefix=".new-")
    return changed


# --- For buckets ------------------------------------------------------------------------------------------------------------


def _files(target: Target) -> Iterator[str]:
    """One JSON object a line: the key is the decoded address without its first slash, as buckets name their objects."""
    for address, file, sha256, size, headers in target.rows():
        row = {
            "address": address,
            "key": path_of(address).removeprefix("/"),
            "file": file,
            "size": size,
            "sha256": sha256,
            "headers": headers,
        }
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _redirects_csv(target: Target) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["address", "status", "location"])
    writer.writerows(target.leads())
    return out.getvalue()


def _redirects_json(target: Target) -> str:
    rows = [{"address": address, "status": status, "location": location} for address, status, location in target.leads()]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


# --- For nginx: outside of "server" -----------------------------------------------------------------------------------------


class _Map:
    """One ``map`` of nginx, whose keys are texts or, where case decides, expressions.

    What has no row has the value ``default``, or that of the map called ``fallback``.
    """

    def __init__(self, source: str, name: str, default: str = "", fallback: str = "") -> None:
        self.source, self.name, self.default, self.fallback = source, name, default, fallback
        self.rows: dict[str, str] = {}
        self.patterns: list[tuple[str, str]] = []

    def add(self, key: str, value: str, *, with_case: bool = False) -> bool:
        """Whether there is room for it in a word of nginx."""
        if max(len(_quote(key).encode()), len(_quote(value).encode())) > MAX_WORD:
            return False
        if with_case:
            self.patterns.append((f"~^{_literal(key)}$", value))
        else:
            self.rows.setdefault(key, value)
        return True

    def write(self) -> Iterator[str]:
        """As text. Values hold no variable of nginx: it has no way to write a ``$`` that is none."""
        yield f"map {self.source} ${self.name} {{\n"
        if self.default:
            yield f"    default {_quote(_without_dollar(self.default))};\n"
        elif self.fallback:
            yield f"    default ${self.fallback};\n"
        for key, value in (*self.rows.items(), *self.patterns):
            yield f"    {_quote(key)} {_quote(_without_dollar(value))};\n"
        yield "}\n"

    @property
    def longest(self) -> int:
        """Bytes of the longest key."""
        return max((len(key.encode()) for key in self.rows), default=0)


def _outside(target: Target) -> Iterator[str]:
    maps = [*_header_maps(target), *_place_maps(target), *_lead_maps(target)]
    rows = max((len(each.rows) for each in maps), default=0)
    longest = max((each.longest for each in maps), default=0)
    yield "# Written by manage.py publish_static. Include it in http { }, before the server that includes the other file.\n"
    # Slots of the hash, and bytes of the longest key with what stands beside it.
    yield f"map_hash_max_size {_power(max(2048, rows * 2))};\nmap_hash_bucket_size {_power(max(128, longest + 64))};\n"
    yield 'map $arg_before $kawaraban_before { "~^(?<kawaraban_token>-?[0-9]{1,17}-[0-9]{1,6})$" '
    yield "page/$kawaraban_token/index.html; }\n"
    yield 'map $uri $kawaraban_index { "~^(?<kawaraban_list>.*/)$" "${kawaraban_list}index.html"; }\n'
    yield 'map $uri $kawaraban_bare { "~^(?<kawaraban_stem>.*?)(?:/index\\.html|\\.html|/)?$" $kawaraban_stem; }\n'
    # Almost every request is for a page as it stands: found before the places of the few others are looked at.
    yield 'map "$kawaraban_place$kawaraban_query$kawaraban_before" $kawaraban_usually { "" $kawaraban_index; }\n'
    for each in maps:
        yield from each.write()


def _header_maps(target: Target) -> Iterator[_Map]:
    """A map for each header: what most say is the default, of media and static files by themselves.

    Which of the three a file is, is found once for all headers: an expression for each would take longer than the file.
    """
    counted: dict[str, dict[str, Counter[str]]] = {}
    total: Counter[str] = Counter()
    for _address, file, _sha256, _size, headers in target.rows():
        group = _group_of(file)
        total[group] += 1
        for name, value in headers.items():
            counted.setdefault(name, {}).setdefault(group, Counter())[value] += 1
    names = sorted(name for name in counted if name != _TYPE)
    usual = {name: {group: _usual(counted[name].get(group, Counter()), total[group]) for group in _GROUPS} for name in names}
    groups = _Map("$uri", _variable("group"), "page")
    groups.patterns += [(f"~{_MEDIA}", "media"), (f"~^{re.escape(settings.STATIC_URL)}", "static")]
    yield groups
    maps = {}
    for name, values in usual.items():
        by_group = _Map(f"${groups.name}", _variable(name) + "_usual", values["page"])
        by_group.rows = {group: value for group, value in values.items() if value != values["page"]}
        yield by_group
        maps[name] = _Map("$uri", _variable(name), fallback=by_group.name)
    for address, file, _sha256, _size, headers in target.rows():
        group = _group_of(file)
        for name in names:
            if (value := headers.get(name, "")) != usual[name][group] and not maps[name].add("/" + file, value):
                target.refuse(address, _too_long())
    yield from maps.values()


_GROUPS = ("page", "media", "static")


def _group_of(file: str) -> str:
    if _IS_MEDIA.match("/" + file):
        return "media"
    return "static" if ("/" + file).startswith(settings.STATIC_URL) else "page"


def _usual(values: Counter[str], total: int) -> str:
    """What most files of a group say; empty where most say nothing."""
    value, number = max(values.items(), key=lambda found: (found[1], found[0]), default=("", 0))
    return value if number * 2 >= total else ""


def _variable(header: str) -> str:
    return "kawaraban_" + header.lower().replace("-", "_")


def _place_maps(target: Target) -> Iterator[_Map]:
    """Addresses whose file has another name, and those with a query."""
    places, queries = _Map("$uri", "kawaraban_place"), _Map('"$uri?$args"', "kawaraban_query")
    for address, file, _sha256, _size, _headers in target.rows():
        if file.startswith(ODD + "/") and not places.add(path_of(address), f"/{file}", with_case=target.differs_by_case(address)):
            target.refuse(address, _too_long())
    for asked, file in target.queries():
        path, _mark, query = asked.partition("?")
        if query.startswith("from="):
            queries.add(f"{path_of(path)}?{query}", f"/{file}")
    yield places
    yield queries


def _lead_maps(target: Target) -> Iterator[_Map]:
    """Where addresses lead, for good and for now, and what is gone: as they are written, and by any spelling of their end."""
    maps = {
        (status, is_loose): _Map("$kawaraban_bare" if is_loose else "$uri", name + ("_loosely" if is_loose else ""))
        for status, name in ((301, "kawaraban_moved"), (302, "kawaraban_elsewhere"), (410, "kawaraban_gone"))
        for is_loose in (False, True)
    }
    for address, status, location in target.leads():
        path, value = path_of(address), "1" if status == 410 else location
        # A key means any case. Where the two differ by nothing else, what leads on would lead to itself once the file is gone.
        with_case = path.lower() == path_of(location).lower() or target.differs_by_case(address)
        if not maps[status, False].add(path, value, with_case=with_case):
            target.refuse(address, _too_long())
        elif not with_case and (loose := bare_form(path)) and loose.lower() != bare_form(path_of(location)).lower():
            maps[status, True].add(loose, value)
    for address, _file, _sha256, _size, headers in target.rows():
        if headers.get(_TYPE) == HTML and not (path := path_of(address)).isascii():
            for spelling in (unicodedata.normalize("NFD", path), quote(path)):
                if spelling != path:
                    maps[301, True].add(bare_form(spelling), address)
    yield from maps.values()


def _too_long() -> Finding:
    template = _("This address, or where it leads, is too long for a table of nginx (4,000 bytes). Shorten it.")
    return Finding("publishing-too-long", "warning", template)


# --- For nginx: inside of "server" ------------------------------------------------------------------------------------------


def _inside(target: Target, search_url: str) -> Iterator[str]:
    faults = {status: target.place_of(address) for status, address in PAGES_OF_FAULTS.items()}
    yield "# Written by manage.py publish_static. Include it in server { }, beside listen, server_name and what TLS needs.\n"
    yield f"root {_quote(str(target.folder))};\nmerge_slashes off;\nabsolute_redirect off;\n"
    yield "etag on;\ngzip_static on;\ngzip_vary on;\n"
    yield "open_file_cache max=10000 inactive=60s;\nopen_file_cache_valid 1s;\nopen_file_cache_errors on;\n"
    for name in target.header_names():
        if name != _TYPE:
            yield f"add_header {name} ${_variable(name)} always;\n"
    for status, file in faults.items():
        if file:
            yield f"error_page {status} /{file};\n"
            yield f"location = /{file} {{ internal; {_types(TYPES)} default_type {_quote(HTML)}; }}\n"
    yield from _search(search_url)
    yield f"location ^~ /{STAGING}/ {{ return 404; }}\nlocation ^~ /{ODD}/ {{ return 404; }}\n"
    yield f"location ~ {_quote(_MEDIA)} {{ {_types(SERVED_TYPES)} gzip_static off; try_files $uri @kawaraban; }}\n"
    static = _types(_static_types(target))
    yield f"location ^~ {settings.STATIC_URL} {{ {static} default_type application/octet-stream; try_files $uri =404; }}\n"
    yield f"location ~ \\.gz$ {{ {_types(TYPES)} default_type {_quote(HTML)}; try_files $kawaraban_place @kawaraban_packed; }}\n"
    yield f"location ~ /index\\.html$ {{ {_types(TYPES)} default_type {_quote(HTML)}; try_files $kawaraban_place @kawaraban; }}\n"
    if colours := target.like(reverse("articles:colours", args=["0" * 12]).replace("0" * 12, "%")):
        yield f"location ~ ^/colours-[0-9a-f]+\\.css$ {{ {_types(TYPES)} try_files $uri {colours} =404; }}\n"
    yield f"location / {{ {_types(TYPES)} default_type {_quote(HTML)};\n"
    yield "    try_files $kawaraban_usually $kawaraban_place $kawaraban_query $uri$kawaraban_before $kawaraban_index $uri"
    yield " @kawaraban; }\n"
    yield _ELSEWHERE


# The order is that of the site: another spelling of a page, then what stood there formerly, then what is gone. A page of an older
# list that is there no more leads to its first page.
_ELSEWHERE = r"""location @kawaraban_packed {
    if ($kawaraban_moved) { return 301 $kawaraban_moved; }
    return 404;
}
location @kawaraban {
    if (-f $document_root$uri/index.html) { rewrite ^(.*)$ $1/ permanent; }
    if ($kawaraban_moved) { return 301 $kawaraban_moved; }
    if ($kawaraban_elsewhere) { return 302 $kawaraban_elsewhere; }
    if (-f $document_root$kawaraban_bare/index.html) { rewrite ^(.*?)(?:/index\.html|\.html|/)?$ $1/ permanent; }
    if (-f $document_root$kawaraban_bare.html) { rewrite ^(.*?)(?:/index\.html|\.html|/)?$ $1.html permanent; }
    if (-f $document_root$kawaraban_bare) { rewrite ^(.*?)(?:/index\.html|\.html|/)?$ $1 permanent; }
    if ($kawaraban_moved_loosely) { return 301 $kawaraban_moved_loosely; }
    if ($kawaraban_gone) { return 410; }
    if ($kawaraban_gone_loosely) { return 410; }
    rewrite "^(.*/)page/-?[0-9]{1,17}-[0-9]{1,6}/$" $1 redirect;
    return 404;
}
"""


def _search(search_url: str) -> Iterator[str]:
    address = reverse("articles:search")
    if urlsplit(search_url).netloc:
        target = _quote(_without_dollar(search_url) + "$is_args$args")
        yield f"location = {address} {{ return 302 {target}; }}\nlocation = {address.rstrip('/')} {{ return 302 {target}; }}\n"


def _static_types(target: Target) -> dict[str, str]:
    types: dict[str, Counter[str]] = {}
    for _address, file, _sha256, _size, headers in target.rows():
        suffix = file.rpartition("/")[2].rpartition(".")[2]
        if _group_of(file) == "static" and _TYPE in headers and suffix.isalnum():
            types.setdefault(suffix, Counter())[headers[_TYPE]] += 1
    return {suffix: found.most_common(1)[0][0] for suffix, found in sorted(types.items())}


def _types(types: dict[str, str]) -> str:
    by_type: dict[str, list[str]] = {}
    for suffix, type in types.items():
        by_type.setdefault(type, []).append(suffix)
    rows = " ".join(f"{_quote(type)} {' '.join(found)};" for type, found in by_type.items())
    return f"types {{ {rows} }}"


# --- Words of nginx -----------------------------------------------------------------------------------------------------------


def _quote(text: str) -> str:
    """A word of nginx's configuration, whatever it holds: within quotes only ``\\`` and ``"`` have a meaning of their own."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _literal(text: str) -> str:
    """An expression that means ``text`` and nothing else."""
    return _NOT_PLAIN.sub(lambda match: f"\\{match[1]}" if match[1].isascii() else match[1], text)


def _without_dollar(text: str) -> str:
    return text.replace("$", "%24")


def _power(number: int) -> int:
    return 1 << (number - 1).bit_length()
