"""Portkey's gateway: the one that runs on Node.js."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from gateways.peer import INSTALLS, LOCKS, LOGS, NotHere, Running, command, free_port, until_it_answers
from gateways.processes import started


class Portkey:
    """It keeps nothing and checks no key; each request says where it goes."""

    name = "portkey"
    title = "Portkey gateway (Node.js)"
    _folder = INSTALLS / "portkey"

    def install(self) -> str:
        for needed in ("node", "npm"):
            if shutil.which(needed) is None:
                raise NotHere(f"there is no {needed} here")
        lock = LOCKS / "gateways" / "portkey"
        wanted = (lock / "package-lock.json").read_text(encoding="utf-8")
        stamp = self._folder / ".installed"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(lock / name, self._folder / name)
            command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=self._folder)
            stamp.write_text(wanted, encoding="utf-8")
        version = json.loads(wanted)["packages"]["node_modules/@portkey-ai/gateway"]["version"]
        return f"{version} on Node.js {command('node', '--version').strip()}"

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        port, log = free_port(), LOGS / "portkey.log"
        server = self._folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        environ = {"NODE_ENV": "production"}
        with started(["node", server, f"--port={port}", "--headless"], log=log, environ=environ) as process:
            until_it_answers(port, "/", process, log)
            where = f"x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:{mock_port}/v1"
            yield Running(port, process.pid, header=where)
