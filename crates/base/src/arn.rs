//! Amazon Resource Names.

use std::fmt;

/// An ARN taken apart: `arn:partition:service:region:account:resource`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    text: String,
    /// Ends of the first five parts (positions of their colons).
    colons: [usize; 5],
}

impl Arn {
    /// Takes `text` apart; `None` when it has no `arn:` prefix, fewer than six parts, or an empty partition,
    /// service or resource.
    pub fn parse(text: &str) -> Option<Self> {
        let mut colons = [0; 5];
        let mut found = text.match_indices(':');
        for slot in &mut colons {
            *slot = found.next()?.0;
        }
        let arn = Self { text: text.to_owned(), colons };
        let complete = text.starts_with("arn:")
            && !arn.partition().is_empty()
            && !arn.service().is_empty()
            && !arn.resource().is_empty();
        complete.then_some(arn)
    }

    /// An ARN of the `aws` partition.
    pub fn new(service: &str, region: &str, account: &str, resource: &str) -> Self {
        let text = format!("arn:aws:{service}:{region}:{account}:{resource}");
        let mut colons = [0; 5];
        for (slot, (position, _)) in colons.iter_mut().zip(text.match_indices(':')) {
            *slot = position;
        }
        Self { text, colons }
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.part(0)
    }

    /// `iam`, `sts`, `organizations`, …
    pub fn service(&self) -> &str {
        self.part(1)
    }

    /// The region; empty for global services.
    pub fn region(&self) -> &str {
        self.part(2)
    }

    /// The account; `aws` for what AWS owns.
    pub fn account(&self) -> &str {
        self.part(3)
    }

    /// Everything after the fifth colon (`role/path/name`).
    pub fn resource(&self) -> &str {
        &self.text[self.colons[4] + 1..]
    }

    fn part(&self, index: usize) -> &str {
        &self.text[self.colons[index] + 1..self.colons[index + 1]]
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let arn = Arn::parse("arn:aws:iam::111122223333:role/a:b/c").expect("valid");
        assert_eq!(
            (arn.service(), arn.region(), arn.account(), arn.resource()),
            ("iam", "", "111122223333", "role/a:b/c")
        );
        assert_eq!(Arn::new("iam", "", "111122223333", "role/a:b/c"), arn);
    }

    #[test]
    fn half_an_arn_is_none() {
        for text in ["", "arn:aws:iam::1", "arn:aws:iam::1:", "urn:aws:iam::1:root", "arn::iam::1:root"] {
            assert!(Arn::parse(text).is_none(), "{text}");
        }
    }
}
