"""Measurements, printed and judged by ratio within one run."""
