"""What a stage does on the Docker hosts. Knows the specifications of ``kolla_iac.model``, and nothing of Pulumi."""
