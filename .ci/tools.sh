#!/usr/bin/env bash
# Installs the named tools, each into its own environment under .tools, from a lock file with hashes.
#   .ci/tools.sh sam checkov      SAM CLI, cfn-lint, cfripper, parliament in .tools/sam/bin; checkov in .tools/checkov/bin
#   `.ci/tools.sh stand`          ministack and SeaweedFS, for tests on real parts
#   .ci/tools.sh audit            cyclonedx-py and pip-audit in .tools/audit/bin, for `make sbom` and `make audit`
#   .ci/tools.sh fuzz             Atheris in .tools/fuzz, for `make fuzz`
#   .ci/tools.sh pesq-build       the packages that build PESQ, for .ci/setup.sh
#   .ci/tools.sh uv               uv in .tools/uv/bin, for the lock files and the test of the wheel
#   .ci/tools.sh docs             mkdocs with its theme in .tools/docs/bin, for the documentation's site
#   .ci/tools.sh mutation         mutmut in .tools/mutation/bin, for `make mutation`
#   .ci/tools.sh groovy           npm-groovy-lint in .tools/groovy/node_modules/.bin (needs node, npm and Java 17 or newer)
#   .ci/tools.sh --rie            prints the path of Lambda's runtime interface emulator, which comes with SAM CLI
#   .ci/tools.sh --lock [NAME...] remakes the lock files, from .ci/tools/NAME.in
# A tool from the same lock file is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
  local name
  for name in "${PYTHON:-}" .venv/bin/python python3 python3.14 python3.13 python3.12 python3.11; do
    [ -n "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$name" && return
  done
  echo "tools: needs Python 3.11 or newer; install it, or set PYTHON" >&2
  return 1
}

# Prints a tool's lock file; .tools/NAME/.made keeps its checksum.
lock_of() { case $1 in groovy) echo .ci/tools/groovy/package-lock.json ;; *) echo ".ci/tools/$1.lock" ;; esac; }

make_python_tool() {
  rm -rf ".tools/$1"
  "$(find_python)" -m venv ".tools/$1"
  # Bytecode comes with first use: compiling it all takes a third of the time and of the room.
  ".tools/$1/bin/python" -m pip --disable-pip-version-check --quiet install --no-compile --no-deps --require-hashes \
    -r "$(lock_of "$1")"
}

make_groovy() {
  local tool
  for tool in node npm java; do
    if ! command -v "$tool" >/dev/null; then
      echo "tools: groovy needs $tool; on Debian: apt-get install nodejs npm default-jre-headless" >&2
      return 1
    fi
  done
  rm -rf .tools/groovy
  mkdir -p .tools/groovy
  cp .ci/tools/groovy/package.json .ci/tools/groovy/package-lock.json .tools/groovy/
  # No package needs its install scripts, so they don't run.
  (cd .tools/groovy && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

make_tool() {
  local lock sum
  lock=$(lock_of "$1")
  [ -f "$lock" ] || { echo "tools: there is no $lock (known: sam, checkov, 'stand', docs, uv, audit, fuzz, pesq-build, mutation, groovy)" >&2; return 1; }
  sum=$(sha256sum <"$lock")
  # Two that make the same at once: the second waits, and finds it made.
  mkdir -p .tools
  exec 9>".tools/.$1.making"
  ! command -v flock >/dev/null || flock 9
  if [ "$(cat ".tools/$1/.made" 2>/dev/null)" = "$sum" ]; then
    # An interpreter that is no longer there leaves a dead link.
    [ "$1" = groovy ] || ".tools/$1/bin/python" -c '' 2>/dev/null || sum=''
    [ -z "$sum" ] || return 0
    sum=$(sha256sum <"$lock")
  fi
  echo "tools: making .tools/$1 (up to a minute, the first time)" >&2
  case $1 in groovy) make_groovy ;; *) make_python_tool "$1" ;; esac
  echo "$sum" >".tools/$1/.made"
}

lock() {
  local name
  (make_tool uv)
  [ $# -gt 0 ] || set -- sam checkov stand docs uv audit fuzz pesq-build pesq mutation groovy
  for name in "$@"; do
    case $name in
      groovy)
        # Addresses are left out, because every machine has its own package index.
        (cd .ci/tools/groovy && rm -f package-lock.json &&
          npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error) ;;
      *)
        .tools/uv/bin/uv pip compile ".ci/tools/$name.in" --universal --python-version 3.11 \
          --generate-hashes --no-header --no-emit-index-url --quiet --upgrade -o ".ci/tools/$name.lock" ;;
    esac
  done
}

case ${1:-} in
  --lock) shift; lock "$@" ;;
  --rie)
    (make_tool sam)
    case $(uname -m) in aarch64 | arm64) machine=arm64 ;; *) machine=x86_64 ;; esac
    rie=$(echo "$PWD"/.tools/sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-$machine)
    [ -x "$rie" ] || chmod +x "$rie"
    echo "$rie" ;;
  '' | -*) sed -n '2,12s/^# //p' "$0" >&2; exit 2 ;;
  *)
    # Side by side: most of it is waiting for downloads.
    jobs=()
    for name in "$@"; do make_tool "$name" & jobs+=($!); done
    failed=0
    for job in "${jobs[@]}"; do wait "$job" || failed=1; done
    exit "$failed" ;;
esac
