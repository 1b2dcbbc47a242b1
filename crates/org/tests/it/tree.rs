use crate::support::{self, MANAGEMENT, app, count, exec, failure, management, member, of, permissions, root_id};
use kernel::Result;
use kernel::testing::TestApp;
use model::organizations::{
    ChildType, CreateOrganizationalUnitRequest, DeleteOrganizationalUnitRequest, DescribeOrganizationalUnitRequest,
    ListChildrenRequest, ListOrganizationalUnitsForParentRequest, ListParentsRequest, MoveAccountRequest,
    OrganizationalUnit, Tag, UpdateOrganizationalUnitRequest, ops,
};

const NO_UNIT: &str = "ou-zzzz-zzzzzzzz";

fn create(app: &TestApp, parent: &str, name: &str) -> Result<OrganizationalUnit> {
    let input = CreateOrganizationalUnitRequest {
        parent_id: parent.to_owned(),
        name: name.to_owned(),
        ..CreateOrganizationalUnitRequest::default()
    };
    Ok(app.call::<ops::CreateOrganizationalUnit>(&management(), input)?.organizational_unit.expect("a unit"))
}

/// A new unit's id.
pub fn unit(app: &TestApp, parent: &str, name: &str) -> String {
    create(app, parent, name).expect("created").id.expect("an id")
}

fn describe(app: &TestApp, id: &str) -> Result<OrganizationalUnit> {
    let input = DescribeOrganizationalUnitRequest { organizational_unit_id: id.to_owned() };
    Ok(app.call::<ops::DescribeOrganizationalUnit>(&management(), input)?.organizational_unit.expect("a unit"))
}

fn rename(app: &TestApp, id: &str, name: Option<&str>) -> Result<OrganizationalUnit> {
    let input =
        UpdateOrganizationalUnitRequest { organizational_unit_id: id.to_owned(), name: name.map(str::to_owned) };
    Ok(app.call::<ops::UpdateOrganizationalUnit>(&management(), input)?.organizational_unit.expect("a unit"))
}

fn delete(app: &TestApp, id: &str) -> Result<()> {
    let input = DeleteOrganizationalUnitRequest { organizational_unit_id: id.to_owned() };
    app.call::<ops::DeleteOrganizationalUnit>(&management(), input).map(|_| ())
}

fn parent(app: &TestApp, child: &str) -> Result<(String, String)> {
    let input = ListParentsRequest { child_id: child.to_owned(), ..ListParentsRequest::default() };
    let parent = app.call::<ops::ListParents>(&management(), input)?.parents.expect("parents").remove(0);
    Ok((parent.id.expect("an id"), parent.r#type.expect("a type").to_string()))
}

fn children(app: &TestApp, parent: &str, child_type: ChildType) -> Result<Vec<String>> {
    let input = ListChildrenRequest { parent_id: parent.to_owned(), child_type, ..ListChildrenRequest::default() };
    let children = app.call::<ops::ListChildren>(&management(), input)?.children.expect("children");
    Ok(children.into_iter().filter_map(|child| child.id).collect())
}

pub fn move_account(app: &TestApp, account: &str, from: &str, to: &str) -> Result<()> {
    let input = MoveAccountRequest {
        account_id: account.to_owned(),
        source_parent_id: from.to_owned(),
        destination_parent_id: to.to_owned(),
    };
    app.call::<ops::MoveAccount>(&management(), input).map(|_| ())
}

#[test]
fn a_unit_knows_its_way_from_the_organization() {
    let app = app();
    let root = root_id(&app);
    let outer = create(&app, &root, "outer").expect("created");
    let outer_id = outer.id.clone().expect("an id");
    assert!(outer_id.starts_with(&format!("ou-{}-", &root[2..])));
    let inner = create(&app, &outer_id, "inner").expect("created");
    let inner_id = inner.id.clone().expect("an id");
    let path = inner.path.clone().expect("a path");
    assert!(path.starts_with("o-") && path.ends_with(&format!("/{root}/{outer_id}/{inner_id}/")), "{path}");
    let org = path.split('/').next().expect("an organization");
    assert_eq!(inner.arn, Some(format!("arn:aws:organizations::{MANAGEMENT}:ou/{org}/{inner_id}")));
    assert_eq!(describe(&app, &inner_id).expect("described"), inner);
    assert_eq!(parent(&app, &inner_id).expect("a parent"), (outer_id.clone(), "ORGANIZATIONAL_UNIT".to_owned()));
    assert_eq!(parent(&app, &outer_id).expect("a parent"), (root, "ROOT".to_owned()));
}

#[test]
fn names_are_unique_beside_siblings_only() {
    let app = app();
    let root = root_id(&app);
    let (first, other) = (unit(&app, &root, "first"), unit(&app, &root, "other"));
    assert_eq!(failure(create(&app, &root, "first")), "DuplicateOrganizationalUnitException");
    unit(&app, &root, "First");
    unit(&app, &first, "first");
    assert_eq!(failure(rename(&app, &other, Some("first"))), "DuplicateOrganizationalUnitException");
    assert_eq!(rename(&app, &first, Some("first")).expect("its own name").name.as_deref(), Some("first"));
    assert_eq!(rename(&app, &first, None).expect("nothing to do").name.as_deref(), Some("first"));
    assert_eq!(rename(&app, &first, Some("new")).expect("renamed").name.as_deref(), Some("new"));
    assert_eq!(describe(&app, &first).expect("described").name.as_deref(), Some("new"));
}

#[test]
fn units_nest_five_levels_deep() {
    let app = app();
    let mut parent = root_id(&app);
    for level in 1..=5 {
        parent = unit(&app, &parent, &format!("level {level}"));
    }
    assert_eq!(failure(create(&app, &parent, "level 6")), "ConstraintViolationException OU_DEPTH_LIMIT_EXCEEDED");
    let account = member(&app, "deep");
    move_account(&app, &account, &root_id(&app), &parent).expect("moved");
    let input = model::organizations::DescribeAccountRequest { account_id: account.clone() };
    let paths = app.call::<ops::DescribeAccount>(&management(), input).expect("described").account.expect("one").paths;
    assert_eq!(paths.expect("paths")[0].matches("/ou-").count(), 5);
}

#[test]
fn the_number_of_units_is_limited() {
    let app = app();
    exec(
        &app,
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 2000) \
         insert into org_unit (id, org_id, parent_id, name, created_at) \
         select 'ou-aaaa-1000' || cast(1000 + n.i as text), o.id, o.root_id, cast(n.i as text), 0 from n, org_organization o",
    );
    let created = create(&app, &root_id(&app), "one too many");
    assert_eq!(failure(created), "ConstraintViolationException OU_NUMBER_LIMIT_EXCEEDED");
}

#[test]
fn a_unit_is_deleted_only_when_it_is_empty() {
    let app = app();
    let root = root_id(&app);
    let outer = unit(&app, &root, "outer");
    let inner = unit(&app, &outer, "inner");
    assert_eq!(failure(delete(&app, &outer)), "OrganizationalUnitNotEmptyException");
    delete(&app, &inner).expect("empty");
    let account = member(&app, "member");
    move_account(&app, &account, &root, &outer).expect("moved");
    assert_eq!(failure(delete(&app, &outer)), "OrganizationalUnitNotEmptyException");
    move_account(&app, &account, &outer, &root).expect("moved");
    exec(&app, "insert into org_tag (resource_id, key, value) select id, 'a', 'b' from org_unit");
    delete(&app, &outer).expect("empty");
    assert_eq!(count(&app, "select count(*) from org_tag"), 0);
    assert_eq!(failure(delete(&app, &outer)), "OrganizationalUnitNotFoundException");
}

#[test]
fn what_does_not_exist_is_not_found() {
    let app = app();
    assert_eq!(failure(create(&app, NO_UNIT, "x")), "ParentNotFoundException");
    assert_eq!(failure(create(&app, "r-zzzz", "x")), "ParentNotFoundException");
    assert_eq!(failure(create(&app, MANAGEMENT, "x")), "InvalidInputException INVALID_PATTERN");
    assert_eq!(failure(describe(&app, NO_UNIT)), "OrganizationalUnitNotFoundException");
    assert_eq!(failure(rename(&app, NO_UNIT, Some("x"))), "OrganizationalUnitNotFoundException");
    assert_eq!(failure(children(&app, NO_UNIT, ChildType::Account)), "ParentNotFoundException");
    assert_eq!(failure(parent(&app, NO_UNIT)), "ChildNotFoundException");
    assert_eq!(failure(parent(&app, support::STRANGER)), "ChildNotFoundException");
    assert_eq!(failure(parent(&app, &root_id(&app))), "InvalidInputException INVALID_PATTERN");
}

#[test]
fn members_cannot_change_the_tree() {
    let app = app();
    let account = member(&app, "member");
    support::delegate(&app, &account);
    let input = CreateOrganizationalUnitRequest {
        parent_id: root_id(&app),
        name: "x".to_owned(),
        ..CreateOrganizationalUnitRequest::default()
    };
    assert_eq!(failure(app.call::<ops::CreateOrganizationalUnit>(&of(&account), input)), "AccessDeniedException");
}

#[test]
fn children_are_listed_by_kind_and_directly() {
    let app = app();
    let root = root_id(&app);
    let outer = unit(&app, &root, "outer");
    unit(&app, &outer, "inner");
    let account = member(&app, "member");
    move_account(&app, &account, &root, &outer).expect("moved");
    assert_eq!(children(&app, &root, ChildType::OrganizationalUnit).expect("listed"), std::slice::from_ref(&outer));
    assert_eq!(children(&app, &root, ChildType::Account).expect("listed"), [MANAGEMENT]);
    assert_eq!(children(&app, &outer, ChildType::Account).expect("listed"), [account]);
}

#[test]
fn units_come_in_pages_in_the_order_of_their_creation() {
    let app = app();
    let root = root_id(&app);
    let names: Vec<String> = (0..45).map(|n| format!("unit {n}")).collect();
    for name in &names {
        unit(&app, &root, name);
        app.clock.advance_seconds(1);
    }
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    let mut next_token = None;
    loop {
        let input =
            ListOrganizationalUnitsForParentRequest { parent_id: root.clone(), next_token, ..Default::default() };
        let page = app.call::<ops::ListOrganizationalUnitsForParent>(&management(), input).expect("listed");
        let units = page.organizational_units.expect("units");
        sizes.push(units.len());
        seen.extend(units.into_iter().filter_map(|unit| unit.name));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!((seen, sizes), (names, vec![20, 20, 5]));
}

#[test]
fn a_token_is_good_for_its_own_list_only() {
    let app = app();
    let root = root_id(&app);
    for name in ["a", "b"] {
        unit(&app, &root, name);
    }
    let list = |child_type, next_token: Option<String>| {
        let input = ListChildrenRequest { parent_id: root.clone(), child_type, max_results: Some(1), next_token };
        app.call::<ops::ListChildren>(&management(), input)
    };
    let token = list(ChildType::OrganizationalUnit, None).expect("listed").next_token;
    assert!(token.is_some());
    assert_eq!(failure(list(ChildType::Account, token.clone())), "InvalidInputException INVALID_NEXT_TOKEN");
    let last = list(ChildType::OrganizationalUnit, token).expect("listed");
    assert_eq!((last.children.map(|children| children.len()), last.next_token), (Some(1), None));
}

#[test]
fn tags_come_with_the_unit_and_are_checked() {
    let app = app();
    let tag = |key: &str| Tag { key: key.to_owned(), value: "v".to_owned() };
    let create = |tags: Vec<Tag>| {
        let input =
            CreateOrganizationalUnitRequest { parent_id: root_id(&app), name: "x".to_owned(), tags: Some(tags) };
        app.call::<ops::CreateOrganizationalUnit>(&management(), input)
    };
    assert_eq!(failure(create(vec![tag("a"), tag("a")])), "InvalidInputException DUPLICATE_TAG_KEY");
    assert_eq!(failure(create(vec![tag("AWS:a")])), "InvalidInputException INVALID_SYSTEM_TAGS_PARAMETER");
    let many = (0..51).map(|n| tag(&n.to_string())).collect();
    assert_eq!(failure(create(many)), "ConstraintViolationException MAX_TAG_LIMIT_EXCEEDED");
    let id = create(vec![tag("a")]).expect("created").organizational_unit.and_then(|unit| unit.id).expect("an id");

    let input = DescribeOrganizationalUnitRequest { organizational_unit_id: id.clone() };
    let permission = permissions::<ops::DescribeOrganizationalUnit>(&app, &management(), &input).remove(0);
    assert!(permission.resource.ends_with(&format!("/{id}")), "{}", permission.resource);
    assert_eq!(permission.context, [("aws:ResourceTag/a".to_owned(), vec!["v".to_owned()])]);
}

#[test]
fn the_permission_names_the_resource_even_if_it_does_not_exist() {
    let app = app();
    let input = DescribeOrganizationalUnitRequest { organizational_unit_id: NO_UNIT.to_owned() };
    let resource = |caller| permissions::<ops::DescribeOrganizationalUnit>(&app, &caller, &input).remove(0).resource;
    assert!(resource(management()).ends_with(&format!("/{NO_UNIT}")));
    assert_eq!(resource(of(support::STRANGER)), "*");
    let input = CreateOrganizationalUnitRequest {
        parent_id: "r-zzzz".to_owned(),
        name: "x".to_owned(),
        tags: Some(vec![Tag { key: "k".to_owned(), value: "v".to_owned() }]),
    };
    let permission = permissions::<ops::CreateOrganizationalUnit>(&app, &management(), &input).remove(0);
    assert_eq!(permission.action, "organizations:CreateOrganizationalUnit");
    assert!(permission.resource.contains(":root/o-") && permission.resource.ends_with("/r-zzzz"));
    let keys: Vec<&str> = permission.context.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["aws:RequestTag/k", "aws:TagKeys"]);
}
