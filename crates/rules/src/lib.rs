//! Actions of rulesets and their evaluation.
