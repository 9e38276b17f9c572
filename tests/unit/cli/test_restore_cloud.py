"""What `kolla-iac restore-cloud` takes from a word and from a file, before anything is touched."""

from __future__ import annotations

import pytest
import yaml

from kolla_iac.cli.restore_cloud import settings_text, target
from kolla_iac.components.backups import stages
from kolla_iac.model.environment import load_environment
from kolla_iac.model.stackfile import SETTINGS_KEY

FILE = """\
# of the operators
config:
  kolla-iac:environment:
    release: "2025.2" # not yet
  kolla-iac:secrets:
    one:
      secure: v1:aa

    two:
      secure: v1:bb
  other:token:
    secure: v1:cc
  other:plain: word
encryptionsalt: v1:dd
"""


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("/srv/backups/", "directory"),
        ("safe", "volume"),
        ("rest:http://backup.example:8000/", "restic"),
    ],
)
def test_a_word_says_what_kind_of_place_it_is(word: str, kind: str) -> None:
    assert target(word).given == (kind,)


def test_what_was_encrypted_with_another_passphrase_goes_and_is_named() -> None:
    text, lost = settings_text(FILE)
    assert text == (
        '# of the operators\nconfig:\n  kolla-iac:environment:\n    release: "2025.2" # not yet\n  other:plain: word\n'
    )
    assert lost == ["other:token"]


def test_what_the_schedule_puts_into_a_backup_makes_the_same_environment() -> None:
    written = {"release": "2025.2", "backup": {"target": {"volume": "safe"}, "schedule": {"every": "12h"}}}
    environment = load_environment(written, "x")
    text, lost = settings_text(stages.settings(environment, {"mariadb_root_password": {"count": 1}}))
    assert lost == []
    assert load_environment(yaml.safe_load(text)["config"][SETTINGS_KEY], "y") == environment
