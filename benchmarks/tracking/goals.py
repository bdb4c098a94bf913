"""Goals of speed and accuracy, and what was found."""

from __future__ import annotations

from typing import Any

__all__ = ["DEFAULT", "goal_lines"]

Found = dict[str, Any]
Goal = tuple[str, str, float | None, float]
"""Mark, words, what was found (None: not measured), and the most it may be; of what must be large, both negative."""

DEFAULT = "widths 16 to 48"
CHIP = "chip 20"
_RAMPS = ("ramp-clean", "ramp", "ramp-hard")
_GIB = 2**30


def goal_lines(found: Found) -> list[str]:
    """Return the table of goals."""
    rows = [*_speed(found), *_accuracy(found), *_soundness(found)]
    table = ["## Goals", "", "| | goal | found | |", "|---|---|---|---|"]
    for mark, goal, value, most in rows:
        met = "not measured" if value is None else "met" if value <= most else "**missed**"
        table.append(f"| {mark} | {goal} | {'' if value is None else f'{abs(value):.4g}'} | {met} |")
    return table


def _speed(found: Found) -> list[Goal]:
    """Return goals of speed and memory."""
    at = {(row["spacing"], row["way"]): row for row in found["times"]}
    cpu = {key: -row["ratio"] for key, row in at.items()}
    large, tile = found.get("large", {}), found.get("tile")
    ratios = {name: -row["ratio"] for name, row in large.items() if "ratio" in row}
    peak = max((row["peak"] + row["images"] for row in large.values()), default=None)
    two = at[10, "full search, two threads"]
    return [
        ("S1", "cells every 10 px, radius 45, chip 20: the loop takes >= 8 times the CPU (gate)", cpu[10, CHIP], -8),
        ("S1", "cells every 10 px, radius 45, chip 20: >= 15 times (target)", cpu[10, CHIP], -15),
        ("S1", "cells every 10 px, radius 45, chip 20: >= 25 times (stretch)", cpu[10, CHIP], -25),
        ("S1", "cells every 10 px, radius 45, all widths: >= 8 times (set for chip 20)", cpu[10, DEFAULT], -8),
        ("S2", "cells every 20 px, radius 10, chip 20: >= 3 times (gate)", cpu[20, CHIP], -3),
        ("S2", "cells every 20 px, radius 10, chip 20: >= 5 times (target)", cpu[20, CHIP], -5),
        ("S2", "cells every 20 px, radius 10, all widths: >= 3 times (set for chip 20)", cpu[20, DEFAULT], -3),
        ("S3", "large images, chip 20: >= 8 times (gate)", ratios.get(CHIP), -8),
        ("S3", "large images, chip 20: >= 15 times (target)", ratios.get(CHIP), -15),
        ("S3", "large images: peak memory, images included, <= 1.5 GiB", peak and peak / _GIB, 1.5),
        ("S3", "whole tile: peak memory of the process <= 1.5 GB", tile and tile["peak"] / 1e9, 1.5),
        ("S4", "full search: share of the same peaks = 1", -found["same"]["same_peak"], -1.0),
        ("S4", "full search: the loop takes >= 2 times as long on one core", cpu[10, "full search"], -2),
        ("S4", "full search on two cores: the loop on one takes >= 4 times as long", -two["wall_ratio"], -4),
        ("S5", "new process, radius 45, chip 20 <= 2.5 s", found["cold"]["wall"], 2.5),
    ]


def _accuracy(found: Found) -> list[Goal]:
    """Return goals of accuracy."""
    at = {(row["scene"], row["way"]): row for row in found["accuracy"]}
    trunk, hard = at["trunk", DEFAULT], at["hard", DEFAULT]
    cover = [(row["within_1_sigma"], row["within_2_sigma"]) for row in found["accuracy"] if row["way"] == DEFAULT]
    still = max(abs(each) for each in trunk["still_bias"] or [float("nan")])
    return [
        ("A1", "clean ramp, chip 20: rms per axis <= 0.008 px", at["ramp-clean", CHIP]["rms_axis"], 0.008),
        ("A1", "ramp, chip 20: rms per axis <= 0.040 px", at["ramp", CHIP]["rms_axis"], 0.040),
        ("A1", "ramp, all widths: rms per axis <= 0.040 px", at["ramp", DEFAULT]["rms_axis"], 0.040),
        *(
            ("A1", f"locking on any ramp, {way} <= 0.015 px", max(at[kind, way]["locking"] for kind in _RAMPS), 0.015)
            for way in (CHIP, DEFAULT)
        ),
        ("A2", "trunk: median <= 0.045 px", trunk["median"], 0.045),
        ("A2", "trunk: >= 80 % within 0.1 px", -trunk["within_0.1"], -0.80),
        ("A2", "trunk: >= 98.5 % within 0.5 px", -trunk["within_0.5"], -0.985),
        ("A2", "trunk: <= 0.5 % beyond 1 px", trunk["beyond_1"], 0.005),
        ("A2", "trunk: >= 97 % kept, those under clouds too", -trunk["kept"], -0.97),
        ("A2", "trunk: >= 97 % kept where there is no cloud", -trunk["kept_clear"], -0.97),
        ("A3", "hard: median <= 0.10 px", hard["median"], 0.10),
        ("A3", "hard: >= 95 % within 0.5 px", -hard["within_0.5"], -0.95),
        ("A3", "hard: >= 95 % kept, those under clouds too", -hard["kept"], -0.95),
        ("A3", "hard: >= 95 % kept where there is no cloud", -hard["kept_clear"], -0.95),
        ("A4", "trunk: bias of ground that moved by (0.37, -0.42) px <= 0.008 px", still, 0.008),
        ("A5", "least share within 1 sigma of any scene >= 58 %", -min(each[0] for each in cover), -0.58),
        ("A5", "largest share within 1 sigma <= 75 %", max(each[0] for each in cover), 0.75),
        ("A5", "least share within 2 sigma >= 88 %", -min(each[1] for each in cover), -0.88),
    ]


def _soundness(found: Found) -> list[Goal]:
    """Return goals of what is never to be."""
    closed = max(abs(each) for each in found["closure"][DEFAULT]["median"])
    return [
        ("A6", "displacements of chips without data: 0", found["nodata"]["wrong"], 0),
        ("A6", "displacements of even or saturated ground: 0", found["flat"]["wrong"], 0),
        ("A7", "three images: median of the closure <= 0.02 px", closed, 0.02),
        ("A8", "place of the granule in GDAL and read_velocity: off by 0 px", found["round_trip"]["away"], 1e-9),
        ("A8", "values that differ after reading: 0", found["round_trip"]["values_differ"], 0),
        ("A8", "vectors from UTM to EPSG:3413 and back: relative error < 1e-6", found["turned_back"], 1e-6),
    ]
