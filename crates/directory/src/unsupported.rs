//! Operations that no directory here has: each says so.
//!
//! An AD Connector has no regions or schema of its own: those are the domain's, and are managed there, as are
//! those of a domain that is run here, with the tools for Active Directory.

use crate::managed::not_for;
use crate::{access, messages};
use kernel::{Cx, Result, Route, WriteCx, route};
use model::ds::{
    DescribeEventTopicsRequest, DescribeEventTopicsResult, ListLogSubscriptionsRequest, ListLogSubscriptionsResult, ops,
};
use smithy::schema::Operation;

fn not_hosted<O: Operation>(_cx: &mut WriteCx<'_>, _input: &O::In) -> Result<O::Out> {
    let message = "Directories of this type are not hosted here. Have a domain run with CreateMicrosoftAD, or connect to \
                   one that you run with ConnectDirectory.";
    Err(messages::unsupported(message))
}

fn unknown<O: Operation>(_cx: &mut WriteCx<'_>, _input: &O::In) -> Result<O::Out> {
    Err(messages::unsupported(format!("{} is not supported.", O::OP.name)))
}

/// Routes of operations on a directory that refuse whatever the directory: each with the member that names it and the
/// error for one that is not there.
macro_rules! refused {
    ($kind:ident: $($op:ident $id:ident $existing:ident,)*) => {
        vec![$(
            route::$kind::<ops::$op>(
                |cx, input| Ok(access::on::<ops::$op>(cx, &input.$id)?.into()),
                |cx, input| {
                    let directory = access::$existing(cx, &input.$id)?;
                    Err(not_for::<ops::$op>(&directory))
                },
            )
        ),*]
    };
}

fn require(cx: &mut Cx<'_>, id: Option<&str>) -> Result<()> {
    id.map_or(Ok(()), |id| access::existing(cx, id).map(drop))
}

fn log_subscriptions(cx: &mut Cx<'_>, input: &ListLogSubscriptionsRequest) -> Result<ListLogSubscriptionsResult> {
    require(cx, input.directory_id.as_deref())?;
    Ok(ListLogSubscriptionsResult { log_subscriptions: Some(Vec::new()), next_token: None })
}

fn event_topics(cx: &mut Cx<'_>, input: &DescribeEventTopicsRequest) -> Result<DescribeEventTopicsResult> {
    require(cx, input.directory_id.as_deref())?;
    Ok(DescribeEventTopicsResult { event_topics: Some(Vec::new()) })
}

fn empty_lists() -> Vec<Route> {
    vec![
        route::read::<ops::ListLogSubscriptions>(access::anywhere::<ops::ListLogSubscriptions>, log_subscriptions),
        route::read::<ops::DescribeEventTopics>(
            |cx, input| {
                let id = input.directory_id.as_deref().unwrap_or("*");
                Ok(access::on::<ops::DescribeEventTopics>(cx, id)?.into())
            },
            event_topics,
        ),
    ]
}

fn hosting() -> Vec<Route> {
    vec![
        route::write::<ops::CreateDirectory>(
            access::anywhere::<ops::CreateDirectory>,
            not_hosted::<ops::CreateDirectory>,
        ),
        route::write::<ops::CreateHybridAD>(access::anywhere::<ops::CreateHybridAD>, not_hosted::<ops::CreateHybridAD>),
    ]
}

/// Operations on assessments, of which there are none.
fn on_nothing() -> Vec<Route> {
    vec![
        route::write::<ops::DeleteADAssessment>(
            access::anywhere::<ops::DeleteADAssessment>,
            unknown::<ops::DeleteADAssessment>,
        ),
        route::write::<ops::DescribeADAssessment>(
            access::anywhere::<ops::DescribeADAssessment>,
            unknown::<ops::DescribeADAssessment>,
        ),
        route::write::<ops::ListADAssessments>(
            access::anywhere::<ops::ListADAssessments>,
            unknown::<ops::ListADAssessments>,
        ),
        route::write::<ops::StartADAssessment>(
            access::anywhere::<ops::StartADAssessment>,
            unknown::<ops::StartADAssessment>,
        ),
    ]
}

fn reads() -> Vec<Route> {
    refused! { read:
        DescribeCAEnrollmentPolicy directory_id existing_directory,
        DescribeClientAuthenticationSettings directory_id existing_directory,
        DescribeHybridADUpdate directory_id existing_directory,
        DescribeRegions directory_id existing_directory,
        DescribeSettings directory_id existing_directory,
        DescribeUpdateDirectory directory_id existing_directory,
        ListIpRoutes directory_id existing,
        ListSchemaExtensions directory_id existing,
    }
}

fn writes() -> Vec<Route> {
    refused! { write:
        AddIpRoutes directory_id existing,
        AddRegion directory_id existing,
        CancelSchemaExtension directory_id existing,
        CreateComputer directory_id existing,
        CreateLogSubscription directory_id existing,
        DeleteLogSubscription directory_id existing,
        DeregisterEventTopic directory_id existing,
        DisableCAEnrollmentPolicy directory_id existing,
        DisableClientAuthentication directory_id existing_directory,
        DisableRadius directory_id existing,
        EnableCAEnrollmentPolicy directory_id existing,
        EnableClientAuthentication directory_id existing_directory,
        EnableRadius directory_id existing,
        RegisterEventTopic directory_id existing,
        RemoveIpRoutes directory_id existing,
        RemoveRegion directory_id existing_directory,
        StartSchemaExtension directory_id existing,
        UpdateDirectorySetup directory_id existing_directory,
        UpdateHybridAD directory_id existing_directory,
        UpdateNumberOfDomainControllers directory_id existing,
        UpdateRadius directory_id existing,
        UpdateSettings directory_id existing_directory,
    }
}

pub(crate) fn routes() -> Vec<Route> {
    let refused = [hosting(), on_nothing(), reads(), writes()].into_iter().flatten().map(Route::refusing);
    empty_lists().into_iter().chain(refused).collect()
}
