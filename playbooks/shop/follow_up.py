"""Puts the job that follows on a release into the queue, a line of JSON in the file that SHOP_JOBS names.

``relgate rollout`` runs it at each turn and says in RELGATE_EVENT which; only what is complete has follow-ups.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

if os.environ.get("RELGATE_EVENT") == "complete":
    version, rollout = os.environ["RELGATE_VERSION"], os.environ["RELGATE_ROLLOUT"]
    job = {"queue": "default", "job": "post_deployment_task", "payload": {"version": version, "rollout": rollout}}
    with Path(os.environ["SHOP_JOBS"]).open("a", encoding="utf-8") as queue:
        queue.write(json.dumps(job) + "\n")
