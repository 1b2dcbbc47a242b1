//! The Service Authorization Reference: services, their actions and their resource types.

use crate::chunks::Chunks;
use crate::table::{Table, first_column, list};

const SERVICES: Table = Table(include_str!("../data/services.tsv"));
static SECTIONS: Chunks = Chunks::new(include_bytes!("../data/services.bin"));

/// A service as policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// The part of an action before the colon, lower case.
    pub prefix: &'static str,
    /// The service's name, such as `AWS Organizations`.
    pub name: &'static str,
    /// Whether resource control policies apply to the service's resources.
    pub rcp_supported: bool,
    chunk: usize,
    offset: usize,
    actions: usize,
    resource_types: usize,
    condition_keys: usize,
}

/// What an action does, in the words of the Service Authorization Reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessLevel {
    /// Lists resources.
    List,
    /// Reads without changing.
    Read,
    /// Creates, changes or deletes.
    Write,
    /// Changes who may do what.
    PermissionsManagement,
    /// Changes tags only.
    Tagging,
}

impl AccessLevel {
    /// The words of the reference, such as `Permissions management`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "List",
            Self::Read => "Read",
            Self::Write => "Write",
            Self::PermissionsManagement => "Permissions management",
            Self::Tagging => "Tagging",
        }
    }
}

/// An action of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionInfo {
    /// The name after the colon, in AWS's spelling.
    pub name: &'static str,
    /// What it does.
    pub access_level: AccessLevel,
    /// The resource types that it can be limited to; empty when the action only knows `*`.
    pub resource_types: Vec<ActionResource>,
    /// Condition keys of the action, as templates (`aws:RequestTag/${TagKey}`).
    pub condition_keys: Vec<&'static str>,
    /// Actions that the caller needs as well, such as `iam:PassRole`.
    pub dependent_actions: Vec<&'static str>,
    /// A sentence on it; empty for services that the product does not implement.
    pub description: &'static str,
}

/// A resource type in an action's row of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionResource {
    /// Name of the type: a key for [`resource_type`].
    pub name: &'static str,
    /// Whether a statement that names resources must name one of this type.
    pub required: bool,
    /// Condition keys that apply when this type is used.
    pub condition_keys: Vec<&'static str>,
    /// Actions needed when this type is used.
    pub dependent_actions: Vec<&'static str>,
}

/// A resource type of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Name of the type.
    pub name: &'static str,
    /// The ARN with variables, such as `arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}`.
    pub arn_pattern: &'static str,
    /// Condition keys of resources of this type.
    pub condition_keys: Vec<&'static str>,
}

/// The service with this prefix, in any case.
pub fn service(prefix: &str) -> Option<Service> {
    SERVICES.find_ignoring_case(prefix).and_then(Service::parse)
}

/// Whether AWS has a service with this prefix, in any case.
pub fn service_exists(prefix: &str) -> bool {
    SERVICES.find_ignoring_case(prefix).is_some()
}

/// All services, sorted by prefix.
pub fn services() -> impl Iterator<Item = Service> {
    SERVICES.lines().filter_map(Service::parse)
}

/// Whether resource control policies apply to the service's resources; `false` for unknown services.
pub fn rcp_supported(prefix: &str) -> bool {
    service(prefix).is_some_and(|service| service.rcp_supported)
}

/// An action, `action("iam", "CreateRole")`; both names in any case, as policies have it.
pub fn action(prefix: &str, name: &str) -> Option<ActionInfo> {
    service(prefix)?.actions().find_ignoring_case(name).and_then(ActionInfo::parse)
}

/// The actions of a service, sorted by name; none for unknown services.
pub fn actions(prefix: &str) -> impl Iterator<Item = ActionInfo> {
    service(prefix).into_iter().flat_map(|service| service.actions().lines()).filter_map(ActionInfo::parse)
}

/// The names of a service's actions, sorted; none for unknown services. Cheaper than [`actions`].
pub fn action_names(prefix: &str) -> impl Iterator<Item = &'static str> {
    service(prefix).into_iter().flat_map(|service| service.actions().lines()).map(first_column)
}

/// A resource type of a service; both names in any case.
pub fn resource_type(prefix: &str, name: &str) -> Option<ResourceType> {
    service(prefix)?.resource_types().find_ignoring_case(name).and_then(ResourceType::parse)
}

/// The resource types of a service, sorted by name; none for unknown services.
pub fn resource_types(prefix: &str) -> impl Iterator<Item = ResourceType> {
    service(prefix).into_iter().flat_map(|service| service.resource_types().lines()).filter_map(ResourceType::parse)
}

impl Service {
    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        let (prefix, name) = (columns.next()?, columns.next()?);
        let rcp_supported = columns.next()? == "1";
        let mut number = || columns.next()?.parse().ok();
        Some(Self {
            prefix,
            name,
            rcp_supported,
            chunk: number()?,
            offset: number()?,
            actions: number()?,
            resource_types: number()?,
            condition_keys: number()?,
        })
    }

    fn actions(&self) -> Table {
        self.section(0, self.actions)
    }

    fn resource_types(&self) -> Table {
        self.section(self.actions, self.resource_types)
    }

    pub(crate) fn condition_keys(&self) -> Table {
        self.section(self.actions + self.resource_types, self.condition_keys)
    }

    fn section(&self, skipped: usize, length: usize) -> Table {
        let text = SECTIONS.text(self.chunk, self.offset + skipped, length);
        Table(text.expect("the tests read every section of every service"))
    }
}

impl ActionInfo {
    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        Some(Self {
            name: columns.next()?,
            access_level: access_level(columns.next()?)?,
            resource_types: list(columns.next()?, ';').map(ActionResource::parse).collect::<Option<_>>()?,
            condition_keys: list(columns.next()?, ',').collect(),
            dependent_actions: list(columns.next()?, ',').collect(),
            description: columns.next()?,
        })
    }
}

impl ActionResource {
    fn parse(text: &'static str) -> Option<Self> {
        let mut fields = text.split('|');
        Some(Self {
            name: fields.next()?,
            required: fields.next()? == "1",
            condition_keys: list(fields.next()?, ',').collect(),
            dependent_actions: list(fields.next()?, ',').collect(),
        })
    }
}

impl ResourceType {
    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        Some(Self {
            name: columns.next()?,
            arn_pattern: columns.next()?,
            condition_keys: list(columns.next()?, ',').collect(),
        })
    }
}

fn access_level(letter: &str) -> Option<AccessLevel> {
    Some(match letter {
        "L" => AccessLevel::List,
        "R" => AccessLevel::Read,
        "W" => AccessLevel::Write,
        "P" => AccessLevel::PermissionsManagement,
        "T" => AccessLevel::Tagging,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_any_service_is_skipped() {
        assert_eq!(services().count(), SERVICES.lines().count());
        for service in services() {
            let prefix = service.prefix;
            assert_eq!(actions(prefix).count(), service.actions().lines().count(), "{prefix}");
            assert_eq!(resource_types(prefix).count(), service.resource_types().lines().count(), "{prefix}");
        }
    }

    #[test]
    fn every_action_and_resource_type_is_found_by_its_name() {
        for service in services() {
            for name in action_names(service.prefix) {
                assert_eq!(action(service.prefix, name).map(|action| action.name), Some(name), "{}", service.prefix);
            }
            for expected in resource_types(service.prefix) {
                assert_eq!(resource_type(service.prefix, expected.name), Some(expected), "{}", service.prefix);
            }
        }
    }
}
