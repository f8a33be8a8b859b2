#!/usr/bin/env bash
# Remakes the lock files: every package with its hashes, no index named. `.ci/lock.sh --upgrade` takes newer releases.
#   requirements/demo.lock     the package's and its demo's dependencies, and the build backend
#   requirements/lab.lock      packages of the notebooks and the fleet report, beyond demo.lock
#   requirements/test.lock     packages of the tests, beyond these two
#   requirements/lint.lock     packages of `make lint`, beyond these three
#   lambda/requirements.lock   packages of the function's image, in the same versions
#   tests/e2e/runtime.lock     AWS's runtime client, for the tests that run the function
set -euo pipefail
cd "$(dirname "$0")/.."

.ci/tools.sh uv
compile() { .tools/uv/bin/uv pip compile "$@" --universal --generate-hashes --no-header --no-emit-index-url --quiet; }
project() { compile pyproject.toml --no-annotate --python-version 3.11 "$@"; }

# Prints of its first file the packages that the other files don't hold: a package is a line that names it and its hashes.
beyond() {
  awk 'FNR == 1 { file++ } /^[^ #]/ { name = $0 } file < ARGC - 1 { there[name]; next } !(name in there)' "${@:2}" "$1"
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
mkdir -p requirements
# All groups are resolved together, from the releases in the present locks; then each takes its part.
cat requirements/*.lock >"$temporary/all" 2>/dev/null || true
demo=(--extra demo --group build)
lab=("${demo[@]}" --extra desk)
tests=("${lab[@]}" --extra cluster --group test)
lint=("${tests[@]}" --group lint)
project "${lint[@]}" "$@" -o "$temporary/all"
project "${demo[@]}" --constraint "$temporary/all" -o "$temporary/demo"
project "${lab[@]}" --constraint "$temporary/all" -o "$temporary/lab"
project "${tests[@]}" --constraint "$temporary/all" -o "$temporary/test"
cp "$temporary/demo" requirements/demo.lock
beyond "$temporary/lab" "$temporary/demo" >requirements/lab.lock
beyond "$temporary/test" "$temporary/lab" >requirements/test.lock
beyond "$temporary/all" "$temporary/test" >requirements/lint.lock

compile lambda/requirements.in --constraint "$temporary/all" --no-annotate --python-version 3.13 -o lambda/requirements.lock
compile tests/e2e/runtime.in --python-version 3.11 "$@" -o tests/e2e/runtime.lock
