#!/usr/bin/env bash
# Remakes requirements.lock from pyproject.toml: every package with its hashes, no index named.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/bin/uv ] || .venv/bin/pip -q install uv
.venv/bin/uv pip compile pyproject.toml --extra demo --extra view --extra dev --universal --python-version 3.11 \
  --generate-hashes --no-header --no-emit-index-url --quiet "$@" -o requirements.lock
