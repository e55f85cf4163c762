#!/usr/bin/env bash
# Puts etcd back to a snapshot: switchyard-restore [20260131T120000Z]; without a time, the newest.
set -Eeuo pipefail
# shellcheck source=/dev/null
source /usr/local/lib/switchyard/common.sh

[[ -e "$STATE/done" ]] || die "kubeadm init has not ended on this machine; run switchyard-boot first"
[[ "${1:-}" =~ ^([0-9]{8}T[0-9]{6}Z)?$ ]] || die "a time such as 20260131T120000Z, not: $1"
manifests=/etc/kubernetes/manifests stopped=/etc/kubernetes/stopped work="$STATE/restore"
before="/var/lib/etcd.before-$(date -u +%Y%m%dT%H%M%SZ)"
undo="manifests are in $stopped, the data as it was in $before (or still in /var/lib/etcd)"
trap 'failed "$LINENO"; echo "$undo" >&2' ERR

if [[ -n "${1:-}" ]]; then
  key="$PREFIX$1/etcd.db"
else
  key=$(aws s3api list-objects-v2 --bucket "$BUCKET" --prefix "$PREFIX" --output text \
    --query "sort_by(Contents[?ends_with(Key, 'etcd.db')], &LastModified)[-1].Key")
  [[ "$key" == "$PREFIX"* ]] || die "no snapshot in $BUCKET"
fi

phase "restore: $key"
rm -rf "$work"
install -d -m 0700 "$work" "$stopped"
aws s3 cp --only-show-errors "s3://$BUCKET/$key" "$work/etcd.db"
address=$(retry 10 3 metadata local-ipv4)
provider="aws:///$(retry 10 3 metadata placement/availability-zone)/$(retry 10 3 metadata instance-id)"
image=$(sed -n 's/^ *image: *//p' "$manifests/etcd.yaml")

# Made and checked beside the running one. The revision goes far ahead, so that no watcher takes old objects for new.
ctr --namespace k8s.io run --rm --mount "type=bind,src=$work,dst=/restore,options=rbind:rw" "$image" \
  "switchyard-restore-$$" etcdutl snapshot restore /restore/etcd.db --data-dir /restore/data --name "$NODE" \
  --initial-cluster "$NODE=https://$address:2380" --initial-advertise-peer-urls "https://$address:2380" \
  --bump-revision 1000000000 --mark-compacted
[[ -d "$work/data/member" ]] || die "etcdutl made no data of $key"

phase "restore: stopping the control plane"
mv "$manifests"/*.yaml "$stopped/"
retry 60 3 none_runs '^kube-apiserver$'
retry 60 3 none_runs '^etcd$'
mv /var/lib/etcd "$before"
mv "$work/data" /var/lib/etcd
chmod 0700 /var/lib/etcd

phase "restore: starting the control plane"
mv "$stopped"/*.yaml "$manifests/"
systemctl restart kubelet
retry 60 5 api_is_ready

# The machine may be another than in the snapshot, and the provider's id of a node cannot be changed.
export KUBECONFIG=/etc/kubernetes/admin.conf
known=$(kubectl get node "$NODE" --ignore-not-found -o 'jsonpath={.spec.providerID}')
if [[ "$known" != "$provider" ]]; then
  kubectl delete node "$NODE" --ignore-not-found
  systemctl restart kubelet
  retry 60 5 kubectl get node "$NODE"
  kubectl label node "$NODE" --overwrite node-role.kubernetes.io/control-plane=
  kubectl taint node "$NODE" --overwrite node-role.kubernetes.io/control-plane=:NoSchedule
fi
rm -rf "$work"
phase "restore: done from $key; the data as it was is in $before"
