"""How does a route take a request, and whom does it let in? What the rooms that have URLs share."""
