"""The report: what was found, as Markdown."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.tracking.goals import DEFAULT, goal_lines

__all__ = ["as_markdown"]

Found = dict[str, Any]


def as_markdown(found: Found) -> str:
    """Return the report of a run."""
    lines = [
        "# Tracking beside a plain loop",
        "",
        f"Scenes of {found['size']} px and less with known displacement, seed {found['seed']}; chips of 20 px, a cell "
        "every 10 px. The loop is `matchTemplate` over all displacements and a hill climb on a `RectBivariateSpline`, "
        "chip after chip. CPU seconds of one thread, in alternating runs of one process.",
        "",
        "## Error of the displacement",
        "",
        "Length of the error vector [px], of cells at least 60 px from the rim, clouds included. *Locking*: half the "
        "height of the mean error along an axis as a function of the fraction of a pixel. *Still*: median error of "
        f"ground that moved by {tuple(found['ground'])} px.",
        "",
        "| scene | way | kept | median | < 0.1 | < 0.5 | > 1 px | rms/axis | locking | still | 1 sigma | 2 sigma |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_accuracy(row) for row in found["accuracy"]),
        *(_accuracy(row) for row in found.get("outside", []) if "problem" not in row),
        "",
        *_clouds(found),
        *_outside(found),
        "",
        "## CPU time",
        "",
        "| spacing, radius [px] | way | cells | CPU [s] | us per cell | loop over this | wall [s] | loop over this |",
        "|---|---|---|---|---|---|---|---|",
        *(_time(row) for row in found["times"]),
        "",
        f"* A new process with compiled code on disk takes {found['cold']['wall']:.1f} s "
        f"({found['cold']['cpu']:.1f} s of CPU) to import everything and track {found['size']} x {found['size']} px "
        "with chips of 20 px, in as many threads as there are processors; the first one after an installation, which "
        f"compiles, {found['cold']['first_wall']:.0f} s ({found['cold']['first_cpu']:.0f} s of CPU).",
        f"* Full search and loop: the same peak in {found['same']['same_peak']:.2%} of {found['same']['cells']:,} "
        f"cells; 99 % of the peaks between pixels lie within {found['same']['peak_apart_99']:.3f} px.",
        f"* Nodata in both images: {found['nodata']['nodata']:,} cells flagged, {found['nodata']['wrong']} "
        f"displacements of chips that lack data. Even ground: {found['flat']['flat']:,} cells, "
        f"{found['flat']['wrong']} displacements.",
        *_large(found),
        *_closed(found),
        "",
        *goal_lines(found),
        "",
    ]
    return "\n".join(lines)


def _clouds(found: Found) -> list[str]:
    """Return how cloudy the scenes are."""
    lines = []
    for row in found["accuracy"]:
        if row["way"] == DEFAULT and row["clouded"]:
            lines.append(
                f"* Of the cells of {row['scene']} {row['clouded']:.1%} lie under clouds of either image, "
                f"{row['opaque']:.1%} under such as let less than half of the ground's light through."
            )
    lines.append(
        "* Clouds of scenes that are not called opaque thin out at their rims, so that the loop errs as it does on the "
        "scenes that the goals were set on: by more than 1 px in 7.3 % of hard, by less than 0.1 px in 62 % of trunk."
    )
    return lines


def _large(found: Found) -> list[str]:
    """Return what large images take."""
    lines = []
    for name, row in found.get("large", {}).items():
        lines.append(
            f"* Memory, {row['size']} x {row['size']} px of uint16, two threads, {name}: "
            f"{row['peak'] / 2**20:,.0f} MiB above the images."
        )
        if "ratio" in row:
            lines.append(
                f"* CPU time of these, one thread: {row['cpu']:.1f} s; the loop, from the cells of a ninth of it: "
                f"{row['loop']:,.0f} s."
            )
    if "tile" in found:
        tile = found["tile"]
        lines.append(
            f"* Memory of a new process that tracks {tile['size']} x {tile['size']} px of uint16 at the defaults in "
            f"two threads, libraries and both images included: {tile['peak'] / 2**20:,.0f} MiB ({tile['wall']:.0f} s)."
        )
    return lines


def _closed(found: Found) -> list[str]:
    """Return how displacements over three images close."""
    return [
        f"* Closure over three images, {name}: median ({row['median'][0]:+.4f}, {row['median'][1]:+.4f}) px, NMAD "
        f"({row['nmad'][0]:.3f}, {row['nmad'][1]:.3f}) px, {row['count']:,} cells."
        for name, row in found["closure"].items()
    ]


def _outside(found: Found) -> list[str]:
    """Return what became of other programs."""
    rows = {row["way"]: row for row in reversed(found.get("outside", []))}
    options = {"pycorr": "--pycorr PATH", "autoRIFT": "--autorift PYTHON"}
    lines = []
    for name, option in options.items():
        row = rows.get(name)
        if row is None:
            lines.append(f"* {name} itself was not at hand (`{option}`), so it is not compared.")
        elif "problem" in row:
            lines.append(f"* {name} failed on {row['scene']}: {row['problem'].splitlines()[-1]}")
        else:
            lines.append(
                f"* {name} took {row['cpu']:.1f} s of CPU on {row['scene']}, its whole process ({row['wall']:.1f} s of "
                f"wall time): {row['cpu'] / found['cold']['cpu']:.1f} times a new process with chips of 20 px (below)."
            )
    return lines


def _accuracy(row: Found) -> str:
    """Return a line of the table of errors."""
    still = "" if row["still_bias"] is None else "{:+.3f}, {:+.3f}".format(*row["still_bias"])
    inside = [f"{row[name]:.0%}" if name in row else "" for name in ("within_1_sigma", "within_2_sigma")]
    return (
        f"| {row['scene']} | {row['way']} | {row['kept']:.1%} | {row['median']:.3f} | {row['within_0.1']:.1%} | "
        f"{row['within_0.5']:.1%} | {row['beyond_1']:.2%} | {row['rms_axis']:.3f} | {row['locking']:.3f} | {still} | "
        f"{inside[0]} | {inside[1]} |"
    )


def _time(row: Found) -> str:
    """Return a line of the table of times."""
    seconds = median(row["cpu"])
    return (
        f"| {row['spacing']}, {row['radius']} | {row['way']} | {row['cells']:,} | {seconds:.2f} | "
        f"{seconds / row['cells'] * 1e6:.0f} | {row['ratio']:.1f} | {median(row['wall']):.2f} | "
        f"{row['wall_ratio']:.1f} |"
    )
