"""Who turns a prompt into tokens? Engine processes that speak OpenAI over HTTP, and the relay to them."""
