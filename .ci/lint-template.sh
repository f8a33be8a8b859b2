#!/usr/bin/env bash
# Checks template.yaml and samconfig.toml by every tool, without asking AWS or anybody else.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/tools.sh sam checkov
export SAM_CLI_TELEMETRY=0 PYTHONWARNINGS=ignore AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-eu-central-1}
sam=.tools/sam/bin
expanded=.tools/expanded
failed=0

# Runs a check, and prints its output only if it fails: `check NAME COMMAND...`.
check() {
  local name=$1 told
  shift
  if told=$("$@" 2>&1); then echo "lint-template: $name: ok"; else
    echo "lint-template: $name: FAILED"
    echo "$told"
    failed=1
  fi
}

# cfripper passes over a rule of its own that stumbles, and calls the template valid.
run_cfripper() {
  local told
  told=$("$sam/cfripper" "$1" 2>&1) && ! grep -q crashed <<<"$told" && return
  echo "$told"
  return 1
}

run_parliament() { "$sam/parliament" --string "$(cat "$1")"; }

check "sam validate" "$sam/sam" validate --lint --template template.yaml
check cfn-lint "$sam/cfn-lint" --include-checks I -- template.yaml
check checkov .tools/checkov/bin/checkov --file template.yaml --framework cloudformation --skip-download --compact --quiet
rm -rf "$expanded"
check "expand it" "$sam/python" .ci/expand.py "$expanded"
for file in "$expanded"/*/template.json; do
  check "cfripper, with the $(basename "$(dirname "$file")") of parameters" run_cfripper "$file"
done
for file in "$expanded"/*/policy-*.json; do
  check "parliament on ${file#"$expanded"/}" run_parliament "$file"
done
exit "$failed"
