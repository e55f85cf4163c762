#!/usr/bin/env bash
# What the boot of a machine in another's place and a restore by hand share. It is read after common.sh.
set -Eeuo pipefail

readonly WORK="$STATE/restore"

# newest_snapshot: its key, or none. Only an answer of AWS says none. As text it would be one answer a page.
newest_snapshot() {
  aws s3api list-objects-v2 --bucket "$BUCKET" --prefix "$PREFIX" --output json \
    --query "max(Contents[?ends_with(Key, '/etcd.db')].Key || \`[]\`) || 'none'" | tr -d '"'
}

# etcd_image IMAGE: pulls the image of etcd's own project of the same version as kubeadm's, and says its name. kubeadm's
# has etcd and etcdctl alone (kubernetes, cluster/images/etcd), and a restore is etcdutl's from etcd 3.6 on.
etcd_image() {
  local version=${1##*:} image
  version=${version#v}
  for image in gcr.io/etcd-development/etcd quay.io/coreos/etcd; do
    image="$image:v${version%%-*}"
    if retry 3 10 ctr --namespace k8s.io images pull "$image" >&2; then
      printf '%s\n' "$image"
      return 0
    fi
  done
  return 1
}

# etcd_data KEY IMAGE: the data of a snapshot, made and checked by etcdutl of the image's version, in $WORK/data.
etcd_data() {
  local address image
  rm -rf "$WORK"
  install -d -m 0700 "$WORK"
  aws s3 cp --only-show-errors "s3://$BUCKET/$1" "$WORK/etcd.db"
  address=$(retry 10 3 metadata local-ipv4)
  image=$(etcd_image "$2")
  # The revision goes far ahead, so that no watcher takes old objects for new: by the clock, in ms, so that it does
  # after a second restore of the same snapshot as well.
  ctr --namespace k8s.io run --rm --mount "type=bind,src=$WORK,dst=/restore,options=rbind:rw" "$image" \
    "switchyard-restore-$$" /usr/local/bin/etcdutl snapshot restore /restore/etcd.db --data-dir /restore/data \
    --name "$NODE" --initial-cluster "$NODE=https://$address:2380" \
    --initial-advertise-peer-urls "https://$address:2380" --bump-revision "$(date +%s)000" --mark-compacted
  [[ -d "$WORK/data/member" ]] || die "etcdutl made no data of $1"
}

# own_node: the machine may be another than in the snapshot, and the provider's id of a node cannot be changed. What
# kubeadm marks a node of the control plane with is lost with the old one.
own_node() {
  local zone instance known
  export KUBECONFIG=/etc/kubernetes/admin.conf
  zone=$(retry 10 3 metadata placement/availability-zone)
  instance=$(retry 10 3 metadata instance-id)
  known=$(retry 10 3 kubectl get node "$NODE" --ignore-not-found -o 'jsonpath={.spec.providerID}')
  if [[ "$known" == "aws:///$zone/$instance" ]]; then return 0; fi
  retry 10 3 kubectl delete node "$NODE" --ignore-not-found
  systemctl restart kubelet
  retry 60 5 kubectl get node "$NODE"
  retry 10 3 kubectl label node "$NODE" --overwrite node-role.kubernetes.io/control-plane= \
    node.kubernetes.io/exclude-from-external-load-balancers=
  retry 10 3 kubectl taint node "$NODE" --overwrite node-role.kubernetes.io/control-plane=:NoSchedule
}
