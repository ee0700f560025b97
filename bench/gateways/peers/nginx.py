"""nginx: what HTTP alone costs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateways.compiled import HERE
from gateways.peer import INSTALLS, LOGS, NotHere, Running, command, free_port, until_it_answers
from gateways.processes import started


class Nginx:
    """A bare reverse proxy that looks at nothing: the floor."""

    name = "nginx"
    title = "nginx, bare reverse proxy"
    _package = INSTALLS / "nginx"

    def install(self) -> str:
        told = command(self._binary(), "-v")
        return told.rpartition("/")[2].strip()

    def _binary(self) -> Path:
        """The machine's own, or Debian's package unpacked into a folder: no service, no rights needed."""
        if found := shutil.which("nginx"):
            return Path(found)
        unpacked = self._package / "usr" / "sbin" / "nginx"
        if not unpacked.is_file():
            if shutil.which("apt-get") is None:
                raise NotHere("there is no nginx here, and no apt-get to fetch it with")
            self._package.mkdir(parents=True, exist_ok=True)
            command("apt-get", "download", "nginx", cwd=self._package)
            (deb,) = self._package.glob("nginx_*.deb")
            command("dpkg-deb", "-x", deb, self._package)
        return unpacked

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        port, folder = free_port(), self._package / "run"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "nginx.conf"
        template = (HERE / "nginx.conf").read_text(encoding="utf-8")
        user = "user root;" if _is_root() else ""
        for name, value in {"PORT": port, "MOCK": mock_port, "FOLDER": folder, "USER": user}.items():
            template = template.replace(f"@{name}@", str(value))
        config.write_text(template, encoding="utf-8")
        log = LOGS / "nginx.log"
        with started([self._binary(), "-c", config, "-p", folder, "-e", "stderr"], log=log) as process:
            until_it_answers(port, "/health", process, log)
            yield Running(port, process.pid)


def _is_root() -> bool:
    """nginx run by root gives its workers another user, who may not read our folders."""
    return Path("/proc/self").stat().st_uid == 0
