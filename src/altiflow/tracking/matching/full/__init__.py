"""The full search: all displacements within a radius, by OpenCV or torch, and peaks between pixels."""
