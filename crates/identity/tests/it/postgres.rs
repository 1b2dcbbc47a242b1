//! The same tests on PostgreSQL, where `TEST_DATABASE_URL` names a server.

use crate::support::on_postgres;
use crate::{group, membership, password, store, user};

#[test]
fn what_holds_of_a_store_holds_on_postgres() {
    on_postgres(&[
        store::a_store_is_described_by_its_id_and_by_its_arn,
        store::a_store_is_seen_by_its_owner_and_by_the_members_of_its_organization,
        store::members_read_but_only_the_owner_and_the_delegated_administrator_write,
        store::a_network_configuration_shuts_other_addresses_out_but_can_be_mended_from_everywhere,
        store::a_store_goes_with_everybody_in_it_and_no_other_store_is_touched,
    ]);
}

#[test]
fn what_holds_of_a_user_holds_on_postgres() {
    on_postgres(&[
        user::every_attribute_comes_back_exactly_as_it_was_given,
        user::attributes_that_were_not_given_are_absent,
        user::a_user_needs_a_name_a_display_name_and_both_parts_of_the_own_name,
        user::user_names_and_addresses_are_unique_whatever_their_case,
        user::extensions_hold_what_aws_documents_and_nothing_else,
        user::users_are_found_by_name_by_address_and_by_external_id,
        user::an_address_that_several_people_of_a_directory_share_finds_nobody,
        user::updates_reach_every_attribute_by_its_path,
        user::updates_speak_as_terraform_does,
        user::updates_that_mean_nothing_or_leave_too_little_are_refused_whole,
        user::a_change_since_the_given_revision_is_a_conflict,
        user::users_are_listed_in_pages_and_by_name,
        user::a_disabled_user_is_shown_so_and_told_of_once,
        user::a_store_holds_no_more_users_than_the_quota,
        user::users_from_active_directory_are_read_only,
        user::permissions_name_the_store_and_the_user,
    ]);
}

#[test]
fn what_holds_of_a_group_holds_on_postgres() {
    on_postgres(&[
        group::a_group_is_created_described_and_found_by_its_name,
        group::what_is_not_there_or_means_nothing_is_refused,
        group::names_of_groups_are_unique_whatever_their_case_and_some_are_reserved,
        group::updates_set_and_remove_attributes_and_count_as_revisions,
        group::a_deleted_group_takes_its_memberships_along_and_is_told_of,
        group::groups_are_listed_in_pages_and_by_name,
        group::an_external_id_finds_its_group_and_is_a_condition_of_permissions,
        group::a_store_holds_no_more_groups_than_the_quota,
        group::groups_from_active_directory_are_read_only,
    ]);
}

#[test]
fn what_holds_of_a_membership_holds_on_postgres() {
    on_postgres(&[
        membership::a_membership_is_created_described_found_and_deleted,
        membership::only_users_and_groups_of_the_store_come_together_and_only_once,
        membership::memberships_are_listed_in_pages_from_both_sides,
        membership::membership_in_many_groups_is_asked_at_once,
        membership::a_deleted_user_leaves_all_groups_and_is_told_of,
        membership::a_directory_adds_and_removes_members_without_the_api,
    ]);
}

#[test]
fn what_holds_of_passwords_holds_on_postgres() {
    on_postgres(&[
        password::the_right_password_lets_in_whatever_the_case_of_the_name,
        password::nobody_without_a_password_or_disabled_is_let_in,
        password::a_one_time_password_must_be_changed_and_is_then_of_no_use,
        password::a_new_password_keeps_the_rules_and_is_none_of_the_last_three,
        password::a_password_that_was_kept_before_the_directory_came_lets_nobody_in,
        password::a_name_that_no_database_can_hold_is_nobody_s,
        password::passwords_of_nobody_and_of_a_directory_s_people_are_not_kept,
        password::a_deleted_user_s_password_is_gone,
        password::ten_failures_of_a_name_are_followed_by_growing_delays_even_for_the_right_password,
        password::unknown_disabled_and_passwordless_users_are_throttled_like_everybody,
        password::an_address_that_tries_many_names_is_throttled_and_no_other_is,
        password::failures_are_forgotten_after_a_day_and_their_counters_go,
        password::an_administrator_s_new_password_ends_the_delay,
        password::guesses_made_beside_each_other_count_one_by_one,
        password::neither_passwords_nor_mistyped_names_are_stored_in_the_clear,
    ]);
}
