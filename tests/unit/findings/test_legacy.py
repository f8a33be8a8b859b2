"""Documents of schema 1, read by this version."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from captures import CAPTURES

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import Alignment, CallEnd
from komorebi_qc.findings.legacy import KEYS, NAMES, VALUES, upgrade
from komorebi_qc.findings.qc_document import SCHEMA
from komorebi_qc.pipeline.diagnose import diagnose
from komorebi_qc.pipeline.local import process_files
from komorebi_qc.pipeline.options import Options
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = Path(__file__).parents[2] / "golden" / "qc_1x"
"""Written by version 0.1 from the captures in `tests/media`, and from simulated calls."""
CALL_END = CallEnd(10.0, 1.0)
JUDGED_ANEW = {"alignment_resolution", "call_end_error", "offset_uncertainty"}
"""Findings that schema 2.1 judges by other limits, or by a measured value only."""
CODED = {"seam_level_step": 0.1, "seam_level_added": 0.1, "seam_click": 1.0}
"""Findings measured in the output's audio, in dB, and the most by which today's AAC encoder changes them."""
WIDER = {"offset_ci_s", "drift_ci_ppm"}
"""Intervals, which are wider today if few windows agree."""
FIXED = (
    "verdict",
    "sync.status",
    "sync.offset_s",
    "sync.drift_ppm",
    "sync.jumps[].call_s",
    "sync.jumps[].size_s",
    "sync.sides",
    "call_end.measured_s",
    "findings[].name",
    "findings[].value",
    "findings[].unit",
    "findings[].limit",
    "findings[].status",
)
"""Keys that other programs read, so no schema renames them."""


def old(name: str) -> dict[str, Any]:
    """A document as version 0.1 wrote it."""
    found: dict[str, Any] = json.loads((OLD / name).read_text())
    return found


def paths(value: Any, at: str = "") -> Iterator[str]:
    """The path of every key in a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            path = f"{at}.{key}" if at else key
            yield path
            yield from paths(inner, path)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{at}[]")


def facts(document: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """A document without its sentences, intervals, limits and versions, and with these findings alone."""
    kept = {key: value for key, value in document.items() if key not in ("version", "limits", "findings", "verdict")}
    if kept.get("sync"):
        kept["sync"] = {key: value for key, value in kept["sync"].items() if key not in WIDER}
    findings = {
        finding["name"]: {key: value for key, value in finding.items() if key != "text"}
        for finding in document["findings"]
        if finding["name"] in names - JUDGED_ANEW
    }
    return {**kept, "findings": findings}


def without_new_keys(present: Any, upgraded: Any) -> Any:
    """A present document with the keys of an upgraded one alone."""
    if isinstance(present, dict) and isinstance(upgraded, dict):
        return {key: without_new_keys(value, upgraded[key]) for key, value in present.items() if key in upgraded}
    if isinstance(present, list) and isinstance(upgraded, list) and len(present) == len(upgraded):
        return [without_new_keys(*pair) for pair in zip(present, upgraded, strict=True)]
    return present


@pytest.mark.parametrize(
    ("name", "recording", "options", "alignment"),
    [
        ("measured.qc.json", "vp8.webm", Options(thumbnail=False, outside_call="own"), None),
        ("call_end.qc.json", "vp8.webm", Options(align="call-end", thumbnail=False, outside_call="own"), None),
        ("manual.qc.json", "vp9.mp4", Options(thumbnail=False, outside_call="own"), Alignment(1.6)),
    ],
)
def test_an_upgraded_qc_json_equals_the_present_one(
    name: str, recording: str, options: Options, alignment: Alignment | None, tmp_path: Path
) -> None:
    """The same inputs give the same document today, to the last digit; new keys and findings come on top.

    Values of audio that was encoded as AAC may differ a little, because the encoder works without some tools.

    Schema 2.1 has null for the drift and the jumps of a call whose place wasn't measured. Schema 1 played the
    recording's own sound before the call.
    """
    capture = CAPTURES[recording]
    files = LocalFiles(capture.call, capture.recording, tmp_path / "out", None)
    outcome = process_files(files, CALL_END, alignment=alignment, options=options)
    present, upgraded = json.loads(json.dumps(outcome.document)), upgrade(old(name))
    names = {finding["name"] for finding in upgraded["findings"]}
    if options.align == "call-end" or alignment is not None:
        assert (present["alignment"]["drift_ppm"], present["alignment"]["jumps"]) == (None, None)
        assert (upgraded["alignment"]["drift_ppm"], upgraded["alignment"]["jumps"]) == (0.0, [])
        for key in ("drift_ppm", "jumps"):
            del present["alignment"][key], upgraded["alignment"][key]
    upgraded_facts, present_facts = facts(upgraded, names), facts(present, names)
    if outcome.document["container"] == "mp4":
        for one, most_db in CODED.items():
            before, now = (found["findings"][one].pop("value") for found in (upgraded_facts, present_facts))
            assert now == pytest.approx(before, abs=most_db)
    assert upgraded_facts == without_new_keys(present_facts, upgraded_facts)
    kept = set(upgraded["limits"]) - JUDGED_ANEW
    assert {n: (v["warn"], v["fail"]) for n, v in upgraded["limits"].items() if n in kept} == {
        n: (v["warn"], v["fail"]) for n, v in present["limits"].items() if n in kept
    }
    assert {p for p in paths(upgraded) if not p.startswith("limits.")} <= set(paths(present))


def test_an_upgraded_diagnosis_equals_the_present_one() -> None:
    """A diagnosis had no schema number; it is upgraded like the other documents."""
    capture = CAPTURES["vp9.mp4"]
    with opened_file(capture.call) as call, opened_file(capture.recording) as recording:
        found = diagnose(call, recording, CALL_END, DEFAULT.changed_by("drift=50:200"))
    present, upgraded = json.loads(json.dumps(found.to_dict())), upgrade(old("diagnosis.json"))
    names = {finding["name"] for finding in upgraded["findings"]}
    assert "schema" not in old("diagnosis.json")
    upgraded_facts = facts(upgraded, names)
    assert upgraded_facts == without_new_keys(facts(present, names), upgraded_facts)
    assert upgraded["limits"]["drift"]["default"] == present["limits"]["drift"]["default"]


@pytest.mark.parametrize("name", ["ambiguous.json", "jump.qc.json"])
def test_every_renamed_key_is_found_under_its_present_name(name: str) -> None:
    """Alternative offsets and jumps keep their numbers, and no old key is left."""
    before = old(name)
    after = upgrade(copy.deepcopy(before))
    assert not set(paths(after)) & set(KEYS)
    assert after["sync"]["alternative_offsets"] == before["sync"]["rivals"]
    for one, other in zip(after["sync"]["jumps"], before["sync"]["jumps"], strict=True):
        assert one["customer_evidence_only"] == other["customer_alone_tells"]
        assert (one["call_s"], one["size_s"]) == (other["call_s"], other["size_s"])
    assert after["schema"] == SCHEMA


def test_old_documents_have_what_the_tables_rename() -> None:
    """Every row of the tables is needed: some document of version 0.1 has its key, value or name."""
    documents = [old(path.name) for path in sorted(OLD.glob("*.json"))]
    written = {path for document in documents for path in paths(document)}
    assert set(KEYS) - written == {"sync.customer_steps[].customer_alone_tells"}
    findings = {finding["name"] for document in documents for finding in document["findings"]}
    assert set(NAMES) <= findings
    sources = {document["alignment"]["source"] for document in documents if "alignment" in document}
    assert set(VALUES["alignment.source"]) <= sources


def test_fixed_keys_are_never_renamed() -> None:
    """Other programs read them."""
    assert not set(KEYS) & set(FIXED)


def test_names_and_values_are_upgraded_everywhere() -> None:
    """Findings, their limits and the table of limits use the same names."""
    found = upgrade(
        {
            "schema": "1.1",
            "alignment": {"source": "given"},
            "findings": [{"name": "picture_frozen", "value": "told", "judged_by": "picture_frozen"}],
            "limits": {"picture_frozen": {"direction": "told only"}},
            "sync": {"customer_steps": [{"customer_alone_tells": True}]},
        }
    )
    assert found == {
        "schema": SCHEMA,
        "alignment": {"source": "manual"},
        "findings": [{"name": "video_freeze", "value": "told", "limit_name": "video_freeze"}],
        "limits": {"video_freeze": {"direction": "informational"}},
        "sync": {"customer_leg_delay_changes": [{"customer_evidence_only": True}]},
    }


def test_a_document_of_schema_2_0_comes_back_equal() -> None:
    """Schema 2.1 only adds keys, so nothing is renamed."""
    before = {**upgrade(old("measured.qc.json")), "schema": "2.0"}
    assert upgrade(before) == before


def test_a_present_document_comes_back_equal() -> None:
    """Upgrading twice changes nothing, and the argument is left alone."""
    before = old("measured.qc.json")
    copied = copy.deepcopy(before)
    once = upgrade(before)
    assert before == copied
    assert upgrade(once) == once


@pytest.mark.parametrize("schema", ["3.0", "9.0", "10.1", "", 3, None])
def test_a_later_schema_is_refused(schema: object) -> None:
    """A document of an unknown schema would be misread; the error has the schema."""
    with pytest.raises(InputError, match=f"has schema {schema!r}"):
        upgrade({"schema": schema, "findings": []})


@pytest.mark.parametrize(("document", "found"), [(None, "NoneType"), ([], "list"), ("x", "str"), (2.0, "float")])
def test_only_an_object_is_a_document(document: Any, found: str) -> None:
    """Any other JSON value is refused, and the error has its type."""
    with pytest.raises(InputError, match=f"of type {found}"):
        upgrade(document)


@pytest.mark.parametrize(
    "document", [{}, {"schema": "1.1"}, {"schema": SCHEMA, "verdict": "pass"}, {"findings": None}, {"findings": {}}]
)
def test_a_document_without_findings_is_refused(document: dict[str, Any]) -> None:
    """An object that isn't a result doesn't become an empty result."""
    with pytest.raises(InputError, match="no list of findings"):
        upgrade(document)


def test_the_document_of_a_failed_command_comes_back_equal() -> None:
    """It has an error alone, and no findings to rename."""
    failed = {"error": {"kind": "WrongPairError", "worth_a_retry": False, "text": "the files belong to two calls"}}
    assert upgrade(failed) == failed
