"""Drive autoRIFT on the arrays of a file; run by the interpreter that has it, which need not have altiflow.

Chips of one width and of twice that, high-pass filtered by its box of 5 px, no prior, a search of one radius.
"""

import sys

import numpy as np
from autoRIFT import autoRIFT

with np.load(sys.argv[1]) as given:
    tracker = autoRIFT()
    tracker.MultiThread = 0
    tracker.I1, tracker.I2 = given["first"].astype(np.float32), given["second"].astype(np.float32)
    cols, rows = np.meshgrid(given["cols"], given["rows"])
    width, spacing, radius = (int(given[name]) for name in ("chip", "spacing", "radius"))

tracker.xGrid, tracker.yGrid = cols.astype(np.int32), rows.astype(np.int32)
tracker.SkipSampleX = tracker.SkipSampleY = spacing
tracker.GridSpacingX = spacing
tracker.ChipSize0X = tracker.ChipSizeMinX = width
tracker.ChipSizeMaxX = 2 * width
reach = np.full(cols.shape, radius, np.int32)
tracker.SearchLimitX, tracker.SearchLimitY = reach, reach.copy()
tracker.Dx0, tracker.Dy0 = np.zeros(cols.shape, np.int32), np.zeros(cols.shape, np.int32)
tracker.OverSampleRatio = 64
tracker.preprocess_filt_hps()
tracker.uniform_data_type()
tracker.runAutorift()
np.savez(sys.argv[2], dx=tracker.Dx, dy_up=tracker.Dy)
