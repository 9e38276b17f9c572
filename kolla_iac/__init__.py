"""An OpenStack cloud as a typed Pulumi program."""

__version__ = "0.1.0"
