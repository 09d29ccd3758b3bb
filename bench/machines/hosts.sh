#!/usr/bin/env bash
# Two hosts as network namespaces, joined by a line of 1 Gbit/s and 0.2 ms; as root: hosts.sh up|down
set -euo pipefail
case $1 in
up)
    for host in 1 2; do ip netns add petal$host; done
    ip link add pv1 netns petal1 type veth peer name pv2 netns petal2
    for host in 1 2; do
        ip -n petal$host addr add 10.77.0.$host/24 dev pv$host
        ip -n petal$host link set pv$host up
        ip -n petal$host link set lo up
        # Half of the round trip each way; netem has a rate of its own.
        ip netns exec petal$host tc qdisc add dev pv$host root netem delay 0.1ms rate 1gbit ||
            ip netns exec petal$host tc qdisc add dev pv$host root tbf rate 1gbit burst 256kb latency 20ms
    done ;;
down) for host in 1 2; do ip netns del petal$host; done ;;
esac
