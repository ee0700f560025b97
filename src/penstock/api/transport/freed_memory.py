"""Memory that is freed, kept for the next long body.

glibc gives the end of its heap back to the kernel as soon as half a megabyte there is free: that is after nearly every
long body, of which there are a few copies on its way. The next one takes the pages again, one fault for each 4 KB.
"""

import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""Numbers in glibc's <malloc.h>."""

KEPT_BYTES = 8 << 20
"""Free at the end of the heap, at most."""
_LONGEST_BYTES = 2 << 20
"""Of a block that comes from the heap; longer ones come from the kernel, and go back to it at once."""


def keep_freed_memory() -> None:
    """Keep KEPT_BYTES for this process, where its C library knows how."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:  # others than glibc have no such option, or keep what is freed of themselves
        set_option(_M_TRIM_THRESHOLD, KEPT_BYTES)
        set_option(_M_MMAP_THRESHOLD, _LONGEST_BYTES)
