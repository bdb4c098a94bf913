"""The report: what was found, as Markdown."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.drift import tracks, world

__all__ = ["as_markdown"]

Rows = list[dict[str, Any]]


def as_markdown(found: dict[str, Any]) -> str:
    """Return the report of an experiment."""
    parts = ", ".join(f"{sigma} m at {2 * length / 1e3:.0f} km" for length, sigma in world.PATTERN.items())
    middle = f"{world.CENTRE[1]:g}°N {-world.CENTRE[0]:g}°W"
    lines = [
        "# Drift-aware gridding of ice whose true motion is not the known one",
        "",
        f"Simulated tracks of {2 * world.WINDOW_DAYS} days over ice that moves, gridded at {str(world.TARGET)[:10]}; "
        f"cells of a square of {2 * world.HALF / 1e3:.0f} km about {middle}.",
        "",
        f"* Known motion: {found['motion']}, linear between the middles of its weeks.",
        f"* True motion: that, plus errors of {world.ERROR} km/d along each axis, correlated by exp(-r²/2L²) with L = "
        f"{world.ERROR_LENGTH / 1e3:.0f} km and by rho from day to day, plus shear below the grid of the product: "
        f"{world.SHEAR} km/d, L = {world.SHEAR_LENGTH / 1e3:.0f} km, free of divergence.",
        f"* Freeboard: {world.LEVEL} m, with features of {parts} (1-sigma), carried by the true motion.",
        f"* Tracks: three strong beams of an orbit like ICESat-2's, {tracks.CLEAR:.0%} of the sky clear; a sample a "
        f"kilometre with an error of {tracks.NOISE} m, and {tracks.SURFACE} m common to 10 km; {found['samples']:,} "
        "samples over ice.",
        "",
        "Errors and correlations are those of the cells that every way has; the truth has a standard deviation of "
        f"{found['spread']:.3f} m over cells of 25 km. Last column: share of the cells with a value.",
    ]
    for case in found["cases"]:
        lines += ["", f"## rho = {case['rho']}", ""]
        lines += [
            f"Carried over {world.WINDOW_DAYS} days by the known motion, ice is {case['place']:.1f} km off along an "
            f"axis (rms); `position_sigma` says {case['position_sigma']:.1f} km, without the shear.",
            "",
            "| grid | way | RMSE [m] | correlation | cells |",
            "|---|---|---|---|---|",
        ]
        for name, rows in case["grids"].items():
            lines += [
                f"| {name} | {row['way']} | {row['rmse']:.4f} | {row['correlation']:.3f} | {row['share']:.0%} |"
                for row in rows
            ]
        lines += ["", *(_stated(name, rows) for name, rows in case["grids"].items())]
    return "\n".join([*lines, *_moved(found["by_way"]), *_windows(found["by_window"]), *_season(found["season"]), ""])


def _stated(name: str, rows: Rows) -> str:
    """Return what the Dataset says of its own error."""
    row = rows[1]
    return (
        f"* {name}: `freeboard_sigma_total` says {row['stated']:.3f} m (rms); {row['within']:.0%} of the cells are "
        "within it of the truth."
    )


def _moved(rows: Rows) -> list[str]:
    """Return the table by how far the ice was moved."""
    lines = ["", "## By how far the ice of a cell was moved (25 km, rho = 0.5, realistic motion)", ""]
    lines += ["| moved | cells | Eulerian RMSE [m] | drift-aware RMSE [m] |", "|---|---|---|---|"]
    return lines + [
        f"| {row['moved']} | {row['cells']} | {row['eulerian_rmse']:.4f} | {row['drift_rmse']:.4f} |" for row in rows
    ]


def _windows(rows: Rows) -> list[str]:
    """Return the table by the length of the window."""
    lines = ["", "## By the window, days before and after the target (25 km, rho = 0.5, realistic motion)", ""]
    lines += [
        "| window | Eulerian RMSE [m] | drift-aware RMSE [m] | correlations | cells of the drift-aware grid |",
        "|---|---|---|---|---|",
    ]
    return lines + [
        f"| {row['window']} | {row['eulerian_rmse']:.4f} | {row['drift_rmse']:.4f} | "
        f"{row['eulerian_correlation']:.3f}, {row['drift_correlation']:.3f} | {row['share']:.0%} |"
        for row in rows
    ]


def _season(months: Rows) -> list[str]:
    """Return the table of the months of a winter."""
    ways = [row["way"] for row in months[0]["rows"]]
    lines = ["", "## A winter, month by month (25 km, rho = 0.5)", "", "RMSE [m] and correlation.", ""]
    lines += [f"| target | {' | '.join(ways)} |", "|---|" + "---|" * len(ways)]
    for month in months:
        cells = [f"{row['rmse']:.4f}, {row['correlation']:.3f}" for row in month["rows"]]
        lines.append(f"| {month['target']} | {' | '.join(cells)} |")
    mean = [np.sqrt(np.mean([month["rows"][place]["rmse"] ** 2 for month in months])) for place in range(len(ways))]
    return [*lines, f"| all (rms) | {' | '.join(f'{each:.4f}' for each in mean)} |"]
