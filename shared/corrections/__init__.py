"""Corrections: entries beside a row that was wrong; the row itself is never edited."""
