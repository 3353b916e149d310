#!/usr/bin/env python3
"""A scenario test over HTTP, with nothing but Python's standard library.

It starts `starling serve` on a directory of its own and lets some hundred users follow, post, react, comment, block,
mute and delete at random, from a seed, over several connections. In between the process is killed (kill -9) in the
midst of writes, and started again with another number of workers; writes whose answer never came are sent again
under their idempotency keys. After each phase everything that can be read is compared with a model of the
definition: every user's whole feed, page by page, posts, counters, lists, relationships, notifications.

What the daemon does not offer by its own /openapi.json is left out, and said; `--require all` makes that a failure.

    python3 Tests/Scenario/run.py --starling .build/debug/starling --seed 1 --users 200

Exit code: 0 when everything was as defined; 1 when something was not; 2 when the run itself could not be made.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import traceback

# The folder stays as it is in the repository.
sys.dont_write_bytecode = True

from daemon import Daemon, DaemonFailed
from differences import Disagreement
from gateway import Gateway, Unanswered, Unexpected
from parts import PARTS, PartMissing, Parts
from scenario import WORKERS, Plan, Scenario


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starling", required=True, help="the executable")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--steps", type=int, default=0, help="writes of the walk; 20 for each user when not given")
    parser.add_argument("--phases", type=int, default=6, help="how often everything is compared")
    parser.add_argument("--restarts", type=int, default=2, help="how often the process is killed")
    parser.add_argument("--lanes", type=int, default=16, help="connections that write")
    parser.add_argument("--auth", choices=["on", "off"], default="off")
    parser.add_argument(
        "--require", default="", metavar="PARTS", help=f"parts that must be there, or `all`: {', '.join(PARTS)}")
    parser.add_argument("--directory", help="where data and log are put, and kept; a temporary one when not given")
    return parser.parse_args()


def daemon_arguments(threshold: int, auth: str) -> list[str]:
    """Small limits, so that a small run goes past them: caps, segments, snapshots, caches, absence."""
    settings = {
        "memory.hugePages": "false", "memory.bodyCacheBytes": "65536", "timeline.cap": "20",
        "log.segmentBytes": "262144", "log.segmentMilliseconds": "5000", "snapshots.records": "700",
        "fanout.celebrityThreshold": str(threshold), "fanout.celebrityCostShare": "0", "fanout.awayAfterSeconds": "3",
        "auth.scryptCost": "10", "logging.level": "warning",
    }
    return ["--auth", auth] + [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


def main() -> int:
    options = arguments()
    if options.users < 10 or options.phases < 1 or options.restarts < 0:
        print("at least 10 users and one phase are needed", file=sys.stderr)
        return 2
    threshold = max(5, options.users // 5)
    plan = Plan(
        seed=options.seed, users=options.users, steps=options.steps or 20 * options.users, phases=options.phases,
        restarts=options.restarts, lanes=options.lanes, is_authenticated=options.auth == "on",
        celebrity_threshold=threshold)
    directory = options.directory or tempfile.mkdtemp(prefix="starling-scenario-")
    os.makedirs(directory, exist_ok=True)
    daemon = Daemon(
        options.starling, os.path.join(directory, "data"), os.path.join(directory, "log"),
        daemon_arguments(threshold, options.auth))
    print(f"seed {plan.seed}, {plan.users} users, {plan.steps} steps, in {directory}", flush=True)
    try:
        print(daemon.start(WORKERS[0]), flush=True)
        gateway = Gateway(daemon)
        parts = Parts(gateway.read("/openapi.json").json)
        print(f"offered: {', '.join(sorted(parts.offered))}", flush=True)
        for part, routes in parts.missing.items():
            print(f"SKIPPED, not in /openapi.json: {part} ({'; '.join(routes)})", flush=True)
        parts.require(options.require)
        Scenario(plan, daemon, parts, gateway).run()
    except (Disagreement, DaemonFailed, PartMissing, Unanswered, Unexpected) as error:
        print(f"FAILED (seed {plan.seed}, kept in {directory}): {error}", file=sys.stderr, flush=True)
        return 1
    except Exception:
        traceback.print_exc()
        print(f"FAILED (seed {plan.seed}, kept in {directory})", file=sys.stderr, flush=True)
        return 2
    finally:
        daemon.abandon()
    if not options.directory:
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
