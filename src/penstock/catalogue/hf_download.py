"""The process that fetches one file from the hub: `python -m penstock.catalogue.hf_download REPO FILE REVISION FOLDER`.

It is a process of its own because huggingface_hub is slow to import and its downloads cannot be told to stop. It writes
`Progress N of M` lines like pip's, then `Saved NAME ETAG`: the name of the file in FOLDER, and its entity tag, which is
the SHA-256 for files that the hub keeps as large ones.

What is there of a download that broke off is gone on with; the library writes in blocks of 10 MiB, so that much may be
fetched twice. Its own `hf_hub_download` deletes what it has when it breaks off (2.4 does), so this builds on the call
below that.
"""

import hashlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers, tqdm  # type: ignore[attr-defined]


class _Lines(tqdm):
    """A progress bar that is lines on the standard output."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        own = {"file": sys.stdout, "disable": False, "mininterval": 0.25}
        super().__init__(*args, **{**kwargs, **own})  # type: ignore[no-untyped-call]

    def display(self, *_: Any, **__: Any) -> None:
        print(f"Progress {self.n:.0f} of {self.total or 0:.0f}", flush=True)


def download(repo: str, file: str, revision: str, folder: Path) -> None:
    """Bring one file of a repository into a folder. HF_ENDPOINT and HF_TOKEN hold."""
    file = file or _only_gguf(repo, revision)
    metadata = get_hf_file_metadata(hf_hub_url(repo, file, revision=revision))
    etag = metadata.etag or ""
    url = hf_hub_url(repo, file, revision=metadata.commit_hash or revision)
    # Named by its content: what another revision left behind is not gone on with.
    partial = folder / f"{hashlib.sha256(f'{file} {etag}'.encode()).hexdigest()[:16]}.download"
    for stale in folder.glob("*.download"):
        if stale != partial:
            stale.unlink()
    with partial.open("ab") as into:
        if metadata.size is not None and into.tell() > metadata.size:
            into.truncate(0)
        http_get(
            url,
            into,
            resume_size=into.tell(),
            headers=build_hf_headers(),
            expected_size=metadata.size,
            tqdm_class=_Lines,
        )
    print(f"Saved {partial.name} {etag}", flush=True)


def _only_gguf(repo: str, revision: str) -> str:
    names = [name for name in HfApi().list_repo_files(repo, revision=revision) if name.endswith(".gguf")]
    if len(names) != 1:
        listed = ", ".join(sorted(names)[:20]) or "none"
        sys.exit(f"{repo} has {len(names)} .gguf files ({listed}); name one: hf:{repo}/FILE")
    return names[0]


def _end_with_parent() -> None:
    """The parent holds the other end of the standard input and writes nothing to it."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        download(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    except HfHubHTTPError as error:
        sys.exit(str(error).strip().splitlines()[-1] or repr(error))
