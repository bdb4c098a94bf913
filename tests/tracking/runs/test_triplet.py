"""Three images: displacements between them add up, to a fraction of a pixel that shows no locking."""

from __future__ import annotations

from pathlib import Path

import altiflow as af
from altiflow.tracking import restore_offsets


def test_displacements_of_three_images_close(tmp_path: Path) -> None:
    sample = af.make_images(tmp_path, images=3)
    parameters = af.TrackParameters(spacing=12, radius=10)
    pairs = [(sample.paths[a], sample.paths[b]) for a, b in ((0, 1), (1, 2))]
    steps = [restore_offsets(af.track_pair(pair, parameters=parameters)) for pair in pairs]
    whole = af.track_pair((sample.paths[0], sample.paths[2]), parameters=af.TrackParameters(spacing=12, radius=20))
    closure = af.close_triplet(*steps, restore_offsets(whole))
    assert closure.count > 1700
    assert max(map(abs, closure.median)) <= 0.02
    assert max(closure.nmad) <= 0.04
