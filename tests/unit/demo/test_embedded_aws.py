"""The embedded AWS: empty at its start, sealed off, and gone at its end."""

from __future__ import annotations

import os
import sys

import pytest
from aws_fixtures import running_world

from komorebi_qc.core.errors import InputError
from komorebi_qc.demo.embedded_aws import embedded_aws, sample_on_embedded_aws, shell_environment
from komorebi_qc.wiring import Settings


def test_one_after_another() -> None:
    """Each begins empty, and the environment is restored at its end, also after an error."""
    before = dict(os.environ)
    with running_world() as world:
        world.fresh()
        assert os.environ["AWS_ENDPOINT_URL"] == world.endpoint
    with running_world() as world:
        assert world.s3.list_buckets()["Buckets"] == []
    with pytest.raises(ZeroDivisionError), running_world():
        raise ZeroDivisionError
    assert dict(os.environ) == before


def test_sample_is_complete() -> None:
    """The item, both inputs and the call end are where the settings say, and the variables reach all of it."""
    with sample_on_embedded_aws() as (recording_id, call_end):
        settings = Settings.from_environment(shell_environment())
        item = settings.table().get(recording_id)
        assert settings.table().text(recording_id, "callEndingTimestamp") == call_end
        assert len(settings.media().input_versions(item)) == 4
        assert settings.queue().counts().visible == 0
        assert settings.dead_letter_queue().counts().visible == 0


def test_without_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error says how to get it."""
    monkeypatch.setitem(sys.modules, "moto.server", None)
    with pytest.raises(InputError, match=r'the demo needs moto, .*pip install -e "\.\[demo\]"'), embedded_aws():
        pass
