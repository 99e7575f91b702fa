use url::Url;

/// The first line of a text, without control characters, cut to so many characters.
pub fn line(text: &str, most: usize) -> String {
    let first = text.trim().lines().next().unwrap_or_default();
    first.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// An address below the base, whose own path stays in front.
pub fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_no_longer() {
        assert_eq!(line(" one\u{1b}[2J\ntwo", 20), "one[2J");
        assert_eq!(line("äöü", 2), "äö");
        assert_eq!(line("", 2), "");
    }

    #[test]
    fn the_base_path_stays_and_nothing_leaves_its_place() {
        for base in ["https://ghe.example/api/v3?x#y", "https://ghe.example/api/v3/"] {
            let url = below(&Url::parse(base).unwrap(), &["a b", "c/d", "50%"]);
            assert_eq!(url.as_str(), "https://ghe.example/api/v3/a%20b/c%2Fd/50%25");
        }
    }
}
