//! AWS's texts, in one place so that they can be compared with real answers (spec/iam-sts.md §2).

use model::iam::{EntityAlreadyExistsException, NoSuchEntityException};

/// `NoSuchEntity` for a user.
pub fn no_user(name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The user with name {name} cannot be found."))
}

/// `NoSuchEntity` for a role.
pub fn no_role(name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The role with name {name} cannot be found."))
}

/// `NoSuchEntity` for a group.
pub fn no_group(name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The group with name {name} cannot be found."))
}

/// `EntityAlreadyExists` for a `kind` (`User`, `Role`, `Group`) of that name.
pub fn exists(kind: &str, name: &str) -> EntityAlreadyExistsException {
    EntityAlreadyExistsException::new(format!("{kind} with name {name} already exists."))
}
