"""The daemon under test, as a process."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time

# A debug build on a busy machine replays slowly.
READY_SECONDS = 180.0


class DaemonFailed(Exception):
    """The daemon did not start, or ended when nobody asked it to."""


class Daemon:
    """`starling serve` on free ports of this machine, on one data directory, over several lives."""

    def __init__(self, executable: str, data: str, log: str, arguments: list[str]) -> None:
        self.executable = executable
        self.data = data
        self.log = log
        self.arguments = arguments
        self.http: tuple[str, int] = ("", 0)
        self.admin: tuple[str, int] = ("", 0)
        # How often it was started.
        self.lives = 0
        # From the moment at which it is told to die until the next start.
        self.is_dying = False
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, workers: int) -> str:
        """Starts it and returns the line that says that it is ready."""
        command = [
            self.executable, "serve", "--data", self.data, "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0",
            "--admin", "127.0.0.1:0", "--workers", str(workers), *self.arguments,
        ]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self._ready_line(self._process)
        self.http = self._listener(line, "http")
        self.admin = self._listener(line, "admin")
        self.lives += 1
        self.is_dying = False
        return line

    def _ready_line(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise DaemonFailed(f"it was not ready after {READY_SECONDS:.0f} s; its log is {self.log}")
            piece = os.read(process.stdout.fileno(), 4096)
            if not piece:
                raise DaemonFailed(f"it ended with {process.wait()} instead of being ready:\n{self.log_end()}")
            line += piece
        return line.decode().strip()

    @staticmethod
    def _listener(line: str, name: str) -> tuple[str, int]:
        found = re.search(rf"\b{name}=([0-9.]+):(\d+)", line)
        if not line.startswith("ready ") or found is None:
            raise DaemonFailed(f"the line that says it is ready names no {name}: {line}")
        return found.group(1), int(found.group(2))

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, whoever ended it."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """Ends it as a crash would."""
        assert self._process is not None
        if self.has_ended:
            raise DaemonFailed(f"it had ended before it was killed:\n{self.log_end()}")
        self.is_dying = True
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._close()

    def stop(self) -> None:
        """Asks it to end, and waits for that."""
        assert self._process is not None
        self.is_dying = True
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=READY_SECONDS)
        self._close()
        if code != 0:
            raise DaemonFailed(f"it ended with {code} when it was asked to stop:\n{self.log_end()}")

    def verify(self) -> None:
        """Checks every byte of log and snapshots, and that these hold what the log comes to. Nothing may be running."""
        result = subprocess.run(
            [self.executable, "verify", self.data, "--deep"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode != 0:
            raise DaemonFailed(f"verify ended with {result.returncode}:\n{result.stdout}{result.stderr}")

    def abandon(self) -> None:
        """Ends it, if it runs, when nothing about it matters any more."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def log_end(self) -> str:
        """The last lines of its log."""
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-20:])
