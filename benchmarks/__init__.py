"""Side-by-side ratios of altiflow against what people use today; not part of the package and not of the tests."""
