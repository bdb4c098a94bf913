"""What stands in for pycorr in tests: its command line and its file, with a search of whole pixels behind them."""

import argparse
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pyproj
import rasterio
import xarray as xr

FILL = np.float32(-9999)


def ask():
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    for name in ("imgdir", "output_dir", "out_name_base", "img1datestr", "img2datestr", "datestrfmt"):
        parser.add_argument(f"-{name}", required=True)
    for name in ("inc", "half_source_chip", "half_target_chip"):
        parser.add_argument(f"-{name}", type=int, required=True)
    parser.add_argument("img1_name")
    parser.add_argument("img2_name")
    return parser.parse_args()


def search(images, rows, cols, near, far):
    """Return whole displacements (2, rows, cols) to the right and down; NaN at the rim."""
    found = np.full((2, rows.size, cols.size), np.nan)
    for i, row in enumerate(rows):
        for j, col in enumerate(cols):
            if min(row, col) < far or row + far > images[0].shape[0] or col + far > images[0].shape[1]:
                continue
            chip = images[0][row - near : row + near, col - near : col + near]
            window = images[1][row - far : row + far, col - far : col + far]
            surface = cv2.matchTemplate(window, chip, cv2.TM_CCOEFF_NORMED)
            down, right = np.unravel_index(surface.argmax(), surface.shape)
            found[:, i, j] = right - far + near, down - far + near
    return found


def main():
    """Track two images and write the file."""
    asked, images = ask(), []
    for file in (asked.img1_name, asked.img2_name):
        with rasterio.open(Path(asked.imgdir) / file) as opened:
            images.append(opened.read(1).astype(np.float32))
            transform, crs = opened.transform, opened.crs
    times = [datetime.strptime(text, asked.datestrfmt) for text in (asked.img1datestr, asked.img2datestr)]
    days = (times[1] - times[0]).days
    rows, cols = (np.arange(asked.inc // 2, size, asked.inc) for size in images[0].shape)
    moved = search(images, rows, cols, asked.half_source_chip, asked.half_target_chip)
    told = {"units": "m/d", "grid_mapping": "transverse_mercator", "_FillValue": FILL}
    layers = {}
    for name, each, size in (("vx", moved[0], transform.a), ("vy", moved[1], transform.e)):
        values = np.nan_to_num(each * size / days, nan=FILL).astype(np.float32)
        layers |= {f"{name}{end}": (("y", "x"), values, told) for end in ("", "_masked")}
    good = np.where(np.isnan(moved[0]), -2, 1).astype(np.float32)
    layers |= {name: (("y", "x"), good, {"_FillValue": np.float32(-2)}) for name in ("corr", "del_corr")}
    mapping = {"grid_mapping_name": "transverse_mercator", "spatial_ref": pyproj.CRS(crs).to_wkt("WKT1_GDAL")}
    interval = {"del_t": str(days), "start_date": times[0].isoformat(), "end_date": times[1].isoformat()}
    layers |= {"image_pair_times": ((), np.int32(0), interval), "transverse_mercator": ((), np.int32(0), mapping)}
    axes = {"x": transform.c + cols * transform.a, "y": transform.f + rows * transform.e}
    xr.Dataset(layers, axes).to_netcdf(Path(asked.output_dir) / f"{asked.out_name_base}_hp.nc", engine="h5netcdf")


if __name__ == "__main__":
    main()
