#!/usr/bin/env bash
# Puts etcd back to a snapshot: switchyard-restore [20260131T120000Z]; without a time, the newest.
set -Eeuo pipefail
# shellcheck source=/dev/null
source /usr/local/lib/switchyard/common.sh
# shellcheck source=/dev/null
source /usr/local/lib/switchyard/snapshots.sh

[[ -e "$STATE/done" ]] || die "kubeadm init has not ended on this machine; run switchyard-boot first"
[[ "${1:-}" =~ ^([0-9]{8}T[0-9]{6}Z)?$ ]] || die "a time such as 20260131T120000Z, not: $1"
manifests=/etc/kubernetes/manifests stopped=/etc/kubernetes/stopped
before="/var/lib/etcd.before-$(date -u +%Y%m%dT%H%M%SZ)"
undo="manifests are in $stopped, the data as it was in $before (or still in /var/lib/etcd)"
trap 'failed "$LINENO"; echo "$undo" >&2' ERR

if [[ -n "${1:-}" ]]; then
  key="$PREFIX$1/etcd.db"
else
  key=$(newest_snapshot)
  [[ "$key" == "$PREFIX"* ]] || die "no snapshot in $BUCKET"
fi

phase "restore: $key"
install -d -m 0700 "$stopped"
# Beside the running one.
etcd_data "$key" "$(sed -n 's/^ *image: *//p' "$manifests/etcd.yaml")"

phase "restore: stopping the control plane"
mv "$manifests"/*.yaml "$stopped/"
retry 60 3 none_runs '^kube-apiserver$'
retry 60 3 none_runs '^etcd$'
mv /var/lib/etcd "$before"
mv "$WORK/data" /var/lib/etcd
chmod 0700 /var/lib/etcd

phase "restore: starting the control plane"
mv "$stopped"/*.yaml "$manifests/"
systemctl restart kubelet
retry 60 5 api_is_ready
own_node
rm -rf "$WORK"
# Until the next snapshot the newest one is of the state that this restore undoes, and a new machine would start from it.
systemctl start --no-block switchyard-snapshot.service || true
phase "restore: done from $key; the data as it was is in $before"
