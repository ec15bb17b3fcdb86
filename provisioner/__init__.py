"""Practicum: one isolated lab environment a student, from a roster to a proven teardown."""

__version__ = "0.1.0"
