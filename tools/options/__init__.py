"""What the services' own packages say of their options, and what became of them from release to release."""
