"""The server under test as a process: start it, stop it, kill it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[3]


def find_binary() -> str:
    if given := os.environ.get("AGENTOS_BIN"):
        return given
    built = [path for kind in ("release", "debug") if (path := ROOT / ".build" / kind / "agentos").is_file()]
    if not built:
        raise RuntimeError("no server: swift build -c release --product agentos, or set AGENTOS_BIN")
    return str(max(built, key=lambda path: path.stat().st_mtime))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """One data folder and at most one process serving it."""

    def __init__(self, env: dict[str, str | None]) -> None:
        self.binary = find_binary()
        self.home = Path(tempfile.mkdtemp(prefix="agentos-test-"))
        self.data = self.home / "data"
        self.log = self.home / "serve.log"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.credentials: dict[str, str] = {}
        own = ("AGENTOS_", "ANTHROPIC_", "OPENAI_")
        proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(own) and k.upper() not in proxies}
        self.env = clean | {k: v for k, v in env.items() if v is not None}

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cli(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs a command of the binary to its end."""
        return subprocess.run(
            [self.binary, *arguments],
            env=self.env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def serve_arguments(self, port: int | None = None, data: Path | None = None) -> list[str]:
        return ["serve", "--host", "127.0.0.1", "--port", str(port or self.port), "--data", str(data or self.data)]

    def init(self) -> dict[str, str]:
        done = self.cli("init", "--data", str(self.data), "--json")
        assert done.returncode == 0, f"agentos init ended with {done.returncode}: {done.stderr[-2000:]}"
        self.credentials = json.loads(done.stdout)
        return self.credentials

    def start(self) -> Server:
        if not self.credentials:
            self.init()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, *self.serve_arguments()],
                env=self.env,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"agentos serve ended with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"agentos serve was not ready within 30 s:\n{self.tail()}")
            time.sleep(0.02)
        return self

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.base}/healthz", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout: float = 12) -> int | None:
        """SIGTERM; the exit code, or None when it had to be killed."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)

    def database(self) -> Path:
        """The SQLite file in the data folder."""
        for path in sorted(self.data.rglob("*")):
            if path.is_file():
                with path.open("rb") as file:
                    if file.read(16) == b"SQLite format 3\x00":
                        return path
        raise AssertionError(f"no SQLite file in {self.data}")

    def integrity(self) -> str:
        connection = sqlite3.connect(self.database(), timeout=30)
        try:
            return connection.execute("PRAGMA integrity_check").fetchone()[0]
        finally:
            connection.close()

    def tail(self, lines: int = 40) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop(5)
        if not os.environ.get("AGENTOS_KEEP_DATA"):
            shutil.rmtree(self.home, ignore_errors=True)
