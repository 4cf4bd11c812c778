"""Serves published media files where no web server in front does it."""

from pathlib import Path

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe
from django.views.static import serve

# A picture needs nothing, and a file opened on its own must not run anything on this origin.
MEDIA_POLICY = "default-src 'none'; sandbox"


@require_safe
def show_media(request: HttpRequest, path: str) -> HttpResponseBase:
    """One file below ``MEDIA_ROOT``. 404 for folders, hidden files and whatever lies elsewhere, links included."""
    root = Path(settings.MEDIA_ROOT).resolve()
    is_hidden = any(part.startswith(".") for part in path.split("/"))
    if is_hidden or "\x00" in path or not (root / path).resolve().is_relative_to(root):
        raise Http404
    response = serve(request, path, document_root=str(root))
    if isinstance(response, FileResponse):
        response.headers["Cache-Control"] = "public, max-age=86400"
    response.headers["Content-Security-Policy"] = MEDIA_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
