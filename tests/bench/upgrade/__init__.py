"""``make bench-upgrade``: Keystone from 2025.2 to 2026.1, ours and in Kolla's order, under the same load."""
