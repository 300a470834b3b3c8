#!/usr/bin/env bash
# hosts.sh up N | down N: hosts bdh-host-1 ... N as network namespaces on a bridge, 10.77.0.1 ... N,
# for tests of ranks on several machines; needs root. hosts.sh cut I | plug I: host I's cable.
# hosts.sh HOST COMMAND...: what ssh would do.
set -e
switch=bdh-switch
case $1 in
  up)
    ip netns add $switch
    ip -n $switch link add bridge type bridge
    ip -n $switch link set bridge up
    for i in $(seq "$2"); do
      host=bdh-host-$i
      ip netns add "$host"
      ip -n "$host" link set lo up
      ip -n "$host" link add eth0 type veth peer name "port$i" netns $switch
      ip -n "$host" addr add "10.77.0.$i/24" dev eth0
      ip -n "$host" link set eth0 up
      ip -n $switch link set "port$i" master bridge
      ip -n $switch link set "port$i" up
    done ;;
  down)
    for i in $(seq "$2"); do ip netns del "bdh-host-$i" || true; done
    ip netns del $switch || true ;;
  cut) ip -n $switch link set "port$2" down ;;
  plug) ip -n $switch link set "port$2" up ;;
  *)
    while [[ $1 == -* ]]; do shift; done
    host=$1
    shift
    mount=()
    # BDH_HOST_FILE=HOST:FILE:OTHER: on this host FILE is another one.
    IFS=: read -r with file other <<<"${BDH_HOST_FILE:-}"
    [ "$with" != "$host" ] ||
      mount=(--mount bash -c 'mount --bind "$1" "$2"; shift 2; exec "$@"' - "$other" "$file")
    exec ip netns exec "$host" unshare --uts "${mount[@]}" bash -c "hostname $host; $*" ;;
esac
