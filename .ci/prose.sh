#!/usr/bin/env bash
# Checks the repository's prose against the style in .ci/prose: .ci/prose.sh [PATH...] (--help lists the options).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH=$root/tests/tooling exec "$root/.venv/bin/python" -m prose "$@"
