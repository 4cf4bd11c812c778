"""Django's databases with what a site that must go on needs of them: answers in bounded time, and no new database by mistake."""
