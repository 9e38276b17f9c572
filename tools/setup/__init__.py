"""Set-up of a machine for kolla_iac: Python packages, Docker, the Pulumi engine and its plugins, state.

Run by ``make setup`` as ``python3 -m tools.setup``, before anything is installed: standard library only.
"""
