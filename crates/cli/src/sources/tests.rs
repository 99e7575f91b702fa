use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::*;

fn read_with(texts: &[&str], known: &Known<'_>) -> Result<Vec<Group>, BadSource> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    parse(&texts, known)
}

fn known(connections: &BTreeMap<String, ConnectionSettings>) -> Known<'_> {
    Known {
        connections,
        api_url: None,
        jira_url: None,
        allow_http: false,
        directory: Path::new("/"),
    }
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
                    Wanted::Project { name } => format!("project {name}"),
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

#[cfg(all(feature = "github", feature = "jira", feature = "ado"))]
#[test]
fn every_form_of_a_source() {
    insta::assert_snapshot!(table(&TEXTS, &known(&BTreeMap::new())));
}

#[cfg(not(any(feature = "github", feature = "jira", feature = "ado")))]
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

#[cfg(all(feature = "jira", feature = "ado"))]
#[test]
fn every_form_of_jira_and_azure_devops() {
    let texts = [
        "jira:PAY",
        "jira:pay",
        "jira:PAY-42",
        "jira:P Y",
        "jira:42",
        "jira:https://acme.atlassian.net/PAY",
        "jira:https://issues.example.org/tracker/PAY",
        "jira:https://issues.example.org/tracker/browse/PAY-7",
        "jira:http://issues.example.org/PAY",
        "https://acme.atlassian.net/browse/PAY-1",
        "https://acme.atlassian.net/jira/software/c/projects/PAY/boards/1?label=x",
        "https://acme.atlassian.net/",
        "ado:contoso",
        "ado:contoso/Shop",
        "ado:contoso/Shop Floor/web app",
        "ado:contoso/Shop%20Floor",
        "ado:contoso/100%/x",
        "ado:a/b/c/d",
        "ado:contoso/a:b",
        "ado:contoso/ ",
        "https://dev.azure.com/contoso",
        "https://dev.azure.com/contoso/Shop%20Floor/_git/web",
        "https://contoso@dev.azure.com/contoso/Shop/_git/web",
        "https://secret@dev.azure.com/contoso/Shop/_git/web",
        "https://dev.azure.com/contoso/_git/Shop",
        "https://dev.azure.com/contoso/Shop/_workitems/edit/77",
        "https://dev.azure.com/contoso/_settings/projects",
        "https://contoso.visualstudio.com/DefaultCollection/Shop/_git/web",
        "https://contoso.visualstudio.com/Shop/_workitems/edit/77",
        "git@ssh.dev.azure.com:v3/contoso/Shop%20Floor/web",
        "contoso@vs-ssh.visualstudio.com:v3/contoso/Shop/web",
        "ssh://git@ssh.dev.azure.com/v3/contoso/Shop/web",
        "ado:https://dev.azure.com/contoso/Shop",
    ];
    let connections = BTreeMap::new();
    let known = Known { jira_url: Some("https://jira.example.org/"), ..known(&connections) };
    insta::assert_snapshot!(table(&texts, &known));
}

#[cfg(all(feature = "jira", feature = "ado"))]
#[test]
fn connections_speak_the_dialect_that_is_written_down() {
    let settings = |text: &str| toml::from_str::<ConnectionSettings>(text).unwrap();
    let connections = BTreeMap::from([
        ("jira".to_owned(), settings("api_url = \"https://acme.atlassian.net\"")),
        (
            "ops".to_owned(),
            settings("provider = \"jira-dc\"\napi_url = \"https://x.example/jira\""),
        ),
        ("scoped".to_owned(), settings("provider = \"jira\"\ncloud_id = \"11-22\"")),
        ("tfs".to_owned(), settings("provider = \"ado\"\napi_url = \"https://x.example/tfs\"")),
    ]);
    let known = known(&connections);
    let read = |text: &str| {
        let group = read_with(&[text], &known).unwrap().remove(0);
        let Connection { name, dialect, api_url, .. } = group.connection;
        format!("{name} {dialect:?} {api_url} {:?}", group.wanted[0])
    };
    let texts = [
        "jira:PAY",
        "ops:PAY",
        "scoped:PAY",
        "tfs:Main/Shop",
        "https://x.example/jira/browse/PAY-9",
        "https://x.example/tfs/Main/Shop/_git/web",
        "https://acme.atlassian.net/browse/PAY-9",
    ];
    insta::assert_snapshot!(texts.map(read).join("\n"), @r#"
    jira Jira https://acme.atlassian.net/ Project { name: "PAY" }
    ops JiraCenter https://x.example/jira/ Project { name: "PAY" }
    scoped Jira https://api.atlassian.com/ex/jira/11-22/ Project { name: "PAY" }
    tfs AzureDevOps https://x.example/tfs/ Project { name: "Main/Shop" }
    ops JiraCenter https://x.example/jira/ Project { name: "PAY" }
    tfs AzureDevOps https://x.example/tfs/ Repository { owner: "Main/Shop", name: "web" }
    jira Jira https://acme.atlassian.net/ Project { name: "PAY" }
    "#);
    let lost = BTreeMap::from([("lost".to_owned(), settings("provider = \"jira\""))]);
    let error = read_with(&["lost:PAY"], &super::tests::known(&lost)).unwrap_err();
    assert!(matches!(error, BadSource::Incomplete { .. }), "{error}");
}

#[cfg(all(feature = "jira", feature = "ado"))]
#[test]
fn an_api_address_says_which_jira_it_is_and_leads_to_one_forge() {
    let connections = BTreeMap::new();
    let at = |api_url| Known { api_url: Some(api_url), ..known(&connections) };
    let dialect = |api_url| read_with(&["jira:PAY"], &at(api_url)).unwrap()[0].connection.clone();
    let cloud = dialect("http://127.0.0.1:8080/jira/rest/api/3");
    assert_eq!((cloud.dialect, cloud.api_url.path()), (Dialect::Jira, "/jira/"));
    assert_eq!(dialect("http://127.0.0.1:8080/x/rest/api/2/").dialect, Dialect::JiraCenter);
    assert_eq!(dialect("https://jira.example.org").dialect, Dialect::JiraSite);
    assert_eq!(dialect("https://acme.atlassian.net").dialect, Dialect::Jira);
    let error = read_with(&["jira:PAY", "ado:contoso"], &at("https://x.example/")).unwrap_err();
    assert!(matches!(error, BadSource::OneForge(_)), "{error}");
    let nowhere = read_with(&["jira:PAY"], &known(&connections)).unwrap_err();
    assert!(matches!(nowhere, BadSource::NoSite(_)), "{nowhere}");
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

#[cfg(feature = "all")]
#[test]
fn a_connection_is_named_by_itself_or_with_its_host() {
    let none = BTreeMap::new();
    let lead = |name: &str| {
        connection(name, &known(&none)).map(|connection| {
            let organisation = connection.organisation.unwrap_or_default();
            format!("{} {} {organisation}", connection.name, connection.api_url)
        })
    };
    for (name, expected) in [
        ("github", "github https://api.github.com/ "),
        ("github@forge.example", "github@forge.example https://forge.example/api/v3/ "),
        ("jira@forge.example/jira", "jira@forge.example https://forge.example/jira/ "),
        ("https://acme.atlassian.net", "jira@acme.atlassian.net https://acme.atlassian.net/ "),
        ("ado:contoso", "ado https://dev.azure.com/ contoso"),
        ("ado@tfs.example:8443/Main", "ado@tfs.example:8443 https://tfs.example:8443/ Main"),
        ("ado@tfs.example/tfs/Main/", "ado@tfs.example https://tfs.example/tfs/ Main"),
    ] {
        assert_eq!(lead(name).unwrap(), expected, "{name}");
    }
    let error = lead("work").unwrap_err();
    assert_eq!(error.to_string(), "no connection is called \"work\"");
    let error = lead("https://ann:hunter2@forge.example/").unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
