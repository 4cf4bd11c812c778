"""SQLite. The ENGINE of a site without ``DATABASE_URL``."""
