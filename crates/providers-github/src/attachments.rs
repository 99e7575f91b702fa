//! Files that hang on an issue: GitHub keeps none apart, their addresses stand in the text.

use jobctl_provider::Attachment;

/// Where the addresses of uploaded files begin, without the host of an Enterprise Server, which
/// has the first two below its own name.
const PLACES: [&str; 4] = [
    "/user-attachments/",
    "/files/",
    "user-images.githubusercontent.com/",
    "private-user-images.githubusercontent.com/",
];

/// Characters that an address has at most; what goes on longer is none. Without an end, many
/// beginnings in one long word would each be read to its end.
const LONGEST: usize = 2_000;

/// The files that a text links to, in its order, each once.
pub(crate) fn attachments(text: &str) -> Vec<Attachment> {
    let mut found: Vec<Attachment> = vec![];
    for (start, _) in text.match_indices("https://") {
        let url = address(&text[start..]);
        if !is_upload(url) || found.iter().any(|known| known.url == url) {
            continue;
        }
        let name = label(&text[..start]).or_else(|| url.rsplit('/').next()).unwrap_or(url);
        found.push(Attachment { name: name.to_owned(), url: url.to_owned() });
    }
    found
}

/// The address at the beginning of a text, up to what cannot belong to it.
fn address(text: &str) -> &str {
    let ends = |c: char| c.is_whitespace() || "<>\"')]}`|".contains(c);
    let mut chars = text.char_indices().take(LONGEST);
    let end = chars.find(|(_, c)| ends(*c)).map(|(at, _)| at);
    let whole = text.len() <= LONGEST;
    let end = end.or(whole.then_some(text.len())).unwrap_or_default();
    text[..end].trim_end_matches(['.', ',', ';', ':', '!'])
}

fn is_upload(url: &str) -> bool {
    let path = url.trim_start_matches("https://");
    let (host, rest) = path.split_once('/').unwrap_or((path, ""));
    let rest = format!("/{rest}");
    let whole = format!("{host}{rest}");
    PLACES.iter().any(|place| match place.strip_prefix('/') {
        // `…/user-attachments/assets/ID`, and `…/OWNER/NAME/files/NUMBER/NAME` of older ones.
        Some("files/") => {
            let parts: Vec<&str> = rest.split('/').collect();
            matches!(parts.as_slice(), ["", _, _, "files", number, name]
                if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty())
        }
        Some(_) => rest.starts_with(place),
        None => whole.starts_with(place),
    })
}

/// The words of a Markdown link whose address follows: `[words](`.
fn label(before: &str) -> Option<&str> {
    let inner = before.strip_suffix("](")?;
    let words = &inner[inner.rfind('[')? + 1..];
    (!words.trim().is_empty() && !words.contains('\n')).then(|| words.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_found_in_every_form_and_nothing_else_is() {
        let text = "![shot](https://github.com/user-attachments/assets/0a1b-2c) and again \
                    https://github.com/user-attachments/assets/0a1b-2c.\n\
                    <img src=\"https://user-images.githubusercontent.com/1/2-3.png\">\n\
                    [trace.zip](https://github.com/acme/api/files/4711/trace.zip), \
                    https://ghe.example/user-attachments/files/5/log.txt \
                    https://github.com/acme/api/blob/main/files/1/x \
                    https://github.com/acme/api/pull/3/files https://example.com/files/1";
        let found: Vec<(String, String)> =
            attachments(text).into_iter().map(|a| (a.name, a.url)).collect();
        let wanted = [
            ("shot", "https://github.com/user-attachments/assets/0a1b-2c"),
            ("2-3.png", "https://user-images.githubusercontent.com/1/2-3.png"),
            ("trace.zip", "https://github.com/acme/api/files/4711/trace.zip"),
            ("log.txt", "https://ghe.example/user-attachments/files/5/log.txt"),
        ];
        assert_eq!(found, wanted.map(|(name, url)| (name.to_owned(), url.to_owned())));
        assert_eq!(attachments("https://"), []);
        let endless = "https://github.com/user-attachments/".repeat(100);
        let found = attachments(&endless);
        assert!(found.iter().all(|file| file.url.len() <= LONGEST), "{}", found.len());
    }
}
