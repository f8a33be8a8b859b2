#!/usr/bin/env bash
# Checks template.yaml and samconfig.toml with every tool, without requests to AWS or other services.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/tools.sh sam checkov
export SAM_CLI_TELEMETRY=0 PYTHONWARNINGS=ignore AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-eu-central-1}
sam=.tools/sam/bin
expanded=.tools/expanded
failed=0

# Runs a check, and prints its output only if it fails: `check NAME COMMAND...`.
check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then echo "lint-template: $name: ok"; else
    echo "lint-template: $name: FAILED"
    echo "$output"
    failed=1
  fi
}

# cfripper skips a rule that crashes, and reports the template as valid.
run_cfripper() {
  local output
  output=$("$sam/cfripper" "$1" 2>&1) && ! grep -q crashed <<<"$output" && return
  echo "$output"
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
