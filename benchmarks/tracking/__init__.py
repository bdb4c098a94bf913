"""Displacement between images with known truth: accuracy and speed beside a plain loop."""
