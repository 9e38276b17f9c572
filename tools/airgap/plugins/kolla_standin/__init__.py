"""Stand-ins for Pulumi's docker and command plugins, for machines that cannot have the official ones.

They serve the resource types that kolla_iac's components use (Container, Network, Volume and
local.Command), under the official names and with the official inputs, defaults and replace rules, on
the real Docker. What they are and are not: docs/explanation/stand-in-plugins.md.
"""
