"""Inner loops of tracking, compiled once and read from disk by all later processes; need the extra ``track``."""
