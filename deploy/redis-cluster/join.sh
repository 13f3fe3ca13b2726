#!/bin/sh
# join.sh host:port...: makes a cluster of Redis nodes, each master with a replica. Nodes of one that exists are led to each other
# anew: their addresses may have changed. Ends when the cluster serves all slots.
set -eu

addresses=''
for node in "$@"; do
  # Nodes know each other by number, not by name.
  host=$(getent ahostsv4 "${node%:*}" | head -n 1 | cut -d ' ' -f 1)
  addresses="$addresses $host:${node##*:}"
done
set -- $addresses

ask() {
  at=$1
  shift
  redis-cli -h "${at%:*}" -p "${at##*:}" "$@"
}

if ask "$1" CLUSTER INFO | grep -q '^cluster_known_nodes:1.$'; then
  redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
else
  for node in "$@"; do
    ask "$1" CLUSTER MEET "${node%:*}" "${node##*:}"
  done
fi

for attempt in $(seq 60); do
  ask "$1" CLUSTER INFO | grep -q '^cluster_state:ok' && exit 0
  sleep 1
done
echo "the cluster does not serve all slots after $attempt s" >&2
exit 1
