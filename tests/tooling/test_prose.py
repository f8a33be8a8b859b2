"""The checker of the prose: the style's rules, and the prose that it finds in each kind of file."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from prose.__main__ import RULES, main
from prose.check import check_passages, sentences_of
from prose.files import passages_of
from prose.markup import read_html, read_javascript, read_markdown
from prose.passage import passage
from prose.python_source import read_docstring, read_python
from prose.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prose.passage import Passage

STYLE = load_rules(RULES)


def rules_hit(text: str, kind: str = "paragraph", levels: tuple[str, ...] = ("error",)) -> set[str]:
    """Return the names of the rules that a text breaks."""
    return {hit.rule for hit in check_passages([passage(text, kind, 1)], STYLE) if hit.level in levels}


def texts(passages: Iterable[Passage]) -> list[str]:
    """Return the words of the passages."""
    return [found.text for found in passages]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("What it takes of memory hardly depends on the length.", "FusedRelative"),
        ("The queue is asked; what was found is printed.", "FusedRelative"),
        ("Whoever reads the item sees the verdict.", "FusedRelative"),
        ("Where that says nothing, the item's call end is used.", "WhereForIf"),
        ("The median; None where nothing was measured.", "WhereForIf"),
        ("The item, or an error where it isn't in the table.", "WhereForIf"),
        ("where the queue doesn't answer.", "WhereForIf"),
        ("A day without items is none.", "NonePredicate"),
        ("The other signals are none of the worker's.", "NonePredicate"),
        ("A container that holds none.", "NonePredicate"),
        ("It was told to end.", "TechnicalVerbs"),
        ("The video lies beside it.", "TechnicalVerbs"),
        ("The limit stands in the table.", "TechnicalVerbs"),
        ("The recording is heard once, at 8 kHz.", "TechnicalVerbs"),
        ("A packet tells its length.", "TechnicalVerbs"),
        ("One jump was made good.", "Idioms"),
        ("The samples are at hand.", "Idioms"),
        ("A row is set aside.", "Idioms"),
        ("No other try helps.", "Idioms"),
        ("The call is placed as told.", "Idioms"),
        ("The told call end is 00:57:01.", "Terms"),
        ("Its time stamps go back.", "Terms"),
        ("A dead letter queue holds it.", "Terms"),
    ],
)
def test_a_rule_finds_its_pattern(text: str, rule: str) -> None:
    """Each rule finds the sentences that it was written for."""
    assert rule in rules_hit(text)


@pytest.mark.parametrize(
    "text",
    [
        "What does the report show?",
        "Where to write the results.",
        "What to do next: retry the message.",
        "A Python client, where the default timeout is five seconds.",
        "This happens in cases where no charset is given.",
        "Returns the item, or None if it isn't in the table.",
        "The command shows what is installed, what each extra adds, and whether AWS is configured.",
        "It continues, whatever stopped it.",
        "There is plenty of speech and none of it agrees.",
        "Keep the page where it was written.",
        "One of both, agent, customer or none.",
        "The dead letters stay where they are.",
        "The default is used if none is given.",
        "None of the tests reads the clock.",
        "The chart tells the two groups apart.",
        "Pass --force to tell the pipeline to join them anyway.",
        "MP4 stands for MPEG-4 Part 14.",
        "No group stands out.",
        "The code is laid out by layers.",
        "The analyst can hear the seam.",
        "The call can be heard from 2.56 s.",
        "Most of them understand the standard.",
        "The message goes to the dead-letter queue.",
        'The source is "told" in files of schema 1.',
        "`told` is the old name of `reported`.",
    ],
)
def test_good_english_passes(text: str) -> None:
    """Sentences that only look like a pattern break no rule at error level."""
    assert rules_hit(text) == set()


@pytest.mark.parametrize(
    ("now", "plain"),
    [
        ("is told, passes, and says that nobody judged it", "Reported as a pass, marked 'not judged'."),
        ("Nothing lies on disk on the way", "No temporary files are written by default."),
        ("What it takes of memory hardly depends on the length", "Memory use barely grows with length."),
        ("A day without items is none: it is said", "An empty day is not an error; a note is printed."),
        ("An ordinary failure of a recording is none", "An ordinary recording failure doesn't raise this alarm."),
        (
            "1 jump of the recording's clock made good: the sound is sure where the call lies",
            "In sync. One 350 ms jump of the recording's clock was corrected.",
        ),
        ("It was told to end", "Reported call end"),
        ("Nothing jumps.", "No clock jumps found."),
        (
            "the customer alone tells: the clock's or the leg's",
            "Only the customer channel shows it; a clock jump and a leg delay can't be separated.",
        ),
        ("Everybody's alike", "No group stands out."),
        ("no other try helps", "Retrying won't help."),
        ("It ended while it was to ...", "Failed during ..."),
    ],
)
def test_the_rewritten_sentences_pass_and_the_old_ones_do_not(now: str, plain: str) -> None:
    """Sentences of an earlier version are found, and their rewrites are clean at error level."""
    assert rules_hit(now, levels=("error", "warning"))
    assert rules_hit(plain) == set()


def test_a_heading_may_open_with_what() -> None:
    """A heading such as 'What it does' is common English; the same words as a sentence aren't."""
    assert rules_hit("What each alarm asks of you", "heading") == set()
    assert rules_hit("What each alarm asks of you", "paragraph") == {"FusedRelative"}


def test_names_are_checked_by_their_own_rules() -> None:
    """Test names follow the prose rules, other names only the list for identifiers."""
    assert rules_hit("nothing lies on disk", "test") == {"TechnicalVerbs"}
    assert rules_hit("told call end s", "identifier") == {"Identifiers"}
    assert rules_hit("tell", "identifier") == set()


def test_a_long_sentence_is_a_suggestion() -> None:
    """A sentence may have 30 words; more is a suggestion, which doesn't fail the check."""
    assert rules_hit("word " * 30, levels=("suggestion",)) == set()
    assert rules_hit("word " * 31, levels=("suggestion",)) == {"SentenceLength"}


def test_sentences_end_at_stops_but_not_in_abbreviations() -> None:
    """Each sentence is checked by itself, with its position in the passage."""
    text = 'It is short (e.g. This one). "Is it?" Yes, 3.5 s.'
    assert list(sentences_of(text)) == [
        (0, "It is short (e.g. This one)."),
        (29, '"Is it?"'),
        (38, "Yes, 3.5 s."),
    ]


def test_markdown_code_and_addresses_are_no_prose() -> None:
    """Fenced code, inline code and addresses are blanked; table cells and image texts are read."""
    text = "# Title\n\nRun `told` at https://example.org/told now.\n\n```\ntold\n```\n\n![Alt](i.png)\n"
    table = "\n| a | b |\n| - | - |\n| one | `x` |\n"
    found = list(read_markdown(text + table))
    assert texts(found) == ["Title", "Run CODE at CODE now.", "Alt.", "a", "b", "one", "CODE"]
    assert [(each.kind, each.lines[0]) for each in found[:2]] == [("heading", 1), ("paragraph", 3)]


def test_python_docstrings_comments_messages_and_names_are_read() -> None:
    """Everything that a person reads in a Python file is found, and its keys aren't."""
    source = '''"""Module words."""
import re
# One comment
# over two lines.
KEY = "told_s"
def test_the_file_is_read(path):
    """Its docstring.

    Args:
        path: The file's path.
    """
    html = f"<p>There are {path} rows.</p>"
    raise ValueError(f"{path} is not a file")
'''
    found = [(each.kind, each.text, each.lines[0]) for each in read_python(source)]
    assert ("docstring", "Module words.", 1) in found
    assert ("comment", "One comment over two lines.", 3) in found
    assert ("docstring", "The file's path.", 10) in found
    assert ("paragraph", "There are CODE rows.", 12) in found
    assert ("string", "CODE is not a file", 13) in found
    assert ("test", "the file is read", 6) in found
    assert ("identifier", "key", 5) in found
    assert not any("told" in text for _, text, _ in found)


def test_a_line_number_is_that_of_the_words() -> None:
    """A hit in the third line of a paragraph names the third line."""
    source = "Good words.\nMore words.\nIt lies here.\n"
    assert [hit.line for hit in check_passages(read_markdown(source), STYLE)] == [3]


def test_doctests_are_left_out_of_docstrings() -> None:
    """The lines of a doctest and its output aren't prose."""
    text = "Words.\n\n    >>> told()\n    'told lies'\n\nMore words."
    assert texts(read_docstring(text, 1)) == ["Words.", "More words."]


def test_pages_and_scripts_are_read() -> None:
    """A page's text, its titles and its scripts' strings are found; styles and tags aren't."""
    script = '<script>show("No item found", `${n} items left`)</script>'
    assert [each.kind for each in read_html("<h2>What it does</h2>Words.")] == ["heading", "paragraph"]
    page = '<style>p{}</style><p title="A long title">One <b>bold</b> word.</p>' + script
    assert texts(read_html(page)) == ["A long title", "One bold word.", "No item found", "CODE items left"]
    assert texts(read_javascript("/* Why so. */\nlet a = 'x-y'; // one\n")) == ["Why so.", "one"]


def test_notebooks_schemas_and_scripts_are_read(tmp_path: Path) -> None:
    """Markdown cells, schema descriptions, and the comments of shell and Make files are found."""
    cells = [
        {"cell_type": "markdown", "source": ["# Words\n", "\n", "Some text."]},
        {"cell_type": "code", "source": "# A comment\nx = 1"},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}), "utf-8")
    (tmp_path / "b.schema.json").write_text('{"description": "The item\'s key."}', "utf-8")
    (tmp_path / "c.sh").write_text('#!/bin/sh\n# Why so.\necho "It is done: $1"\n', "utf-8")
    assert texts(passages_of(tmp_path / "a.ipynb")) == ["Words", "Some text.", "A comment", "x"]
    assert texts(passages_of(tmp_path / "b.schema.json")) == ["The item's key."]
    assert texts(passages_of(tmp_path / "c.sh")) == ["Why so.", "It is done: CODE"]


def test_the_command_fails_on_errors_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1 with an error and 0 with warnings; a path limits the check to its files."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "bad.md").write_text("It lies here.\n", "utf-8")
    (tmp_path / "fair.md").write_text("Nobody reads it.\n", "utf-8")
    assert main(["--root", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "bad.md: 1 error" in printed
    assert "1: error TechnicalVerbs: Write 'is'" in printed
    assert main(["--root", str(tmp_path), "--only", str(tmp_path / "fair.md")]) == 0
    assert "bad.md" not in capsys.readouterr().out


def test_an_unknown_kind_of_rule_is_refused(tmp_path: Path) -> None:
    """A rule that extends something else is an error, and not passed over."""
    (tmp_path / "Odd.yml").write_text("extends: sequence\nlevel: error\nmessage: no\n", "utf-8")
    with pytest.raises(ValueError, match="sequence"):
        load_rules(tmp_path)
