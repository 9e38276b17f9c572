"""Pure data: settings, releases, the secrets catalogue, services and stage specifications."""
