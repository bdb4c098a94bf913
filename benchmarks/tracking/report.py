"""The report: what was found, as Markdown."""

from __future__ import annotations

from statistics import median
from typing import Any

__all__ = ["as_markdown"]

Found = dict[str, Any]

DEFAULT = "widths 16 to 48"


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
        *_outside(found),
        "",
        "## CPU time",
        "",
        "| spacing, radius [px] | way | cells | CPU [s] | us per cell | loop over this |",
        "|---|---|---|---|---|---|",
        *(_time(row) for row in found["times"]),
        "",
        f"* A new process with compiled code on disk takes {found['cold']['wall']:.1f} s "
        f"({found['cold']['cpu']:.1f} s of CPU) to import everything and track {found['size']} x {found['size']} px "
        "with chips of 20 px.",
        f"* Full search and loop: the same peak in {found['same']['same_peak']:.2%} of {found['same']['cells']:,} "
        f"cells; 99 % of the peaks between pixels lie within {found['same']['peak_apart_99']:.3f} px.",
        f"* Nodata in both images: {found['nodata']['nodata']:,} cells flagged, {found['nodata']['wrong']} "
        "displacements of chips that lack data.",
    ]
    for name, row in found.get("large", {}).items():
        lines.append(
            f"* Memory, {row['size']} x {row['size']} px of uint16, two threads, {name}: "
            f"{row['peak'] / 2**20:,.0f} MiB above the images."
        )
    return "\n".join([*lines, "", *_goals(found), ""])


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
        f"{seconds / row['cells'] * 1e6:.0f} | {row['ratio']:.1f} |"
    )


def _goals(found: Found) -> list[str]:
    """Return the table of goals."""
    at = {(row["scene"], row["way"]): row for row in found["accuracy"]}
    trunk, hard = at["trunk", DEFAULT], at["hard", DEFAULT]
    speed = {(row["spacing"], row["way"]): row["ratio"] for row in found["times"]}
    cover = [(row["within_1_sigma"], row["within_2_sigma"]) for row in found["accuracy"] if row["way"] == DEFAULT]
    locking = max(row["locking"] for row in found["accuracy"] if row["scene"][:4] == "ramp" and row["way"] == DEFAULT)
    still = max(abs(each) for each in trunk["still_bias"] or [float("nan")])
    rows = [
        ("rms per axis, clean ramp, chip 20 <= 0.008 px", at["ramp-clean", "chip 20"]["rms_axis"], 0.008),
        ("rms per axis, ramp <= 0.040 px", at["ramp", DEFAULT]["rms_axis"], 0.040),
        ("locking on any ramp <= 0.015 px", locking, 0.015),
        ("trunk: median <= 0.045 px", trunk["median"], 0.045),
        ("trunk: >= 80 % within 0.1 px", -trunk["within_0.1"], -0.80),
        ("trunk: >= 98.5 % within 0.5 px", -trunk["within_0.5"], -0.985),
        ("trunk: <= 0.5 % beyond 1 px", trunk["beyond_1"], 0.005),
        ("trunk: >= 97 % kept", -trunk["kept"], -0.97),
        ("hard: median <= 0.10 px", hard["median"], 0.10),
        ("hard: >= 95 % within 0.5 px", -hard["within_0.5"], -0.95),
        ("hard: >= 95 % kept", -hard["kept"], -0.95),
        ("bias of still ground <= 0.008 px", still, 0.008),
        ("least share within 1 sigma >= 58 %", -min(each[0] for each in cover), -0.58),
        ("largest share within 1 sigma <= 75 %", max(each[0] for each in cover), 0.75),
        ("least share within 2 sigma >= 88 %", -min(each[1] for each in cover), -0.88),
        ("chips without data that have a displacement: 0", found["nodata"]["wrong"], 0),
        ("dense search, chip 20: loop takes >= 8 times as long", -speed[10, "chip 20"], -8),
        ("dense search, all widths: >= 8", -speed[10, DEFAULT], -8),
        ("plain search, chip 20: >= 3", -speed[20, "chip 20"], -3),
        ("full search: >= 2", -speed[10, "full search"], -2),
        ("full search: the same peaks", -found["same"]["same_peak"], -1.0),
        ("new process <= 2.5 s [wall]", found["cold"]["wall"], 2.5),
    ]
    table = ["## Goals", "", "| goal | found | reached |", "|---|---|---|"]
    return table + [f"| {goal} | {abs(value):.4g} | {'yes' if value <= most else 'no'} |" for goal, value, most in rows]
