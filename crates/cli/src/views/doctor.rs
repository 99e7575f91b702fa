//! What `doctor` found, in words.

use std::fmt::Write as _;

use jobctl_store::Finding;

use super::Scene;
use crate::text;

/// What was found, and what became of it.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    /// How many jobs were looked at.
    pub(crate) jobs: usize,
    /// The gravest first.
    pub(crate) findings: Vec<(Finding, Outcome)>,
    /// Whether anything is damaged now.
    pub(crate) damaged: bool,
}

/// What became of a finding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing was tried.
    Untouched,
    /// It was repaired, and how.
    Repaired(String),
    /// A repair did not work, and why.
    Failed(String),
}

/// Everything that was found, and in one line what that means.
pub(crate) fn render(diagnosis: &Diagnosis, scene: &Scene) -> String {
    let mut out = String::new();
    for (finding, outcome) in &diagnosis.findings {
        let title = if finding.kind.is_damage() {
            scene.paint.red("Damaged:")
        } else {
            scene.paint.yellow("Found:")
        };
        let _ = writeln!(out, "{title} {}", text::line(&finding.path.to_string_lossy()));
        let _ = writeln!(out, "  {}", text::line(&finding.message));
        match (outcome, &finding.repair) {
            (Outcome::Untouched, Some(repair)) => {
                let _ = writeln!(out, "  Repair: {}.", text::line(repair.words()));
            }
            (Outcome::Untouched, None) => {}
            (Outcome::Repaired(done), _) => {
                let _ = writeln!(out, "  {} {}.", scene.paint.green("Repaired:"), text::line(done));
            }
            (Outcome::Failed(why), _) => {
                let _ =
                    writeln!(out, "  {} {}.", scene.paint.red("Not repaired:"), text::line(why));
            }
        }
        out.push('\n');
    }
    let jobs = text::plural(diagnosis.jobs as u64, "job", "jobs");
    let verdict = match (diagnosis.damaged, diagnosis.findings.is_empty()) {
        (true, _) => format!("Something is damaged ({jobs})"),
        (false, true) => format!("No problems found ({jobs})"),
        (false, false) => format!("Nothing is damaged ({jobs})"),
    };
    out.push_str(&verdict);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use jobctl_core::JobId;
    use jobctl_store::FindingKind;

    use super::*;
    use crate::views::samples;

    fn finding(kind: FindingKind, path: &str, message: &str) -> Finding {
        let id = Some(JobId::from_bits(7));
        Finding { kind, id, path: path.into(), message: message.to_owned(), repair: None }
    }

    #[test]
    fn what_was_found_is_told_and_what_became_of_it() {
        let journal = finding(FindingKind::Journal, "/s/jobs/\u{1b}[2J", "It is damaged.");
        let held = finding(FindingKind::LostJournal, "/s/jobs/7", "It is lost.");
        let torn = finding(FindingKind::Torn, "/s/jobs/8", "Harmless.");
        let findings = vec![
            (journal, Outcome::Repaired("written anew".to_owned())),
            (held, Outcome::Failed("job 00000007 is held by another process".to_owned())),
            (torn, Outcome::Untouched),
        ];
        let diagnosis = Diagnosis { jobs: 2, findings, damaged: true };
        insta::assert_snapshot!(render(&diagnosis, &samples::scene()), @r"
        Damaged: /s/jobs/
          It is damaged.
          Repaired: written anew.

        Damaged: /s/jobs/7
          It is lost.
          Not repaired: job 00000007 is held by another process.

        Found: /s/jobs/8
          Harmless.

        Something is damaged (2 jobs)
        ");
        let healthy = Diagnosis { jobs: 1, findings: Vec::new(), damaged: false };
        assert_eq!(render(&healthy, &samples::scene()), "No problems found (1 job)\n");
    }
}
