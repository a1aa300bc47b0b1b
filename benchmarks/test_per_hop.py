"""The contenders of `per_hop` under pytest-benchmark, to compare one change with another on one machine.

    pytest benchmarks/test_per_hop.py --benchmark-autosave; pytest benchmarks/test_per_hop.py --benchmark-compare

For figures to quote use `python -m benchmarks per-hop`: there the contenders take turns.
"""

from __future__ import annotations

from itertools import count

import pytest

from .contenders import PEERS
from .per_hop import DETECTOR, FEATURES, detector_call, feature_call

OURS = {FEATURES: feature_call, DETECTOR: detector_call}
THEIRS = {peer.name: peer.make for peer in PEERS}


@pytest.mark.parametrize("name", [*OURS, *THEIRS])
@pytest.mark.benchmark(group="one hop of 10 ms")
def test_hop(benchmark, name):
    if name in OURS:
        call = OURS[name]()
    else:
        try:
            call = THEIRS[name]()
        except ImportError as error:
            pytest.skip(f"{name} is a peer to compare with, and is not here ({error}): pip install '.[bench]'")
    hops = count()
    benchmark(lambda: call(next(hops)))
