import pytest
from tests.factories import *
@pytest.mark.django_db
def test_x(client, django_assert_max_num_queries):
    ser=SeriesFactory()
    for n in range(45): PostFactory(authors=['経済班'],categories=['技術動向' if n%2 else '政策'],tags=['AI'],series=ser,series_order=n)
    with django_assert_max_num_queries(5): r=client.get('/')
    assert r.status_code==200
    p=Post.objects.all()[20]
    with django_assert_max_num_queries(4): r=client.get(p.get_absolute_url())
    assert r.status_code==200
    print(r.content.decode()); print(r.headers)
    for u in ('/tags/ai/','/categories/政策/','/authors/経済班/','/2026/','/2026/11/','/rss.xml','/atom.xml','/sitemap.xml','/sitemap-1.xml','/robots.txt'):
        with django_assert_max_num_queries(5): r=client.get(u)
        assert r.status_code==200,u
        print(u, len(b''.join(r)), dict(r.headers))
    r=client.get('/tags/ai/'); 
    import re; tok=re.search(r'before=[0-9-]+',r.content.decode())[0]
    with django_assert_max_num_queries(5): r=client.get('/tags/ai/?'+tok)
    assert r.status_code==200
    print(re.findall(r'<nav class="pages.*?</nav>',r.content.decode(),re.S))
