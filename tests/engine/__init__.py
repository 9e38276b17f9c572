"""Pulumi's real engine with small containers: what the project relies on, whichever plugins are in use."""
