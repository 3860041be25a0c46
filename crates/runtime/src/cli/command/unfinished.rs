//! Answers that are written in pieces: traffic goes on between them, and nobody holds a long one in memory.

use std::fmt;
use std::sync::Arc;

use hapax_core::contract::Now;
use hapax_core::program::{Program, Proxy};

/// What is left of an answer.
pub struct Unfinished {
    program: Arc<Program>,
    /// The proxy that comes next.
    at: usize,
    each: Box<Each>,
    /// What is said about every proxy once `each` was.
    then: Option<Box<Each>>,
    /// What stands behind everything.
    end: &'static [u8],
}

/// Appends what is said about a proxy.
type Each = dyn FnMut(&Program, &Proxy, Now, &mut Vec<u8>);

impl Unfinished {
    /// An answer that says something about every proxy.
    pub fn over_proxies(
        program: &Arc<Program>,
        each: impl FnMut(&Program, &Proxy, Now, &mut Vec<u8>) + 'static,
    ) -> Unfinished {
        Unfinished {
            program: program.clone(),
            at: 0,
            each: Box::new(each),
            then: None,
            end: b"",
        }
    }

    /// The same, with something behind everything.
    #[must_use]
    pub fn ending_with(self, end: &'static [u8]) -> Unfinished {
        Unfinished { end, ..self }
    }

    /// The same, with something else about every proxy behind it.
    #[must_use]
    pub fn then(
        self,
        each: impl FnMut(&Program, &Proxy, Now, &mut Vec<u8>) + 'static,
    ) -> Unfinished {
        let then = Some(Box::new(each) as Box<Each>);
        Unfinished { then, ..self }
    }

    /// Appends the next piece; false when nothing is left.
    pub fn next(&mut self, now: Now, out: &mut Vec<u8>) -> bool {
        let Some(proxy) = self.program.proxies.get(self.at) else {
            let Some(then) = self.then.take() else {
                out.extend_from_slice(self.end);
                return false;
            };
            (self.each, self.at) = (then, 0);
            return true;
        };
        (self.each)(&self.program, proxy, now, out);
        self.at += 1;
        true
    }
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unfinished")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
