#!/usr/bin/env python3
"""Kawaraban's commands. ``python3 manage.py demo`` and ``python3 manage.py test`` need nothing but Python."""

import sys

OLDEST = (3, 11, 5)


def main() -> None:
    # This file, unlike every other, is read by whatever Python is there, so that it can say what is missing.
    if sys.version_info < OLDEST:
        sys.exit(
            "Kawaraban needs Python {}.{}.{} or newer, but {} is Python {}.{}.{}.\n"
            "Start this command with a newer one, for example: python3.13 manage.py demo\n"
            "Debian 13 and Ubuntu 24.04 have one as python3 (with python3-venv); elsewhere, pyenv or uv install one.".format(
                *OLDEST, sys.executable, *sys.version_info[:3]
            )
        )
    from cms import bootstrap

    bootstrap.run(sys.argv)


if __name__ == "__main__":
    main()
