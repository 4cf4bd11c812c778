"""Opens exported tables in LibreOffice, saves them there, and reads them back: nothing is computed, nothing is lost.

    python benchmarks/sheets_in_libreoffice.py [SOFFICE]

Needs LibreOffice Calc (Debian: apt install libreoffice-calc-nogui), which no test does. The exit code is 1 where a promise
does not hold.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
# Beside this file stands import_export.py, which must not be taken for the library of that name.
sys.path[:] = [str(PROJECT), *(path for path in sys.path if Path(path).resolve() != PROJECT / "benchmarks")]
os.environ.update(DJANGO_SETTINGS_MODULE="cms.settings", DEBUG="true", LOG_LEVEL="ERROR")

TEXTS = [
    "=1+1",
    '=HYPERLINK("http://127.0.0.1:9/","x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "＝1+1",
    "－1",
    "'=1+1",
    "'tis",
    "007",
    "1-2",
    "2025-11-25",
    "1E5",
    "TRUE",
    "  blanks  ",
    "一行目\n二行目\n",
    "_x0041_",
    "a\x08b",
    '"引用"、AI',
    "字" * 40_000,
    "😀" * 20_000,
]
MOMENT = datetime(2025, 11, 25, 4, 42, 35)


def main() -> int:
    import django

    django.setup()
    from articles.sheets import FORMATS, Limits, open_table
    from articles.sheets.delimited import write_delimited
    from articles.sheets.workbook_writing import SheetColumn, write_workbook

    soffice = sys.argv[1] if len(sys.argv) > 1 else "soffice"
    broken = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        columns = [SheetColumn("id", "number"), SheetColumn("title"), SheetColumn("date", "moment")]
        rows: list[list[Any]] = [[number, text, MOMENT] for number, text in enumerate(TEXTS)]
        (folder / "book.xlsx").write_bytes(b"".join(write_workbook("表", columns, rows)))
        lines = [[str(number), text, f"{MOMENT:%Y-%m-%d %H:%M:%S}"] for number, text, _moment in rows]
        (folder / "lines.csv").write_bytes(b"".join(write_delimited(["id", "title", "date"], lines)))
        for source, target in (("book.xlsx", "xlsx"), ("book.xlsx", "ods"), ("lines.csv", "xlsx"), ("lines.csv", "ods")):
            saved = convert(soffice, folder, source, target)
            table = open_table(
                saved, saved.name, lambda heading: heading in ("id", "title", "date"), limits=Limits(), formats=tuple(FORMATS)
            )
            read = {int(str(row.cells[0])): row for row in table.rows}
            for number, text in enumerate(TEXTS):
                cell, findings = read[number].cells[1], [found.code for found in read[number].findings]
                computed = "formula-value" in findings
                # OpenDocument has no way to write a control character: LibreOffice drops it.
                wanted = text.replace("\x08", "") if target == "ods" else text
                same = isinstance(cell, str) and cell == wanted
                if computed or (source == "book.xlsx" and not same):
                    broken += 1
                    print(f"FAIL  {source} saved as {target}: {text[:30]!r} came back as {str(cell)[:30]!r} {findings}")
                elif not same:
                    print(f"      {source} saved as {target}: {text[:30]!r} came back as {str(cell)[:30]!r}")
            print(f"{'ok  ' if not broken else '    '}  {source} saved as {target}: {len(read)} rows of {len(TEXTS)}, no formula")
            broken += len(read) != len(TEXTS)
    return 1 if broken else 0


def convert(soffice: str, folder: Path, source: str, target: str) -> Path:
    """Opens a file in LibreOffice and saves it as another format."""
    output = folder / f"{source}-{target}"
    profile = f"-env:UserInstallation=file://{folder}/profile"
    # UTF-8, comma, quote, first line 1, texts by detection: as LibreOffice opens a CSV with its mark.
    filters = ["--infilter=CSV:44,34,76,1"] if source.endswith(".csv") else []
    subprocess.run(
        [soffice, profile, "--headless", *filters, "--convert-to", target, "--outdir", str(output), str(folder / source)],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=300,
    )
    return next(output.iterdir())


if __name__ == "__main__":
    sys.exit(main())
