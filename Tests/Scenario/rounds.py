"""Many writes at a time, with readers in between, and sometimes the end of the process."""

from __future__ import annotations

import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable

from differences import Differences
from gateway import Answer, Gateway, Unanswered
from model import Model
from operation import Expected, Operation
from probes import FeedProbe


@dataclass
class Counters:
    """What happened in a run, for its report."""

    writes: int = 0
    refused: int = 0
    unchanged: int = 0
    probes: int = 0
    unanswered: int = 0
    # Of those: had been carried out before the process was killed.
    found_done: int = 0
    # Answered before the kill, sent again after it.
    repeated: int = 0


class Rounds:
    """Sends the writes of a round over several connections, and folds what was answered into the model."""

    def __init__(self, gateway: Gateway, model: Model, pool: ThreadPoolExecutor, random: random.Random) -> None:
        self.gateway = gateway
        self.model = model
        self.pool = pool
        self.random = random
        self.counters = Counters()

    def run(self, operations: list[Operation], probes: int = 0) -> None:
        """All of these at once, with so many feeds read meanwhile."""
        expected = [operation.expect(self.model) for operation in operations]
        readers = [FeedProbe(self.model, self.random.choice(self.model.living), self.random) for _ in range(probes)]
        reads = [self.pool.submit(reader.read, self.gateway) for reader in readers]
        writes = [self.pool.submit(self._send, operation) for operation in operations]
        answers = [write.result() for write in writes]
        found = [read.result() for read in reads]
        differences = Differences()
        self._fold(operations, expected, answers, differences)
        for reader, ids in zip(readers, found):
            reader.check(self.model, ids, differences)
        self.counters.probes += probes
        differences.raise_if_any("while writing")

    def run_through_kill(
        self, operations: list[Operation], restart_with_workers: int, beside: Callable[[], None] | None = None
    ) -> str:
        """All of these at once; in the midst of them the process is killed and started again.

        What was not answered is sent again under its key; some of what was answered, too, which must change nothing.
        `beside` runs meanwhile, too. Returns the line of the start."""
        expected = [operation.expect(self.model) for operation in operations]
        answered = threading.Semaphore(0)

        def send(operation: Operation) -> Answer | None:
            try:
                return self._send(operation)
            except Unanswered:
                return None
            finally:
                answered.release()

        writes = [self.pool.submit(send, operation) for operation in operations]
        other = self.pool.submit(beside) if beside else None
        for _ in range(self.random.randint(1, max(1, len(operations) * 2 // 3))):
            answered.acquire()
        self.gateway.daemon.kill()
        first = [write.result() for write in writes]
        if other:
            other.result()
        ready = self.gateway.daemon.start(restart_with_workers)
        differences = Differences()
        again: list[tuple[int, Future[Answer]]] = [
            (place, self.pool.submit(self._send, operation))
            for place, (operation, answer) in enumerate(zip(operations, first))
            if answer is None or self.random.random() < 0.5
        ]
        answers = list(first)
        for place, write in again:
            answer = write.result()
            self._compare(operations[place], expected[place], first[place], answer, differences)
            answers[place] = first[place] or answer
        self._fold(operations, expected, [answer for answer in answers if answer is not None], differences)
        differences.raise_if_any("over a kill")
        return ready

    def _compare(
        self, operation: Operation, expected: Expected, first: Answer | None, again: Answer, differences: Differences
    ) -> None:
        """What is sent again is answered as before, or for the first time."""
        if first is None:
            self.counters.unanswered += 1
            self.counters.found_done += again.is_replay
            return
        self.counters.repeated += 1
        if first.status >= 400:
            differences.expect(again.status, first.status, f"the status of a repeated refusal of {operation}")
            return
        what = f"Idempotent-Replayed of {operation}, which was answered {first.json}"
        differences.expect(again.is_replay, True, what)
        for path in ("lsn", "state", "changed", "post.id", "post.text", "comment.id", "comment.text", "results"):
            differences.expect(again.value(path), first.value(path), f"{path} of the repeated {operation}")

    def _send(self, operation: Operation) -> Answer:
        answer = self.gateway.call(
            operation.method, operation.path, operation.actor, operation.body, operation.key, operation.headers)
        if answer.status < 400:
            self.gateway.saw(answer.lsn)
        return answer

    def _fold(
        self, operations: list[Operation], expected: list[Expected], answers: list[Answer], differences: Differences
    ) -> None:
        done: list[tuple[int, int]] = []
        for place, (operation, wanted, answer) in enumerate(zip(operations, expected, answers, strict=True)):
            self.counters.writes += 1
            self.counters.refused += answer.status >= 400
            self.counters.unchanged += answer.status < 400 and not wanted.changes
            wrong = wanted.differences(answer)
            for text in wrong:
                differences.add(f"{operation}: {text}")
            if wanted.changes and not wrong:
                done.append((answer.lsn, place))
        for _, place in sorted(done):
            try:
                operations[place].effect(self.model, answers[place])
            except AssertionError as error:
                differences.add(f"{operations[place]}: {error}")
