"""Roles: what each allows and shows."""
