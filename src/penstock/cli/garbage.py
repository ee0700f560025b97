"""What a process that serves spares the garbage collector."""

import gc


def leave_out_what_stays() -> None:
    """Take everything that is there now out of what the collector looks through.

    Modules, types and routes stay as long as the process. They are nearly all that it has, and a look at all of them,
    which comes with every few thousand requests, takes a tenth of a second in which no token goes on.
    """
    gc.collect()
    gc.freeze()
