//! A value that many hold: what `defaults` say is there once, and most sections and servers only point at it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::Serialize;

/// A value that is shared as long as no holder changes it: who writes gets a copy of his own.
///
/// Reading is a pointer away. A mutable borrow is a write, also where nothing is assigned: look first, then borrow.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct CopyOnWrite<T>(Arc<T>);

impl<T> CopyOnWrite<T> {
    /// Whether both hold the same copy.
    pub fn is_same_as(&self, other: &CopyOnWrite<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where the copy lies: a number that those who hold it have in common, as long as one does.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl<T> Clone for CopyOnWrite<T> {
    fn clone(&self) -> Self {
        CopyOnWrite(self.0.clone())
    }
}

impl<T> From<T> for CopyOnWrite<T> {
    fn from(value: T) -> Self {
        CopyOnWrite(Arc::new(value))
    }
}

impl<T: PartialEq> PartialEq for CopyOnWrite<T> {
    fn eq(&self, other: &Self) -> bool {
        self.is_same_as(other) || *self.0 == *other.0
    }
}

impl<T> Deref for CopyOnWrite<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for CopyOnWrite<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_gets_his_own_copy() {
        let first = CopyOnWrite::from(vec![1]);
        let mut second = first.clone();
        assert!(first.is_same_as(&second));
        second.push(2);
        assert!(!first.is_same_as(&second));
        assert_eq!((first.len(), second.len()), (1, 2));
    }
}
