//! Which host names of AWS an installation answers for: those of every region, whose names are told by their form.

/// The region in which AWS's global services are signed for, whatever region an installation stands for.
const GLOBAL_REGION: &str = "us-east-1";
/// Names without a region; `*` stands for one label.
const GLOBAL: [&str; 6] = [
    "*.amazonaws.com",
    "signin.aws.amazon.com",
    "*.signin.aws.amazon.com",
    "console.aws.amazon.com",
    "*.console.aws.amazon.com",
    "*.awsapps.com",
];

/// Longest name of a region.
const REGION_CHARACTERS_MAX: usize = 32;

/// The names that one certificate holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The names without a region, and those of AWS's global services and of `region`.
    pub fn new(region: &str) -> Self {
        let mut names: Vec<String> = GLOBAL.map(str::to_owned).to_vec();
        names.extend([GLOBAL_REGION, region].iter().flat_map(|region| of_region(region)));
        names.sort();
        names.dedup();
        Self(names)
    }

    /// The names of another region, for a certificate of its own.
    pub fn of_region(region: &str) -> Self {
        Self(of_region(region).to_vec())
    }

    /// A name that is not AWS's, for a test of the authority's bounds.
    #[cfg(test)]
    pub(super) fn foreign() -> Self {
        Self(vec!["bank.example.com".to_owned()])
    }

    /// The names as certificates have them.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }

    /// Whether `host` (without a port) is one of the names.
    pub fn hold(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        is_name && self.0.iter().any(|pattern| fits(pattern, &host))
    }
}

fn of_region(region: &str) -> [String; 3] {
    [format!("*.{region}.amazonaws.com"), format!("*.sso.{region}.amazonaws.com"), format!("*.portal.{region}.app.aws")]
}

/// The region in a name of one, in lower case.
pub fn region_of(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let labels = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".app.aws"))?;
    let region = labels.rsplit('.').next().filter(|region| is_region(region))?;
    Names::of_region(region).hold(&host).then(|| region.to_owned())
}

/// Whether `text` has the form of a region's name: `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let Some((place, number)) = text.rsplit_once('-') else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.len() <= REGION_CHARACTERS_MAX
        && matches!(number.as_bytes(), [b'1'..=b'9'])
        && matches!(place.split('-').count(), 2 | 3)
        && place.split('-').all(is_word)
}

/// Whether `host` fits a name whose `*` stands for exactly one label (RFC 9525 §6.3).
fn fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        None => host == pattern,
        Some(rest) => host.split_once('.').is_some_and(|(label, tail)| !label.is_empty() && tail == rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_that_clients_call_are_served_and_no_others() {
        let names = Names::new("eu-central-1");
        for host in [
            "iam.amazonaws.com",
            "STS.amazonaws.com",
            "sts.us-east-1.amazonaws.com",
            "oidc.eu-central-1.amazonaws.com",
            "portal.sso.eu-central-1.amazonaws.com",
            "signin.aws.amazon.com",
            "us-east-1.signin.aws.amazon.com",
            "console.aws.amazon.com",
            "eu-central-1.console.aws.amazon.com",
            "d-1234567890.awsapps.com",
            "ssoins-1234567890abcdef.portal.eu-central-1.app.aws",
        ] {
            assert!(names.hold(host), "{host}");
        }
        for (host, region) in [
            ("sts.eu-west-1.amazonaws.com", "eu-west-1"),
            ("OIDC.eu-west-1.amazonaws.com", "eu-west-1"),
            ("portal.sso.us-gov-east-1.amazonaws.com", "us-gov-east-1"),
            ("ssoins-1234567890abcdef.portal.ap-southeast-2.app.aws", "ap-southeast-2"),
        ] {
            assert_eq!(region_of(host).as_deref(), Some(region), "{host}");
            assert!(!names.hold(host) && Names::of_region(region).hold(host), "{host}");
        }
        for host in [
            "example.com",
            "amazonaws.com",
            ".amazonaws.com",
            "a.b.amazonaws.com",
            "a.b.eu-west-1.amazonaws.com",
            "a.eu-west.amazonaws.com",
            "a.eu-west-10.amazonaws.com",
            "a.portal.eu-west-1.amazonaws.com",
            "iam.amazonaws.com.example.com",
            "sts.eu-west-1.amazonaws.com.example.com",
            "aws.amazon.com",
            "iam.amazonaws.com\0.example.com",
            "",
        ] {
            assert!(!names.hold(host) && region_of(host).is_none(), "{host}");
        }
    }
}
