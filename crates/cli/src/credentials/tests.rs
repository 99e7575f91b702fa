use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn connection(name: &str, api: &str) -> Connection {
    Connection {
        name: name.into(),
        dialect: Dialect::GitHub,
        api_url: api.parse().unwrap(),
        hosts: Vec::new(),
        allow_http: false,
        organisation: None,
    }
}

fn found(env: &Environment, connection: &Connection, given: bool) -> Option<(String, String)> {
    let connections = BTreeMap::new();
    let wallet = Wallet { env, connections: &connections };
    let given = given.then(|| connection.api_url.as_str());
    let found = wallet.find(connection, None, given).unwrap().into_iter().next()?;
    Some((found.need.origin, found.value?.expose().to_owned()))
}

#[test]
fn variables_count_for_their_own_servers() {
    let env: Environment = [("GITHUB_TOKEN", "b"), ("GH_TOKEN", "a"), ("GH_ENTERPRISE_TOKEN", "e")]
        .into_iter()
        .collect();
    let some = |origin: &str, value: &str| Some((origin.to_owned(), value.to_owned()));
    let public = connection("github", "https://api.github.com/");
    let other = connection("github@forge.example", "https://forge.example/api/v3/");
    assert_eq!(found(&env, &public, false), some("env:GH_TOKEN", "a"));
    assert_eq!(found(&env, &other, false), some("env:GH_ENTERPRISE_TOKEN", "e"));
    let env: Environment = [("GITHUB_TOKEN", "b"), ("GH_TOKEN", "")].into_iter().collect();
    assert_eq!(found(&env, &public, false), some("env:GITHUB_TOKEN", "b"));
    assert_eq!(found(&env, &other, true), some("env:GITHUB_TOKEN", "b"));
}

#[test]
fn a_plain_git_server_never_gets_a_forges_token() {
    let env: Environment = [("GH_TOKEN", "a")].into_iter().collect();
    let mut server = connection("git@git.example.org", "https://git.example.org/");
    server.dialect = Dialect::Git;
    assert_eq!(found(&env, &server, true), None);
}

#[test]
fn an_address_that_is_given_gets_the_variables_and_no_other_of_the_same_call() {
    let env: Environment = [("GH_TOKEN", "a"), ("JIRA_TOKEN", "t")].into_iter().collect();
    let wallet = Wallet { env: &env, connections: &BTreeMap::new() };
    let work = connection("work", "https://forge.example/api/v3/");
    let jira = of(Dialect::JiraCenter, "jira@evil.example", "https://evil.example/");
    for other in [work, jira] {
        let given = Some("https://forge.example:8443/api/v3");
        let found = wallet.find(&other, None, given).unwrap();
        assert!(found.is_empty(), "{}: {found:?}", other.name);
    }
}

#[test]
fn a_named_variable_must_be_there_and_be_a_token() {
    let env: Environment = [("MINE", "x\ny")].into_iter().collect();
    let connections = BTreeMap::new();
    let wallet = Wallet { env: &env, connections: &connections };
    let public = connection("github", "https://api.github.com/");
    let error = wallet.find(&public, Some("OTHER"), None).unwrap_err();
    assert_eq!(error.to_string(), "the variable OTHER is not set, or empty");
    let error = wallet.find(&public, Some("MINE"), None).unwrap_err();
    assert!(!error.to_string().contains('x'), "{error}");
}

#[test]
fn the_file_must_be_private() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("jobctl")).unwrap();
    let path = directory.path().join("jobctl").join("credentials.toml");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"[work]\ntoken = \"t\"\n").unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
    let env: Environment =
        [("XDG_CONFIG_HOME", directory.path().to_str().unwrap())].into_iter().collect();
    let connections = BTreeMap::new();
    let wallet = Wallet { env: &env, connections: &connections };
    let work = connection("work", "https://forge.example/");
    assert!(matches!(wallet.find(&work, None, None), Err(NoCredential::Open(_))));
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
    let offer = wallet.find(&work, None, None).unwrap()[0].offer().unwrap();
    assert_eq!((offer.need.origin.as_str(), offer.value.expose()), ("file", "t"));
    let again = wallet.again(&offer.need).unwrap();
    assert_eq!(again.value.expose(), "t");
}

fn of(dialect: Dialect, name: &str, api: &str) -> Connection {
    Connection { dialect, ..connection(name, api) }
}

#[test]
fn a_token_of_jira_goes_with_its_user_to_its_own_site() {
    let own = of(Dialect::Jira, "jira@acme.atlassian.net", "https://acme.atlassian.net/");
    let other = of(Dialect::JiraCenter, "jira@evil.example", "https://evil.example/");
    let both = [("JIRA_EMAIL", "ann@example.org"), ("JIRA_API_TOKEN", "t")];
    let env: Environment = both.into_iter().collect();
    let expected = Some(("env:JIRA_API_TOKEN".to_owned(), "ann@example.org:t".to_owned()));
    assert_eq!(found(&env, &own, false), expected);
    assert_eq!(found(&env, &other, false), None, "nobody named that site");
    assert_eq!(found(&env, &other, true), expected);
    let env: Environment =
        both.into_iter().chain([("JIRA_URL", "https://jira.example/")]).collect();
    assert_eq!(found(&env, &own, false), None, "the variables are another site's");
    let wallet = Wallet { env: &env, connections: &BTreeMap::new() };
    let need = Need { connection: own.name.clone(), origin: "env:JIRA_API_TOKEN".to_owned() };
    assert_eq!(wallet.again(&need).unwrap().value.expose(), "ann@example.org:t");

    let env: Environment = [("JIRA_API_TOKEN", "t")].into_iter().collect();
    let wallet = Wallet { env: &env, connections: &BTreeMap::new() };
    let error = wallet.find(&own, None, None).unwrap_err();
    assert!(matches!(error, NoCredential::NoUser(_)), "{error}");
    let env: Environment =
        [("JIRA_TOKEN", "t"), ("JIRA_EMAIL", "ann@example.org")].into_iter().collect();
    assert_eq!(found(&env, &own, false), Some(("env:JIRA_TOKEN".to_owned(), "t".to_owned())));
}

#[test]
fn variables_of_azure_devops_are_its_clouds() {
    let cloud = of(Dialect::AzureDevOps, "ado", "https://dev.azure.com/");
    let server = of(Dialect::AzureDevOps, "ado@tfs.example", "https://tfs.example/");
    let env: Environment =
        [("SYSTEM_ACCESSTOKEN", "s"), ("AZURE_DEVOPS_TOKEN", "p")].into_iter().collect();
    let some = |origin: &str, value: &str| Some((origin.to_owned(), value.to_owned()));
    assert_eq!(found(&env, &cloud, false), some("env:AZURE_DEVOPS_TOKEN", "p"));
    assert_eq!(found(&env, &server, false), None);
    assert_eq!(found(&env, &server, true), some("env:AZURE_DEVOPS_TOKEN", "p"));
}

#[test]
fn several_tokens_are_all_used() {
    let env: Environment = [("A", "a"), ("C", "c")].into_iter().collect();
    let settings: ConnectionSettings = toml::from_str(
        "tokens = [{ env = \"A\" }, { env = \"B\" }, { command = [\"echo\", \"x\"] }]",
    )
    .unwrap();
    let connections = BTreeMap::from([("work".to_owned(), settings)]);
    let wallet = Wallet { env: &env, connections: &connections };
    let all = wallet.find(&connection("work", "https://forge.example/"), None, None).unwrap();
    let all: Vec<_> = all
        .iter()
        .map(|one| (one.need.origin.as_str(), one.value.as_ref().unwrap().expose()))
        .collect();
    assert_eq!(all, [("env:A", "a"), ("command:2", "x")]);
}
