"""Filters: which layers, and which values of them, to trust."""
