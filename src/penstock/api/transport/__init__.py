"""How do bytes become requests, and answers bytes? HTTP/1.1 as the server speaks it, with a bound on everything."""
