#!/bin/sh
# Builds or checks the web UI. Skips politely where Node or the package registry is absent.
#
#   scripts/ui.sh build     ui/dist, which the server carries in itself
#   scripts/ui.sh check     types, lint, unit tests
#   scripts/ui.sh e2e BIN   drives a real server in Chromium
set -eu
cd "$(dirname "$0")/../ui"

skip() { echo "ui: skipped, $1"; exit "${UI_REQUIRED:-0}"; }

node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null \
    || skip "Node 20.19 or newer is not installed"
# Packages are installed again only when the lock file changed.
if ! cmp -s package-lock.json node_modules/.lock 2>/dev/null; then
    npm ci --no-audit --no-fund --loglevel=error || skip "the packages cannot be fetched"
    cp package-lock.json node_modules/.lock
fi
case ${1:-build} in
build) npm run --silent build ;;
check) npm run --silent check ;;
e2e)
    for chromium in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
        [ -x "$chromium" ] && break
    done
    [ -x "$chromium" ] || skip "Chromium is not installed (Debian: apt-get install chromium)"
    TAMIS="$2" CHROMIUM="$chromium" npm run --silent e2e
    ;;
*) echo "usage: scripts/ui.sh build|check|e2e BIN" >&2; exit 2 ;;
esac
