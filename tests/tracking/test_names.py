"""The tables of names in the documentation: every option of other programs leads to something that is there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import altiflow
from altiflow.cli.track import track

PAGE = Path(__file__).parents[2] / "docs" / "tracking.md"

PYCORR = """
img1_name img2_name -imgdir -img1dir -img2dir -output_dir -img1datestr -img2datestr -datestrfmt -out_name_base -bbox
-plotvmax -trackvmax -nodatavmax -half_source_chip -half_target_chip -inc -gfilt_sigma -dcam -cam -cam1
-lgo_mask_filename -lgo_mask_file_dir -use_itslive_land_mask_from_web -VRT_dir
-max_allowable_pixel_offset_correction -do_not_highpass_input_images -v -mpy -log10 -nlf -progupdates
-output_geotiffs_instead_of_netCDF -offset_correction_lgo_mask -lgo_mask_limit_land_offset
"""
"""All that the help of version 1.1 lists."""


def rows_of(head: str) -> list[list[str]]:
    """Return the cells of the rows of the table whose first column has this head."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index(next(line for line in lines if line.startswith(f"| {head} |"))) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def is_there(name: str) -> bool:
    """Return whether a name of the page is something of the package: an option, an argument, or a public name."""
    if name.startswith("--"):
        return any(name in option.opts for option in track.params)
    if name == "altiflow track":
        return True
    function, argument = re.fullmatch(r"(\w+)(?:\((\w+)=\))?", name).groups()  # type: ignore[union-attr]
    if function not in altiflow.__all__:
        return False
    return argument is None or argument in inspect.signature(getattr(altiflow, function)).parameters


def test_every_name_of_the_tables_is_there() -> None:
    rows = rows_of("pycorr option") + rows_of("autoRIFT, CARST")
    assert len(rows) > 35
    for _, ours, _ in rows:
        for name in re.findall(r"`([^`]+)`", ours):
            assert is_there(name), name
    assert not is_there("TrackParameters(spacings=)")
    assert not is_there("--spacings")


def test_every_option_of_pycorr_is_in_the_table_once() -> None:
    named = [name for theirs, _, _ in rows_of("pycorr option") for name in re.findall(r"`([^`]+)`", theirs)]
    assert sorted(named) == sorted(PYCORR.split())


def test_every_row_leads_somewhere_or_says_why_not() -> None:
    for theirs, ours, why in rows_of("pycorr option") + rows_of("autoRIFT, CARST"):
        assert ours or why, theirs
