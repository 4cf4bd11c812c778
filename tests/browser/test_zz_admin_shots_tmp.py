import os, pytest
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from articles.models import *
from articles.editorial import workflow
from articles.findings import Finding

BODY = """原稿は、書いた人の手を離れた瞬間から旅を始める。
**「どこに置くか」**という問いは、じつは
**「誰が責任を持つか」**という問いでもある。

## 原稿は誰のものか

Markdownのファイルは、道具が変わっても読める。
"""

@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_shots(browser, live_site, media_root):
    out = "/tmp/shots"; os.makedirs(out, exist_ok=True)
    root = User.objects.create_superuser("editor", "", "x")
    desk = Author.objects.create(name="瓦版編集部", kind="desk")
    cat = Category.objects.create(name="技術動向")
    first = None
    for n in range(12):
        p = workflow.save_post(Post(), root, {"title": f"記事はどこに住むのか──原稿をファイルのまま守るという選択 {n}", "body": BODY, "authors":[desk], "categories":[cat], "tags":["AI","編集"]})
        if n % 3 == 0: p = workflow.publish(p, root)
        if n % 3 == 1: p = workflow.submit_for_review(p, root)
        if n == 6: p = workflow.withdraw(p, root)
        if n == 8: p = workflow.publish(p, root, timezone.now()+timedelta(days=2))
        first = first or p
    Post.objects.filter(pk=first.pk).update(findings=[Finding("double","warning","“%(t)s” stands twice in a row",{"t":"。。"},11).as_json(),Finding("residue","error","A separator of a generator is left",{},15).as_json()], extra={"layout":"post","weird":{"a":[1,2]}, "長い鍵":"値"}, front_matter="---\ntitle: あ\nlayout: post\n---\n", front_matter_format="yaml")
    src = Source.objects.create(name="example.jp", dialect="jekyll", timezone="UTC")
    run = ImportRun.objects.create(user=root, label="newsroom.zip", state="finished", totals={"create":3,"refused":1,"conflict":1}, options={"dialect":"jekyll"})
    for i,v in enumerate(["create","create","refused","conflict","create"]):
        ImportItem.objects.create(run=run, source=src, path=f"_posts/2025-11-2{i}-とても長い名前のファイル.md", verdict=v, post=first if v=="create" else None, permalink="/2025/11/20/とても長い名前/" if v!="refused" else "", findings=[Finding("dup","error","The key “%(k)s” stands twice. Remove one.",{"k":"title"},4).as_json()] if v=="refused" else [])
    problems = []
    pages = {"list":"/admin/articles/post/","form":f"/admin/articles/post/{first.pk}/change/","add":"/admin/articles/post/add/","run":f"/admin/articles/importrun/{run.pk}/change/","upload":"/admin/articles/importrun/add/","index":"/admin/","user":f"/admin/auth/user/{root.pk}/change/","tag":"/admin/articles/tag/","preview":f"/admin/articles/post/{first.pk}/preview/"}
    wanted = os.environ.get("SHOTS","").split(",") if os.environ.get("SHOTS") else list(pages)
    for scheme in ("light","dark"):
        for width in (1360, 390):
            context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", color_scheme=scheme, viewport={"width":width,"height":900})
            page = context.new_page()
            page.on("console", lambda m: problems.append(m.text) if m.type in ("error","warning") else None)
            page.on("pageerror", lambda e: problems.append(str(e)))
            page.goto(live_site.url+"/admin/login/")
            if width==1360 : page.screenshot(path=f"{out}/login-{scheme}.png")
            page.fill("#id_username","editor"); page.fill("#id_password","x"); page.press("#id_password","Enter"); page.wait_for_url("**/admin/")
            for name in wanted:
                page.goto(live_site.url+pages[name]); page.wait_for_load_state("networkidle")
                page.screenshot(path=f"{out}/{name}-{width}-{scheme}.png", full_page=name!="list")
                if name=="form" and scheme=="light":
                    page.evaluate("document.querySelectorAll('.desk-side details').forEach(d=>d.open=true)")
                    page.screenshot(path=f"{out}/formopen-{width}-{scheme}.png", full_page=True)
                over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if over > 0: problems.append(str(page.evaluate("[...document.querySelectorAll('*')].filter(e=>e.getBoundingClientRect().right>innerWidth+1).map(e=>e.tagName+'.'+e.className+'#'+e.id).slice(0,8)")))
                if over > 0: problems.append(f"{name} {width} overflows by {over}")
            context.close()
    print("PROBLEMS", sorted(set(problems)))
