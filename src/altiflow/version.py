"""The version of altiflow, written into everything it makes."""

__all__ = ["__version__"]

__version__ = "0.1.0"
