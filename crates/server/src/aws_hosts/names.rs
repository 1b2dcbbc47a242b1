//! Which host names of AWS an installation answers for.

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

/// The names of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The names of an installation that stands for `region`.
    pub fn new(region: &str) -> Self {
        let mut names: Vec<String> = GLOBAL.map(str::to_owned).to_vec();
        for region in [GLOBAL_REGION, region] {
            let of_region = [
                format!("*.{region}.amazonaws.com"),
                format!("*.sso.{region}.amazonaws.com"),
                format!("*.portal.{region}.app.aws"),
            ];
            names.extend(of_region);
        }
        names.sort();
        names.dedup();
        Self(names)
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
    pub fn is_served(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        is_name && self.0.iter().any(|pattern| fits(pattern, &host))
    }
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
            assert!(names.is_served(host), "{host}");
        }
        for host in [
            "example.com",
            "amazonaws.com",
            ".amazonaws.com",
            "a.b.amazonaws.com",
            "oidc.eu-west-1.amazonaws.com",
            "iam.amazonaws.com.example.com",
            "aws.amazon.com",
            "iam.amazonaws.com\0.example.com",
            "",
        ] {
            assert!(!names.is_served(host), "{host}");
        }
    }
}
