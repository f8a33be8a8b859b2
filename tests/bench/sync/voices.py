"""Real voices for the bench: Debian's Asterisk prompts, decoded once into one file a speaker.

Allison Smith (en, es), June Wallack (fr), Carlo Flora (it) and the Russian IVR voice; the hold music is of
asterisk-moh-opsound-wav. A cache that already holds a speaker's file needs none of the packages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RATE = 16_000
SOUNDS = Path("/usr/share/asterisk/sounds")
CACHE = Path(__file__).resolve().parents[3] / "bench-output" / "sync"
MUSIC = "music"
MUSIC_PACKAGE = "asterisk-moh-opsound-wav"
FOLDERS = {
    "en": "en_US_f_Allison",
    "es": "es_MX_f_Allison",
    "fr": "fr_CA_f_June",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}
NAMES = (*FOLDERS, MUSIC)
LEAST_BYTES = 8000
"""A second of G.722: shorter prompts are single letters and digits."""
MOST_S = 9


class VoicesMissingError(Exception):
    """No voices to speak with; its text is a sentence for a person."""


@dataclass(slots=True)
class Places:
    """The folders of the installed prompts and of the decoded ones."""

    sounds: Path = SOUNDS
    cache: Path = CACHE

    def source(self, name: str) -> list[Path]:
        """The installed files of a speaker, or of the music (a folder beside the sounds)."""
        if name == MUSIC:
            return sorted((self.sounds.parent / "moh").glob("*.wav"))
        found = sorted((self.sounds / FOLDERS[name]).rglob("*.g722"))
        return [f for f in found if f.stat().st_size > LEAST_BYTES and "silence" not in f.parts]

    def held(self, name: str) -> Path:
        """The decoded file of a speaker."""
        return self.cache / f"voice_{name}.npz"


places = Places()


def use(sounds: Path, cache_folder: Path) -> None:
    """Look there from now on."""
    places.sounds, places.cache = sounds, cache_folder
    clips.cache_clear()


def keep(name: str, pieces: Sequence[NDArray[np.int16]]) -> None:
    """Write a speaker's clips (16 kHz) into the cache."""
    edges = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    target = places.held(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"part_{target.name}")
    np.savez(part, data=np.concatenate(pieces), edges=edges)
    part.replace(target)


def prepare() -> None:
    """Decode what the cache lacks.

    Raises:
        VoicesMissingError: if packages are missing; it names them.
    """
    wanted = {name: places.source(name) for name in NAMES if not places.held(name).exists()}
    missing = [
        MUSIC_PACKAGE if name == MUSIC else f"asterisk-core-sounds-{name}-g722"
        for name, files in wanted.items()
        if not files
    ]
    if missing:
        raise VoicesMissingError(
            f"the bench speaks with Debian's Asterisk prompts, and in {places.sounds} some are missing: "
            f"apt-get install {' '.join(missing)}, or name their folder with --sounds"
        )
    for name, files in wanted.items():
        kind = None if name == MUSIC else "g722"
        most = None if name == MUSIC else MOST_S * RATE
        keep(name, [_decoded(file, kind)[:most] for file in files])


def _decoded(path: Path, kind: str | None) -> NDArray[np.int16]:
    with av.open(str(path), format=kind) as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        parts = [r.to_ndarray()[0] for f in container.decode(audio=0) for r in resampler.resample(f)]
        parts += [r.to_ndarray()[0] for r in resampler.resample(None)]
    return np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, np.int16)


@cache
def clips(name: str) -> tuple[NDArray[np.int16], ...]:
    """Every prompt of a speaker (or every piece of music: "music")."""
    with np.load(places.held(name)) as held:
        data, edges = held["data"], held["edges"]
    return tuple(data[a:b] for a, b in pairwise(edges))


def clip(name: str, index: int) -> NDArray[np.float32]:
    """One prompt at full scale 1."""
    pool = clips(name)
    return pool[index % len(pool)].astype(np.float32) / np.float32(32768)
