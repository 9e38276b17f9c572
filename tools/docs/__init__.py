"""The generated pages of docs/, and the checks of all pages: ``python -m tools.docs`` writes what is not current."""
