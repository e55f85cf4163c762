#!/usr/bin/env bash
# Makes a node of this machine. cloud-init runs it at the first boot; after a failure it may be run again.
# switchyard-boot --empty: on a control plane that replaces another, start without a snapshot if there is none.
set -Eeuo pipefail
# shellcheck source=/dev/null
source /usr/local/lib/switchyard/common.sh
trap 'failed "$LINENO"' ERR
readonly OWN="$RUN/boot"
install -d -m 0700 "$OWN"
trap 'rm -rf "$OWN"' EXIT

if [[ -e "$STATE/done" ]]; then
  echo "this machine is a node already: $(cat "$STATE/phase")"
  exit 0
fi

system() {
  phase "1/5 system"
  swapoff -a
  sed -i '/\sswap\s/s/^[^#]/#&/' /etc/fstab
  modprobe -a overlay br_netfilter
  sysctl --system >/dev/null
}

packages() {
  phase "2/5 packages"
  local repository="https://pkgs.k8s.io/core:/stable:/v$MINOR/deb" key=/etc/apt/keyrings/kubernetes.asc
  local apt=(apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold
    -o APT::Update::Error-Mode=any --yes)
  install -d -m 0755 /etc/apt/keyrings
  retry 10 15 curl -fsSL -m 60 "$repository/Release.key" -o "$key"
  chmod 0644 "$key"
  echo "deb [signed-by=$key] $repository/ /" >/etc/apt/sources.list.d/kubernetes.list
  retry 10 15 "${apt[@]}" update
  # cri-tools is crictl, which snapshots and restores stand on; it has versions of its own.
  retry 10 15 "${apt[@]}" install --allow-change-held-packages containerd cri-tools \
    "kubelet=$KUBERNETES-*" "kubeadm=$KUBERNETES-*" "kubectl=$KUBERNETES-*"
  apt-mark hold containerd cri-tools kubelet kubeadm kubectl
  command -v aws >/dev/null || retry 10 15 snap install aws-cli --classic
  systemctl restart containerd
  systemctl enable containerd kubelet
}

configure() {
  phase "3/5 identity and secrets"
  local zone instance address token hash text
  zone=$(retry 10 3 metadata placement/availability-zone)
  instance=$(retry 10 3 metadata instance-id)
  address=$(retry 10 3 metadata local-ipv4)
  # A new role takes a while until all of AWS knows it.
  retry 20 6 parameter join/token "$OWN/token"
  retry 20 6 parameter join/ca-hash "$OWN/ca-hash"
  token=$(<"$OWN/token")
  hash=$(<"$OWN/ca-hash")
  text=$(</etc/switchyard/kubeadm.yaml)
  text=${text//@PROVIDER_ID@/"aws:///$zone/$instance"}
  text=${text//@NODE_IP@/"$address"}
  text=${text//@JOIN_TOKEN@/"$token"}
  text=${text//@CA_HASH@/"$hash"}
  (umask 077 && printf '%s\n' "$text" >"$OWN/kubeadm.yaml")
}

initialise() {
  local file address key arguments=(--config "$OWN/kubeadm.yaml" --skip-token-print)
  # What an attempt that failed left behind. No node is here yet, so that nothing is lost by it.
  kubeadm reset --force >/dev/null 2>&1 || true
  # Its own address, for the name leads here only when the machine has the Elastic IP.
  sed -i "/ ${API_SERVER//./\\.}\$/d" /etc/hosts
  address=$(retry 10 3 metadata local-ipv4)
  echo "$address $API_SERVER" >>/etc/hosts
  for file in $PKI_FILES; do
    retry 20 6 parameter "pki/$file" "/etc/kubernetes/pki/$file"
  done
  # The bucket is the cluster's own. A snapshot in it is of a machine that was here before.
  key=$(retry 20 6 newest_snapshot)
  if [[ "$key" != none ]]; then
    restore "$key"
    arguments+=(--ignore-preflight-errors=DirAvailable--var-lib-etcd)
  elif [[ "$SNAPSHOT" == required && "${1:-}" != --empty ]]; then
    # Snapshots expire, also when no new ones are taken.
    die "no snapshot in $BUCKET, and with an empty etcd the workers would end their pods; to start so: switchyard-boot --empty"
  fi
  phase "4/5 kubeadm init"
  kubeadm init "${arguments[@]}"
}

# Before an API server is there: by one without objects the kubelets of all workers would end their pods. kubeadm takes
# what it finds in the cluster, and updates it.
restore() {
  local image
  [[ "$1" == "$PREFIX"*/etcd.db ]] || die "no snapshot: $1"
  phase "4/5 restore: $1"
  retry 5 15 kubeadm config images pull --config "$OWN/kubeadm.yaml"
  image=$(kubeadm config images list --config "$OWN/kubeadm.yaml" | grep '/etcd:')
  retry 20 3 none_runs '^etcd$'
  etcd_data "$1" "$image"
  rm -rf /var/lib/etcd
  mv "$WORK/data" /var/lib/etcd
  chmod 0700 /var/lib/etcd
  rm -rf "$WORK"
}

join() {
  kubeadm reset --force >/dev/null 2>&1 || true
  kubeadm join --config "$OWN/kubeadm.yaml"
}

system
packages
configure
if [[ "$ROLE" == controlPlane ]]; then
  # shellcheck source=/dev/null
  source /usr/local/lib/switchyard/snapshots.sh
  phase "4/5 certificates and snapshots"
  initialise "$@"
  # Not earlier: a snapshot of a cluster that is not whole would be the newest.
  systemctl enable --now switchyard-snapshot.timer
  touch "$STATE/done"
  retry 60 5 api_is_ready
  own_node
else
  phase "4/5 waiting for the API server, at most 20 min"
  # Only whether it answers: kubeadm knows its authority by the hash.
  retry 170 5 curl -fsk -m 2 -o /dev/null "https://$API_SERVER:6443/livez"
  phase "4/5 kubeadm join"
  retry 5 15 join
  touch "$STATE/done"
fi
phase "5/5 done"
