//! How fast: sessions per second.

use hapax_core::counter::Rate;

use super::columns;
use crate::stats::value::StatValue;
use crate::stats::view::View;

columns! {
    "rate", FBS, "MRP", "sessions in the last second", |v| read(v, |rate| rate.per_second(v.now.ms));
    "rate_lim", F, "CLP", "limit of sessions per second", |v| StatValue::U32(v.proxy.ir.rate_limit_sessions);
    "rate_max", FBS, "MMP|MGP", "most sessions in a second", |v| read(v, Rate::highest);
}

fn read<'v>(view: &'v View<'_>, read: impl FnOnce(&Rate) -> u32) -> StatValue<'v> {
    match (view.server(), view.side()) {
        (Some(server), _) => StatValue::U32(read(&server.session_rate)),
        (None, Some(side)) => StatValue::U32(read(&side.session_rate)),
        (None, None) => StatValue::Empty,
    }
}
