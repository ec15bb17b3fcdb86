"""What is in a node image: packages, programs, settings; and the digest that names all of it.

Debian's packages come at the versions that the mirror has on the day: the digest names the
recipe, not the bytes. The files that make a container a node are those of kind itself, from
the source that is pinned with its program.
"""

from __future__ import annotations

import hashlib
import json
import platform

from .. import toolchain
from ..toolchain.pins import KUBERNETES, PINS

SUITE = "bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "bash", "ca-certificates", "curl", "jq", "procps"),
    *("conntrack", "iptables", "nftables", "iproute2", "ethtool", "socat", "kmod", "mount"),
    *("util-linux", "libseccomp2", "containerd", "runc", "containernetworking-plugins"),
)
INTO_USR_BIN = ("kubelet", "kubeadm", "kubectl")

NETWORK = """\
{"cniVersion": "0.3.1", "name": "practicum", "plugins": [
  {"type": "ptp", "ipMasq": true, "ipam": {"type": "host-local",
    "dataDir": "/run/cni-ipam-state", "routes": [{"dst": "0.0.0.0/0"}],
    "ranges": [[{"subnet": "{{.PodCIDR}}"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
"""
"""How pods get addresses: containerd fills in the range that Kubernetes gave the node."""

NETWORK_OBJECT = f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: node-network, namespace: kube-system}}
data: {{note: "Pods get their addresses on the node itself; nothing runs in the cluster for it."}}
# Kubernetes {KUBERNETES}
"""
"""kind creates what the image says for the network: it must be something."""

SETUP = r"""
set -eu
mount -t proc proc /proc
for program in containerd containerd-shim-runc-v2 ctr; do
  ln -sf "/usr/bin/$program" "/usr/local/bin/$program"
done
ln -sf "$(command -v runc)" /usr/local/sbin/runc
mkdir -p /opt/cni/bin /etc/cni/net.d /etc/kubernetes/manifests
ln -sf /usr/lib/cni/* /opt/cni/bin/

# A node is no machine: what systemd would do to one's hardware and disks is not wanted.
system=/lib/systemd/system
rm -f "$system/sysinit.target.wants/systemd-tmpfiles-setup.service"
rm -f /etc/systemd/system/*.wants/* "$system"/multi-user.target.wants/*
rm -f "$system"/local-fs.target.wants/* "$system"/basic.target.wants/*
rm -f "$system"/sockets.target.wants/*udev* "$system"/sockets.target.wants/*initctl*
echo ReadKMsg=no >>/etc/systemd/journald.conf
systemctl enable --quiet kubelet.service containerd.service undo-mount-hacks.service
systemctl mask --quiet systemd-binfmt.service

ctr oci spec \
  | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
  >/etc/containerd/cri-base.json
# A machine may lack CAP_SYS_RESOURCE; where it does not, this changes nothing.
sed -i -e "s|^\( *sandbox_image = \).*|\1\"$PAUSE_IMAGE\"|" \
  -e 's|^\( *restrict_oom_score_adj = \).*|\1true|' /etc/containerd/config.toml
cat >>/etc/containerd/config.toml <<'MORE'

[plugins."io.containerd.grpc.v1.cri".cni]
  conf_template = "/kind/network.template"
MORE
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /usr/share/doc /usr/share/man
rm -rf /usr/share/locale /var/log/*.log /var/log/apt
: >/etc/machine-id
umount /proc
"""

PROXY_FILES = r"""
set -eu
programs="/usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /usr/sbin/conntrack /usr/sbin/nft"
programs="$programs /usr/bin/kmod"
modules=$(find /usr/lib -path '*/xtables/*.so')
libraries=$(for file in $programs $modules; do ldd "$file"; done | grep -o '/[^ ]*' | grep -v ':$' | sort -u)
tar --create --dereference --file=/tmp/proxy.tar $programs $modules $libraries 2>/dev/null
"""
"""kube-proxy writes rules for Services: without every module of iptables, none of them works."""

PRELOAD = r"""
set -eu
mount -t proc proc /proc
cat >/tmp/preload.toml <<'SETTINGS'
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
SETTINGS
containerd --config /tmp/preload.toml --log-level error >/tmp/preload.log 2>&1 &
server=$!
until ctr version >/dev/null 2>&1; do
  kill -0 "$server" 2>/dev/null || { cat /tmp/preload.log >&2; exit 1; }
  sleep 0.1
done
for archive in /tmp/images/*.tar; do
  ctr --namespace k8s.io images import --no-unpack "$archive" >/dev/null
done
kill "$server"
wait "$server" || true
umount /proc
rm -rf /tmp/* /run/*
"""
"""The images of the control plane go into the node's own store: no node ever pulls one."""

SETTINGS = {
    "Env": ["container=docker", f"PATH={PATH}"],
    "Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"],
    # systemd ends in order on this one alone.
    "StopSignal": "SIGRTMIN+3",
}
LABEL = "practicum.kind-node"


def digest() -> str:
    """Name a recipe by everything of ours that decides what is in the image.

    Raises:
        MissingToolError: If the pins did not come with the package.
    """
    programs = (f"{name} {built}" for name, built in toolchain.node_digests().items())
    kind = f"kind {PINS[toolchain.KIND].version}"
    scripts = (NETWORK, NETWORK_OBJECT, SETUP, PROXY_FILES, PRELOAD, json.dumps(SETTINGS))
    parts = (platform.machine(), SUITE, *PACKAGES, *programs, kind, *scripts)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def settings() -> dict[str, object]:
    """Return how the image is started, and what names its recipe.

    Raises:
        MissingToolError: If the pins did not come with the package.
    """
    return {**SETTINGS, "Labels": {LABEL: digest()}}


def image_name() -> str:
    """Return the name under which an engine has the image of this recipe.

    Raises:
        MissingToolError: If the pins did not come with the package.
    """
    return f"practicum/kind-node:v{KUBERNETES}-{digest()}"
