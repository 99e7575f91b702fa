use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::*;

fn read_with(texts: &[&str], known: &Known<'_>) -> Result<Vec<Group>, BadSource> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    parse(&texts, known)
}

fn known(connections: &BTreeMap<String, ConnectionSettings>) -> Known<'_> {
    Known { connections, api_url: None, allow_http: false, directory: Path::new("/") }
}

/// One line for each source: its connection and what is wanted, or the error and its hint.
fn table(texts: &[&str], known: &Known<'_>) -> String {
    let mut out = String::new();
    for text in texts {
        match read_with(&[text], known) {
            Ok(groups) => {
                let (connection, wanted) = (&groups[0].connection, &groups[0].wanted[0]);
                let what = match wanted {
                    Wanted::Owner { owner } => format!("owner {owner}"),
                    Wanted::Repository { owner, name } => format!("repository {owner} {name}"),
                    Wanted::Address { url, full_name } => format!("{full_name} at {url}"),
                };
                let _ =
                    writeln!(out, "{text}\n  {} {}: {what}", connection.name, connection.api_url);
            }
            Err(error) => {
                let hint = error.hint().unwrap_or_default();
                let _ = writeln!(out, "{text}\n  error: {error}\n  hint: {hint}");
            }
        }
    }
    out
}

const TEXTS: [&str; 28] = [
    "github:acme",
    "github:acme/api",
    "github:acme/api.git",
    "github:/acme/",
    "https://github.com/acme",
    "https://github.com/acme/api",
    "https://www.github.com/acme/api/issues?q=is%3Aopen",
    "https://github.com/orgs/acme/repositories",
    "https://github.com/acme/api.git",
    "git@github.com:acme/api.git",
    "ssh://git@github.com/acme/api.git",
    "github.com/acme/api",
    "github:https://github.com/acme/api/tree/main",
    "https://git.example.org/team/tool.git",
    "http://127.0.0.1:8080/tool.git",
    "http://git.example.org/team/tool.git",
    "git@git.example.org:team/tool.git",
    "ftp://git.example.org/team/tool.git",
    "https://user:secret@git.example.org/team/tool.git",
    "https://git.example.org/team/tool.git?token=secret",
    "github:acme/../etc",
    "github:acme/..",
    "github:ac%20me",
    "github:",
    "jira:PAY",
    "ado:contoso/Shop",
    "https://acme.atlassian.net/browse/PAY-1",
    "acme/api",
];

#[cfg(feature = "github")]
#[test]
fn every_form_of_a_source() {
    insta::assert_snapshot!(table(&TEXTS, &known(&BTreeMap::new())));
}

#[cfg(not(feature = "github"))]
#[test]
fn every_form_of_a_source_without_providers() {
    insta::assert_snapshot!(table(&TEXTS, &known(&BTreeMap::new())));
}

#[cfg(feature = "github")]
#[test]
fn an_api_address_moves_github_and_its_browser_addresses() {
    let connections = BTreeMap::new();
    let known = Known { api_url: Some("http://127.0.0.1:8080"), ..known(&connections) };
    let texts =
        ["github:acme", "http://127.0.0.1:8080/acme/api.git", "https://github.com/acme/api"];
    insta::assert_snapshot!(table(&texts, &known), @r"
    github:acme
      github@127.0.0.1:8080 http://127.0.0.1:8080/: owner acme
    http://127.0.0.1:8080/acme/api.git
      github@127.0.0.1:8080 http://127.0.0.1:8080/: repository acme api
    https://github.com/acme/api
      github https://api.github.com/: repository acme api
    ");
    let known = Known { api_url: Some("http://forge.example"), ..known };
    assert!(matches!(read_with(&["github:acme"], &known), Err(BadSource::PlainHttp(_))));
}

#[cfg(feature = "github")]
#[test]
fn connections_have_names_and_hosts() {
    let settings = ConnectionSettings {
        api_url: Some("https://forge.example/api/v3".into()),
        ..ConnectionSettings::default()
    };
    let connections = BTreeMap::from([("work".to_owned(), settings)]);
    let texts = ["work:acme/api", "https://forge.example/acme/api", "home:acme"];
    insta::assert_snapshot!(table(&texts, &known(&connections)));
}

#[cfg(feature = "github")]
#[test]
fn sources_of_one_connection_make_one_group() {
    let directory = tempfile::tempdir().unwrap();
    let list = "# ours\ngithub:acme/api\n\n  github:other  \nhttps://git.example.org/a/b.git\n";
    let mut file = std::fs::File::create(directory.path().join("list")).unwrap();
    std::io::Write::write_all(&mut file, list.as_bytes()).unwrap();
    let connections = BTreeMap::new();
    let known = Known { directory: directory.path(), ..known(&connections) };
    let groups = read_with(&["github:acme", "@list", "github:acme"], &known).unwrap();
    let texts: Vec<_> = groups.iter().map(|group| group.texts.join(" ")).collect();
    assert_eq!(
        texts,
        ["github:acme github:acme/api github:other", "https://git.example.org/a/b.git"]
    );
    assert!(matches!(read_with(&["@missing"], &known), Err(BadSource::File { .. })));
    assert!(matches!(read_with(&[], &known), Err(BadSource::None)));
}
