"""Inner loops of tracking, compiled by numba; need the extra ``track``."""
