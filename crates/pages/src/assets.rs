//! Style sheet and scripts, embedded; their names change with their content, so they may be kept for ever.

/// Something that pages refer to.
#[derive(Debug, PartialEq, Eq)]
pub struct Asset {
    stem: &'static str,
    extension: &'static str,
    /// Its bytes.
    pub body: &'static str,
    /// For `Content-Type`.
    pub content_type: &'static str,
    hash: u64,
}

/// Where assets are served.
pub const PATH: &str = "/assets/";

/// Colours, type and layout of every page.
pub static STYLE: Asset = Asset::css("style", include_str!("../assets/style.css"));
/// Filters the portal's list while one types.
pub static FILTER: Asset = Asset::script("filter", include_str!("../assets/filter.js"));
/// Adds buttons that copy.
pub static COPY: Asset = Asset::script("copy", include_str!("../assets/copy.js"));
/// Follows links that name their page behind the hash.
pub static FRAGMENT: Asset = Asset::script("fragment", include_str!("../assets/fragment.js"));

/// Every asset.
pub static ALL: [&Asset; 4] = [&STYLE, &FILTER, &COPY, &FRAGMENT];

impl Asset {
    const fn css(stem: &'static str, body: &'static str) -> Self {
        let hash = hash(body.as_bytes());
        Self { stem, extension: "css", body, content_type: "text/css; charset=utf-8", hash }
    }

    const fn script(stem: &'static str, body: &'static str) -> Self {
        let hash = hash(body.as_bytes());
        Self { stem, extension: "js", body, content_type: "text/javascript; charset=utf-8", hash }
    }

    /// The name under [`PATH`]: `style.0123456789abcdef.css`.
    pub fn name(&self) -> String {
        format!("{}.{:016x}.{}", self.stem, self.hash, self.extension)
    }

    /// The address on the server.
    pub fn path(&self) -> String {
        format!("{PATH}{}", self.name())
    }
}

/// The asset of that name.
pub fn find(name: &str) -> Option<&'static Asset> {
    ALL.into_iter().find(|asset| asset.name() == name)
}

/// FNV-1a with 64 bits: tells contents apart, protects nothing.
const fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_by_its_own_name_only() {
        for asset in ALL {
            assert_eq!(find(&asset.name()), Some(asset));
        }
        assert_eq!(find("style.0000000000000000.css"), None);
        assert_eq!(find("../Cargo.toml"), None);
    }

    #[test]
    fn the_scripts_stay_small_and_use_nothing_that_the_policy_forbids() {
        let scripts = ALL.iter().filter(|asset| asset.extension == "js");
        let total: usize = scripts.clone().map(|asset| asset.body.len()).sum();
        assert!(total <= 25 << 10, "{total} bytes of scripts");
        for script in scripts {
            for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
                assert!(!script.body.contains(sink), "{} uses {sink}", script.stem);
            }
        }
    }
}
