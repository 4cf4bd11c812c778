"""The ASGI door: ``granian --interface asgi cms.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

from cms.requests import Utf8ASGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")

application = get_asgi_application()
application.request_class = Utf8ASGIRequest
