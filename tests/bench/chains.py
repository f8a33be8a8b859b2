"""Chains of contacts: 30 simulated calls with transfers and consultations, made by `komorebi-qc chain`'s own code.

    .venv/bin/python tests/bench/chains.py [--count 30] [--first 0] [--json FILE] [--keep FOLDER]

Each chain has 2 to 5 contacts, each with call audio and a screen of its own, in the embedded AWS with exported contact
records of all chains. Every second of every published video is compared with the files of its contact, by measurement
(`chained/judge.py`), and the stretches of `chain.json` with the plan. A second run of each chain has to make nothing.
The voices are those of `make bench-sync`: Debian's packages asterisk-core-sounds-{en,es,fr,it,ru}-g722.

Exit status: 0; 1 if anything is wrong; 2 if it can't run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    tests = Path(__file__).resolve().parents[1]
    sys.path[0:1] = [str(tests), str(tests / "support")]

from bench.chained.judge import Judged, judge
from bench.chained.media import make_media
from bench.chained.plan import Contact, Plan, make_plan
from bench.chained.world import RECORDS, Names, names_of, upload
from bench.measuring import say
from bench.sync import voices

from komorebi_qc.chain.aws import AwsSource
from komorebi_qc.chain.run import ChainRequest, run_chain
from komorebi_qc.core.contact.record import time_text
from komorebi_qc.demo.embedded_aws import embedded_aws, make_resources
from komorebi_qc.storage.object_store import split_s3
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from bench.chained.media import Media

    from komorebi_qc.chain.result import ChainResult, MemberResult
    from komorebi_qc.core.contact.chains.model import Chain

LEAST_MARGIN = 0.15
"""By this much each stretch has to agree more with its own contact's call than with any other's."""
_EXPECTED = {
    "missing previous contact": {"unlinked"},
    "wrong previous contact": {"missing", "unlinked"},
    "previous contact of another chain": {"other_chain", "unlinked"},
    "circle of previous contacts": {"cycle", "later_previous"},
    "no first record": {"no_record"},
}
"""Kinds of problems that the records' faults allow; others allow none."""


@dataclass(frozen=True, slots=True)
class Row:
    """A chain's result.

    Attributes:
        seed: of its plan.
        steps: its contacts after the first.
        fault: of its records or files.
        contacts: their number.
        made: unified recordings.
        right: windows with the right sound.
        wrong: the other ones.
        lowest: the lowest correlation with the own sound.
        control: the highest with another contact's.
        margin: the least difference of both, of one stretch.
        slips: other differences from the plan, in words.
    """

    seed: int
    steps: str
    fault: str
    contacts: int
    made: int
    right: int
    wrong: tuple[str, ...]
    lowest: float
    control: float
    margin: float
    slips: tuple[str, ...]

    def text(self) -> str:
        """The row in Markdown."""
        verdict = (
            "right" if not self.wrong and not self.slips else f"WRONG: {'; '.join((*self.wrong, *self.slips)[:3])}"
        )
        return (
            f"| {self.seed} | {self.steps} | {self.fault} | {self.made} of {self.contacts} | {self.right} | "
            f"{len(self.wrong)} | {self.lowest:.2f} | {self.control:.2f} | {self.margin:.2f} | {verdict} |"
        )


def run_one(seed: int, out: Path) -> Row:
    """Make a chain's recordings in the embedded AWS, and judge them."""
    plan, foreign = make_plan(seed), make_plan(seed + 1000)
    names, other = names_of(plan), names_of(foreign)
    media = make_media(plan, seed)
    upload(foreign, other, (), other.ids[0], os.environ)
    upload(plan, names, media, other.ids[-1], os.environ)
    folder = str(out / str(seed))
    request = ChainRequest(names.ids[0], folder)
    result = run_chain(request, AwsSource.of(os.environ))
    judged = {one.number: _judged(one, result.members, names, media) for one in plan.contacts}
    again = run_chain(request, AwsSource.of(os.environ))
    found = [one for one in judged.values() if one is not None]
    slips = [*_states(plan, names, result), *chain_slips(plan, names, result.chain), *_others(result, other)]
    slips += [
        f"contact {number} has another screen" for number, one in judged.items() if one and not one.has_own_screen
    ]
    slips += [f"{one.contact_id} is made again" for one in again.members if one.state == "done"]
    margin = min((one.margin for one in found), default=0.0)
    slips += (
        [f"a stretch agrees with another contact's call too, by {margin:.2f} less"] if margin < LEAST_MARGIN else []
    )
    slips += _page(Path(folder), len(found))
    return Row(
        *(seed, plan.steps, plan.fault, len(plan.contacts), len(found), sum(one.right for one in found)),
        tuple(f"contact {number}: {place}" for number, one in judged.items() if one for place in one.wrong),
        min((one.lowest for one in found), default=0.0),
        max((one.control for one in found), default=0.0),
        margin,
        tuple(slips),
    )


def _judged(one: Contact, members: tuple[MemberResult, ...], names: Names, media: list[Media]) -> Judged | None:
    (member,) = (found for found in members if found.contact_id == names.ids[one.number])
    if not member.output:
        return None
    bucket, key = split_s3(member.output)
    video = aws_client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return judge(video, one, media)


def _states(plan: Plan, names: Names, result: ChainResult) -> list[str]:
    """Differences of the recordings' states from the plan."""
    missing = {"no recording": ("no_recording", "NoRecording"), "deleted audio": ("failed", "MissingMediaError")}
    slips = []
    for one, found in zip(plan.contacts, result.members, strict=False):
        is_faulty = plan.faulty == one.number and plan.fault in missing
        wanted: tuple[str, str | None] = missing[plan.fault] if is_faulty else ("done", None)
        seen = (found.state, None if found.error is None else found.error.kind)
        if found.contact_id != names.ids[one.number] or seen != wanted:
            text = "" if found.error is None else f": {found.error.text}"
            slips.append(f"contact {one.number} is {seen} instead of {wanted}{text}")
    if len(result.members) != len(plan.contacts):
        slips.append(f"{len(result.members)} members instead of {len(plan.contacts)}")
    agents = [found.agent for found in result.members]
    known = [one.agent for one in plan.contacts]
    if plan.fault == "same agent twice" and [at == agents[0] for at in agents] != [at == known[0] for at in known]:
        slips.append(f"the agents are {agents} instead of {known}")
    return slips


def chain_slips(plan: Plan, names: Names, chain: Chain) -> list[str]:
    """Differences of the turns and of the reported problems from the plan."""
    slips = []
    for one, found in zip(plan.contacts, chain.members, strict=False):
        if plan.fault == "no first record" and 0 in (one.number, one.came_from):
            continue  # how it began isn't known
        wanted = [(role, time_text(names.at(a)), time_text(names.at(b))) for role, a, b in one.turns]
        seen = [(turn.role, time_text(turn.began_at), time_text(turn.ended_at)) for turn in found.turns]
        if (found.kind, seen) != (one.kind, wanted):
            slips.append(f"contact {one.number}: {found.kind} {seen} instead of {one.kind} {wanted}")
    kinds = {problem.kind for problem in chain.problems}
    if plan.fault in _EXPECTED:
        needed = _EXPECTED[plan.fault] - {"unlinked", "later_previous"} or kinds
        allowed = _EXPECTED[plan.fault] | ({"overlap"} if plan.fault == "no first record" else set())
        if not needed <= kinds <= allowed:
            slips.append(f"the problems are {sorted(kinds)} instead of {sorted(_EXPECTED[plan.fault])}")
    elif kinds:
        slips.append(f"the problems are {sorted(kinds)}, and the records are sound")
    return slips


def _others(result: ChainResult, other: Names) -> list[str]:
    taken = {one.contact_id for one in result.members} & set(other.ids)
    return [f"{one} of another chain was taken" for one in sorted(taken)]


def _page(folder: Path, made: int) -> list[str]:
    """The overview: it names no agent, and its document has every recording."""
    page, document = (folder / "chain.html").read_text(), json.loads((folder / "chain.json").read_text())
    slips = [f"the page names {name}" for name in ("mustermann", "doe", "aiko") if name in page.lower()]
    found = [one for one in document["members"] if one["output"]]
    return slips if len(found) == made else [*slips, f"chain.json has {len(found)} recordings instead of {made}"]


HEAD = (
    "| chain | contacts after the first | records and files | made | right windows | wrong | lowest own | highest "
    "other | least lead | |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def main() -> int:
    """Run the chains, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder for the overviews")
    asked = parser.parse_args()
    try:
        voices.prepare()
    except voices.VoicesMissingError as error:
        say(str(error))
        return 2
    rows: list[Row] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, embedded_aws():
        os.environ["KOMOREBI_CONTACT_RECORD"] = f"s3://demo-input/{RECORDS}"
        make_resources()
        for seed in range(asked.first, asked.first + asked.count):
            rows.append(run_one(seed, asked.keep or Path(scratch)))
            say(rows[-1].text())
    print(HEAD)
    print("\n".join(row.text() for row in rows))
    wrong = [row for row in rows if row.wrong or row.slips]
    contacts, made, right = (sum(getattr(row, name) for row in rows) for name in ("contacts", "made", "right"))
    print(
        f"\n{len(rows)} chains with {contacts} contacts, {made} unified recordings: {right} windows right, "
        f"{sum(len(row.wrong) for row in rows)} wrong; {len(wrong)} chains wrong. {time.monotonic() - began:.0f} s."
    )
    if asked.json:
        content: list[dict[str, Any]] = [asdict(row) for row in rows]
        asked.json.write_text(json.dumps(content, indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
