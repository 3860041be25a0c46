//! Lists of users, their passwords and groups.

use serde::Serialize;

use crate::span::Span;

/// A `userlist` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserList {
    /// Its name.
    pub name: String,
    /// The section line.
    pub span: Span,
    /// The users.
    pub users: Vec<User>,
    /// The groups.
    pub groups: Vec<Group>,
}

/// A `user` line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct User {
    /// The name.
    pub name: Vec<u8>,
    /// The password.
    pub password: Password,
    /// Names of groups the line gave; once everything is read also those that name the user.
    pub groups: Vec<Vec<u8>>,
}

/// What a password is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum Password {
    /// None was given: nobody can log in.
    #[default]
    None,
    /// Clear text.
    Plain(Vec<u8>),
    /// A hash in the form of crypt(3).
    Hashed(Vec<u8>),
}

/// A `group` line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The name.
    pub name: Vec<u8>,
    /// Users that the line named.
    pub users: Vec<Vec<u8>>,
}
