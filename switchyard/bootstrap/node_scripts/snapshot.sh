#!/usr/bin/env bash
# A snapshot of etcd, and the certificates that belong to it, into the bucket. A timer runs it.
set -Eeuo pipefail
# shellcheck source=/dev/null
source /usr/local/lib/switchyard/common.sh

# Not phase(): it would hide what the boot script said last.
stop() {
  echo "no snapshot: $1" >&2
  exit 1
}

work=$(mktemp -d "$RUN/snapshot.XXXXXX")
inside=/var/lib/etcd/snapshot.db
trap 'rm -rf "$work" "$inside"' EXIT

container=$(crictl ps --quiet --state Running --name '^etcd$')
[[ -n "$container" ]] || stop "etcd does not run; see crictl ps -a and journalctl -u kubelet"
pki=/etc/kubernetes/pki/etcd
rm -f "$inside"
# It fails for a file without the checksum that a restore checks. etcdutl, which could say more, is not in this image.
crictl exec "$container" etcdctl --endpoints https://127.0.0.1:2379 --cacert "$pki/ca.crt" \
  --cert "$pki/healthcheck-client.crt" --key "$pki/healthcheck-client.key" snapshot save "$inside"
tar -C /etc/kubernetes -czf "$work/pki.tar.gz" pki

target="s3://$BUCKET/$PREFIX$(date -u +%Y%m%dT%H%M%SZ)"
# etcd.db last: where it is, the snapshot is whole.
aws s3 cp --only-show-errors "$work/pki.tar.gz" "$target/pki.tar.gz"
aws s3 cp --only-show-errors "$inside" "$target/etcd.db"
date -uIs >"$STATE/last-snapshot"
echo "snapshot in $target"
