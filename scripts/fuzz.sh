#!/usr/bin/env bash
# Runs every fuzz target for some seconds; stops at the first that finds something.
#
# Usage: scripts/fuzz.sh [SECONDS [TARGET…]]
# Needs a nightly toolchain; installs cargo-fuzz from crates.io when it is missing.
# New inputs go to fuzz/work, findings to fuzz/artifacts; the committed seeds are only read.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds="${1:-30}"
shift || true

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: needs a nightly toolchain: run \`rustup toolchain install nightly\`" >&2
    exit 1
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: installing cargo-fuzz" >&2
    cargo install cargo-fuzz --locked || {
        echo "fuzz: cannot install cargo-fuzz: no package registry reached" >&2
        exit 1
    }
fi

targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    mapfile -t targets < <(cargo fuzz list)
fi
for target in "${targets[@]}"; do
    echo "fuzz: $target for $seconds s" >&2
    mkdir -p "fuzz/work/$target" "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/work/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=4096 -print_final_stats=1
done
