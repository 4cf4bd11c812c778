"""Rows for tests, written for this project. Posts are public unless a test says otherwise."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from factory.django import DjangoModelFactory
from PIL import Image, ImageOps

from articles.derive import save_derived
from articles.library import add_media
from articles.markup.engines import DEFAULT_FEATURES
from articles.markup.text import has_paid_links
from articles.models import Author, Category, Correction, MediaFile, Post, PostAuthor, PostCategory, Redirect, Series, Tag
from articles.references import search_key

FIRST_DAY = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)

PARAGRAPHS = (
    "原稿は、書いた人の手を離れた瞬間から旅を始める。どこに置くかという問いは、じつは誰が責任を持つかという問いでもある。",
    "机を移すときに失われやすいのは、本文よりもむしろ見出しの前の数行、すなわち日付、署名、分類、そして古い住所である。",
    "二千本の原稿を一語も失わずに移すには、届いたままの写しと、読者に見せる写しと、直している写しを分けて持つほかない。",
    "住所を変えないという約束は地味だが、十年前の記事に貼られた一本のリンクが今日も開くことほど、読者に静かに効くものはない。",
)


class AuthorFactory(DjangoModelFactory[Author]):
    class Meta:
        model = Author

    name = factory.Sequence(lambda number: f"編集班{number}")
    kind = Author.Kind.DESK


class CategoryFactory(DjangoModelFactory[Category]):
    class Meta:
        model = Category

    name = factory.Sequence(lambda number: f"分野{number}")


class SeriesFactory(DjangoModelFactory[Series]):
    class Meta:
        model = Series

    name = factory.Sequence(lambda number: f"連載{number}")


class MediaFileFactory(DjangoModelFactory[MediaFile]):
    """A row alone; the file is not on the disk."""

    class Meta:
        model = MediaFile

    sha256 = factory.Sequence(lambda number: f"{number:064x}")
    name = "picture.png"
    content_type = "image/png"
    width = 1200
    height = 675
    public_name = factory.LazyAttribute(lambda media: f"{media.sha256[:2]}/{media.sha256[:16]}/picture.png")


class RedirectFactory(DjangoModelFactory[Redirect]):
    class Meta:
        model = Redirect


class PostFactory(DjangoModelFactory[Post]):
    """``authors``, ``categories`` and ``tags`` take rows or names; derived columns are given as they would be written."""

    class Meta:
        model = Post
        skip_postgeneration_save = True

    title = factory.Sequence(lambda number: f"記事はどこに住むのか　その{number}")
    slug = factory.Sequence(lambda number: f"article-{number}")
    state = Post.State.PUBLISHED
    published_at = factory.Sequence(lambda number: FIRST_DAY + timedelta(hours=number % 300, minutes=number))
    path = factory.LazyAttribute(
        lambda post: f"/{post.published_at:%Y/%m}/{post.slug}/" if post.published_at else f"/{post.slug}/"
    )
    body = "\n\n".join(PARAGRAPHS)
    body_html = "".join(f"<p>{paragraph}</p>\n" for paragraph in PARAGRAPHS)
    plain_text = "\n".join(PARAGRAPHS)
    excerpt = PARAGRAPHS[0]
    character_count = sum(map(len, PARAGRAPHS))
    has_paid_links = factory.LazyAttribute(lambda post: has_paid_links(post.body_html))
    search_key = factory.LazyAttribute(lambda post: search_key(post.title, post.path))

    @factory.post_generation
    def authors(self, create: bool, extracted: Iterable[Author | str] | None, **kwargs: Any) -> None:
        for position, author in enumerate(extracted or ()):
            row = author if isinstance(author, Author) else Author.objects.get_or_create(name=author)[0]
            PostAuthor.objects.create(post=self, author=row, position=position)

    @factory.post_generation
    def categories(self, create: bool, extracted: Iterable[Category | str] | None, **kwargs: Any) -> None:
        for position, category in enumerate(extracted or ()):
            row = category if isinstance(category, Category) else _category(category)
            PostCategory.objects.create(post=self, category=row, position=position)

    @factory.post_generation
    def tags(self, create: bool, extracted: Iterable[str] | None, **kwargs: Any) -> None:
        for name in extracted or ():
            tag = Tag.objects.filter(name=name).first() or Tag.objects.create(name=name)
            self.tagged_items.create(tag=tag)


def make_correction(post: Post, text: str, at: datetime) -> Correction:
    """A correction with the time of the newest on its post, as the verb leaves them."""
    correction = Correction.objects.create(post=post, text=text, corrected_at=at)
    post.corrected_at = max(filter(None, (post.corrected_at, at)))
    post.save(update_fields=["corrected_at"])
    return correction


def _category(name: str) -> Category:
    return Category.objects.filter(name=name).first() or Category.objects.create(name=name)


# --- A small newsroom, for pictures of pages ------------------------------------------------------------------------

# One paragraph, one line, as desks write Japanese.
# ruff: noqa: E501
LONG_READ = """原稿は、書いた人の手を離れた瞬間から旅を始める。**「どこに置くか」**という問いは、じつは**「誰が責任を持つか」**という問いでもある。{瓦版|かわらばん}は、その問いに一つの答えを置いた[^1]。

## 原稿は誰のものか

Markdown のファイルは、道具が変わっても読める。Jekyll でも Hugo でも、あるいはただの手帖でも。だから机を移すときに失われやすいのは、本文よりもむしろ見出しの前の数行、すなわち日付、署名、分類、そして古い住所だ。

> 移せる、ということは、戻せる、ということである。

### 三つの写し

1. 届いたままの写し（一字も変えない）
2. 読者に見せる写し（公開のときに作る）
3. 編集者が直している写し（履歴として残す）
   - 直しは一つずつ残す
   - 戻すときは選ぶだけでよい

| 項目 | 静的サイト | 編集部の机 | 瓦版 |
|:-----|:---------:|:---------:|-----:|
| 原稿の置き場所 | ファイル | データベース | 両方（原稿が正） |
| 公開までの時間 | 数分 | 一瞬 | 一瞬 |
| 戻る道 | ある | ない | ある |
| 二千本の移動にかかる時間 | 3 時間 | 2 日 | 40 秒 |

## 数字で見る引っ越し

検索は二文字から効く。`投資` と打てば、投資の記事が出る。当たり前のことが、当たり前に動くこと。

> [!NOTE]
> 数字はすべて編集部の手元の一台で測ったものです。

> [!WARNING] 古い住所について
> 住所を変えるときは、先に転送を用意してください。

```python
from pathlib import Path

def count(folder: Path) -> int:
    \"\"\"原稿の本数を数える。\"\"\"
    return sum(1 for path in folder.rglob("*.md") if path.stat().st_size > 0)  # 空は数えない
```

- [x] 日付を確かめる
- [ ] 署名を確かめる
- [ ] 古い住所を確かめる

## 戻れるということ

引っ越しの前の夜に、もう一度だけ数える。数が合えば眠れる。合わなければ、合わない一本を探す。<kbd>Ctrl</kbd>+<kbd>F</kbd> で見つかる一本なら、まだ運がよい。

[^1]: 瓦版は、粘土板に彫って刷ったという江戸時代の速報である。
"""

HEADLINES = (
    ("記事はどこに住むのか──原稿をファイルのまま守るという選択", "技術動向", "瓦版編集部"),
    ("電力需要の見通し、三つの前提で読む", "投資分析", "経済班"),
    ("「二文字の検索」はなぜ難しいか　索引の作り方から", "開発者", "開発班"),
    ("冬の道具、編集部が一年使って選んだ七つ", "くらし", "くらし班"),
    ("表示の決まりが変わって三年、読者の目はどう動いた", "政策", "政策班"),
    ("住所を変えない、という約束", "技術動向", "瓦版編集部"),
    ("「サーバ」か「サーバー」か、決めるのは誰", "くらし", "校閲班"),
    ("画面を見ない読者の、一日の新聞", "くらし", "くらし班"),
    ("速さは礼儀である　千分の一秒の削り方", "開発者", "開発班"),
    ("再生可能エネルギーの出力制御、九州で何が起きているのか", "投資分析", "経済班"),
    ("公文書の機械可読化、自治体の現場を歩く", "政策", "政策班"),
    ("半導体の国内投資、補助金のその先にあるもの", "投資分析", "経済班"),
    ("縦書きと横書きのあいだで", "くらし", "校閲班"),
    ("データベースを止めずに列を足す", "開発者", "開発班"),
    ("地方紙の縮刷版を読むための小さな道具", "技術動向", "瓦版編集部"),
    ("AI", "技術動向", "開発班"),
    ("円安が小さな出版社に与えた、見えにくい三つの影響について現場の声を集めた", "投資分析", "経済班"),
    ("図書館の予約が届くまで", "くらし", "くらし班"),
    ("議事録を読む　九月定例会", "政策", "政策班"),
    ("静的サイトの終わりと始まり", "技術動向", "瓦版編集部"),
    ("失敗の記録を残すということ", "開発者", "開発班"),
    ("年末の買い物、急がない人のために", "くらし", "くらし班"),
    ("物価の見方、もう一度はじめから", "投資分析", "経済班"),
    ("選挙公報を一枚ずつ数える", "政策", "政策班"),
    ("一つの版を守る", "技術動向", "校閲班"),
)


def make_picture(first: str, second: str, size: tuple[int, int] = (1200, 675)) -> bytes:
    """A PNG with a gradient from one colour to another."""
    ramp = Image.linear_gradient("L").rotate(35, Image.Resampling.BILINEAR, expand=True).crop((90, 90, 260, 185)).resize(size)
    output = io.BytesIO()
    ImageOps.colorize(ramp, first, second).save(output, "PNG")
    return output.getvalue()


def make_newsroom() -> Post:
    """Sections, by-lines, a series, translations, covers and 26 posts, derived as in earnest; gives the long read."""
    colours = [("#31506f", "#c79a5b"), ("#384b38", "#9aa86b"), ("#5a3d5c", "#c08497"), ("#22394d", "#6da0b8")]
    covers = [add_media(make_picture(*pair), f"表紙{number}.png") for number, pair in enumerate(colours)]
    for position, name in enumerate(("技術動向", "投資分析", "くらし", "政策", "開発者")):
        Category.objects.create(name=name, position=position)
    Category.objects.create(name="索引", parent=Category.objects.get(name="開発者"))
    series = SeriesFactory(name="原稿の引っ越し")
    newest = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
    posts = []
    for number, (title, section, author) in enumerate(HEADLINES):
        post = PostFactory(
            title=title,
            slug=f"news-{number}",
            published_at=newest - timedelta(hours=number * 19),
            body=LONG_READ if number == 0 else "\n\n".join(PARAGRAPHS[number % 4 :] + PARAGRAPHS) * (number % 5 + 1),
            features=sorted(DEFAULT_FEATURES[""]),
            categories=[section],
            authors=[author],
            tags=["編集", "AI"] if number % 2 else ["原稿", "最新ニュース"],
            cover=covers[number % 4] if number % 3 == 0 else None,
            series=series if section == "技術動向" else None,
            series_order=number + 1 if section == "技術動向" else None,
        )
        if number == 3:
            post.body += '\n\n<a href="https://shop.example/winter" rel="sponsored nofollow">店で見る</a>\n'
        save_derived(post)
        posts.append(post)
    lead = posts[0]
    lead.description = "静的サイトから編集部の机へ。二千本の原稿を一語も失わずに移すために、何を記録し、何を作り直すのか。"
    lead.cover_caption, lead.cover_alt = "引っ越しの前の編集部（絵）", "夕暮れの色の帯"
    lead.updated_at = newest + timedelta(hours=5, minutes=20)
    lead.translation_key = "where-articles-live"
    lead.save()
    english = PostFactory(
        title="Where articles live: keeping manuscripts as files",
        slug="where-articles-live",
        language="en",
        translation_key="where-articles-live",
        published_at=newest - timedelta(days=30),
        body="A manuscript begins to travel when it leaves its writer.\n\n## Whose manuscript\n\nFiles outlive tools.\n\n## Going back\n\n"
        "Whatever can be moved can be moved back.",
        authors=["English desk"],
        categories=["技術動向"],
    )
    save_derived(english)
    PostFactory(
        title="下げた記事", slug="withdrawn", state=Post.State.WITHDRAWN, first_published_at=FIRST_DAY, path="/withdrawn/"
    )
    author = Author.objects.get(name="瓦版編集部")
    author.bio, author.kind = "原稿をファイルのまま守る人たち。訂正は記事の頭に、理由とともに置きます。", Author.Kind.DESK
    author.links = [{"label": "編集方針", "url": "https://example.jp/policy"}]
    author.save()
    return lead
