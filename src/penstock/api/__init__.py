"""Which URL? The bearer-key routes under /v1, and the two open ones: /health and /ready."""
