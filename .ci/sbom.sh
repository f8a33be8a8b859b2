#!/usr/bin/env bash
# Writes a bill of materials (CycloneDX, JSON) for each lock file into sbom/. It needs no network but for the tool itself.
#   function       the packages of the function's image, lambda/requirements.lock
#   development    all packages of requirements/*.lock
#   tools-NAME     the packages of a tool of CI, .ci/tools/NAME.lock
# Two runs on the same locks write the same files. The base image's own packages aren't in them: its digest is their name.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/tools.sh audit

rm -rf sbom
mkdir sbom
write() {
  .tools/audit/bin/cyclonedx-py requirements --output-reproducible --output-format JSON \
    --output-file "sbom/$1.cdx.json" "${@:2}"
}
write function --pyproject pyproject.toml --mc-type application lambda/requirements.lock
cat requirements/*.lock | write development --pyproject pyproject.toml --mc-type application -
for lock in .ci/tools/*.lock; do write "tools-$(basename "$lock" .lock)" "$lock"; done
ls -l sbom
