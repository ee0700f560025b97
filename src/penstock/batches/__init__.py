"""How do many requests run later? Files, batches of requests in them, and the work that carries them out."""
