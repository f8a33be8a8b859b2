"""Runs of packets that can be taken apart."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from komorebi_qc.media.mux.masking.packet_runs import MOST_HELD, packet_runs


@dataclass(slots=True)
class Stamped:
    """A packet's timestamps."""

    pts: int | None
    dts: int | None


def runs(stamps: list[tuple[int | None, int | None]]) -> list[tuple[list[int | None], int | None]]:
    """The runs' PTS, and the next frame's."""
    return [([p.pts for p in run], end) for run, end in packet_runs(iter([Stamped(*both) for both in stamps]))]


def test_without_reordering_a_run_is_a_packet() -> None:
    """Each packet waits only for the next one."""
    taken = 0

    def counted() -> object:
        nonlocal taken
        for pts in (0, 10, 20):
            taken += 1
            yield Stamped(pts, pts)

    found = packet_runs(counted())  # type: ignore[arg-type]
    assert next(found)[1] == 10
    assert taken == 2
    assert [end for _, end in found] == [20, None]


def test_reordered_frames_stay_together() -> None:
    """I0 P3 B1 B2 P6 B4 B5: the two frames before each P depend on it."""
    stamps: list[tuple[int | None, int | None]] = [(0, -2), (3, -1), (1, 0), (2, 1), (6, 2), (4, 3), (5, 4)]
    stamps += [(9, 5), (7, 6), (8, 7), (12, 8), (10, 9), (11, 10)]
    found = runs(stamps)
    assert found[:3] == [([0], 1), ([3, 1, 2], 4), ([6, 4, 5], 7)]
    assert [pts for run, _ in found for pts in run] == [pts for pts, _ in stamps]


def test_a_late_presentation_of_all_frames_needs_no_run() -> None:
    """A constant distance of PTS and DTS reorders nothing."""
    assert runs([(20, 0), (30, 10), (40, 20), (50, 30), (60, 40)])[0] == ([20], 30)


def test_missing_timestamps_are_filled_and_packets_without_any_dropped() -> None:
    """As for a copied track."""
    assert runs([(0, None), (None, 10), (None, None), (20, 20)]) == [([0], 10), ([10], 20), ([20], None)]


@pytest.mark.parametrize("stamps", [(5, 5), (0, 0)])
def test_two_frames_at_one_moment_are_one_run(stamps: tuple[int, int]) -> None:
    """They can't be taken apart."""
    assert runs([stamps, stamps, (9, 9)])[0] == ([stamps[0]] * 2, 9)


def test_a_frame_is_on_show_until_the_next_one_that_is_shown() -> None:
    """A hidden one in between ends nothing."""
    found = packet_runs(iter([Stamped(0, 0), Stamped(8, 8), Stamped(10, 10)]), lambda packet: packet.pts == 8)
    assert [([p.pts for p in run], end) for run, end in found] == [([0], 10), ([8], 10), ([10], None)]


def test_damaged_timestamps_hold_back_a_bounded_number() -> None:
    """Timestamps that fall for ever are no run without end."""
    found = runs([(-number, -number - 1) for number in range(4 * MOST_HELD)])
    assert max(len(run) for run, _ in found) <= MOST_HELD
    assert sum(len(run) for run, _ in found) == 4 * MOST_HELD
