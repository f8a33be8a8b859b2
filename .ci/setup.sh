#!/usr/bin/env bash
# Makes .venv with everything that requirements.lock names, and the package itself in it.
#   PYTHON=/path/to/python3.12 .ci/setup.sh     to choose the interpreter
set -euo pipefail
cd "$(dirname "$0")/.."

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=${PYTHON:-}
if [ -z "$python" ]; then
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && fits "$name"; then python=$name; break; fi
  done
fi
if [ -z "$python" ] || ! fits "$python"; then
  echo "setup: needs Python 3.11 or newer (found: $(python3 --version 2>&1 || echo none)); install it, or set PYTHON" >&2
  exit 1
fi

if ! [ -x .venv/bin/pip ] || ! fits .venv/bin/python; then
  rm -rf .venv
  if ! "$python" -m venv .venv 2>.venv-error; then
    # Debian keeps venv's own part of the standard library in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
      (apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q "python$version-venv") >&2
      rm -rf .venv && "$python" -m venv .venv
    else
      cat .venv-error >&2; rm -rf .venv .venv-error
      echo "setup: $python can't make a virtual environment; on Debian: apt-get install python3-venv" >&2
      exit 1
    fi
  fi
  rm -f .venv-error
fi

pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet "$@"; }
echo "setup: installing the locked packages into .venv (a minute or two the first time)"
# The lock is complete; resolving again would let a newer release than the lock's in by way of an extra, and stop on its hash.
pip install --no-deps --require-hashes -r requirements.lock
pip install --no-deps --editable .
# Built from source: where there is no compiler, the one test that uses it says so and is skipped.
pip install 'pesq>=0.0.4,<0.1' >/dev/null 2>&1 || echo "setup: pesq can't be built here (no C compiler?): the speech quality test will be skipped"
touch .venv/.ready
