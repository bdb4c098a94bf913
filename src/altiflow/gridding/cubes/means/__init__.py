"""Means in time: by overlap, running, local; and the biased ways in use."""
