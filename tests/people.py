"""The fixed people of every permission test: one per role, one member of staff without rights, one superuser."""

from __future__ import annotations

from django.contrib.auth.models import Group, User

ROLES = ("author", "importer", "editor", "publisher")


def make_person(role: str, name: str = "") -> User:
    """An account of the desk. ``role`` is a group, ``staff`` (no rights) or ``superuser``."""
    name = name or role
    if role == "superuser":
        return User.objects.create_superuser(name, password="x")
    person = User.objects.create_user(name, password="x", is_staff=True)
    if role != "staff":
        person.groups.add(Group.objects.get(name=role))
    return person
