#!/bin/sh
# Creates the project's environment from the pinned, hashed requirement files. Called by make.
set -eu

say() { printf '%s\n' "$*"; }
stop() { say "setup: $*" >&2; exit 1; }

command -v "$PYTHON" >/dev/null 2>&1 || stop "no '$PYTHON' here. Install Python 3.11, 3.12 or 3.13, or name one: make setup PYTHON=/path/to/python3.11"
"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' ||
    stop "'$PYTHON' is $("$PYTHON" -V 2>&1); Counterfoil runs on Python 3.11, 3.12 and 3.13. Name another: make setup PYTHON=python3.11"
free_mb=$(df -Pm . | awk 'NR==2 {print $4}')
[ "$free_mb" -ge 1500 ] || stop "only ${free_mb} MB free on this disk; the environment and its data need about 1500 MB. Free some space and run make again."

say "Setting up the environment in $VENV ($("$PYTHON" -V 2>&1)); about a minute the first time"
"$PYTHON" -c 'import ensurepip' 2>/dev/null || stop "'$PYTHON' has no venv module. On Debian and Ubuntu: apt-get install python3-venv"
"$PYTHON" -m venv --clear "$VENV"
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }
pip install --quiet --progress-bar on --require-hashes -r infra/local/requirements.txt ||
    stop "the packages could not be installed (see above). Check the connection to the package index and run make again."
# The worker runtime declares Python 3.13+, the version the platform itself deploys; the code runs on 3.11 and 3.12 as well.
pip install --quiet --no-deps --ignore-requires-python --require-hashes -r infra/local/requirements-runtime.txt ||
    stop "the Functions worker runtime could not be installed (see above)."
say "Environment ready."
