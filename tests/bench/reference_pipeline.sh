#!/usr/bin/env bash
# The predecessor's way, for `make bench` to compare with: six FFmpeg processes that hand each other whole files.
#
#   reference_pipeline.sh RECORDING CONNECT CALL_END OUT.mp4 [RATE [BIT_RATE]]
#
# RATE has to be the call's own: step 4 joins the parts without resampling. BIT_RATE (96k) is the encoder's, else its own.
# It has the predecessor's limits: video that MP4 can hold, stereo audio, a call end within the recording.
# (Its faults are kept: with mono audio the after-call part plays at double speed, and no error is reported.)
set -euo pipefail
recording=$1 connect=$(realpath "$2") call_end=$3 out=$4 rate=${5:-8000} bit_rate=${6:-}

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
run() { ffmpeg -v error -nostdin -y "$@"; }

# 1, 2: the recording's audio as PCM at the call's rate, and its video, copied.
run -i "$recording" -vn -c:a pcm_s16le -ar "$rate" "$scratch/sound.wav"
run -i "$recording" -an -c:v copy "$scratch/picture.mp4"
# 3: the audio after the call; the seek is on the output's side, so all before it is read as well.
run -i "$scratch/sound.wav" -ss "$call_end" -q:a 0 -map a "$scratch/after.wav"
# 4: the call audio, then the after-call audio.
printf "file '%s'\n" "$connect" "$scratch/after.wav" >"$scratch/parts"
run -f concat -safe 0 -i "$scratch/parts" -c copy "$scratch/joined.wav"
# 5: audio and video together, with FFmpeg's default AAC coder.
run -i "$scratch/joined.wav" -i "$scratch/picture.mp4" -c:a aac ${bit_rate:+-b:a "$bit_rate"} -c:v copy "$out"
# 6: the thumbnail.
run -i "$out" -ss 00:00:01.000 -frames:v 1 "$scratch/thumbnail.png"
