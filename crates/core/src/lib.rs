//! The shared nouns of hapax: spans, diagnostics, samples, keyword rows, IR and live state.
