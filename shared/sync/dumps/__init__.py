"""Dumps: files of records that are loaded beside the streams."""
