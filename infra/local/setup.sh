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
log="$VENV/setup.log"

# pip's own bars are one per package; this one counts packages, on a terminal only.
bar() {
    awk -v total="$1" -v tty="$2" '
        /^ *Collecting / { n++; if (n > total) n = total; if (tty) draw("fetching " $2) }
        /^Installing collected packages/ { if (tty) draw("installing …") }
        function draw(text,   width, i, s) {
            width = int(32 * n / total); s = ""
            for (i = 0; i < 32; i++) s = s (i < width ? "━" : " ")
            printf "\r  %s %3d/%d  %-40.40s", s, n, total, text; fflush()
        }
        END { if (tty) printf "\r%-90s\r", "" }'
}
install() {
    title=$1; shift
    total=$(grep -c '^[a-z].*==' infra/local/requirements.txt)
    tty=0; [ -t 1 ] && tty=1
    { "$VENV/bin/python" -m pip --disable-pip-version-check --no-input install --progress-bar off "$@" 2>>"$log" || touch "$VENV/failed"; } |
        tee -a "$log" | bar "$total" "$tty"
    if [ -e "$VENV/failed" ]; then
        grep -v '^WARNING' "$log" | tail -n 5 >&2
        stop "$title could not be installed (the whole log is $log). Check the connection to the package index and run make again."
    fi
}
install "the packages" --require-hashes -r infra/local/requirements.txt
# The worker runtime declares Python 3.13+, the version the platform itself deploys; the code runs on 3.11 and 3.12 as well.
install "the Functions worker runtime" --no-deps --ignore-requires-python --require-hashes -r infra/local/requirements-runtime.txt
say "Environment ready."
