//! The tables of all rooms, joined.

use std::fmt;

use hashbrown::HashMap;

use super::{
    AclKeyword, ActionKeyword, BalanceKeyword, BindOption, CliCommand, Converter, Fetch, LogAlias,
    MatchMethod, Row, RowRef, SectionKeyword, ServerOption, StatColumn,
};

/// The tables of one room. Rooms leave out what they have none of: `Tables { fetches: &[...], ..Tables::NONE }`.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "each field is the table of the type it names")]
pub struct Tables {
    pub sections: &'static [SectionKeyword],
    pub bind_options: &'static [BindOption],
    pub server_options: &'static [ServerOption],
    pub actions: &'static [ActionKeyword],
    pub fetches: &'static [Fetch],
    pub converters: &'static [Converter],
    pub match_methods: &'static [MatchMethod],
    pub acl_keywords: &'static [AclKeyword],
    pub log_aliases: &'static [LogAlias],
    pub balances: &'static [BalanceKeyword],
    pub commands: &'static [CliCommand],
    pub columns: &'static [StatColumn],
}

impl Tables {
    /// No table.
    pub const NONE: Tables = Tables {
        sections: &[],
        bind_options: &[],
        server_options: &[],
        actions: &[],
        fetches: &[],
        converters: &[],
        match_methods: &[],
        acl_keywords: &[],
        log_aliases: &[],
        balances: &[],
        commands: &[],
        columns: &[],
    };
}

/// Rows of one kind by name, in the order of the tables.
pub struct Index<T: Row> {
    by_name: HashMap<&'static str, &'static T>,
    list: Vec<&'static T>,
}

impl<T: Row> Default for Index<T> {
    fn default() -> Self {
        Index {
            by_name: HashMap::new(),
            list: Vec::new(),
        }
    }
}

impl<T: Row> Index<T> {
    fn add(&mut self, rows: &'static [T]) {
        for row in rows {
            self.by_name.entry(row.name()).or_insert(row);
            self.list.push(row);
        }
    }

    /// The row of that name.
    pub fn find(&self, name: &str) -> Option<RowRef<T>> {
        self.by_name.get(name).map(|row| RowRef(*row))
    }

    /// All rows in table order. Section keywords may repeat a name for other sections.
    pub fn iter(&self) -> impl Iterator<Item = &'static T> + '_ {
        self.list.iter().copied()
    }
}

/// Every row of the program.
#[derive(Default)]
#[allow(missing_docs, reason = "each field is the index of the type it names")]
pub struct Registry {
    pub sections: Index<SectionKeyword>,
    pub bind_options: Index<BindOption>,
    pub server_options: Index<ServerOption>,
    pub actions: Index<ActionKeyword>,
    pub fetches: Index<Fetch>,
    pub converters: Index<Converter>,
    pub match_methods: Index<MatchMethod>,
    pub acl_keywords: Index<AclKeyword>,
    pub log_aliases: Index<LogAlias>,
    pub balances: Index<BalanceKeyword>,
    pub commands: Index<CliCommand>,
    pub columns: Index<StatColumn>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Registry {
    /// Joins tables.
    pub fn new<'t>(tables: impl IntoIterator<Item = &'t Tables>) -> Registry {
        let mut registry = Registry::default();
        for table in tables {
            registry.sections.add(table.sections);
            registry.bind_options.add(table.bind_options);
            registry.server_options.add(table.server_options);
            registry.actions.add(table.actions);
            registry.fetches.add(table.fetches);
            registry.converters.add(table.converters);
            registry.match_methods.add(table.match_methods);
            registry.acl_keywords.add(table.acl_keywords);
            registry.log_aliases.add(table.log_aliases);
            registry.balances.add(table.balances);
            registry.commands.add(table.commands);
            registry.columns.add(table.columns);
        }
        registry
    }
}
