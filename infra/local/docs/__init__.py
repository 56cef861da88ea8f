"""The generated part of docs/: schemas, tables and pictures, written from the code so that they cannot lie.

`python -m infra.local.docs` writes them; with `--check` it only says which are not current.
"""
