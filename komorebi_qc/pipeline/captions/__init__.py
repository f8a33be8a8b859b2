"""The words of a call: read, compared with the call's speech, and put on the output clock."""
