"""From environment variables to settings, and from settings to AWS clients, stores and the pipeline."""

from komorebi_qc.wiring.clients import aws_client, caller_arn
from komorebi_qc.wiring.contact_records import chain_records, given_contact_records
from komorebi_qc.wiring.pipeline import WiredPipeline
from komorebi_qc.wiring.reach import aws_confinement
from komorebi_qc.wiring.settings import Settings, present_limits, present_signing_key, read_local
from komorebi_qc.wiring.variables import VARIABLES, Variable

__all__ = [
    "VARIABLES",
    "Settings",
    "Variable",
    "WiredPipeline",
    "aws_client",
    "aws_confinement",
    "caller_arn",
    "chain_records",
    "given_contact_records",
    "present_limits",
    "present_signing_key",
    "read_local",
]
