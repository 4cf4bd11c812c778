"""PostgreSQL. The ENGINE of a site with ``DATABASE_URL``."""
