"""Regenerate scoring_golden.json: the same intervals scored by sed_eval and sed_scores_eval.

Neither library is a test dependency: sed_eval imports pkg_resources, which setuptools 81 removed. In an environment
of its own:

    python -m venv golden && golden/bin/pip install "setuptools<81" "pandas<3" sed_eval sed_scores_eval
    golden/bin/python tests/tools/golden_scoring.py
"""

from __future__ import annotations

import json
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np

COLLARS_S = (0.1, 0.2, 0.5, 1.0)
CRITERIA = ((0.5, 0.5), (0.7, 0.7), (0.1, 0.9))
LABELS = ("fill", "hold", "release")


def sessions(rng: np.random.Generator) -> list[dict]:
    """Truth and estimates: shifted, split, lost and invented intervals, as a detector would err."""
    made = []
    for index in range(12):
        truth, estimated = [], []
        clock_s = rng.uniform(1.0, 4.0)
        for _ in range(int(rng.integers(1, 7))):
            for label in LABELS:
                length_s = rng.uniform(0.3, 5.0)
                truth.append([clock_s, clock_s + length_s, label])
                if rng.random() > 0.15:
                    on_s = clock_s + rng.normal(0.0, 0.25)
                    off_s = max(on_s + 0.05, clock_s + length_s + rng.normal(0.0, 0.8))
                    if rng.random() < 0.2:  # split in two
                        middle_s = (on_s + off_s) / 2
                        estimated += [[on_s, middle_s - 0.01, label], [middle_s + 0.01, off_s, label]]
                    else:
                        estimated.append([on_s, off_s, label])
                clock_s += length_s
            if rng.random() < 0.3:
                estimated.append([clock_s + 0.5, clock_s + 0.5 + rng.uniform(0.1, 2.0), LABELS[int(rng.integers(3))]])
            clock_s += rng.uniform(1.0, 8.0)
        made.append({"name": f"session{index}", "duration_s": clock_s + 5.0, "truth": truth, "estimated": estimated})
    # Estimates of one label must not overlap: sed_scores_eval reads them back as a score curve.
    for session in made:
        kept = []
        for onset_s, offset_s, label in sorted((on, off, label) for on, off, label in session["estimated"]):
            ends = [off for _, off, other in kept if other == label]
            onset_s = max([onset_s, 0.0, *(end + 0.001 for end in ends)])
            if offset_s > onset_s + 0.02:
                kept.append([onset_s, offset_s, label])
        session["estimated"] = [[round(on, 4), round(off, 4), label] for on, off, label in kept]
        session["truth"] = [[round(on, 4), round(off, 4), label] for on, off, label in session["truth"]]
    return made


def event_based(made: list[dict]) -> dict:
    """sed_eval: onset-only, maximum matching."""
    import sed_eval
    from dcase_util.containers import MetaDataContainer

    results = {}
    for collar_s in COLLARS_S:
        metric = sed_eval.sound_event.EventBasedMetrics(
            event_label_list=list(LABELS), t_collar=collar_s, evaluate_offset=False, event_matching_type="optimal"
        )
        for session in made:
            truth, estimated = (
                MetaDataContainer(
                    [{"file": session["name"], "onset": a, "offset": b, "event_label": c} for a, b, c in session[key]]
                )
                for key in ("truth", "estimated")
            )
            metric.evaluate(truth, estimated)
        results[str(collar_s)] = {label: metric.class_wise[label] for label in LABELS}
    return results


def intersection_based(made: list[dict]) -> dict:
    """sed_scores_eval: intersection-based counts at a threshold of 0.5 on binary scores."""
    import pandas as pd
    from sed_scores_eval import intersection_based as ib
    from sed_scores_eval.base_modules.scores import create_score_dataframe

    truth, scores, durations = {}, {}, {}
    for session in made:
        truth[session["name"]] = [tuple(each) for each in session["truth"]]
        durations[session["name"]] = session["duration_s"]
        edges = sorted({0.0, session["duration_s"], *(t for on, off, _ in session["estimated"] for t in (on, off))})
        middles = [(a + b) / 2 for a, b in pairwise(edges)]
        values = np.array(
            [
                [float(any(on <= m < off and c == label for on, off, c in session["estimated"])) for label in LABELS]
                for m in middles
            ]
        )
        scores[session["name"]] = create_score_dataframe(values, np.array(edges), list(LABELS))
        assert isinstance(scores[session["name"]], pd.DataFrame)
    results = {}
    for dtc, gtc in CRITERIA:
        _, _, _, stats = ib.fscore(
            scores=scores, ground_truth=truth, threshold=0.5, dtc_threshold=dtc, gtc_threshold=gtc, num_jobs=1
        )
        results[f"{dtc},{gtc}"] = {
            label: {key: int(stats[label][key]) for key in ("tps", "fps", "n_ref")} for label in LABELS
        }
    return results


def main() -> None:
    made = sessions(np.random.default_rng(20240607))
    golden = {
        "made_by": {name: version(name) for name in ("sed_eval", "sed_scores_eval")},
        "sessions": made,
        "event_based": event_based(made),
        "intersection_based": intersection_based(made),
    }
    path = Path(__file__).with_name("scoring_golden.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
