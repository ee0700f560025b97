"""How fast is a server, for those who ask it? `penstock bench`: load, what was seen under it, and how that is told."""
