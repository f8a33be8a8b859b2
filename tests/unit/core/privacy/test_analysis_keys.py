"""Contact Lens' files are found by their keys: three days, two variants, and redacted audio."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.privacy.analysis_keys import (
    ANALYSIS_PREFIX,
    analysis_prefixes,
    choose_analyses,
    choose_redacted_audio,
)
from komorebi_qc.core.recording import Recording

ITEM = Recording("contact-1", "agent-7", datetime(2026, 3, 1, 0, 5, 9))  # noqa: DTZ001  as in the table
REDACTED = "Analysis/Voice/Redacted/2026/03/01/contact-1"
PLAIN = "Analysis/Voice/2026/03/01/contact-1"


def test_the_day_and_its_neighbours_are_looked_through() -> None:
    """Days are UTC and the item's date may be local, so a call near midnight is a day away, or a month."""
    assert analysis_prefixes(ITEM, ANALYSIS_PREFIX) == (
        "Analysis/Voice/Redacted/2026/03/01/contact-1_",
        "Analysis/Voice/Redacted/2026/02/28/contact-1_",
        "Analysis/Voice/Redacted/2026/03/02/contact-1_",
        "Analysis/Voice/2026/03/01/contact-1_",
        "Analysis/Voice/2026/02/28/contact-1_",
        "Analysis/Voice/2026/03/02/contact-1_",
    )
    assert analysis_prefixes(ITEM, "/mine/", redacted_only=True)[0] == "mine/Redacted/2026/03/01/contact-1_"
    assert analysis_prefixes(ITEM, "", redacted_only=True)[0] == "Redacted/2026/03/01/contact-1_"


def test_redacted_analyses_come_before_originals() -> None:
    """Both have the same times, and the redacted ones hold less personal data."""
    plain, redacted = (
        f"{PLAIN}_analysis_2026-03-01T00:04:10Z.json",
        f"{REDACTED}_analysis_redacted_2026-03-01T00:04:10Z.json",
    )
    audio = f"{REDACTED}_call_recording_redacted_2026-03-01T00:04:10Z.wav"
    assert choose_analyses("contact-1", [plain, redacted, audio]) == (redacted,)
    assert choose_analyses("contact-1", [plain, audio]) == (plain,)
    assert choose_analyses("contact-1", [audio]) == ()
    assert choose_redacted_audio("contact-1", [plain, redacted, audio]) == audio
    assert choose_redacted_audio("contact-1", [plain, redacted]) is None


def test_the_newest_redacted_audio_is_chosen() -> None:
    """The agent's part of a call began last."""
    keys = [f"{REDACTED}_call_recording_redacted_2026-03-01T00:0{minute}:10Z.wav" for minute in (4, 9, 1)]
    assert choose_redacted_audio("contact-1", keys) == keys[1]


def test_an_analysis_of_every_timestamp_is_read() -> None:
    """Their content shows which one belongs to the call audio. One part of a call may have no redacted variant."""
    keys = [f"{PLAIN}_analysis_2026-03-01T00:0{minute}:10Z.json" for minute in (9, 4)]
    assert choose_analyses("contact-1", keys) == (keys[1], keys[0])
    redacted = f"{REDACTED}_analysis_redacted_2026-03-01T00:04:10Z.json"
    assert choose_analyses("contact-1", [*keys, redacted]) == (keys[0], redacted)


def test_files_of_other_contacts_and_kinds_do_not_count() -> None:
    """A contact whose ID continues this one's isn't this one, and other files of Contact Lens are something else."""
    names = [
        "contact-1_2_analysis_2026-03-01T00:04:10Z.json",
        "contact-10_analysis_2026-03-01T00:04:10Z.json",
        "contact-1_analysis_2026-03-01T00:04:10Z.json.gz",
        "contact-1_analysis_2026-03-01T00:04:10Z.wav",
        "contact-1_analysis.json",
        "contact-1_analysis_notes.json",
        "contact-1_call_recording_2026-03-01T00:04:10Z.wav",
        "contact-1_call_recording_redacted_2026-03-01T00:04:10Z.json",
        "contact-1_20260301T00:04_UTC.wav",
    ]
    keys = [f"Analysis/Voice/2026/03/01/{name}" for name in names]
    assert choose_analyses("contact-1", keys) == ()
    assert choose_redacted_audio("contact-1", keys) is None
    assert choose_analyses("contact-1_2", keys) == (keys[0],)


def test_an_id_may_look_like_a_file_name() -> None:
    """An ID may contain underscores and the word analysis."""
    key = "Analysis/Voice/2026/03/01/a_analysis_1_analysis_2026-03-01T00:04:10Z.json"
    assert choose_analyses("a_analysis_1", [key]) == (key,)
    assert choose_analyses("a", [key]) == ()


@given(st.lists(st.text()))
def test_any_key_is_looked_at(keys: list[str]) -> None:
    """No key breaks the choice, and the chosen ones are among them."""
    assert set(choose_analyses("contact-1", keys)) <= set(keys)
