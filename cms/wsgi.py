"""The WSGI door: ``granian --interface wsgi cms.wsgi:application``, or ``manage.py serve``.

From outside in: finished pages, then so many requests at a time as a process can answer, then Django.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
django = get_wsgi_application()

# Only once Django is set up: the cache reads the models.
from django.urls import resolve  # noqa: E402

from cms.gate import Gate  # noqa: E402
from cms.pagecache import with_page_cache  # noqa: E402
from cms.requests import Utf8WSGIRequest  # noqa: E402

django.request_class = Utf8WSGIRequest
# Else the first request reads every view and screen of the desk, and who comes meanwhile waits longer than the gate lets them.
resolve("/")
application = with_page_cache(Gate(django))
