#!/usr/bin/env bash
# Makes the Python environment that tests use for oracles (pycocotools, libsndfile, laspy, ffmpeg) and servers (moto).
#
# Usage: scripts/venv.sh
# Where: $TAMIS_VENV, or ~/.cache/tamis-venv. Does nothing when it is already up to date.
# Without a package registry it says so and succeeds: tests that need the environment then skip.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
wanted="$here/requirements-test.txt"
venv="${TAMIS_VENV:-$HOME/.cache/tamis-venv}"
stamp="$venv/.requirements-test.txt"
python="${PYTHON:-python3}"

skip() {
    echo "venv: $1" >&2
    echo "venv: tests that need what $(basename "$wanted") lists will skip" >&2
    exit 0
}

if [ -f "$stamp" ] && cmp -s "$wanted" "$stamp" && [ -x "$venv/bin/python" ]; then
    exit 0
fi
command -v "$python" >/dev/null || skip "no \`$python\` on the PATH"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || skip "\`$python\` is older than 3.11"

if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    mkdir -p "$(dirname "$venv")"
    if ! "$python" -m venv --clear "$venv" >/dev/null 2>&1; then
        # Debian ships the venv module's installer apart.
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null || true
        fi
        "$python" -m venv --clear "$venv" >/dev/null || skip "cannot make \`$venv\`; install the python3-venv package"
    fi
fi

echo "venv: installing $(basename "$wanted") into $venv" >&2
rm -f "$stamp"
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted" >&2; then
    skip "cannot install \`$wanted\`: no package registry reached, or no wheel for this platform"
fi
cp "$wanted" "$stamp"
