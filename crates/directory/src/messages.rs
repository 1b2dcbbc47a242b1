//! Texts of errors.

use kernel::Error;
use model::ds::{
    ClientException, DirectoryDoesNotExistException, DirectoryUnavailableException, EntityDoesNotExistException,
    InvalidParameterException, UnsupportedOperationException,
};

/// `EntityDoesNotExistException` for a directory.
pub(crate) fn no_entity(id: &str) -> Error {
    EntityDoesNotExistException::new(format!("Directory {id} does not exist.")).into()
}

/// `DirectoryDoesNotExistException`.
pub(crate) fn no_directory(id: &str) -> Error {
    DirectoryDoesNotExistException::new(format!("Directory {id} does not exist.")).into()
}

/// `InvalidParameterException` with a sentence.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    InvalidParameterException::new(message.into()).into()
}

/// `ClientException` with a sentence.
pub(crate) fn client(message: impl Into<String>) -> Error {
    ClientException::new(message.into()).into()
}

/// `UnsupportedOperationException` with a sentence.
pub(crate) fn unsupported(message: impl Into<String>) -> Error {
    UnsupportedOperationException::new(message.into()).into()
}

/// `DirectoryUnavailableException` for a directory that is not there yet, or no more.
pub(crate) fn unavailable(id: &str) -> Error {
    DirectoryUnavailableException::new(format!("Directory {id} is not available at this time.")).into()
}
