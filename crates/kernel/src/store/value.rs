//! Values that travel between Rust and SQL: text, 64-bit integers, bytes, null.

use crate::error::{Error, Result};
use base::{
    AccessKeyId, AccountId, ApplicationId, CreateAccountRequestId, DirectoryId, GroupId, HandshakeId, IdentityGroupId,
    IdentityStoreId, IdentityUserId, InstanceId, InstanceProfileId, ManagedPolicyId, OrgId, OrgPolicyId, OuId,
    PermissionSetId, RoleId, RootId, Timestamp, UserId,
};

/// A parameter of a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Param<'a> {
    /// Text.
    Text(&'a str),
    /// An integer, a boolean (0 or 1) or an instant (microseconds).
    Int(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Null.
    Null,
}

/// What can be a parameter.
pub trait IntoParam {
    /// The value as SQL sees it.
    fn param(&self) -> Param<'_>;
}

/// A row of a result.
pub enum Row<'a> {
    /// A row of SQLite.
    Sqlite(&'a rusqlite::Row<'a>),
    /// A row of PostgreSQL.
    Postgres(&'a postgres::Row),
}

/// A value as it comes out of a row.
#[derive(Debug)]
enum Raw<'a> {
    Text(&'a str),
    Int(i64),
    Bytes(&'a [u8]),
    Null,
}

/// What a column can be read as.
pub trait Column: Sized {
    /// Reads the column; `None` when the value has another type or form.
    #[doc(hidden)]
    fn from_raw(raw: RawValue<'_>) -> Option<Self>;
}

/// Opaque wrapper that keeps the raw value private to the store.
#[doc(hidden)]
pub struct RawValue<'a>(Raw<'a>);

impl Row<'_> {
    /// The column at `index`.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the column when it does not parse as `T`.
    pub fn get<T: Column>(&self, index: usize) -> Result<T> {
        let raw = self.raw(index)?;
        T::from_raw(RawValue(raw)).ok_or_else(|| self.unreadable::<T>(index))
    }

    /// The column at `index`, read by `parse` from its text.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the column when it does not parse.
    pub fn parse<T>(&self, index: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        match self.raw(index)? {
            Raw::Text(text) => parse(text),
            _ => None,
        }
        .ok_or_else(|| self.unreadable::<T>(index))
    }

    fn unreadable<T>(&self, index: usize) -> Error {
        let name = match self {
            Row::Sqlite(row) => row.as_ref().column_name(index).unwrap_or_default(),
            Row::Postgres(row) => row.columns().get(index).map_or("", postgres::Column::name),
        };
        Error::internal(format!("column {index} ({name}) does not hold a {}", std::any::type_name::<T>()))
    }

    fn raw(&self, index: usize) -> Result<Raw<'_>> {
        match self {
            Row::Sqlite(row) => {
                use rusqlite::types::ValueRef;
                match row.get_ref(index).map_err(super::sqlite::failure)? {
                    ValueRef::Null => Ok(Raw::Null),
                    ValueRef::Integer(value) => Ok(Raw::Int(value)),
                    ValueRef::Text(bytes) => std::str::from_utf8(bytes)
                        .map(Raw::Text)
                        .map_err(|_| Error::internal(format!("column {index} holds text that is not UTF-8"))),
                    ValueRef::Blob(bytes) => Ok(Raw::Bytes(bytes)),
                    ValueRef::Real(_) => Err(Error::internal(format!("column {index} holds a floating-point number"))),
                }
            }
            Row::Postgres(row) => super::postgres::raw(row, index, Raw::Text, Raw::Int, Raw::Bytes, Raw::Null),
        }
    }
}

impl Column for String {
    fn from_raw(raw: RawValue<'_>) -> Option<Self> {
        match raw.0 {
            Raw::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl Column for i64 {
    fn from_raw(raw: RawValue<'_>) -> Option<Self> {
        match raw.0 {
            Raw::Int(value) => Some(value),
            _ => None,
        }
    }
}

impl Column for i32 {
    fn from_raw(raw: RawValue<'_>) -> Option<Self> {
        i64::from_raw(raw).and_then(|value| value.try_into().ok())
    }
}

impl Column for bool {
    fn from_raw(raw: RawValue<'_>) -> Option<Self> {
        i64::from_raw(raw).map(|value| value != 0)
    }
}

impl Column for Timestamp {
    fn from_raw(raw: RawValue<'_>) -> Option<Self> {
        i64::from_raw(raw).map(Timestamp::from_micros)
    }
}

impl Column for Vec<u8> {
    fn from_raw(raw: RawValue<'_>) -> Option<Self> {
        match raw.0 {
            Raw::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn from_raw(raw: RawValue<'_>) -> Option<Self> {
        match raw.0 {
            Raw::Null => Some(None),
            _ => T::from_raw(raw).map(Some),
        }
    }
}

macro_rules! id_columns {
    ($($id:ident),* $(,)?) => {$(
        impl Column for $id {
            fn from_raw(raw: RawValue<'_>) -> Option<Self> {
                match raw.0 {
                    Raw::Text(text) => $id::parse(text),
                    _ => None,
                }
            }
        }
        impl IntoParam for $id {
            fn param(&self) -> Param<'_> {
                Param::Text(self.as_str())
            }
        }
    )*};
}
id_columns!(
    AccessKeyId,
    AccountId,
    CreateAccountRequestId,
    GroupId,
    HandshakeId,
    InstanceProfileId,
    ManagedPolicyId,
    OrgId,
    OrgPolicyId,
    OuId,
    RoleId,
    ApplicationId,
    DirectoryId,
    IdentityGroupId,
    IdentityStoreId,
    IdentityUserId,
    InstanceId,
    PermissionSetId,
    RootId,
    UserId,
);

impl IntoParam for str {
    fn param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl IntoParam for String {
    fn param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl IntoParam for i64 {
    fn param(&self) -> Param<'_> {
        Param::Int(*self)
    }
}

impl IntoParam for i32 {
    fn param(&self) -> Param<'_> {
        Param::Int(i64::from(*self))
    }
}

impl IntoParam for bool {
    fn param(&self) -> Param<'_> {
        Param::Int(i64::from(*self))
    }
}

impl IntoParam for Timestamp {
    fn param(&self) -> Param<'_> {
        Param::Int(self.micros())
    }
}

impl IntoParam for [u8] {
    fn param(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl IntoParam for Vec<u8> {
    fn param(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl<T: IntoParam + ?Sized> IntoParam for &T {
    fn param(&self) -> Param<'_> {
        (**self).param()
    }
}

impl<T: IntoParam> IntoParam for Option<T> {
    fn param(&self) -> Param<'_> {
        self.as_ref().map_or(Param::Null, IntoParam::param)
    }
}
