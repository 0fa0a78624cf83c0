#!/bin/sh
# Builds or checks the web UI. Skips politely where Node or the package registry is absent.
#
#   scripts/ui.sh build     ui/dist, which the server carries in itself
#   scripts/ui.sh check     types, lint, unit tests
#   scripts/ui.sh e2e BIN   drives it in Chromium, on a scratch lake of the program BIN
#   scripts/ui.sh demo BIN [FOLDER]   shows the drawn dataset, or a folder, at http://127.0.0.1:7878 (PORT)
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
    # Debian's package, where this may install it.
    if [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk) \
            >/dev/null 2>&1 || true
    fi
    for chromium in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
        [ -x "$chromium" ] && break
    done
    [ -x "$chromium" ] || skip "Chromium is not installed (Debian: apt-get install chromium)"
    TAMIS="$2" CHROMIUM="$chromium" npm run --silent e2e
    ;;
demo)
    # A lake with the drawn street dataset, or with a folder of yours (only read), looked at in a browser.
    home=$(mktemp -d "${TMPDIR:-/tmp}/tamis-ui-demo.XXXXXX")
    trap 'rm -rf "$home"' EXIT INT TERM
    export TAMIS_LAKE="$home/lake" TAMIS="$2"
    "$2" init "$TAMIS_LAKE"
    if [ -n "${3:-}" ]; then
        "$2" import "$3" mine
    else
        "$2" demo "$home/street"
        "$2" import "$home/street" street
    fi
    "$2" serve --ui dist --bind "127.0.0.1:${PORT:-7878}"
    ;;
*) echo "usage: scripts/ui.sh build|check|e2e BIN|demo BIN [FOLDER]" >&2; exit 2 ;;
esac
