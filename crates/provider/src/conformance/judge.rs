use super::fate::{Dice, Fate, Faults, Formed, Garbage, Kills, Spoilt, Undisturbed};
use super::play::Play;
use super::stage::{Form, Held, Stage};
use super::verdict::{Check, Verdict};
use crate::{Answer, Fact, IssueOrder, Item, Order, Provider, Refusal, Size};

/// How many histories of kills and orders of answers are tried.
const HISTORIES: u64 = 12;
/// How far a forecast may be off, in requests, and as a share of what was needed.
const FORECAST: (u64, u64) = (10, 2);

/// Plays a provider through everything that may happen to an import of this order, and judges.
///
/// The order is to be one of all issues with their comments. `make` gives the forge anew for
/// each reading, always the same and one that does not change meanwhile.
pub fn judge(
    provider: &dyn Provider,
    order: &IssueOrder,
    make: &mut dyn FnMut() -> Box<dyn Stage>,
) -> Verdict {
    let mut court = Court { provider, order, make };
    let checks = [
        check("an import brings everything", court.whole()),
        check("requests and tasks keep the rules", court.rules()),
        check("rows name their scope and their issue", court.names()),
        check("answers may come in any order", court.shuffled()),
        check("a kill at any moment changes nothing", court.killed()),
        check("a lost or failing answer loses nothing", court.faulty()),
        check("a limit in every form is a rest", court.limited()),
        check("a refused credential is never an empty success", court.unauthorized()),
        check("a row that cannot be read is skipped, and the others are kept", court.spoilt()),
        check("what is no answer of the forge is refused", court.garbage()),
        check("a sync from its own marks ends and loses nothing", court.synced()),
        check("items and comments can be asked one by one", court.one_by_one()),
        check("a sweep meets everything, and a count counts it", court.swept()),
        check("a forecast is near what an import takes", court.forecast()),
    ];
    Verdict { provider: provider.describe().title.to_owned(), checks: checks.into() }
}

fn check(name: &'static str, outcome: Result<String, String>) -> Check {
    let passed = outcome.is_ok();
    Check { name, passed, why: outcome.unwrap_or_else(|why| why) }
}

struct Court<'p> {
    provider: &'p dyn Provider,
    order: &'p IssueOrder,
    make: &'p mut dyn FnMut() -> Box<dyn Stage>,
}

impl Court<'_> {
    /// Reads an order to the end, and looks at what came of it.
    fn read<T>(
        &mut self,
        order: &Order,
        seed: Option<u64>,
        fate: &mut dyn Fate,
        look: impl FnOnce(&Play<'_>, &Held) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut stage = (self.make)();
        let truth = stage.truth();
        let mut play = Play::new(self.provider, stage.as_mut(), order)?;
        if let Some(seed) = seed {
            play = play.shuffled(seed);
        }
        look(&play.run(fate)?, &truth)
    }

    fn import(&self) -> Order {
        Order::Import(self.order.clone())
    }

    /// An import under this fate brings everything; returns its requests.
    fn brings_all(&mut self, seed: Option<u64>, fate: &mut dyn Fate) -> Result<usize, String> {
        let order = self.import();
        self.read(&order, seed, fate, |play, truth| match play.held.differs(truth) {
            None => Ok(play.requests),
            Some(why) => Err(why),
        })
    }

    fn whole(&mut self) -> Result<String, String> {
        let order = self.import();
        self.read(&order, None, &mut Undisturbed, |play, truth| {
            let skipped: Vec<_> = play.steps.iter().flat_map(|step| &step.skipped).collect();
            if let Some(first) = skipped.first() {
                return Err(format!("{} rows were skipped: {first:?}", skipped.len()));
            }
            play.held.differs(truth).map_or_else(
                || {
                    let (issues, comments) = (truth.issues.len(), truth.comments.len());
                    Ok(format!("{issues} issues, {comments} comments, {} requests", play.requests))
                },
                Err,
            )
        })
    }

    fn rules(&mut self) -> Result<String, String> {
        let order = self.import();
        self.read(&order, None, &mut Undisturbed, |play, _| {
            let broken: Vec<&str> = play.broken.iter().map(String::as_str).collect();
            if broken.is_empty() {
                Ok(format!("{} kinds of tasks", play.kinds.len()))
            } else {
                Err(broken.join("; "))
            }
        })
    }

    fn names(&mut self) -> Result<String, String> {
        let order = self.import();
        let scope = self.order.scope.clone();
        self.read(&order, None, &mut Undisturbed, |play, _| {
            for item in play.steps.iter().flat_map(|step| &step.items) {
                if let Item::Issue(issue) = item
                    && (issue.source != scope || issue.key.is_empty() || issue.raw.is_null())
                {
                    let (key, source) = (&issue.key, &issue.source);
                    return Err(format!("{key:?} of {source:?} lacks its key, scope or reply"));
                }
            }
            let keys = &play.held.issues;
            let stray = play.held.comments.iter().find(|(key, _)| !keys.contains_key(key));
            stray.map_or_else(
                || Ok(format!("{} issues of {scope}", keys.len())),
                |(key, id)| Err(format!("comment {id} names {key:?}, which is no issue")),
            )
        })
    }

    fn shuffled(&mut self) -> Result<String, String> {
        for seed in 0..HISTORIES {
            self.brings_all(Some(seed), &mut Undisturbed)
                .map_err(|why| format!("order {seed}: {why}"))?;
        }
        Ok(format!("{HISTORIES} orders"))
    }

    fn killed(&mut self) -> Result<String, String> {
        let mut kills = 0;
        for seed in 0..HISTORIES {
            let mut fate = Kills::new(Dice::new(seed));
            self.brings_all(Some(seed), &mut fate)
                .map_err(|why| format!("history {seed}, {} kills: {why}", fate.kills))?;
            kills += fate.kills;
        }
        Ok(format!("{HISTORIES} histories, {kills} kills"))
    }

    fn faulty(&mut self) -> Result<String, String> {
        let mut faults = 0;
        for seed in 0..HISTORIES {
            let mut fate = Faults::new(Dice::new(seed));
            self.brings_all(Some(seed), &mut fate)
                .map_err(|why| format!("history {seed}: {why}"))?;
            faults += fate.faults;
        }
        Ok(format!("{HISTORIES} histories, {faults} faults"))
    }

    fn limited(&mut self) -> Result<String, String> {
        let throttled: fn(&Refusal) -> bool = |it| matches!(it, Refusal::Throttled { .. });
        self.formed("a limit", throttled, |stage, good| stage.limits(good))
    }

    fn unauthorized(&mut self) -> Result<String, String> {
        let refused: fn(&Refusal) -> bool = |it| matches!(it, Refusal::Unauthorized { .. });
        self.formed("a refused credential", refused, |stage, good| stage.refusals(good))
    }

    /// Answers each request once in each form before it is answered well.
    fn formed(
        &mut self,
        what: &'static str,
        fits: fn(&Refusal) -> bool,
        forms: fn(&dyn Stage, &Answer) -> Vec<Form>,
    ) -> Result<String, String> {
        let mut form = 0;
        loop {
            let mut fate = Formed::new(form, what, fits, forms);
            self.brings_all(None, &mut fate)?;
            if fate.of == 0 {
                return Err(format!("the stage knows no form of {what}"));
            }
            form += 1;
            if form >= fate.of {
                return Ok(format!("{} forms at each of {} requests", fate.of, fate.dealt));
            }
        }
    }

    fn spoilt(&mut self) -> Result<String, String> {
        let order = self.import();
        let mut fate = Spoilt::default();
        let (skipped, kept) = self.read(&order, None, &mut fate, |play, truth| {
            let skipped = play.steps.iter().map(|step| step.skipped.len()).sum::<usize>();
            let lost = truth.issues.keys().filter(|key| !play.held.issues.contains_key(*key));
            let lost = lost.count();
            let unread = truth
                .comments
                .difference(&play.held.comments)
                .filter(|(key, _)| play.held.issues.contains_key(key));
            Ok((skipped, lost + unread.count()))
        })?;
        match fate.spoilt {
            0 => Err("the stage spoilt no answer".to_owned()),
            spoilt if skipped < spoilt => {
                Err(format!("{spoilt} answers had a bad row, {skipped} rows were skipped"))
            }
            spoilt if kept > skipped * 2 => Err(format!("{spoilt} bad rows cost {kept} rows")),
            spoilt => Ok(format!("{spoilt} bad rows, {skipped} skipped")),
        }
    }

    fn garbage(&mut self) -> Result<String, String> {
        let mut fate = Garbage::default();
        self.brings_all(None, &mut fate)?;
        Ok(format!("{} bodies", fate.dealt))
    }

    fn synced(&mut self) -> Result<String, String> {
        let order = self.import();
        let (marks, held) = self.read(&order, None, &mut Undisturbed, |play, _| {
            Ok((play.marks(), play.held.clone()))
        })?;
        if marks.is_empty() {
            return Err("an import left no mark".to_owned());
        }
        let order = Order::Sync(self.order.clone(), marks);
        let mut stage = (self.make)();
        let truth = stage.truth();
        let play = Play::new(self.provider, stage.as_mut(), &order)?.with(held);
        let play = play.run(&mut Undisturbed)?;
        let requests = play.requests;
        play.held.differs(&truth).map_or_else(|| Ok(format!("{requests} requests")), Err)
    }

    fn one_by_one(&mut self) -> Result<String, String> {
        let order = self.import();
        let numbers = self.read(&order, None, &mut Undisturbed, |play, _| {
            let items = play.steps.iter().flat_map(|step| &step.items);
            Ok(items
                .filter_map(|item| {
                    let Item::Issue(issue) = item else { return None };
                    Some((issue.number, issue.key.clone()))
                })
                .take(5)
                .collect::<Vec<(u64, String)>>())
        })?;
        let wanted: Vec<u64> = numbers.iter().map(|(number, _)| *number).collect();
        let items = Order::Items { order: self.order.clone(), numbers: wanted.clone() };
        self.read(&items, None, &mut Undisturbed, |play, _| {
            let lost = numbers.iter().find(|(_, key)| !play.held.issues.contains_key(key));
            lost.map_or(Ok(()), |(_, key)| Err(format!("{key} was not brought on its own")))
        })?;
        let comments = Order::Comments { scope: self.order.scope.clone(), numbers: wanted };
        self.read(&comments, None, &mut Undisturbed, |play, truth| {
            let of = |(key, _): &&(String, String)| numbers.iter().any(|(_, known)| known == key);
            let lost = truth.comments.iter().filter(of).find(|it| !play.held.comments.contains(it));
            let listed = |key: &String| {
                play.facts()
                    .any(|fact| matches!(fact, Fact::Comments { issue, .. } if issue == key))
            };
            if let Some((key, id)) = lost {
                return Err(format!("comment {id} of {key} was not brought on its own"));
            }
            let unlisted = numbers.iter().find(|(_, key)| !listed(key));
            unlisted.map_or_else(
                || Ok(format!("{} issues", numbers.len())),
                |(_, key)| Err(format!("nothing says that all comments of {key} were listed")),
            )
        })
    }

    fn swept(&mut self) -> Result<String, String> {
        let sweep = Order::Sweep(self.order.clone());
        self.read(&sweep, None, &mut Undisturbed, |play, truth| {
            let met = play.met();
            if let Some(key) = truth.issues.keys().find(|key| !met.contains(key.as_str())) {
                return Err(format!("the sweep does not meet {key}"));
            }
            if !play.facts().any(|fact| matches!(fact, Fact::Listed { .. })) {
                return Err("the sweep does not say that it listed everything".to_owned());
            }
            Ok(())
        })?;
        let count = Order::Count(self.order.clone());
        self.read(&count, None, &mut Undisturbed, |play, truth| {
            let total = play.facts().find_map(|fact| {
                if let Fact::Total { count } = fact { Some(*count) } else { None }
            });
            match total {
                None => Ok("the forge tells no total".to_owned()),
                Some(total) if total >= truth.issues.len() as u64 => {
                    Ok(format!("{total} counted, {} requests", play.requests))
                }
                Some(total) => Err(format!("{total} counted of {}", truth.issues.len())),
            }
        })
    }

    fn forecast(&mut self) -> Result<String, String> {
        let order = Order::Size(self.order.clone());
        let size = self.read(&order, None, &mut Undisturbed, |play, _| {
            let count = |name: &str| {
                let of = play.facts().filter_map(|fact| estimate(fact, name));
                of.reduce(u64::saturating_add)
            };
            let issues = count("issues").ok_or("nothing says how many issues there are")?;
            Ok(Size { issues, comments: count("comments") })
        })?;
        let foretold = self.provider.forecast(self.order, size);
        let needed = self.brings_all(None, &mut Undisturbed)? as u64;
        let off = foretold.abs_diff(needed);
        let said = format!("{foretold} foretold, {needed} needed");
        if off <= FORECAST.0 || off <= needed / FORECAST.1 { Ok(said) } else { Err(said) }
    }
}

/// How many there are of what is called so.
fn estimate(fact: &Fact, name: &str) -> Option<u64> {
    if let Fact::Estimate { what, count } = fact { (what == name).then_some(*count) } else { None }
}
