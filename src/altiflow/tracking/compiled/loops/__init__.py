"""Bodies of the inner loops: need numba, make no arrays and raise nothing, so that they run without it."""
