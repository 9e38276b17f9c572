"""Programs that run inside containers, sent there as text: standard library alone, no import of the project.

Each has ``main(request) -> answer``; both sides are JSON (`kolla_iac.runtime.execute.call`).
"""
