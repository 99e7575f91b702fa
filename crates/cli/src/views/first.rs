//! What is said where nothing is yet.

use super::Scene;

/// What this program is, what is built in, and where to begin.
pub(crate) fn render(built_in: &[&str], scene: &Scene) -> String {
    let title = scene.paint.bold("jobctl: long operations as durable background jobs");
    let features = if built_in.is_empty() {
        "Built in: git addresses only. For more: cargo install jobs-cli --features github"
            .to_owned()
    } else {
        format!("Built in: {}, git addresses", built_in.join(", "))
    };
    let (clone, import) = if built_in.contains(&"github") {
        ("jobctl clone github:ORG", "\n  jobctl import github:OWNER/REPO   import its issues")
    } else {
        ("jobctl clone https://…/REPO.git", "")
    };
    format!(
        "{title}\n\nNo jobs yet. {features}\n\nNext:\n  \
         {clone:<32}  clone in the background{import}\n  \
         {:<32}  keep this directory's jobs in it\n  \
         {:<32}  all commands\n",
        "jobctl init", "jobctl --help"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    #[test]
    fn it_names_what_is_built_in_and_where_to_begin() {
        let with = render(&["github"], &samples::scene());
        let without = render(&[], &samples::scene());
        insta::assert_snapshot!(format!("{with}\n----\n{without}"));
    }
}
