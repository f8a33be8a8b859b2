#!/usr/bin/env bash
# Remakes the lock files: every package with its hashes, no index named.
#   requirements.lock          all that pyproject.toml names, for development
#   lambda/requirements.lock   what the function's image holds: a part of it, in the very same versions
#   tests/e2e/runtime.lock     AWS's runtime client, for the tests that run the function
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/bin/uv ] || .venv/bin/pip -q install uv
compile() { .venv/bin/uv pip compile "$@" --universal --generate-hashes --no-header --no-emit-index-url --quiet; }
compile pyproject.toml --extra demo --extra view --extra desk --extra cluster --extra dev --python-version 3.11 "$@" -o requirements.lock
compile lambda/requirements.in --constraint requirements.lock --python-version 3.13 -o lambda/requirements.lock
compile tests/e2e/runtime.in --python-version 3.11 "$@" -o tests/e2e/runtime.lock
