//! What the permission rules of IAM's routes have in common.

use kernel::route::Access;
use kernel::{Cx, Permission, Result};
use smithy::schema::Operation;

/// The permission `iam:<operation>` on `resource`.
pub(crate) fn permission<O: Operation>(resource: impl Into<String>) -> Permission {
    Permission::new(format!("iam:{}", O::OP.name), resource)
}

/// The rule of operations that know no resource.
pub(crate) fn anywhere<O: Operation>(_cx: &mut Cx<'_>, _input: &O::In) -> Result<Access> {
    Ok(permission::<O>("*").into())
}
