#!/usr/bin/env bash
# Makes .venv with this package in it, and installs the locked packages of the groups named:
#   demo    the package and the embedded AWS of its demo; every other group includes it
#   bench   the benchmarks; builds PESQ, if there is a C compiler
#   lab     the notebooks, audits, clips and the fleet report
#   test    lab and the tests' packages; builds PESQ as bench does
#   lint    test and the packages of `make lint`
# The lock files are requirements/*.lock. uv installs them if it is installed, otherwise pip does.
#   PYTHON=/path/to/python3.12 .ci/setup.sh demo     chooses the interpreter
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }
fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name found
  if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" && echo "$PYTHON" && return
  else
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
      command -v "$name" >/dev/null && fits "$name" && echo "$name" && return
    done
  fi
  found=$("${PYTHON:-python3}" --version 2>/dev/null) || found="no ${PYTHON:-python3}"
  say "needs Python 3.11 or newer (found: $found); install it, or set PYTHON"
  return 1
}

make_venv() {
  local python error version
  python=$(find_python)
  say "making .venv with $("$python" --version)"
  rm -rf .venv
  if [ -n "$uv" ]; then
    # --seed adds pip, for later installations by hand.
    "$uv" venv --quiet --seed --no-python-downloads --python "$python" .venv
    return
  fi
  error=$("$python" -m venv .venv 2>&1) && return
  rm -rf .venv
  # Debian keeps a part of venv in a separate package.
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "$error" >&2
    say "$python can't make a virtual environment; on Debian: apt-get install python3-venv"
    return 1
  fi
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  (apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q "python$version-venv") >&2
  "$python" -m venv .venv
}

# Passes pip's words on as progress: one line that counts on a terminal, else one line for every ten packages.
show_progress() {
  awk -v all="$1" -v terminal="$([ -t 2 ] && echo 1 || echo 0)" '
    function show(text) { printf (terminal ? "\r\033[Ksetup: %s" : "setup: %s\n"), text; fflush() }
    /^(Collecting|Requirement already satisfied:|Ignoring) / {
      count++
      name = $0; sub(/^(Collecting|Requirement already satisfied:|Ignoring) /, "", name); sub(/[ :].*/, "", name)
      if (terminal || count % 10 == 0 || count == all) show(count " of " all " packages: " name)
    }
    /^Installing collected packages/ { show("unpacking them") }
    END { if (terminal) printf "\n" }' >&2
}

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

install_locked() {
  local files=() group count
  for group in "$@"; do [ ! -f "requirements/$group.lock" ] || files+=("requirements/$group.lock"); done
  count=$(cat "${files[@]}" | grep -c ==)
  say "installing $count locked packages into .venv, for: $*"
  # The locks are complete. Resolving again could let in a release that they don't name, and stop at its hash.
  set -- --no-deps --require-hashes "${files[@]/#/--requirement=}"
  if [ -n "$uv" ]; then
    "$uv" pip install --python .venv/bin/python --compile-bytecode "$@"
  else
    pip install --no-compile --progress-bar off "$@" | show_progress "$count"
    say "compiling them"
    # On all processors, unlike pip. Some packages hold files for another Python: they don't compile, and needn't.
    .venv/bin/python -m compileall -qq -j 0 .venv/lib >/dev/null 2>&1 || true
  fi
}

# The build backend is in demo.lock, so this needs no index.
install_package() {
  set -- --quiet --no-deps --no-build-isolation --editable .
  if [ -n "$uv" ]; then "$uv" pip install --python .venv/bin/python "$@"; else pip install "$@"; fi
}

# PESQ has no wheels. If it can't be built, the test and the benchmark row that use it are skipped, with a note.
# Its source and all that builds it are locked, so the build isn't isolated: that would take newer ones by range.
build_pesq() {
  ! .venv/bin/python -c 'import pesq' 2>/dev/null || return 0
  say "building PESQ"
  local wheels
  wheels=$(mktemp -d)
  if .ci/tools.sh pesq-build && .tools/pesq-build/bin/python -m pip --disable-pip-version-check wheel --quiet --no-deps \
    --no-build-isolation --no-binary :all: --require-hashes --wheel-dir "$wheels" -r .ci/tools/pesq.lock >/dev/null 2>&1; then
    # Built from the locked source just now, so no index is asked, and no hash of it is known before.
    pip install --quiet --no-deps --no-index "$wheels"/pesq-*.whl
  else
    say "PESQ can't be built here (no C compiler?): the speech quality test will be skipped"
  fi
  rm -rf "$wheels"
}

groups_of() {
  case $1 in
    demo) echo demo ;;
    bench) echo demo bench ;;
    lab) echo demo lab ;;
    test) echo demo bench lab test ;;
    lint) echo demo bench lab test lint ;;
    *) say "unknown group: $1 (known: demo, bench, lab, test, lint)"; return 2 ;;
  esac
}

main() {
  local groups group
  groups=$(groups_of "$1")
  # Two targets of one `make -j` take turns.
  mkdir -p .tools
  exec 9>.tools/.venv.making
  ! command -v flock >/dev/null || flock 9
  if ! fits .venv/bin/python || { [ -z "$uv" ] && ! [ -x .venv/bin/pip ]; }; then make_venv; fi
  # shellcheck disable=SC2086
  install_locked $groups
  install_package
  case $groups in *bench*) build_pesq ;; esac
  for group in $groups; do touch ".venv/.ready-$group"; done
  say "done in $SECONDS s; .venv takes $(du -sm .venv | cut -f1) MB"
}

uv=$(command -v uv || true)
export UV_PYTHON_DOWNLOADS=never
main "${1:-demo}"
