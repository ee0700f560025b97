"""LiteLLM's proxy: `litellm --config FILE --port PORT`, until Ctrl-C, and then what it reached."""

import sys

from litellm.proxy.proxy_cli import run_server
from telling import say

try:
    run_server(sys.argv[1:], standalone_mode=False)
except KeyboardInterrupt:
    pass
finally:
    say(None)
