//! SQLSTATE: five characters, of which the first two are the class.
//!
//! The standard leaves subclasses to implementations, so one state can stand for two things (`42504` is a missing
//! privilege to Derby and a duplicate name to HSQLDB). PostgreSQL is looked up in its own table; everybody else in the
//! tables of ODBC and of the engines first, in PostgreSQL's, which holds the states of the standard, after them. A state
//! that no table has means what its class means.

mod engines;
mod odbc;
mod postgres;

use super::{Meaning, Row, find, rows};

#[cfg(test)]
pub(super) use {engines::ENGINES, odbc::ODBC, postgres::POSTGRES};

/// The meaning of a SQLSTATE that a PostgreSQL server sent, or a server that speaks its protocol.
pub fn postgres(state: &str) -> Option<Meaning> {
    find(postgres::POSTGRES, state).or_else(|| class(state))
}

/// The meaning of a SQLSTATE that came through an ODBC driver manager.
pub fn odbc(state: &str) -> Option<Meaning> {
    find(odbc::ODBC, state)
        .or_else(|| find(engines::ENGINES, state))
        .or_else(|| find(postgres::POSTGRES, state))
        .or_else(|| class(state))
}

/// The meaning of a SQLSTATE that a JDBC driver reported; see [`jdbc::meaning`](super::jdbc::meaning) for the whole of a
/// `java.sql.SQLException`.
pub fn jdbc(state: &str) -> Option<Meaning> {
    find(engines::ENGINES, state)
        .or_else(|| find(odbc::ODBC, state))
        .or_else(|| find(postgres::POSTGRES, state))
        .or_else(|| class(state))
}

/// The meaning of the class alone; `None` for a class that is in no standard, and for what is no SQLSTATE.
pub fn class(state: &str) -> Option<Meaning> {
    if state.len() != 5 {
        return None;
    }
    find(CLASSES, state.get(..2)?)
}

/// Whether a connection is to be discarded after this SQLSTATE; so is one whose class nobody knows.
pub fn is_connection_dead(state: &str) -> bool {
    odbc(state).is_none_or(Meaning::is_connection_dead)
}

pub(super) const CLASSES: &[Row<&str>] = rows! {
    "00" successful_completion => Other;
    "01" warning => Other;
    "02" no_data => Other;
    "03" sql_statement_not_yet_complete => Misuse;
    "07" dynamic_sql_error => Parameter;
    "08" connection_exception => ConnectionLost, DEAD;
    "09" triggered_action_exception => ConstraintViolation;
    "0A" feature_not_supported => Unsupported;
    "0B" invalid_transaction_initiation => Misuse;
    "0D" invalid_target_type_specification => Syntax;
    "0E" invalid_schema_name_list_specification => Syntax;
    "0F" locator_exception => InvalidValue;
    "0K" resignal_when_handler_not_active => Misuse;
    "0L" invalid_grantor => PermissionDenied;
    "0M" invalid_sql_invoked_procedure_reference => Syntax;
    "0P" invalid_role_specification => UndefinedObject;
    "0S" invalid_transform_group_name_specification => UndefinedObject;
    "0T" target_table_disagrees_with_cursor_specification => Syntax;
    "0U" attempt_to_assign_to_non_updatable_column => Unsupported;
    "0V" attempt_to_assign_to_ordering_column => Unsupported;
    "0W" prohibited_statement_encountered_during_trigger => Unsupported;
    "0X" invalid_foreign_server_specification => UndefinedObject;
    "0Z" diagnostics_exception => Misuse;
    "10" xquery_error => Syntax;
    "20" case_not_found => InvalidValue;
    "21" cardinality_violation => InvalidValue;
    "22" data_exception => InvalidValue;
    "23" integrity_constraint_violation => ConstraintViolation;
    "24" invalid_cursor_state => Misuse;
    "25" invalid_transaction_state => Misuse;
    "26" invalid_sql_statement_name => UndefinedObject;
    "27" triggered_data_change_violation => ConstraintViolation;
    "28" invalid_authorization_specification => Authentication, DEAD;
    "2A" syntax_error_or_access_rule_violation_in_direct_statement => Syntax;
    "2B" dependent_privilege_descriptors_still_exist => ConstraintViolation;
    "2C" invalid_character_set_name => UndefinedObject;
    "2D" invalid_transaction_termination => Misuse;
    "2E" invalid_connection_name => Misuse;
    "2F" sql_routine_exception => Other;
    "2H" invalid_collation_name => UndefinedObject;
    "30" invalid_sql_statement_identifier => UndefinedObject;
    "33" invalid_sql_descriptor_name => UndefinedObject;
    "34" invalid_cursor_name => UndefinedObject;
    "35" invalid_condition_number => Misuse;
    "36" cursor_sensitivity_exception => Unsupported;
    "37" syntax_error_or_access_rule_violation_in_dynamic_statement => Syntax;
    "38" external_routine_exception => Other;
    "39" external_routine_invocation_exception => Other;
    "3B" savepoint_exception => Misuse;
    "3C" ambiguous_cursor_name => DuplicateObject;
    "3D" invalid_catalog_name => UnknownDatabase;
    "3F" invalid_schema_name => UndefinedObject;
    "40" transaction_rollback => TransactionLost;
    "42" syntax_error_or_access_rule_violation => Syntax;
    "44" with_check_option_violation => CheckViolation;
    "45" unhandled_user_defined_exception => Other;
    "46" java_ddl => Other;
    "51" invalid_application_state => Misuse;
    "53" insufficient_resources => ResourceExhausted;
    "54" program_limit_exceeded => Limit;
    "55" object_not_in_prerequisite_state => Misuse;
    // Somebody or something stepped in; whether the connection lives is in the subclass, and this one is not known.
    "57" operator_intervention => Other, DEAD;
    "58" system_error => Io;
    "72" snapshot_failure => Serialization;
    "F0" config_file_error => Config;
    "HV" fdw_error => Other;
    "HW" datalink_exception => Other;
    "HY" cli_specific_condition => Other;
    "IM" driver_manager_condition => Config;
    "P0" plpgsql_error => Other;
    "S1" cli_specific_condition_of_odbc_2 => Other;
    "XX" internal_error => Internal, DEAD;
};
