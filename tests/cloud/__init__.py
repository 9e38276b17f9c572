"""Tests with the real services, on this machine's Docker."""
