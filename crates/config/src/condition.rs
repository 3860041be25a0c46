//! Conditional blocks: the expressions of `.if`, `.elif` and `-cc`, and the blocks they open (configuration manual 2.4).

pub mod block;
mod parse;
mod predicate;

use thiserror::Error;

use crate::lexer::Environment;

/// What this build and this run can do; the answers of predicates.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    /// Names for which `feature(NAME)` is true.
    pub features: Vec<&'static str>,
    /// Names for which `enabled(NAME)` is true.
    pub enabled: Vec<&'static str>,
    /// What `version_atleast` and `version_before` compare with, for example `3.2.0`.
    pub version: String,
    /// The OpenSSL version that the TLS library says it stands for, for example `1.1.1`.
    pub openssl_version: String,
    /// Name of the TLS library, for example `AWS-LC 1.61.4`.
    pub ssllib_name: String,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ConditionError {
    /// Upstream's text.
    pub message: String,
    /// The byte of the expression it is about, from 0.
    pub at: usize,
}

/// The value of an expression; an empty one is false.
pub fn evaluate(
    expression: &[u8],
    capabilities: &Capabilities,
    environment: &dyn Environment,
) -> Result<bool, ConditionError> {
    let Some(parsed) = parse::expression(expression)? else {
        return Ok(false);
    };
    let scope = predicate::Scope {
        capabilities,
        environment,
    };
    value(&parsed, &scope).map_err(|message| ConditionError {
        message,
        at: expression.len(),
    })
}

/// A parsed expression.
#[derive(Debug)]
enum Condition {
    Constant(bool),
    Predicate(predicate::Predicate, Vec<Vec<u8>>),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

fn value(condition: &Condition, scope: &predicate::Scope<'_>) -> Result<bool, String> {
    match condition {
        Condition::Constant(value) => Ok(*value),
        Condition::Predicate(predicate, arguments) => predicate.value(arguments, scope),
        Condition::Not(inner) => value(inner, scope).map(|value| !value),
        Condition::All(terms) => {
            for term in terms {
                if !value(term, scope)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Any(terms) => {
            for term in terms {
                if value(term, scope)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests;
