#!/usr/bin/env bash
# Puts axe-core, by which the tests judge the report's accessibility, into .tools/axe, from a lock file with hashes.
#   .ci/axe.sh            prints where axe.min.js lies
# What is there already, made from the same lock, is left alone.
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
  # Scripts of packages aren't run: none is needed.
  (cd .tools/axe && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  echo "$sum" >.tools/axe/.made
fi
echo "$script"
