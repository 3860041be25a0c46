"""The bench: two proxies under the same load in one run, interleaved."""
