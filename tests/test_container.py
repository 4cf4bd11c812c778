"""Archives: what is taken, refused by name, or refused as a whole."""

from __future__ import annotations

import io
import os
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from articles.findings import RefusedFile
from articles.formats.container import Container, Limits, open_archive

POST = b"---\ntitle: t\n---\nbody\n"


def pack(members: dict[str, bytes], *, change: Callable[[zipfile.ZipInfo], None] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change and name != "good.md":
                change(info)
            archive.writestr(info, data)
    return out.getvalue()


def open_bytes(folder: Path, data: bytes, *, limits: Limits | None = None, name: str = "site.zip") -> Container:
    path = folder / name
    path.write_bytes(data)
    return open_archive(path, limits=limits or Limits())


def refuse(folder: Path, data: bytes, **options: Limits | str) -> str:
    with pytest.raises(RefusedFile) as caught:
        open_bytes(folder, data, **options)  # type: ignore[arg-type]
    return caught.value.finding.code


def codes(container: Container) -> list[tuple[str, str]]:
    return [(path, finding.code) for path, finding in container.refused]


def test_a_zip_a_folder_and_a_file_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "site" / "記事").mkdir(parents=True)
    (tmp_path / "site" / "記事" / "一.md").write_bytes(POST)
    packed = open_bytes(tmp_path, pack({"記事/一.md": POST, "記事/": b""}))
    folder = open_archive(tmp_path / "site")
    single = open_archive(tmp_path / "site" / "記事" / "一.md")
    assert list(packed.members) == list(folder.members) == ["記事/一.md"]
    assert packed.read("記事/一.md") == folder.read("記事/一.md") == single.read("一.md") == POST
    assert (packed.name, folder.name, single.name) == ("site", "site", "一")


def test_a_member_comes_in_pieces_that_are_what_it_is_and_damage_shows(tmp_path: Path) -> None:
    large = bytes(range(256)) * 4_000
    data = pack({"large.bin": large, "good.md": POST})
    container = open_bytes(tmp_path, data)
    pieces = list(container.stream("large.bin"))
    assert len(pieces) > 1
    assert b"".join(pieces) == container.read("large.bin") == large
    at = data.index(b"large.bin") + 30
    damaged = open_bytes(tmp_path, data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
    with pytest.raises(RefusedFile):
        list(damaged.stream("large.bin"))


def test_a_container_goes_to_another_process_and_still_reads(tmp_path: Path) -> None:
    container = open_bytes(tmp_path, pack({"a.md": POST}))
    container.read("a.md")
    again = pickle.loads(pickle.dumps(container))
    assert again.read("a.md") == POST


@pytest.mark.parametrize(
    "name",
    ["../x.md", "a/../../x.md", "/etc/x.md", "C:/x.md", "C:\\x.md", "..\\x.md",
     "\\\\host\\share\\x.md", "%2e%2e%2fx.md", "%2e%2e/x.md",
     "%2Fetc/x.md", ".."],
)  # fmt: skip
@pytest.mark.parametrize("host", [0, 3])
def test_a_path_that_leads_out_is_refused_by_name_and_the_rest_taken(tmp_path: Path, name: str, host: int) -> None:
    def set_host(info: zipfile.ZipInfo) -> None:
        info.create_system = host

    container = open_bytes(tmp_path, pack({"good.md": POST, name: b"x"}, change=set_host))
    assert list(container.members) == ["good.md"]
    assert [code for _path, code in codes(container)] == ["path-escape"]


def test_backslashes_of_a_zip_made_on_windows_are_folders(tmp_path: Path) -> None:
    def set_host(info: zipfile.ZipInfo) -> None:
        info.create_system = 0

    assert "posts/a.md" in open_bytes(tmp_path, pack({"posts\\a.md": POST}, change=set_host)).members


@pytest.mark.parametrize(
    ("kind", "code"), [(stat.S_IFLNK, "symbolic-link"), (stat.S_IFIFO, "special-file"), (stat.S_IFCHR, "special-file")]
)
def test_links_and_devices_in_a_zip_are_refused_by_name(tmp_path: Path, kind: int, code: str) -> None:
    def set_mode(info: zipfile.ZipInfo) -> None:
        info.external_attr = (kind | 0o777) << 16

    container = open_bytes(tmp_path, pack({"good.md": POST, "link.md": b"/etc/passwd"}, change=set_mode))
    assert codes(container) == [("link.md", code)]


def test_links_and_pipes_in_a_folder_are_refused_and_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    site = tmp_path / "site"
    site.mkdir()
    (site / "good.md").write_bytes(POST)
    (site / "link.md").symlink_to(secret)
    (site / "loop").symlink_to(site)
    os.mkfifo(site / "pipe.md")
    container = open_archive(site)
    assert list(container.members) == ["good.md"]
    assert sorted(codes(container)) == [("link.md", "symbolic-link"), ("loop", "symbolic-link"), ("pipe.md", "special-file")]


def test_a_file_replaced_by_a_link_a_pipe_or_nothing_after_the_listing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    site = tmp_path / "site"
    site.mkdir()
    for name in ("a.md", "b.md", "c.md"):
        (site / name).write_bytes(POST)
    container = open_archive(site)
    for name in ("a.md", "b.md", "c.md"):
        (site / name).unlink()
    (site / "a.md").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(site / "b.md")
    for name, code in (("a.md", "symbolic-link"), ("b.md", "special-file"), ("c.md", "unreadable")):
        with pytest.raises(RefusedFile) as caught:
            container.read(name)
        assert caught.value.finding.code == code


def patch_flags(data: bytes, name: bytes, *, flag: int = 0, method: int | None = None) -> bytes:
    """Sets a flag or method of one member, in its directory entry and in its own header."""
    out = bytearray(data)
    for mark, name_offset, flag_offset in ((b"PK\x01\x02", 46, 8), (b"PK\x03\x04", 30, 6)):
        place = out.find(mark)
        while place >= 0 and out[place + name_offset : place + name_offset + len(name)] != name:
            place = out.find(mark, place + 1)
        old_flags, old_method = struct.unpack_from("<2H", out, place + flag_offset)
        struct.pack_into("<2H", out, place + flag_offset, old_flags | flag, old_method if method is None else method)
    return bytes(out)


def test_an_encrypted_member_is_refused_by_name_with_the_remedy(tmp_path: Path) -> None:
    container = open_bytes(tmp_path, patch_flags(pack({"good.md": POST, "secret.md": POST}), b"secret.md", flag=1))
    assert codes(container) == [("secret.md", "encrypted")]
    assert "encrypted: remove the password" in container.refused[0][1].message


def test_an_unknown_method_is_refused_by_name(tmp_path: Path) -> None:
    container = open_bytes(tmp_path, patch_flags(pack({"good.md": POST, "z.md": POST}), b"z.md", method=93))
    assert codes(container) == [("z.md", "zip-method")]


def test_a_directory_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    members = {f"{number}.md": b"" for number in range(11)}
    assert refuse(tmp_path, pack(members), limits=Limits(max_members=10)) == "too-many-files"
    assert len(open_bytes(tmp_path, pack(members), limits=Limits(max_members=11)).members) == 11


def test_a_file_that_unpacks_to_too_much_is_refused_by_name_and_an_archive_as_a_whole(tmp_path: Path) -> None:
    data = pack({"good.md": POST, "big.md": b"\0" * 50_000})
    assert codes(open_bytes(tmp_path, data, limits=Limits(max_file=40_000))) == [("big.md", "too-large")]
    assert refuse(tmp_path, data, limits=Limits(max_total=40_000)) == "archive-too-large"


def test_a_size_that_lies_stops_the_reading(tmp_path: Path) -> None:
    data = pack({"lie.md": b"\0" * 1_000_000})
    small = data.replace(struct.pack("<L", 1_000_000), struct.pack("<L", 10))
    with pytest.raises(RefusedFile) as caught:
        open_bytes(tmp_path, small).read("lie.md")
    assert caught.value.finding.code == "zip-bomb"


def test_a_text_that_grows_as_no_text_does_is_refused_and_a_picture_that_does_is_not(tmp_path: Path) -> None:
    data = pack({"good.md": POST, "lines.md": b"\n" * 2_000_000, "white.bmp": b"\xff" * 2_000_000})
    container = open_bytes(tmp_path, data)
    assert codes(container) == [("lines.md", "zip-bomb")]
    assert sorted(container.members) == ["good.md", "white.bmp"]


def test_members_that_share_bytes_are_refused_as_a_whole(tmp_path: Path) -> None:
    body = zlib.compress(b"\0" * 1000)[2:-4]
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(b"\0" * 1000), len(body), 1000, 1, 0) + b"a" + body
    entries = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, zlib.crc32(b"\0" * 1000), len(body), 1000, 1, 0, 0, 0, 0, 0, 0)
        + name
        for name in (b"a", b"b")
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(entries), len(local), 0)
    assert refuse(tmp_path, local + entries + end) == "zip-overlap"


def test_a_member_with_a_bad_checksum_is_refused_by_name(tmp_path: Path) -> None:
    data = pack({"good.md": POST, "crc.md": b"other"})
    container = open_bytes(tmp_path, data.replace(struct.pack("<L", zlib.crc32(b"other")), b"\1\2\3\4"))
    assert container.read("good.md") == POST
    with pytest.raises(RefusedFile, match=r"crc\.md"):
        container.read("crc.md")


def test_a_member_called_otherwise_inside_is_refused(tmp_path: Path) -> None:
    data = pack({"good.md": POST, "shown.md": POST}).replace(b"shown.md", b"other.md", 1)
    with pytest.raises(RefusedFile) as caught:
        open_bytes(tmp_path, data).read("shown.md")
    assert caught.value.finding.code == "zip-name-differs"


@pytest.mark.parametrize("before", [b"", b"GIF89a" + b"\0" * 50])
@pytest.mark.parametrize("after", [b"", b"\n\n trailing bytes"])
def test_bytes_before_or_after_a_zip_do_no_harm(tmp_path: Path, before: bytes, after: bytes) -> None:
    assert open_bytes(tmp_path, before + pack({"good.md": POST}) + after).read("good.md") == POST


def test_a_comment_that_looks_like_an_end_record_is_a_comment(tmp_path: Path) -> None:
    data = pack({"good.md": POST})
    comment = b"PK\5\6" + b"A" * 1000
    assert open_bytes(tmp_path, data[:-2] + struct.pack("<H", len(comment)) + comment).read("good.md") == POST


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"Rar!\x1a\x07\0" + b"\0" * 50, "not-a-zip"),
        (b"", "not-a-zip"),
        (pack({}), "no-documents"),
        (pack({"a/": b"", "a/b/": b""}), "no-documents"),
        (pack({"a.md": POST})[:60], "zip-damaged"),
        (pack({"a.md": POST}).replace(b"PK\5\6\0\0\0\0", b"PK\5\6\3\0\3\0"), "zip-split"),
    ],
)
def test_what_is_no_whole_zip_with_files_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    assert refuse(tmp_path, data) == code


def test_a_streamed_zip_with_data_descriptors_is_read(tmp_path: Path) -> None:
    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.writestr("a.md", POST)
    assert open_bytes(tmp_path, stream.data).read("a.md") == POST


def test_names_in_the_japanese_windows_encoding_are_read_and_reported(tmp_path: Path) -> None:
    data = pack({"aaaaaaaa.md": POST}).replace(b"aaaaaaaa", "記事一二".encode("cp932"))
    container = open_bytes(tmp_path, data)
    assert container.read("記事一二.md") == POST
    assert [finding.code for _path, finding in container.findings] == ["zip-names-guessed"]


def test_a_name_that_states_utf_8_and_is_not_is_refused_alone(tmp_path: Path) -> None:
    data = pack({"good.md": POST, "é.md": POST}).replace("é.md".encode(), b"\xff\xfe.md")
    container = open_bytes(tmp_path, data)
    assert list(container.members) == ["good.md"]
    assert [code for _path, code in codes(container)] == ["bad-name"]


def test_names_that_collide_on_other_systems_are_both_kept_and_reported(tmp_path: Path) -> None:
    container = open_bytes(tmp_path, pack({"Post.md": POST, "post.md": POST, "caf\u00e9.md": POST, "cafe\u0301.md": POST}))
    assert len(container.members) == 4
    assert [finding.code for _path, finding in container.findings] == ["path-collision"] * 2


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_the_first_is_taken_and_the_second_named(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.md", b"first")
        archive.writestr("a.md", b"second")
    container = open_bytes(tmp_path, out.getvalue())
    assert container.read("a.md") == b"first"
    assert codes(container) == [("a.md", "duplicate-path")]


@pytest.mark.parametrize("name", ["CON.md", "posts/aux.md", "trail. .md. ", "a:b.md", "lpt1"])
def test_a_name_that_windows_cannot_hold_is_kept_and_reported(tmp_path: Path, name: str) -> None:
    container = open_bytes(tmp_path, pack({name: POST}))
    assert container.read(name) == POST
    assert [finding.code for _path, finding in container.findings] == ["reserved-name"]


def test_a_path_of_a_thousand_folders_is_refused_and_the_rest_taken(tmp_path: Path) -> None:
    container = open_bytes(tmp_path, pack({"good.md": POST, "d/" * 1000 + "x.md": POST}))
    assert list(container.members) == ["good.md"]
    assert [code for _path, code in codes(container)] == ["path-too-long"]


def test_a_name_with_control_characters_is_refused_and_shown_without_them(tmp_path: Path) -> None:
    container = open_bytes(tmp_path, pack({"good.md": POST, "x\x1b[31m\n.md": POST}))
    ((path, finding),) = container.refused
    assert path.isprintable()
    assert finding.message.isprintable()


def test_version_control_secrets_and_droppings_are_skipped_with_a_reason_and_site_files_kept(tmp_path: Path) -> None:
    kept = ["a.md", ".obsidian/app.json", ".htaccess", ".licence", ".gitignore", ".github/x.yml", "inner.zip", "環境.md"]
    left = [
        ".git/config",
        ".env",
        ".env.local",
        "x/.DS_Store",
        "__MACOSX/._a.md",
        "node_modules/p/README.md",
        "Thumbs.db",
        ".ssh/id_rsa",
        "k.pem",
    ]
    members = dict.fromkeys(kept + left, POST)
    container = open_bytes(tmp_path, pack(members))
    assert list(container.members) == kept
    assert [path for path, _reason in container.skipped] == left
    assert all(reason for _path, reason in container.skipped)
    site = tmp_path / "site"
    for name in members:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(POST)
    assert sorted(open_archive(site).members) == sorted(kept)


def test_a_missing_path_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile) as caught:
        open_archive(tmp_path / "nowhere")
    assert caught.value.finding.code == "unreadable"


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_to_a_zip_raises_anything_but_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(pack({"good.md": POST, "記事/二.md": POST * 50}))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 30))
    try:
        container = open_bytes(tmp_path, bytes(whole[: len(whole) - cut]))
    except RefusedFile:
        return
    for path in container.members:
        try:
            container.read(path)
        except RefusedFile as refused:
            assert refused.finding.message  # noqa: PT017


# --- Archives that hold only archives -------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["site.zip", "old/site.tar.gz", "site.RAR"])
def test_a_zip_that_holds_only_another_archive_is_refused_with_its_name(tmp_path: Path, inner: str) -> None:
    path = tmp_path / "outer.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr(inner, b"PK")
    with pytest.raises(RefusedFile) as refused:
        open_archive(path)
    assert refused.value.finding.code == "archive-in-archive"
    assert refused.value.finding.params == {"path": "outer.zip", "inner": inner}


def test_an_archive_of_another_kind_is_refused_with_the_kind_to_use(tmp_path: Path) -> None:
    path = tmp_path / "site.tar.gz"
    path.write_bytes(b"\x1f\x8b")
    with pytest.raises(RefusedFile) as refused:
        open_archive(path)
    assert (refused.value.finding.code, refused.value.finding.params) == ("not-a-zip", {"path": "site.tar.gz"})


def test_an_archive_beside_texts_is_a_file_like_others(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("本文")
    (tmp_path / "data.zip").write_bytes(b"PK")
    assert sorted(open_archive(tmp_path).members) == ["a.md", "data.zip"]
