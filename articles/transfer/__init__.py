"""Journeys between files and posts: import, export, and the digest that proves them."""
