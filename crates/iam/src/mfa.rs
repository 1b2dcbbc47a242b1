//! Virtual MFA devices: time-based one-time passwords (RFC 6238) with SHA-1, 30 seconds and 6 digits.

use crate::access::{anywhere, permission};
use crate::entity::{EntityKind, find as find_entity};
use crate::paging::{self, page_request};
use crate::user::{self, Subject, User, permission_on_subject, subject};
use crate::{messages, tag};
use base::{AccountId, Timestamp, UserId};
use kernel::scope::Scope;
use kernel::seal::{Purpose, Seal};
use kernel::store::Row;
use kernel::{Access, Cx, Error, Permission, Principal, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    CreateVirtualMFADeviceRequest, CreateVirtualMFADeviceResponse, DeactivateMFADeviceRequest, DeleteConflictException,
    DeleteVirtualMFADeviceRequest, EnableMFADeviceRequest, EntityAlreadyExistsException, GetMFADeviceRequest,
    GetMFADeviceResponse, InvalidAuthenticationCodeException, ListMFADeviceTagsRequest, ListMFADeviceTagsResponse,
    ListMFADevicesRequest, ListMFADevicesResponse, ListVirtualMFADevicesRequest, ListVirtualMFADevicesResponse,
    MFADevice, NoSuchEntityException, ResyncMFADeviceRequest, TagMFADeviceRequest, UntagMFADeviceRequest,
    VirtualMFADevice, assignmentStatusType, ops,
};
use smithy::Blob;
use smithy::schema::{Operation, Unit};

mod qr;
mod totp;

/// Most MFA devices of a user, and of the root user.
pub const DEVICES_PER_USER_MAX: i64 = 8;
/// Steps by which a device's clock may be off at sign-in.
const DRIFT_STEPS: i64 = 1;
/// Steps by which a device's clock may be off when it is enabled or synchronized: five minutes either way.
const RESYNC_STEPS: i64 = 10;
/// Name by which the root user enables a device.
const ROOT_NAME: &str = "root";

/// A virtual MFA device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its serial number, an ARN.
    pub serial: String,
    /// Account.
    pub account: AccountId,
    /// Whose second factor it is; none while it is unassigned.
    pub holder: Option<Holder>,
    /// Its seed, sealed.
    pub sealed_seed: Vec<u8>,
    /// The last time step whose code was accepted: every code counts once.
    pub last_step: i64,
    /// When it was enabled.
    pub enabled_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Whose second factor a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The root user of an account.
    Root(AccountId),
    /// A user.
    User(UserId),
}

impl Holder {
    /// The holder's id in rows.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Root(account) => account.as_str(),
            Self::User(user) => user.as_str(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        UserId::parse(text).map(Self::User).or_else(|| AccountId::parse(text).map(Self::Root))
    }

    fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Root(account) => Self::Root(account.clone()),
            Subject::User(user) => Self::User(user.id.clone()),
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select serial, account_id, assigned_to, sealed_seed, last_step, enabled_at, created_at \
             from iam_mfa_device ",
            $rest
        )
    };
}

fn device(row: &Row<'_>) -> Result<Device> {
    let holder: Option<String> = row.get(2)?;
    let serial: String = row.get(0)?;
    let holder = holder
        .map(|text| Holder::parse(&text).ok_or_else(|| Error::internal(format!("holder of MFA device {serial}"))))
        .transpose()?;
    Ok(Device {
        serial,
        account: row.get(1)?,
        holder,
        sealed_seed: row.get(3)?,
        last_step: row.get(4)?,
        enabled_at: row.get(5)?,
        created_at: row.get(6)?,
    })
}

/// The device with that serial number.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, serial: &str) -> Result<Option<Device>> {
    tx.opt(select!("where serial = $1"), params![serial], device)
}

/// The enabled devices of a user or of the root user, by serial number.
///
/// # Errors
/// When the database fails.
pub fn of_holder(tx: &mut Tx, holder: &Holder) -> Result<Vec<Device>> {
    tx.all(select!("where assigned_to = $1 order by serial"), params![holder.as_str()], device)
}

/// Whether `code` is the present one of the holder's device with that serial number, and has not been used. The code
/// is used up, as far as the transaction commits.
///
/// # Errors
/// When the database fails.
pub fn verify_code(
    tx: &mut WriteTx<'_>,
    seal: &Seal,
    holder: &Holder,
    serial: &str,
    code: &str,
    now: Timestamp,
) -> Result<bool> {
    let Some(device) = find(tx, serial)?.filter(|device| device.holder.as_ref() == Some(holder)) else {
        return Ok(false);
    };
    let seed = device.seed(seal)?;
    let present = totp::step(now);
    let found = (present - DRIFT_STEPS..=present + DRIFT_STEPS)
        .find(|step| *step > device.last_step && totp::is_code(&seed, *step, code));
    let Some(step) = found else { return Ok(false) };
    tx.exec_one("update iam_mfa_device set last_step = $2 where serial = $1", params![serial, step])?;
    Ok(true)
}

impl Device {
    fn seed(&self, seal: &Seal) -> Result<Vec<u8>> {
        let seed = seal.open(Purpose::AccessKeySecret, &self.serial, &self.sealed_seed);
        seed.map(|seed| seed.to_vec())
            .ok_or_else(|| Error::internal(format!("the seed of {} was sealed under another key", self.serial)))
    }

    /// The step of the second of two consecutive codes; both must be new.
    fn consecutive(&self, seal: &Seal, codes: (&str, &str), now: Timestamp) -> Result<i64> {
        let seed = self.seed(seal)?;
        let present = totp::step(now);
        let found = (present - RESYNC_STEPS..=present + RESYNC_STEPS).find(|step| {
            *step > self.last_step && totp::is_code(&seed, *step, codes.0) && totp::is_code(&seed, step + 1, codes.1)
        });
        let refusal = || InvalidAuthenticationCodeException::new("Authentication code for device is not valid.");
        Ok(found.map(|step| step + 1).ok_or_else(refusal)?)
    }
}

/// The caller's device with that serial number.
fn existing(cx: &mut Cx<'_>, serial: &str) -> Result<Device> {
    let account = cx.account()?;
    let device = find(cx.tx, serial)?.filter(|device| device.account == account);
    Ok(device.ok_or_else(|| messages::no_mfa_device(serial))?)
}

/// The named user; the root user calls itself `root` unless a user has that name.
fn holder_named(cx: &mut Cx<'_>, name: &str) -> Result<Subject> {
    let caller = cx.principal()?.clone();
    if caller.principal == Principal::Root
        && name == ROOT_NAME
        && find_entity(cx.tx, EntityKind::User, &caller.account, name)?.is_none()
    {
        return Ok(Subject::Root(caller.account));
    }
    subject(cx, Some(name))
}

/// The device, when the subject holds it.
fn held(cx: &mut Cx<'_>, subject: &Subject, serial: &str) -> Result<Device> {
    let holder = Holder::of(subject);
    let device = find(cx.tx, serial)?.filter(|device| device.holder.as_ref() == Some(&holder));
    let name = subject.name().unwrap_or(ROOT_NAME);
    Ok(device.ok_or_else(|| {
        NoSuchEntityException::new(format!("MFA Device with serial number {serial} does not exist for user {name}."))
    })?)
}

fn device_arn(account: &AccountId, input: &CreateVirtualMFADeviceRequest) -> String {
    let path = input.path.as_deref().unwrap_or("/");
    format!("arn:aws:iam::{account}:mfa{path}{}", input.virtual_mfa_device_name)
}

fn may_create(cx: &mut Cx<'_>, input: &CreateVirtualMFADeviceRequest) -> Result<Access> {
    let account = cx.account()?;
    let permission = permission::<ops::CreateVirtualMFADevice>(device_arn(&account, input));
    Ok(tag::with_request_tags(permission, input.tags.as_deref()).into())
}

fn create(cx: &mut WriteCx<'_>, input: &CreateVirtualMFADeviceRequest) -> Result<CreateVirtualMFADeviceResponse> {
    let (account, now) = (cx.account()?, cx.now);
    let serial = device_arn(&account, input);
    if find(cx.tx, &serial)?.is_some() {
        let text = "MFADevice entity at the same path and name already exists.";
        return Err(EntityAlreadyExistsException::new(text).into());
    }
    let app = std::sync::Arc::clone(cx.app);
    let seed: [u8; totp::SEED_BYTES] = cx.random.bytes();
    let sealed = app.seal.seal(Purpose::AccessKeySecret, &serial, &seed, &mut cx.random)?;
    let mut tx = cx.write();
    tx.exec_one(
        "insert into iam_mfa_device (serial, account_id, sealed_seed, last_step, created_at) \
         values ($1, $2, $3, 0, $4)",
        params![serial, account, sealed, now],
    )?;
    tag::add(&mut tx, &serial, input.tags.as_deref().unwrap_or_default())?;
    let text = totp::base32(&seed);
    let picture = qr::png(&totp::provisioning_uri(&input.virtual_mfa_device_name, &account, &text))?;
    Ok(CreateVirtualMFADeviceResponse {
        virtual_mfa_device: VirtualMFADevice {
            base32_string_seed: Some(Blob(text.into_bytes())),
            qr_code_png: Some(Blob(picture)),
            tags: tag::shown(cx.tx, &serial)?,
            serial_number: serial,
            ..Default::default()
        },
    })
}

fn enable(cx: &mut WriteCx<'_>, input: &EnableMFADeviceRequest) -> Result<Unit> {
    let (app, now) = (std::sync::Arc::clone(cx.app), cx.now);
    let subject = holder_named(cx, &input.user_name)?;
    let device = existing(cx, &input.serial_number)?;
    if device.holder.is_some() {
        let text = format!("MFA Device {} is already in use.", device.serial);
        return Err(EntityAlreadyExistsException::new(text).into());
    }
    let holder = Holder::of(&subject);
    if of_holder(cx.tx, &holder)?.len() as i64 >= DEVICES_PER_USER_MAX {
        return Err(messages::over_quota("MFADevicesPerUser", DEVICES_PER_USER_MAX).into());
    }
    let codes = (input.authentication_code1.as_str(), input.authentication_code2.as_str());
    let step = device.consecutive(&app.seal, codes, now)?;
    cx.touch(Scope::account(&device.account));
    cx.write().exec_one(
        "update iam_mfa_device set assigned_to = $2, last_step = $3, enabled_at = $4 where serial = $1",
        params![device.serial, holder.as_str(), step, now],
    )?;
    Ok(Unit)
}

fn resync(cx: &mut WriteCx<'_>, input: &ResyncMFADeviceRequest) -> Result<Unit> {
    let (app, now) = (std::sync::Arc::clone(cx.app), cx.now);
    let subject = holder_named(cx, &input.user_name)?;
    let device = held(cx, &subject, &input.serial_number)?;
    let codes = (input.authentication_code1.as_str(), input.authentication_code2.as_str());
    let step = device.consecutive(&app.seal, codes, now)?;
    cx.write().exec_one("update iam_mfa_device set last_step = $2 where serial = $1", params![device.serial, step])?;
    Ok(Unit)
}

fn deactivate(cx: &mut WriteCx<'_>, input: &DeactivateMFADeviceRequest) -> Result<Unit> {
    let subject = match &input.user_name {
        Some(name) => holder_named(cx, name)?,
        None => subject(cx, None)?,
    };
    let device = held(cx, &subject, &input.serial_number)?;
    cx.touch(Scope::account(&device.account));
    cx.write().exec_one(
        "update iam_mfa_device set assigned_to = null, enabled_at = null where serial = $1",
        params![device.serial],
    )?;
    Ok(Unit)
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteVirtualMFADeviceRequest) -> Result<Unit> {
    let device = existing(cx, &input.serial_number)?;
    if device.holder.is_some() {
        return Err(DeleteConflictException::new("MFA VirtualDevice in use. Must deactivate first.").into());
    }
    let mut tx = cx.write();
    tag::clear(&mut tx, &device.serial)?;
    tx.exec_one("delete from iam_mfa_device where serial = $1", params![device.serial])?;
    Ok(Unit)
}

fn list(cx: &mut Cx<'_>, input: &ListMFADevicesRequest) -> Result<ListMFADevicesResponse> {
    let subject = subject(cx, input.user_name.as_deref())?;
    let holder = Holder::of(&subject);
    let devices = of_holder(cx.tx, &holder)?;
    let list = ["ListMFADevices", holder.as_str()];
    let page = paging::cut(cx, &list, page_request!(input), devices, |device| device.serial.clone())?;
    let page = page.map(|device| MFADevice {
        enable_date: device.enabled_at.unwrap_or(device.created_at),
        serial_number: device.serial,
        user_name: subject.name().unwrap_or("<root_account>").to_owned(),
    });
    let is_truncated = page.is_truncated();
    Ok(ListMFADevicesResponse { is_truncated, mfa_devices: page.rows, marker: page.marker })
}

fn list_virtual(cx: &mut Cx<'_>, input: &ListVirtualMFADevicesRequest) -> Result<ListVirtualMFADevicesResponse> {
    let account = cx.account()?;
    let status = input.assignment_status.unwrap_or(assignmentStatusType::Any);
    let mut devices = cx.tx.all(select!("where account_id = $1 order by serial"), params![account], device)?;
    devices.retain(|device| match status {
        assignmentStatusType::Assigned => device.holder.is_some(),
        assignmentStatusType::Unassigned => device.holder.is_none(),
        assignmentStatusType::Any => true,
    });
    let list = ["ListVirtualMFADevices", status.as_str()];
    let page = paging::cut(cx, &list, page_request!(input), devices, |device| device.serial.clone())?;
    let mut output = ListVirtualMFADevicesResponse {
        is_truncated: page.is_truncated(),
        marker: page.marker,
        virtual_mfa_devices: Vec::with_capacity(page.rows.len()),
    };
    for device in page.rows {
        let user = match &device.holder {
            None => None,
            Some(Holder::User(id)) => user::get(cx.tx, id)?.map(|user: User| user.listed()),
            Some(Holder::Root(account)) => Some(crate::account::root_user(cx.tx, account)?),
        };
        output.virtual_mfa_devices.push(VirtualMFADevice {
            enable_date: device.enabled_at,
            serial_number: device.serial,
            user,
            ..Default::default()
        });
    }
    Ok(output)
}

fn read(cx: &mut Cx<'_>, input: &GetMFADeviceRequest) -> Result<GetMFADeviceResponse> {
    let device = existing(cx, &input.serial_number)?;
    let holder = match &device.holder {
        Some(Holder::User(id)) => user::get(cx.tx, id)?,
        Some(Holder::Root(_)) | None => None,
    };
    let is_held_by = |name: &String| holder.as_ref().is_some_and(|user| user.name.eq_ignore_ascii_case(name));
    if input.user_name.as_ref().is_some_and(|name| !is_held_by(name)) {
        return Err(messages::no_mfa_device(&device.serial).into());
    }
    Ok(GetMFADeviceResponse {
        certifications: None,
        enable_date: device.enabled_at,
        serial_number: device.serial,
        user_name: holder.map(|user| user.name),
    })
}

fn add_tags(cx: &mut WriteCx<'_>, input: &TagMFADeviceRequest) -> Result<Unit> {
    let device = existing(cx, &input.serial_number)?;
    tag::add(&mut cx.write(), &device.serial, &input.tags)?;
    Ok(Unit)
}

fn remove_tags(cx: &mut WriteCx<'_>, input: &UntagMFADeviceRequest) -> Result<Unit> {
    let device = existing(cx, &input.serial_number)?;
    tag::remove(&mut cx.write(), &device.serial, &input.tag_keys)?;
    Ok(Unit)
}

fn list_tags(cx: &mut Cx<'_>, input: &ListMFADeviceTagsRequest) -> Result<ListMFADeviceTagsResponse> {
    let device = existing(cx, &input.serial_number)?;
    let page = tag::page(cx, "ListMFADeviceTags", &device.serial, page_request!(input))?;
    Ok(ListMFADeviceTagsResponse { is_truncated: page.is_truncated(), marker: page.marker, tags: page.rows })
}

/// The permission on the device itself, with its tags.
fn on_device<O: Operation>(cx: &mut Cx<'_>, serial: &str) -> Result<Permission> {
    tag::with_resource_tags(permission::<O>(serial), cx.tx, serial)
}

/// The permission on whom a device is for.
fn on_holder<O: Operation>(cx: &mut Cx<'_>, name: &str) -> Result<Access> {
    let subject = match holder_named(cx, name) {
        Ok(Subject::Root(account)) => return Ok(permission::<O>(format!("arn:aws:iam::{account}:root")).into()),
        Ok(Subject::User(_)) | Err(Error::Modeled(_)) => Some(name),
        Err(other) => return Err(other),
    };
    Ok(permission_on_subject::<O>(cx, subject)?.into())
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateVirtualMFADevice>(may_create, create),
        route::write::<ops::EnableMFADevice>(
            |cx, input| on_holder::<ops::EnableMFADevice>(cx, &input.user_name),
            enable,
        ),
        route::write::<ops::ResyncMFADevice>(
            |cx, input| on_holder::<ops::ResyncMFADevice>(cx, &input.user_name),
            resync,
        ),
        route::write::<ops::DeactivateMFADevice>(
            |cx, input| match &input.user_name {
                Some(name) => on_holder::<ops::DeactivateMFADevice>(cx, name),
                None => Ok(permission_on_subject::<ops::DeactivateMFADevice>(cx, None)?.into()),
            },
            deactivate,
        ),
        route::write::<ops::DeleteVirtualMFADevice>(
            |cx, input| Ok(on_device::<ops::DeleteVirtualMFADevice>(cx, &input.serial_number)?.into()),
            delete,
        ),
        route::read::<ops::ListMFADevices>(
            |cx, input| Ok(permission_on_subject::<ops::ListMFADevices>(cx, input.user_name.as_deref())?.into()),
            list,
        ),
        route::read::<ops::ListVirtualMFADevices>(anywhere::<ops::ListVirtualMFADevices>, list_virtual),
        route::read::<ops::GetMFADevice>(anywhere::<ops::GetMFADevice>, read),
        route::write::<ops::TagMFADevice>(
            |cx, input| {
                let permission = on_device::<ops::TagMFADevice>(cx, &input.serial_number)?;
                Ok(tag::with_request_tags(permission, Some(&input.tags)).into())
            },
            add_tags,
        ),
        route::write::<ops::UntagMFADevice>(
            |cx, input| {
                let permission = on_device::<ops::UntagMFADevice>(cx, &input.serial_number)?;
                Ok(tag::with_tag_keys(permission, &input.tag_keys).into())
            },
            remove_tags,
        ),
        route::read::<ops::ListMFADeviceTags>(
            |cx, input| Ok(on_device::<ops::ListMFADeviceTags>(cx, &input.serial_number)?.into()),
            list_tags,
        ),
    ]
}
