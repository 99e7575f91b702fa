//! Limits, what is in use of them, and where each was set.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jobctl_core::{Kind, Usage};
use serde::Serialize;

use super::Scene;
use super::table::{Column, Table};
use crate::json;
use crate::queue::Queue;
use crate::settings::{Limit, LimitSettings, short};
use crate::text;

/// All kinds, in the order in which they are shown.
const KINDS: [Kind; 4] =
    [Kind::CloneRepos, Kind::ImportIssues, Kind::SyncExternal, Kind::RunCommand];

/// Limits as people read them.
pub(crate) fn render(settings: &LimitSettings, queue: &Queue, scene: &Scene) -> String {
    let limits = Shape::of(settings, queue);
    let columns = [
        Column::Whole("Limit"),
        Column::Whole("Value"),
        Column::Whole("In use"),
        Column::Cut("Set in"),
    ];
    let mut table = Table::new(columns);
    let mut row = |name: &str, limit: &LimitShape| {
        let value = limit.value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let set_in = limit.set_in.as_deref().map_or_else(|| "-".to_owned(), text::line);
        table.add([text::clip(name, 40), value, limit.in_use.to_string(), set_in]);
    };
    row("max_parallel", &limits.max_parallel);
    limits.kinds.iter().for_each(|(name, limit)| row(name, limit));
    limits.resources.iter().for_each(|(name, limit)| row(name, limit));
    let mut out = table.render(scene.width);
    out.extend(standstill(&limits).map(|why| format!("\n{why}\n")));
    if limits.pending > 0 {
        let jobs = text::plural(limits.pending as u64, "pending job", "pending jobs");
        let _ = writeln!(out, "\n{jobs}: jobctl list --status pending");
    }
    out
}

/// Why nothing starts at all, and what to do about it.
fn standstill(limits: &Shape) -> Option<&'static str> {
    if limits.drain {
        Some(
            "Draining: nothing starts, what runs goes on. To start jobs again: \
             jobctl limits --no-drain",
        )
    } else if limits.max_parallel.value == Some(0) {
        Some(
            "max_parallel is 0: nothing starts, what runs goes on. To start jobs again: \
             jobctl limits max_parallel=N",
        )
    } else {
        None
    }
}

/// Limits as `--json` prints them.
pub(crate) fn shape(settings: &LimitSettings, queue: &Queue) -> String {
    #[derive(Serialize)]
    struct Answer {
        schema: u32,
        limits: Shape,
    }
    json::text(&Answer { schema: json::SCHEMA, limits: Shape::of(settings, queue) })
}

#[derive(Debug, Serialize)]
struct Shape {
    max_parallel: LimitShape,
    drain: bool,
    kinds: BTreeMap<&'static str, LimitShape>,
    resources: BTreeMap<String, LimitShape>,
    pending: usize,
}

/// One limit; without a value there is none.
#[derive(Debug, Serialize)]
struct LimitShape {
    value: Option<usize>,
    in_use: usize,
    set_in: Option<String>,
}

impl Shape {
    fn of(settings: &LimitSettings, queue: &Queue) -> Self {
        let LimitSettings { values, origins } = settings;
        let Usage { slots, kinds, resources } = queue.usage();
        let set_in = |limit: &Limit| origins.get(limit).map(ToString::to_string);
        let kind = |kind: Kind| {
            let value = values.kinds.get(&kind).copied();
            let in_use = kinds.get(&kind).copied().unwrap_or_default();
            let shape = LimitShape { value, in_use, set_in: set_in(&Limit::Kind(kind)) };
            (value.is_some() || in_use > 0).then_some((short(kind), shape))
        };
        let resource = |name: &str| {
            let limit = LimitShape {
                value: Some(values.capacity(name) as usize),
                in_use: resources.get(name).copied().unwrap_or_default() as usize,
                set_in: set_in(&Limit::Resource(name.to_owned())),
            };
            (name.to_owned(), limit)
        };
        let mut names: BTreeSet<&str> = queue.resources();
        names.extend(values.resources.keys().map(String::as_str));
        Self {
            max_parallel: LimitShape {
                value: Some(values.max_parallel),
                in_use: slots,
                set_in: set_in(&Limit::MaxParallel),
            },
            drain: values.drain,
            kinds: KINDS.into_iter().filter_map(kind).collect(),
            resources: names.into_iter().map(resource).collect(),
            pending: queue.pending(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jobctl_core::Limits;

    use super::*;
    use crate::settings::Origin;
    use crate::views::samples;

    fn settings(limits: Limits) -> LimitSettings {
        let origin = Origin::File("/home/a/acme/.jobs/jobctl.toml".into());
        let origins = [(Limit::Kind(Kind::CloneRepos), origin)].into();
        LimitSettings { values: limits, origins }
    }

    #[test]
    fn limits_with_what_is_in_use_and_why_nothing_starts() {
        let limits = Limits {
            kinds: [(Kind::CloneRepos, 1)].into(),
            resources: [("db".to_owned(), 3)].into(),
            ..Limits::parallel(4)
        };
        let view = |limits: Limits| {
            let queue = Queue::of_open(&samples::all(), limits.clone());
            render(&settings(limits), &queue, &samples::scene())
        };
        let drained = Limits { drain: true, ..limits.clone() };
        let none = Limits { max_parallel: 0, ..limits.clone() };
        insta::assert_snapshot!([view(limits), view(drained), view(none)].join("\n----\n\n"));
    }
}
