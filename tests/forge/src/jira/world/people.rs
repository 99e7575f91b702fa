//! People, as Cloud and as Data Center show them.

use super::blocks::quote;

/// Somebody.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) account_id: String,
    /// The name Data Center knows them by.
    pub(crate) name: String,
    pub(crate) display: String,
    /// The user object as it stands in issues: made once, since it is in every issue.
    pub(crate) cloud: String,
    pub(crate) center: String,
}

/// Everybody, addressed by index. The first is the account that asks.
#[derive(Debug)]
pub(crate) struct People(Vec<Person>);

const NAMES: [&str; 24] = [
    "Octo Cat",
    "Mia Krystof",
    "Jörg Müller",
    "Zoë O'Brien",
    "Åsa Lindqvist",
    "山田 太郎",
    "Chiara D\u{2019}Angelo",
    "Nikolai Petrov",
    "Fatima Zahra",
    "Sam \"Slim\" Shaw",
    "Ngô Bảo Châu",
    "Łukasz Żak",
    "Ana-María Ruiz",
    "Bot for Jira",
    "Kwame Nkrumah",
    "שרה כהן",
    "Emil & Söhne",
    "Li Wei",
    "Priya Natarajan",
    "Former user",
    "Ola Nordmann",
    "Jan de Vries",
    "Renée <admin>",
    "Tom Thumb",
];

/// The one whose account was closed.
pub(crate) const FORMER: usize = 19;

impl People {
    pub(crate) fn new(url: &str, zone: &str) -> Self {
        People((0..NAMES.len()).map(|nth| person(url, zone, nth)).collect())
    }

    pub(crate) fn get(&self, at: usize) -> &Person {
        &self.0[at % self.0.len()]
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Who has this account id, or this name on Data Center.
    pub(crate) fn find(&self, word: &str) -> Option<usize> {
        let same = |person: &Person| {
            person.account_id == word || person.name == word || person.display == word
        };
        self.0.iter().position(same)
    }
}

fn person(url: &str, zone: &str, nth: usize) -> Person {
    let display = NAMES[nth].to_owned();
    let name = if nth == 0 { "octo".to_owned() } else { format!("user{nth:02}") };
    let account_id = if nth == FORMER {
        "unknown".to_owned()
    } else {
        format!("712020:{:08x}-1111-4222-8333-{:012x}", nth * 7_919 + 11, nth)
    };
    let active = nth != FORMER;
    let shown = quote(&display);
    let (encoded, pictures) = (crate::wire::encode(&account_id), pictures(url, nth));
    let cloud = format!(
        "{{\"self\":\"{url}/jira/rest/api/3/user?accountId={encoded}\",\
         \"accountId\":\"{account_id}\",{pictures},\"displayName\":{shown},\
         \"active\":{active},\"timeZone\":\"{zone}\",\"accountType\":\"atlassian\"}}"
    );
    let center = format!(
        "{{\"self\":\"{url}/jira-dc/rest/api/2/user?username={name}\",\"name\":\"{name}\",\
         \"key\":\"JIRAUSER1{nth:04}\",\"emailAddress\":\"{name}@example.com\",{pictures},\
         \"displayName\":{shown},\"active\":{active},\"timeZone\":\"{zone}\"}}"
    );
    Person { account_id, name, display, cloud, center }
}

fn pictures(url: &str, nth: usize) -> String {
    let sizes = ["48x48", "24x24", "16x16", "32x32"];
    let one = |size: &str| format!("\"{size}\":\"{url}/avatar/{nth}/{}\"", &size[..2]);
    let all: Vec<String> = sizes.iter().map(|size| one(size)).collect();
    format!("\"avatarUrls\":{{{}}}", all.join(","))
}
