"""The real Ansible, on this very machine: no lab host, and no container engine."""
