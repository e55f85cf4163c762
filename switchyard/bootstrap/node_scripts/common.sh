#!/usr/bin/env bash
# What the scripts of a node share: its settings, the phase it is in, bounded retries, metadata and secrets.
set -Eeuo pipefail

# shellcheck source=/dev/null
source /etc/switchyard/node.env

# Where snap puts the AWS command line; cloud-init's PATH lacks it.
export PATH="$PATH:/snap/bin" AWS_DEFAULT_REGION="$REGION" DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a

readonly STATE=/var/lib/switchyard RUN=/run/switchyard
mkdir -p "$STATE"
install -d -m 0700 "$RUN"

# Says on the console, which EC2 shows without a session, and in files what the node is doing.
phase() {
  printf '%s\n' "$1" >"$STATE/phase"
  printf '%s %s\n' "$(date -uIs)" "$1" >>"$STATE/phases"
  printf 'switchyard: %s: %s\n' "$NODE" "$1"
  { printf 'switchyard: %s: %s\n' "$NODE" "$1" >/dev/console; } 2>/dev/null || true
}

# The trap of ERR runs in a subshell first, and then in the shell that waits for it: the first knows the line.
failed() {
  if [[ "$(cat "$STATE/phase")" == failed* ]]; then return; fi
  phase "failed at line $1 after: $(cat "$STATE/phase") - see /var/log/cloud-init-output.log and journalctl -u kubelet"
}

die() {
  phase "failed: $1"
  exit 1
}

# retry TIMES SECONDS COMMAND...: until it succeeds, with a pause between two attempts. As a condition a function has
# no errexit, so that those given to it join their commands by &&.
retry() {
  local times=$1 pause=$2 attempt
  shift 2
  for ((attempt = 1; attempt <= times; attempt++)); do
    if "$@"; then return 0; fi
    printf 'attempt %d of %d failed: %s\n' "$attempt" "$times" "$*" >&2
    if ((attempt < times)); then sleep "$pause"; fi
  done
  return 1
}

# metadata PATH: of this machine, by IMDSv2.
metadata() {
  local token base=http://169.254.169.254/latest
  token=$(curl -fsS -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$base/api/token") &&
    curl -fsS -m 5 -H "X-aws-ec2-metadata-token: $token" "$base/meta-data/$1"
}

# parameter NAME FILE: a secret of the stack into a file that root alone reads.
parameter() {
  (umask 077 && mkdir -p "$(dirname "$2")" &&
    aws ssm get-parameter --with-decryption --name "$PARAMETERS/$1" --query Parameter.Value --output text >"$2")
}

# none_runs NAME: of the containers. An answer that crictl does not give is no answer.
none_runs() {
  local running
  running=$(crictl ps --quiet --state Running --name "$1") && [[ -z "$running" ]]
}

api_is_ready() {
  kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz >/dev/null
}
