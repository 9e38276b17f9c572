"""Image recipes: what each image is made of, its reference known without building, and how it gets there.

Pure: references, and everything in ``contract`` and ``recipe``. Acting: ``ensure``, through a Docker client.
"""

from kolla_iac.images.ensure import ensure
from kolla_iac.images.recipe import of_service, reference, references

__all__ = ["ensure", "of_service", "reference", "references"]
