"""Each side is transcribed apart, on the call clock; private spans are never given to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from recognisers import CountingRecogniser
from transcripts import call_of, conversation

from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.privacy.masks import PrivateSpan
from komorebi_qc.core.timebase import Span
from komorebi_qc.findings.words.transcript import is_believed, transcript_findings
from komorebi_qc.pipeline.captions.call_words import compare_words
from komorebi_qc.pipeline.captions.transcribe import transcribe

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALL_S = 60.0
SAID = conversation(5, CALL_S)
CALL = call_of(SAID, CALL_S)


def loud(*samples: NDArray[np.int16]) -> int:
    """How many samples are louder than the noise of the line."""
    return sum(int(np.count_nonzero(np.abs(one.astype(np.int32)) > 300)) for one in samples)


def test_each_side_has_its_own_words_where_it_speaks() -> None:
    """Every turn is in a stretch of its speaker, and every stretch of at least a second has a turn."""
    found = transcribe(CountingRecogniser(), CALL)
    assert (found.source, found.language, found.name) == ("vosk", "en", "a counted transcript")
    assert list(found.turns) == sorted(found.turns, key=lambda turn: (turn.from_s, turn.to_s))
    for turn in found.turns:
        mine = [(a, b) for who, a, b in SAID if who == turn.speaker]
        assert any(a - 0.3 <= turn.from_s and turn.to_s <= b + 1.3 for a, b in mine), turn
    for who, a, b in SAID:
        assert any(turn.speaker == who and turn.from_s < b and a < turn.to_s for turn in found.turns)


def test_a_private_span_is_never_given_and_has_no_words() -> None:
    """Not on either side, and not if the engine's times are a second late."""
    private = Span(20.0, 31.0)
    without = CountingRecogniser(late_s=0.9)
    found = transcribe(without, CALL, private=[private])
    assert not any(turn.from_s < private.end_s and private.start_s < turn.to_s for turn in found.turns)
    whole = CountingRecogniser()
    transcribe(whole, CALL)
    spoken = loud(CALL[20 * 8000 : 31 * 8000])
    assert loud(*whole.given) - loud(*without.given) >= spoken > 8000


def test_recognised_words_go_through_the_same_check() -> None:
    """Words with the wrong times are refused like those of a file; those of a private span aren't missed."""
    private = (PrivateSpan(Span(15.0, 35.0), "redacted"),)
    right = compare_words(CountingRecogniser(), CALL, None, private)
    assert right is not None
    assert is_believed(right), transcript_findings(right)
    late = compare_words(CountingRecogniser(late_s=0.6), CALL, None, private)
    assert late is not None
    assert not is_believed(late)
    (wrong,) = [one for one in transcript_findings(late, DEFAULT) if one.status != "pass"]
    assert "leave out --transcribe" in wrong.text


def test_the_work_can_be_stopped() -> None:
    """Between two windows."""

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transcribe(CountingRecogniser(), CALL, check_cancelled=stop)
