"""The steps of tracking: filters, searches, sub-pixel peaks, tests and gaps."""
