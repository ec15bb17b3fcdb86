"""Routes between the pods of several nodes, where a node image does not bring them itself.

kind's own image has a daemon for it. In ours nothing runs in the cluster for the network: a
node gives its pods addresses, and knows nothing of the others'. So it is told their ranges, and
keeps routes there for as long as it runs: by names, for a restart may change an address.
"""

from __future__ import annotations

from .docker import Engine

PATIENCE = 60.0
"""Seconds in which every node has got a range of addresses."""

_RANGES = r"""
[ -f /kind/network.template ] || exit 0
ranges() {
  kubectl --kubeconfig=/etc/kubernetes/admin.conf get nodes \
    --output='jsonpath={range .items[*]}{.spec.podCIDR} {.metadata.name}{"\n"}{end}' | grep ^[0-9]
}
until [ "$(ranges | wc -l)" = "$1" ]; do sleep 0.2; done
ranges
"""

_KEEP = r"""
set -e
grep -v " $HOSTNAME$" >/kind/pod-ranges <<<"$1"
cat >/kind/keep-pod-routes <<'SCRIPT'
#!/bin/bash
while true; do
  while read -r range node; do
    found=$(getent ahostsv4 "$node") && ip route replace "$range" via "${found%% *}"
  done </kind/pod-ranges
  sleep 5
done
SCRIPT
chmod 755 /kind/keep-pod-routes
cat >/etc/systemd/system/pod-routes.service <<'UNIT'
[Unit]
Description=Routes to the pods of the other nodes
[Service]
ExecStart=/kind/keep-pod-routes
Restart=always
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --now --quiet pod-routes.service
"""


def keep(engine: Engine, nodes: list[str]) -> None:
    """Have every node know where the pods of the others are, from now on.

    Args:
        engine: Where they are.
        nodes: All of a cluster that was just made, the first with the API server first.

    Raises:
        ToolError: If a node fails, or has not got its range.
    """
    if len(nodes) < 2:
        return
    command = ("bash", "-c", _RANGES, "bash", str(len(nodes)))
    ranges = engine.inside(nodes[0], *command, timeout=PATIENCE).strip()
    for node in nodes if ranges else ():
        engine.inside(node, "bash", "-c", _KEEP, "bash", ranges, timeout=PATIENCE)
