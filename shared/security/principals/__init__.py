"""Persons and services: who there is, and where each is managed."""
