"""Which page? Accounts in a browser: cookie sessions, and the routes under /api that take them."""
