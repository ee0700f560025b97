"""Who is calling, what may they spend, what have they spent? Accounts, keys and usage."""
