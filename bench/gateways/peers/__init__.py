"""Which gateways are measured, and how is each set? As its own documentation recommends for speed; bench/README.md.

Each is one process with one worker on one core, in front of the same mock. Where a gateway can be told to check a key,
it is.
"""

from gateways.peer import Peer
from gateways.peers.bare import Bare
from gateways.peers.direct import Direct
from gateways.peers.litellm import LiteLlm
from gateways.peers.nginx import Nginx
from gateways.peers.penstock import Penstock
from gateways.peers.portkey import Portkey
from gateways.peers.smg import Smg


def all_peers() -> list[Peer]:
    """In the order of the tables."""
    return [
        Direct(),
        Nginx(),
        Bare(),
        Penstock("penstock", "Penstock: key, limits, metering", on=True),
        Penstock("penstock-off", "Penstock, nothing counted", on=False),
        Smg(),
        LiteLlm(),
        Portkey(),
    ]
