"""Dask in this test's own cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

import pytest


@contextmanager
def dask_executor(*, processes: bool) -> Iterator[Executor]:
    """Dask's executor over one worker, in a process of its own or in this one."""
    distributed = pytest.importorskip("distributed")
    # Its HTTP server takes a port that no other test's has.
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": processes, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client.get_executor()
