"""The conformance runner: reads cases, plays them against two binaries, compares the transcripts."""
