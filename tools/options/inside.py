"""Runs in a service's image: every option of its packages as JSON, section -> option -> what is said of it."""

import importlib.metadata
import json
import sys

GROUP = "oslo.config.opts"
"""Entry points that list options. Source: oslo.config, "Option Discovery Entry Points"."""

found: dict[str, dict[str, object]] = {}
for entry in importlib.metadata.entry_points(group=GROUP):
    for group, options in entry.load()():
        section = str(getattr(group, "name", group) or "DEFAULT")
        for option in options:
            found.setdefault(section, {})[option.dest] = {
                "deprecated": bool(option.deprecated_for_removal),
                "reason": " ".join((option.deprecated_reason or "").split()),
                "earlier": sorted(
                    {
                        (old.group or section, (old.name or option.dest).replace("-", "_"))
                        for old in option.deprecated_opts
                    }
                    - {(section, option.dest)}
                ),
            }
json.dump(found, sys.stdout)
