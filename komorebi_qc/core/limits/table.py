"""The table of limits with their sources, in the order in which an analyst asks."""

from __future__ import annotations

from komorebi_qc.core.limits.limit import EVERYTHING, Limit, Range, above, below, beyond

_BT1359 = "ITU-R BT.1359-1: early sound is noticed from 45 ms on"
_PLC = "ITU-T G.711 Appendix I: concealment fades to silence in 60 ms"
_SKEW = Range(-0.045, 0.125)
_SKEW_SOURCE = (
    "ITU-R BT.1359-1, detectability; project choice: it only warns, because timestamps keep tracks in sync even if "
    "they don't begin or end together"
)
_SKEW_MARKS = (
    (Range(-0.040, 0.060), "EBU R37-2007 for the output of a production chain"),
    (Range(-0.045, 0.125), "ITU-R BT.1359-1, detectability"),
    (Range(-0.090, 0.185), "ITU-R BT.1359-1, acceptability"),
)
_TRACKS = ("call", "recording")
_CHANNELS = ("call", "call_customer", "call_agent", "recording")
_PARTS = ("call", "own_audio")
_WHOLE = "project choice: nothing may be missing"

# fmt: off
LIMITS = (
    # The call's place in the recording
    Limit("belonging", below(0.5), EVERYTHING, "probability",
          "project choice: more probable than not. An answer that isn't sure warns, and `no` fails, at any probability",
          "the probability that both files belong to the same call"),
    Limit("call_end_error", Range(0.0, 0.050), EVERYTHING, "s",
          "project choice: a backend learns of the end slightly late. It never fails, because the measured end is used",
          "the reported call end minus the measured one. A reported end that is early also passes, if it is early by "
          "no more than its resolution (1 s for whole seconds)"),
    Limit("alignment_resolution", above(0.045), above(0.2), "s",
          f"{_BT1359}; project choice: a pair that may be 0.2 s off is of no use",
          "how far off the call may be, if it is placed by its reported end, or at one of several places that fit"),
    Limit("delivered_alignment", above(0.045), above(0.2), "s",
          f"{_BT1359}; project choice: a recording that is 0.2 s off is of no use",
          "how far a delivered file has the call from its place, at worst"),
    Limit("delivered_other_sound", above(0.0), EVERYTHING, "s", "project choice",
          "time of a delivered file with sound that is neither the call's nor the recording's"),
    Limit("offset_uncertainty", above(0.045), above(0.2), "s",
          f"{_BT1359}; project choice: a pair that may be 0.2 s off is of no use",
          "half the offset's 95 % interval. It also fails if the call's first words match nothing in the recording"),
    Limit("drift", beyond(100.0), EVERYTHING, "ppm",
          "ITU-T G.711, section 2: a sampling rate is within 50 ppm; two clocks differ by up to 100",
          "how much faster the recording clock runs than the call clock"),
    Limit("jumps", beyond(0.045), EVERYTHING, "s", _BT1359, "the largest jump of the recording against the call"),
    Limit("rate_changes", above(0.045), EVERYTHING, "s", _BT1359,
          "the largest distance between the recording clock and a clock of constant rate"),
    Limit("customer_leg_delay", beyond(0.150), beyond(0.400), "s",
          "ITU-T G.114 (05/2003): under 150 ms is not noticed; no network is planned with more than 400 ms",
          "how much more the recording delays the customer than the agent, relative to the call audio"),
    Limit("customer_leg_delay_changes", beyond(0.150), EVERYTHING, "s",
          "project choice: like a delay, a change is noticed from 150 ms on (ITU-T G.114, 05/2003)",
          "the largest change of that delay during the call"),
    Limit("coverage", below(0.75), EVERYTHING, "share",
          "project choice: in the accuracy benchmark right pairs have 0.93 and more, wrong pairs little",
          "share of the speech that matches the recording, in the agent's part of the call"),
    Limit("unexplained_speech", above(5.0), EVERYTHING, "s",
          "project choice: a sentence to a colleague is shorter",
          "speech of the recording before and during the call that the call audio doesn't have. Stretches under 1 s "
          "don't count"),
    Limit("recording_suspended", above(2.0), EVERYTHING, "s",
          "project choice: a person can't suspend and resume in less; shorter silence is lost packets",
          "the longest suspension: digital silence on both channels. Shorter silence isn't a "
          "suspension, and isn't masked"),
    Limit("recording_redacted", EVERYTHING, EVERYTHING, "s",
          "informational: Contact Lens redacts most calls. It warns if the output isn't masked in sound and picture",
          "the length of the call audio that Contact Lens redacted"),
    Limit("redaction_pending", above(0), EVERYTHING, "analyses",
          "project choice: the setting `prefer` expects an analysis of every call",
          "analyses of Contact Lens that are expected and weren't found"),
    Limit("conversation_outside_call", above(0.0), EVERYTHING, "s",
          "project choice: Connect was asked to record the whole conversation, or only a part of it",
          "the same conversation in the recording's own audio, before the call audio begins or after it ends"),
    Limit("agent_part", EVERYTHING, EVERYTHING, "s", "informational: a transfer or a consultation is not a fault",
          "length of the agent's part of the call, if the agent came later or left early"),
    Limit("call_audio_not_in_record", above(0), EVERYTHING, "recordings",
          "project choice: contact records were asked for, and say which audio is the agent's",
          "call audio that was found by its key's prefix, because the contact's record doesn't name it"),
    Limit("record_disagrees", beyond(3.0), EVERYTHING, "s",
          "project choice: a record has whole seconds, and both of its times may be a second off",
          "the call's end for the agent by the contact's record, minus the call audio's. Both are counted from the "
          "call audio's start, which the record has as the agent's connection"),
    # The call's words
    Limit("transcript_foreign", above(0.5), EVERYTHING, "share",
          "project choice: in made conversations right transcripts have up to 0.45, and those of other calls 0.7 and "
          "more. A transcript beyond the limit isn't used",
          "how much the transcript's turns and the speech of their channels differ: 1 minus the correlation over time"),
    Limit("transcript_coverage", below(0.7), EVERYTHING, "share",
          "project choice: in made conversations right transcripts have 0.95 and more, halves about 0.5. A transcript "
          "beyond the limit isn't used",
          "share of the call's speech that has words in the transcript"),
    Limit("transcript_offset", above(0.150), EVERYTHING, "s",
          "project choice: captions that are later than 0.15 s are noticed. A transcript beyond the limit isn't used",
          "the median distance of the turns' starts from the starts of their speech"),
    # The splice and its inputs
    Limit("call_before_recording", above(1.0), above(600.0), "s",
          "project choice: a recorder starts within a second; a gap of ten minutes means different calls",
          "call audio before the recording begins"),
    Limit("call_audio_left_out", above(0.0), EVERYTHING, "s", _WHOLE, "call audio without a place in the output"),
    Limit("call_end_past_recording", above(0.0), above(1.0), "s",
          "project choice: a time in whole seconds, or the recorder's last buffer, explains up to 1 s",
          "how long after the recording's end the call ends"),
    Limit("after_call_audio", below(0.001), EVERYTHING, "s", "project choice: every call is followed by some audio",
          "length of the recording's own audio after the call"),
    Limit("call_channels", Range(2, 2), EVERYTHING, "channels", "Amazon Connect: customer left, agent right",
          "channels of the call audio"),
    Limit("call_audio_missing", above(0.01), above(0.01), "s", "project choice: less is rounding in the header",
          "length that the call's header declares but the file lacks"),
    Limit("recording_missing", above(0), above(0), "bytes", _WHOLE,
          "bytes that the recording's structure declares but the file lacks"),
    Limit("recording_length_missing", above(0.5), above(0.5), "s",
          "project choice: the length in a header is rounded, and software adds padding",
          "length that the recording's header declares but the file lacks"),
    Limit("recording_audio_channels", below(1), EVERYTHING, "channels",
          "project choice: a recording without audio is a mistake",
          "channels of the recording's audio"),
    Limit("recording_audio_damage", above(0), above(0), "packets", _WHOLE, "audio packets that can't be decoded"),
    Limit("recording_start_pts", above(1.0), EVERYTHING, "s", "project choice: browsers begin near 0",
          "the recording's first PTS"),
    Limit("video_reencoded", above(0), EVERYTHING, "frames", "project choice: a copy is never worse",
          "re-encoded frames"),
    Limit("video_frames_lost", above(0), above(0), "frames", _WHOLE, "frames missing from the output"),
    Limit("video_dts_non_monotonic", above(0), EVERYTHING, "packets", "project choice: timestamps rise",
          "video packets whose DTS runs backwards"),
    # The recording's timestamps
    Limit("audio_gaps", above(0.0), EVERYTHING, "s", _WHOLE,
          "total length of the gaps over 5 ms in the recording's audio", marks=((above(0.060), _PLC),)),
    Limit("audio_gap_share", above(0.05), above(0.05), "share", "project choice: one second in twenty",
          "share of the recording's audio that is lost"),
    Limit("audio_overlaps", above(0.0), EVERYTHING, "s",
          "project choice: timestamps in whole milliseconds are off by less than 5 ms",
          "total length of the overlaps over 5 ms in the recording's audio"),
    Limit("audio_start_skew", _SKEW, EVERYTHING, "s", _SKEW_SOURCE,
          "start of the audio after the start of the video", marks=_SKEW_MARKS),
    Limit("audio_end_skew", _SKEW, EVERYTHING, "s", _SKEW_SOURCE,
          "end of the audio after the end of the video. The limit is widened by one frame, because a file doesn't "
          "store how long its last frame is shown", marks=_SKEW_MARKS),
    Limit("video_freeze", above(10.0), EVERYTHING, "s",
          "project choice: Chromium repeats the frame of a still screen about once a second",
          "the longest time without a new frame"),
    # Levels of each track and channel
    Limit("digital_silence", below(0.2), EVERYTHING, "s", "project choice: silence is measured in steps of 0.1 s",
          "how much of a track isn't digital silence; below the limit, the whole track counts as silent", _TRACKS),
    Limit("dead_air", above(60.0), EVERYTHING, "s", "project choice: no speech for a minute",
          "the longest time without speech", _TRACKS),
    Limit("loudness", EVERYTHING, EVERYTHING, "LUFS", "informational: calls aren't broadcast",
          "the loudness of a track", _TRACKS, ((Range(-23.0, -23.0), "EBU R 128"),)),
    Limit("sound", below(-60.0), EVERYTHING, "dBFS", "project choice: 38 dB under the speech level of RFC 7874",
          "the level of the active sound in a channel", _CHANNELS),
    Limit("speech_level", Range(-28.0, -16.0), EVERYTHING, "dBFS",
          "RFC 7874, section 4: an RMS of 2600 of 32767 (-19 dBm0); automatic gain control may be off by 6 dB",
          "the active speech level", _CHANNELS),
    Limit("true_peak", above(-1.0), EVERYTHING, "dBTP", "EBU R 128: the maximum permitted in production",
          "the highest peak, between samples too", _CHANNELS),
    Limit("clipping", above(0.01), EVERYTHING, "%",
          "project choice: one sample of 10,000; a shout that clips once stays under it", "clipped samples", _CHANNELS),
    Limit("dc_offset", beyond(0.5), EVERYTHING, "%", "project choice: -46 dBFS, 24 dB under speech",
          "the mean, relative to full scale", _CHANNELS),
    Limit("dropouts", above(1.0), EVERYTHING, "1/min", "project choice: one lost packet a minute goes unnoticed",
          "gaps of 5 to 200 ms", _CHANNELS),
    Limit("snr", below(20.0), EVERYTHING, "dB", "project choice: below it, noise is audible in every pause",
          "speech level above the noise floor", _CHANNELS),
    Limit("bandwidth", below(3000.0), EVERYTHING, "Hz",
          "project choice: telephone speech reaches 3400 Hz (ITU-T G.712), minus the part that voices don't use",
          "upper edge of the speech spectrum", _CHANNELS),
    Limit("hold_music", EVERYTHING, EVERYTHING, "s", "informational: a caller on hold is not a fault", "music on hold",
          _CHANNELS),
    # The output, measured again
    Limit("mask_level", above(-70.0), above(-70.0), "dBFS",
          "project choice: 30 dB under the faintest speech that counts as sound; nothing is published above it",
          "the sound left in the masks of the output"),
    Limit("seam_gap", beyond(0.005), beyond(0.060), "s", _PLC,
          "missing, repeated or silent audio at a seam (the join between two sources)"),
    Limit("seam_level_step", beyond(12.0), EVERYTHING, "dB",
          "RFC 7874, section 4: speech is within 6 dB of its level, on each side of the seam",
          "the step in speech level at a seam"),
    Limit("seam_level_added", beyond(1.0), beyond(6.0), "dB",
          "project choice: a step of 1 dB is just noticed; 6 dB halve the amplitude",
          "the level step that the splice added"),
    Limit("seam_click", above(6.0), EVERYTHING, "dB", "project choice: clean seams stay under 0 dB",
          "how much sharper the waveform bends at a seam than around it"),
    Limit("seam_bandwidth", below(2800.0), EVERYTHING, "Hz",
          "project choice: 300 to 3400 Hz of ITU-T G.712, minus the part that voices don't use",
          "upper edge of the speech spectrum on a seam's narrower side"),
    Limit("residual", above(0.001), above(0.020), "s",
          "project choice: 1/40 and 1/2 of the 40 ms of EBU R37-2007",
          "95 % of the sound is at most this far from where the alignment puts it", _PARTS),
    Limit("alignment_residual", above(0.003), above(0.020), "s",
          "project choice: a right alignment leaves 0.2 ms, so 3 ms are a clock error that it misses; 20 ms are 1/2 of "
          "the 40 ms of EBU R37-2007",
          "95 % of the call's sound in the output is at most this far from the recording's own sound"),
    Limit("missing", above(0.25), above(0.5), "share",
          "project choice: a few windows can't be found, because both sides speak at once or there is noise",
          "share of the 1 s windows of active sound that aren't found near where the alignment puts them", _PARTS),
    Limit("output_audio_discontinuities", beyond(0.005), beyond(0.060), "s", _PLC + ", as at a seam",
          "the largest gap or overlap in the output's audio timestamps"),
)
# fmt: on

RENAMED = {
    "customer_leg_steps": "customer_leg_delay_changes",
    "output_audio_steps": "output_audio_discontinuities",
    "picture_frozen": "video_freeze",
    "recording_first_time_stamp": "recording_start_pts",
    "video_time_stamps_disordered": "video_dts_non_monotonic",
}
"""Names of version 0.1, accepted in settings and old documents."""
