#!/usr/bin/env bash
# Installs axe-core into .tools/axe, from a lock file with hashes. The tests check the report's accessibility with it.
#   .ci/axe.sh            prints the path of axe.min.js
# An installation from the same lock file is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

lock=.ci/tools/axe/package-lock.json
script=$PWD/.tools/axe/node_modules/axe-core/axe.min.js
sum=$(cksum <"$lock")
if ! [ -f "$script" ] || [ "$(cat .tools/axe/.made 2>/dev/null)" != "$sum" ]; then
  if ! command -v npm >/dev/null; then
    echo "axe: needs npm; on Debian: apt-get install npm" >&2
    exit 1
  fi
  rm -rf .tools/axe
  mkdir -p .tools/axe
  cp .ci/tools/axe/package.json "$lock" .tools/axe/
  # No package needs its install scripts, so they don't run.
  (cd .tools/axe && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  echo "$sum" >.tools/axe/.made
fi
echo "$script"
