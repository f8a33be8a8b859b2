#!/usr/bin/env bash
# Looks up known faults of every locked package, and fails if there is one. It needs a network: pip-audit asks the
# package index, or OSV with SERVICE=osv. Nothing is installed or resolved: the locks are complete.
#   .ci/audit.sh --ignore-vuln ID    accepts a fault; write the reason beside it
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/tools.sh audit

failed=0
for lock in lambda/requirements.lock requirements/*.lock .ci/tools/*.lock tests/e2e/runtime.lock; do
  echo "audit: $lock"
  .tools/audit/bin/pip-audit --disable-pip --require-hashes --progress-spinner off \
    --vulnerability-service "${SERVICE:-pypi}" --requirement "$lock" "$@" || failed=1
done
exit "$failed"
