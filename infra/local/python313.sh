#!/bin/sh
# Runs the quick part of the suite on Python 3.13, the version the platform deploys, where one is found.
set -eu

runs_as_313() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; }

for candidate in "${PY313:-}" python3.13 "$HOME"/.pyenv/versions/3.13*/bin/python; do
    if [ -n "$candidate" ] && runs_as_313 "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "${python:-}" ]; then
    echo "Python 3.13: not run (none on PATH, in pyenv or in PY313)."
    exit 0
fi
venv=.venv-3.13
wanted=$(cat infra/local/requirements.txt infra/local/requirements-runtime.txt | cksum)
if [ "$(cat "$venv/.counterfoil-ready" 2>/dev/null || true)" != "$wanted" ]; then
    PYTHON="$python" VENV="$venv" sh infra/local/setup.sh
    echo "$wanted" > "$venv/.counterfoil-ready"
fi
echo "Python 3.13: the quick part of the suite"
"$venv/bin/pytest" -q -n auto -m 'not long' tests/unit tests/functions tests/house
