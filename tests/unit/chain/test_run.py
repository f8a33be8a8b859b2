"""The recordings of a chain, one after the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from chain_records import at, follower
from chain_source import ByHand

from komorebi_qc.chain.run import ChainRequest, run_chain
from komorebi_qc.cli.analyst.chain import exit_code
from komorebi_qc.cli.exit_code import ExitCode
from komorebi_qc.core.errors import HeldError, MissingMediaError, UnknownRecordingError

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.chain.result import ChainResult


def states(result: ChainResult) -> dict[str, str]:
    """The state of each contact."""
    return {one.contact_id: one.state for one in result.members}


def test_each_contact_is_made_once(tmp_path: Path) -> None:
    """A second run makes nothing; with force all of them are made again."""
    source, request = ByHand(), ChainRequest("a", str(tmp_path))
    first = run_chain(request, source)
    assert (source.made, set(states(first).values())) == (["a", "b", "c", "d"], {"done"})
    again = run_chain(request, source)
    assert (len(source.made), set(states(again).values())) == (4, {"already_done"})
    assert exit_code(again) == ExitCode.DONE
    run_chain(ChainRequest("a", str(tmp_path), force=True), source)
    assert len(source.made) == 8


def test_a_contact_that_fails_stops_no_other(tmp_path: Path) -> None:
    """Foreseen errors, held pairs and any other exception are that contact's, with the reason."""
    errors = {"a": MissingMediaError("the audio was deleted"), "b": HeldError("unsure"), "c": ZeroDivisionError("one")}
    source = ByHand(errors=errors)
    result = run_chain(ChainRequest("a", str(tmp_path)), source)
    assert states(result) == {"a": "failed", "b": "held", "c": "failed", "d": "done"}
    assert [one.error and one.error.kind for one in result.members] == [
        "MissingMediaError",
        "HeldError",
        "Unforeseen",
        None,
    ]
    assert exit_code(result) == ExitCode.PART_FAILED


def test_a_contact_without_a_recording_is_reported(tmp_path: Path) -> None:
    """An agent whose screen wasn't recorded is missing; a contact that nobody took is not."""
    source = ByHand()
    del source.agents["b"], source.agents["d"]
    source.records = (*source.records[:3], follower("d", None, "c", disconnected_at=at(135)))
    result = run_chain(ChainRequest("a", str(tmp_path)), source)
    assert states(result) == {"a": "done", "b": "no_recording", "c": "done", "d": "not_expected"}
    assert exit_code(result) == ExitCode.PART_FAILED


def test_an_item_that_cannot_be_read_is_that_contacts_error(tmp_path: Path) -> None:
    """The others are made, and the contact keeps an agent of its own."""
    source = ByHand(unreadable={"b": UnknownRecordingError("no usable agentID")})
    result = run_chain(ChainRequest("a", str(tmp_path)), source)
    assert states(result)["b"] == "failed"
    assert [one.agent for one in result.members] == [1, 2, 1, 3]


@pytest.mark.parametrize(
    ("verdicts", "errors", "code"),
    [({}, "", ExitCode.DONE), ({"b": "fail"}, "", ExitCode.FINDINGS_FAIL), ({}, "abcd", ExitCode.FAILED)],
)
def test_the_exit_code_is_the_houses(tmp_path: Path, verdicts: dict[str, str], errors: str, code: ExitCode) -> None:
    """Findings that fail are 3; a chain of which nothing was made is 1."""
    source = ByHand(verdicts=verdicts, errors={name: MissingMediaError("gone") for name in errors})
    assert exit_code(run_chain(ChainRequest("a", str(tmp_path)), source)) == code


def test_a_listing_makes_and_writes_nothing(tmp_path: Path) -> None:
    """A dry run shows recordings that are made already, that would be made, and that can't be made."""
    source = ByHand(ready={"a"}, errors={"d": MissingMediaError("gone")})
    result = run_chain(ChainRequest("a", str(tmp_path / "out"), lists_only=True), source)
    assert states(result) == {"a": "already_done", "b": "listed", "c": "listed", "d": "failed"}
    assert (source.made, result.overview, (tmp_path / "out").exists()) == ([], "", False)
    assert exit_code(result) == ExitCode.PART_FAILED


def test_the_overview_is_beside_its_document(tmp_path: Path) -> None:
    """`chain.json` has the contacts with their turns and results; the page says the same."""
    result = run_chain(ChainRequest("a", str(tmp_path)), ByHand())
    found = json.loads((tmp_path / "chain.json").read_text())
    assert found == json.loads(json.dumps(result.to_dict()))
    assert (found["schema"], found["counts"]) == ("komorebi-chain/1", {"done": 4})
    assert [turn["role"] for turn in found["members"][1]["turns"]] == ["consult", "call"]
    assert found["members"][1]["verdict"] == "pass"
    assert result.overview == str(tmp_path / "chain.html")
    assert "Agent 3 spoke with another agent" in (tmp_path / "chain.html").read_text()
