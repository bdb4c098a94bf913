"""Cubes of image pairs: means in time, filters, and velocity from displacements."""
