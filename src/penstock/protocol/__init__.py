"""What do the bytes look like? Requests, answers and server-sent events, typed."""
