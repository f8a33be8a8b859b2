"""The inputs that the rows of a dataset name: files of this machine or objects that a list named."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.erasure.file_tree import open_tree
from komorebi_qc.erasure.plan import Artefact
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.erasure.dataset_rows import DatasetRows
    from komorebi_qc.erasure.file_tree import FileTree
    from komorebi_qc.erasure.plan import Kind

_KINDS: tuple[tuple[str, Kind], ...] = (
    ("call", "call audio"),
    ("recording", "agent recording"),
    ("analysis", "Contact Lens file"),
    ("transcript", "transcript"),
)


@dataclass(frozen=True, slots=True)
class ListedInputs:
    """Inputs of recordings that were listed as files.

    Attributes:
        dataset: the dataset.
        may_use_s3: whether inputs on S3 are looked for.
    """

    dataset: DatasetRows
    may_use_s3: bool = True
    places: dict[str, tuple[FileTree, str, str]] = field(default_factory=dict)

    def find(self) -> Iterator[Artefact]:
        """Yield the files that exist; one that another recording's row names as well is kept.

        Raises:
            InputError: a file of the dataset can't be read.
            StorageError: a store doesn't answer.
            AccessDeniedError: a store refuses access.
        """
        listed = {
            (row[column], kind)
            for row in self.dataset.rows()
            if row["named_by"] == "files"
            for column, kind in _KINDS
            if row[column]
        }
        for address, kind in sorted(listed):
            is_on_s3 = address.startswith("s3://")
            if (is_on_s3 and not self.may_use_s3) or (not is_on_s3 and not Path(address).is_file()):
                continue
            tree = open_tree(address, lambda: aws_client("s3"))
            for file in tree.files():
                if is_on_s3 and file.address != address:  # the object is gone, and others are below its key
                    continue
                self.places[file.address] = (tree, file.name, address)
                for one in tree.artefacts(file, kind, file.versions, is_input=True):
                    if self.dataset.other_users(address):
                        yield Artefact(
                            *(kind, one.address, one.count, one.versions),
                            is_input=True,
                            kept_because="a row of another recording names it too",
                        )
                    else:
                        yield one

    def remove(self, artefact: Artefact) -> None:
        """Remove a file and a link by which it was listed, or versions of an object.

        Raises:
            StorageError: it can't be removed now.
            AccessDeniedError: it can't be removed.
        """
        tree, name, listed = self.places[artefact.address]
        tree.remove(name, artefact.versions)
        if not listed.startswith("s3://") and Path(listed).is_symlink():
            Path(listed).unlink(missing_ok=True)
