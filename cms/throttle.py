"""How often something may be tried: counted in the database, so that all processes of a site count together.

A span begins with the first try and ends by itself: trying on does not make it longer, so nobody is locked out for ever.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from articles.models import Attempts

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """``tries`` within ``minutes``, of one thing (a name, a machine, both)."""

    name: str
    tries: int
    minutes: int

    def take(self, *whose: str) -> bool:
        """Counts one try; whether it is still within the limit."""
        now, ends = timezone.now(), timezone.now() + timedelta(minutes=self.minutes)
        with transaction.atomic():
            row, is_new = Attempts.objects.select_for_update().get_or_create(key=self._key(whose), defaults={"until": ends})
            if row.until <= now:
                row.count, row.until = 0, ends
            row.count += 1
            row.save()
        if is_new:
            Attempts.objects.filter(until__lt=now - KEPT).delete()
        return row.count <= self.tries

    def forget(self, *whose: str) -> None:
        """Begins to count anew."""
        Attempts.objects.filter(key=self._key(whose)).delete()

    def is_known(self, *whose: str) -> bool:
        """Whether something was counted and is not over."""
        return Attempts.objects.filter(key=self._key(whose), until__gt=timezone.now()).exists()

    def _key(self, whose: tuple[str, ...]) -> str:
        return salted_hmac("kawaraban.throttle", "\n".join((self.name, *whose)), algorithm="sha256").hexdigest()


def machine_of(request: HttpRequest | None) -> str:
    """Which machine asks, as far as it can be told: by the connection, or by the header that the operator trusts.

    A proxy adds what it sees at the end; what stands before is the sender's word. Of IPv6 the network, as one machine has
    as many addresses there as it likes.
    """
    if request is None:
        return ""
    stated = request.META.get("REMOTE_ADDR", "")
    if settings.CLIENT_ADDRESS_HEADER:
        stated = request.headers.get(settings.CLIENT_ADDRESS_HEADER, "").rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(stated)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)
