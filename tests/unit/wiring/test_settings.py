"""Settings out of the environment."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, RECORDING, TABLE, running_world
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core import output
from komorebi_qc.core.errors import KomorebiError, NotThereYetError, SettingsError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.storage.contact.screen_recordings import ScreenRecordings
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.storage.s3.media import S3Media
from komorebi_qc.wiring import VARIABLES, Settings, aws_client, read_local

if TYPE_CHECKING:
    from pathlib import Path

BUCKETS = {"AC_AUDIO_BUCKET_NAME": CONNECT, "INPUT_BUCKET_NAME": INPUT, "OUTPUT_BUCKET_NAME": OUTPUT}


def test_three_buckets_are_enough() -> None:
    """All else has a default."""
    assert Settings.from_environment(BUCKETS) == Settings(CONNECT, INPUT, OUTPUT)


def test_every_variable_is_read() -> None:
    """Each variable reaches its field."""
    settings = Settings.from_environment(
        {
            **BUCKETS,
            "KOMOREBI_BUCKET_OWNERS": "111111111111, 222222222222, 333333333333",
            "AUDIO_FREQUENCY": "48000",
            "KOMOREBI_AUDIO_BIT_RATE": "96000",
            "KOMOREBI_CONTAINER": "webm",
            "KOMOREBI_UNCONFIRMED": "hold",
            "KOMOREBI_MASK": "sound",
            "KOMOREBI_MASK_MARGIN_S": "1.25",
            "KOMOREBI_OUTSIDE_CALL": "own",
            "KOMOREBI_TABLE_NAME": "Other",
            "KOMOREBI_CONNECT_PREFIX": "connect/mine/",
            "KOMOREBI_ANALYSIS_PREFIX": "connect/mine/Analysis/Voice/",
            "KOMOREBI_REDACTED": "require",
            "KOMOREBI_VIDEO_TRACK": "2",
            "KOMOREBI_MONITORS": "side-by-side",
            "KOMOREBI_SCREEN_RECORDING": "fallback",
            "KOMOREBI_SCREEN_LOCATION": "s3://screens/connect/mine",
            "KOMOREBI_CONTACT_RECORD": "api",
            "KOMOREBI_CONNECT_INSTANCE": "1d908e11",
            "KOMOREBI_JOIN_TABLE": "Join",
            "KOMOREBI_EVENT_BUS": "calls",
            "KOMOREBI_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/q",
            "KOMOREBI_GIVE_UP_AFTER_HOURS": "36.5",
            "KOMOREBI_CACHE_MB": "700",
            "KOMOREBI_LIMITS": "drift=50:200, dead_air=off",
        }
    )
    assert settings == Settings(
        connect_bucket=CONNECT,
        input_bucket=INPUT,
        output_bucket=OUTPUT,
        bucket_owners=("1" * 12, "2" * 12, "3" * 12),
        audio_rate=48_000,
        audio_bit_rate=96_000,
        container="webm",
        unconfirmed="hold",
        mask="sound",
        mask_margin_s=1.25,
        outside_call="own",
        table_name="Other",
        connect_prefix="connect/mine/",
        analysis_prefix="connect/mine/Analysis/Voice",
        redacted="require",
        video_track=2,
        monitors="side-by-side",
        screen_recording="fallback",
        screen_location="s3://screens/connect/mine",
        contact_record="api",
        connect_instance="1d908e11",
        join_table="Join",
        event_bus="calls",
        queue_url="https://sqs.eu-central-1.amazonaws.com/1/q",
        give_up_after=timedelta(hours=36.5),
        cache_mb=700,
        limits=DEFAULT.changed_by("drift=50:200", "dead_air=off"),
    )
    assert settings.limits != DEFAULT


def test_screen_recordings_need_a_place() -> None:
    """The bucket and the prefix become those of the store; without a place nothing can be found."""
    given = {**BUCKETS, "KOMOREBI_SCREEN_RECORDING": "only", "AWS_DEFAULT_REGION": "eu-central-1"}
    with pytest.raises(SettingsError, match="KOMOREBI_SCREEN_LOCATION isn't set"):
        Settings.from_environment(given)
    with pytest.raises(SettingsError, match="KOMOREBI_SCREEN_RECORDING is 'always'"):
        Settings.from_environment({**BUCKETS, "KOMOREBI_SCREEN_RECORDING": "always"})
    with pytest.raises(SettingsError, match="KOMOREBI_VIDEO_TRACK is '0'"):
        Settings.from_environment({**BUCKETS, "KOMOREBI_VIDEO_TRACK": "0"})
    with running_world() as world:
        world.fresh()
        screens = Settings.from_environment({**given, "KOMOREBI_SCREEN_LOCATION": "s3://screens/a/b/"}).media().screens
        assert screens == ScreenRecordings("screens", "a/b", "only")
        assert Settings.from_environment(BUCKETS).media().screens is None


@pytest.mark.parametrize("text", ["1" * 11, "1" * 13, ",".join(["1" * 12] * 2), ",".join(["1" * 12] * 4), "root"])
def test_owners_are_account_ids(text: str) -> None:
    """One for all buckets, or one for each of the three."""
    with pytest.raises(SettingsError, match=r"KOMOREBI_BUCKET_OWNERS is .* 12 digits, or three"):
        Settings.from_environment({**BUCKETS, "KOMOREBI_BUCKET_OWNERS": text})
    assert Settings.from_environment({**BUCKETS, "KOMOREBI_BUCKET_OWNERS": "1" * 12}).bucket_owners == ("1" * 12,) * 3


def test_every_request_names_the_owner_of_its_bucket() -> None:
    """Pages and single requests; without the setting, and for any other bucket, there is no owner."""
    with running_world() as world:
        world.fresh()
        owners = ",".join(digit * 12 for digit in "123")
        for given, wanted in ((owners, {CONNECT: "1" * 12, INPUT: "2" * 12, OUTPUT: "3" * 12}), ("", {})):
            media = Settings.from_environment({**BUCKETS, "KOMOREBI_BUCKET_OWNERS": given}).media()
            asked: list[tuple[str, str | None]] = []

            def note(request: Any, asked: list[tuple[str, str | None]] = asked, **_: Any) -> None:
                owner = request.headers.get("x-amz-expected-bucket-owner")
                asked.append((str(request.url), owner if owner is None else str(owner, "ascii")))

            media.client.meta.events.register("before-send.s3.*", note)
            with pytest.raises(KomorebiError):
                media.input_versions(RECORDING)
            with pytest.raises(KomorebiError), media.agent_recording(RECORDING):
                pass
            media.findings_version(RECORDING)
            media.client.list_objects_v2(Bucket=CONNECT)
            media.client.create_bucket(
                Bucket=f"another-{len(given)}", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )
            for url, owner in asked:
                bucket = next((name for name in (CONNECT, INPUT, OUTPUT) if name in url), "")
                assert owner == wanted.get(bucket), url
            assert {next((n for n in (CONNECT, INPUT, OUTPUT) if n in url), "") for url, _ in asked} >= {
                CONNECT,
                INPUT,
                OUTPUT,
            }


def test_the_defaults_are_those_of_the_list() -> None:
    """An empty environment gives the defaults of the list of variables."""
    defaults = {v.name: v.default for v in VARIABLES if v.default}
    assert Settings.from_environment({**BUCKETS, **defaults}) == Settings.from_environment(BUCKETS)
    assert {v.field for v in VARIABLES} == set(Settings.__slots__)


def test_the_defaults_are_the_pipelines() -> None:
    """Settings and the pipeline's options allow and default to the same."""
    settings = Settings.from_environment(BUCKETS)
    assert Options() == Options(settings.container, settings.audio_rate, settings.audio_bit_rate)


def test_an_empty_variable_is_not_set() -> None:
    """Templates write empty texts for what isn't given; blanks around a value don't count."""
    settings = Settings.from_environment({**BUCKETS, "AUDIO_FREQUENCY": "", "KOMOREBI_TABLE_NAME": " Other "})
    assert (settings.audio_rate, settings.table_name) == (16_000, "Other")
    with pytest.raises(SettingsError, match="INPUT_BUCKET_NAME isn't set"):
        Settings.from_environment({**BUCKETS, "INPUT_BUCKET_NAME": "  "})


def test_all_problems_come_at_once() -> None:
    """One sentence names each variable that is missing or unusable, its value and the allowed ones."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(
            {
                "AC_AUDIO_BUCKET_NAME": "s3://bucket/path",
                "AUDIO_FREQUENCY": "44100",
                "KOMOREBI_GIVE_UP_AFTER_HOURS": "nan",
                "KOMOREBI_LIMITS": "drfit=50",
            }
        )
    text = str(caught.value)
    assert "AC_AUDIO_BUCKET_NAME is 's3://bucket/path' (allowed: a bucket's name" in text
    assert "INPUT_BUCKET_NAME isn't set (the bucket with" in text
    assert "OUTPUT_BUCKET_NAME isn't set" in text
    assert "AUDIO_FREQUENCY is '44100' (allowed: 8000, 12000, 16000, 24000, 48000)" in text
    assert "KOMOREBI_GIVE_UP_AFTER_HOURS is 'nan'" in text
    assert "KOMOREBI_LIMITS: there is no limit 'drfit': did you mean drift?" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUDIO_FREQUENCY", "16_000"),
        ("AUDIO_FREQUENCY", "١٦٠٠٠"),
        ("AUDIO_FREQUENCY", "16000.0"),
        ("KOMOREBI_AUDIO_BIT_RATE", "64k"),
        ("KOMOREBI_AUDIO_BIT_RATE", "-1"),
        ("KOMOREBI_CONTAINER", "MP4"),
        ("KOMOREBI_UNCONFIRMED", "Hold"),
        ("KOMOREBI_UNCONFIRMED", "held"),
        ("KOMOREBI_MASK", "Picture"),
        ("KOMOREBI_MASK", "all"),
        ("KOMOREBI_MASK_MARGIN_S", "-0.5"),
        ("KOMOREBI_MASK_MARGIN_S", "60.5"),
        ("KOMOREBI_MASK_MARGIN_S", "nan"),
        ("KOMOREBI_OUTSIDE_CALL", "before"),
        ("KOMOREBI_TABLE_NAME", "a table"),
        ("KOMOREBI_QUEUE_URL", "recordings"),
        ("KOMOREBI_CONNECT_PREFIX", "a\tb"),
        ("KOMOREBI_ANALYSIS_PREFIX", "a\tb"),
        ("KOMOREBI_REDACTED", "always"),
        ("KOMOREBI_GIVE_UP_AFTER_HOURS", "0"),
        ("KOMOREBI_GIVE_UP_AFTER_HOURS", "1e3"),
        ("OUTPUT_BUCKET_NAME", "a" * 10_000),
    ],
)
def test_unusable_values(name: str, value: str) -> None:
    """Almost right is wrong, and a long value is shown short."""
    with pytest.raises(SettingsError, match=f"{name} is ") as caught:
        Settings.from_environment({**BUCKETS, name: value})
    assert len(str(caught.value)) < 300


@given(st.dictionaries(st.sampled_from([v.name for v in VARIABLES]), st.text()))
def test_any_environment_is_read_or_refused(environ: dict[str, str]) -> None:
    """Any environment gives settings, or one SettingsError."""
    try:
        settings = Settings.from_environment(environ)
    except SettingsError:
        return
    assert settings.audio_rate in output.AUDIO_RATES


def test_the_pipeline_is_wired() -> None:
    """Table, buckets and options come from the settings, and an order runs through them."""
    environ = {**BUCKETS, "AUDIO_FREQUENCY": "24000", "KOMOREBI_GIVE_UP_AFTER_HOURS": "8760"}
    with running_world() as world:
        world.fresh()
        world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "creationDate": {"S": "2999-01-01 00:00:00"}})
        wired = Settings.from_environment(environ).pipeline()
        assert isinstance(wired.table, DynamoTable)
        assert isinstance(wired.media, S3Media)
        assert wired.table.name == TABLE
        assert (wired.media.connect_bucket, wired.media.input_bucket) == (CONNECT, INPUT)
        assert wired.media.give_up_after == timedelta(days=365)
        assert wired.options == Options(audio_rate=24_000)
        with pytest.raises(NotThereYetError, match="CallRecordings"):
            wired.process(Order(RECORDING.recording_id, CallEnd(1.0, 1.0)))


def _no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


def test_a_missing_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No region, no guess: the sentence says where to set it."""
    _no_aws(monkeypatch, tmp_path)
    with pytest.raises(SettingsError, match="set AWS_DEFAULT_REGION"):
        Settings.from_environment(BUCKETS).pipeline()


def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wrong AWS_PROFILE is a setting's error, with its name."""
    _no_aws(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SettingsError, match="nobody"):
        aws_client("s3")


def test_the_shells_start_light() -> None:
    """Importing the shells loads neither boto3 nor the decoders nor moto: they come when they are used."""
    program = (
        "import sys, komorebi_qc.demo.embedded_aws, komorebi_qc.queue.worker, komorebi_qc.queue.handler, "
        "komorebi_qc.storage.local\n"
        "sys.exit(' '.join({'boto3', 'botocore', 'av', 'numpy', 'moto', 'rich'} & sys.modules.keys()))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert found.stderr.strip() == ""


def test_a_settings_error_is_foreseen() -> None:
    """It is one of the package's errors."""
    assert issubclass(SettingsError, KomorebiError)


def test_masks_reach_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """In AWS and on local files; without a setting, sound and picture are masked."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    chosen = {"KOMOREBI_MASK": "none", "KOMOREBI_MASK_MARGIN_S": "2", "KOMOREBI_OUTSIDE_CALL": "silence"}
    masks = Options(mask="none", mask_margin_s=2.0, outside_call="silence")
    assert Settings.from_environment({**BUCKETS, **chosen}).pipeline().options == masks
    assert Options(**read_local(chosen)) == masks
    assert Settings.from_environment(BUCKETS).pipeline().options.mask == "picture"


def test_the_rule_for_unconfirmed_pairs_reaches_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pipeline in AWS and of a run on local files; without the variable it is auto."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    environ = {**BUCKETS, "KOMOREBI_UNCONFIRMED": "publish"}
    assert Settings.from_environment(environ).pipeline().options.unconfirmed == "publish"
    assert Settings.from_environment(BUCKETS).pipeline().options.unconfirmed == "auto"
    assert Options(**read_local(environ)).unconfirmed == "publish"


def test_contact_lens_files_reach_the_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked for by default, off switches that off, and redacted audio can't be wanted then."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    media = Settings.from_environment(BUCKETS).media()
    assert (media.analysis_prefix, media.redacted) == ("Analysis/Voice", "ignore")
    media = Settings.from_environment({**BUCKETS, "KOMOREBI_REDACTED": "prefer"}).media()
    assert (media.analysis_prefix, media.redacted) == ("Analysis/Voice", "prefer")
    off = {**BUCKETS, "KOMOREBI_ANALYSIS_PREFIX": "off"}
    assert Settings.from_environment(off).media().analysis_prefix is None
    with pytest.raises(SettingsError, match="KOMOREBI_REDACTED is 'require', and KOMOREBI_ANALYSIS_PREFIX is off"):
        Settings.from_environment({**off, "KOMOREBI_REDACTED": "require"})
