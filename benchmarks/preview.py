"""How long the live preview takes on the server: ``python benchmarks/preview.py [--runs 20]`` prints a table.

Asked is the preview's own address with the form as the desk sends it, in one process on a fresh database, signed in as
a publisher. Time is that of the whole answer, from request to bytes; the network and the browser come on top.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
# Without DEBUG, which would keep every query in memory; with a folder of its own, so that no real site is touched.
os.environ.update(
    SECRET_KEY="only-for-this-benchmark-" + "kawaraban" * 5,
    ALLOWED_HOSTS="testserver",
    SITE_URL="http://testserver",
    DATA_DIR=tempfile.mkdtemp(prefix="kawaraban-preview-"),
    LOG_LEVEL="ERROR",
)

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from articles.editorial import workflow  # noqa: E402
from articles.models import Post  # noqa: E402

SIZES = (2_000, 20_000, 100_000)
SECTION = """## 第{number}節　川沿いの倉庫

原稿は、書いた人の手を離れた瞬間から旅を始める。**「どこに置くか」**という問いは、じつは*「誰が責任を持つか」*という
問いでもある。くわしくは[記録の一覧](/2024/05/kiroku-{number}/)と `manage.py check` を見てほしい。

- 一つ目の項目。数は{number}、割合は12.5%である。
- 二つ目の項目には[外への案内](https://example.org/page/{number}?a=b)がある。
    - 入れ子の項目

> 移せる、ということは、戻せる、ということである。
> 引用は二行にわたる。

| 年 | 部数 | 備考 |
|---|---:|---|
| 2023 | 1,200 | 創刊 |
| 2024 | 3,400 | ~~休刊~~ |

```python
def publish(post, when=None):
    return post if when is None else schedule(post, when)  # {number}
```

脚注も使う[^{number}]。英語 words and “quotes” が混じる段落でも、行の長さは揃わない。

[^{number}]: 注の本文。{number}番目。

"""


def make_text(size: int) -> str:
    """Mixed Japanese Markdown of exactly ``size`` characters."""
    text, number = "", 0
    while len(text) < size:
        number += 1
        text += SECTION.format(number=number)
    return text[:size]


def make_site() -> tuple[Client, Post]:
    """A signed-in editor's browser and a saved post, among others that links may mean."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    person = User.objects.create_user("publisher", password="x", is_staff=True)
    person.groups.add(Group.objects.get(name="publisher"))
    for number in range(1, 30):
        changes = {"title": f"記録{number}", "body": "本文", "path": f"/2024/05/kiroku-{number}/"}
        post = workflow.save_post(Post(), person, changes)
        workflow.publish(post, person)
    client = Client()
    client.force_login(person)
    return client, workflow.save_post(Post(), person, {"title": "川沿いの倉庫", "body": "本文"})


def measure(client: Client, post: Post, flavour: str, size: int, runs: int) -> list[float]:
    """Milliseconds of each answer, sorted; the first, which fills caches, does not count."""
    address = f"/admin/articles/post/{post.pk}/preview/"
    data: dict[str, Any] = {"title": post.title, "flavour": flavour, "kind": post.kind, "path": post.path, "tags": "倉庫, 川"}
    data |= {"features": ["autolinks", "footnotes", "strikethrough", "tables", "tasklists"], "seen": post.modified_at.isoformat()}
    for prefix in ("postauthor_set", "postcategory_set"):
        data |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    times = []
    for run in range(runs + 1):
        # No two texts are the same, as no two moments of writing are.
        body = f"{run}回目。\n\n" + make_text(size)
        started = time.perf_counter()
        answer = client.post(address, data | {"body": body}, headers={"Accept": "application/json"})
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.status_code
    return sorted(times[1:])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    client, post = make_site()
    print("| flavour | characters | median | p95 |\n|---|---:|---:|---:|")
    for flavour in ("commonmark", "kramdown"):
        for size in SIZES:
            times = measure(client, post, flavour, size, runs)
            worst = times[min(len(times) - 1, int(len(times) * 0.95))]
            print(f"| {flavour} | {size:,} | {statistics.median(times):.0f} ms | {worst:.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
