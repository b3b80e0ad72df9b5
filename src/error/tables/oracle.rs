//! `ORA-` error numbers, which come through ODBC and JDBC beside SQLSTATEs that rarely say more than `72000`.

use super::{Meaning, Row, find, rows};

/// The meaning of an `ORA-` number, or `None` for one that is not in the table.
pub fn meaning(number: i64) -> Option<Meaning> {
    find(NUMBERS, number)
}

/// Whether a connection is to be discarded after this number; one that is not in the table does not end it.
pub fn is_connection_dead(number: i64) -> bool {
    meaning(number).is_some_and(Meaning::is_connection_dead)
}

// The sources give these numbers no symbols, so the names are their messages.
pub(super) const NUMBERS: &[Row<i64>] = rows! {
    1 unique_constraint_violated => UniqueViolation;
    18 maximum_number_of_sessions_exceeded => ServerBusy;
    20 maximum_number_of_processes_exceeded => ServerBusy;
    28 session_has_been_killed => ConnectionLost, DEAD;
    51 timeout_waiting_for_a_resource => Busy;
    54 resource_busy_and_nowait_or_timeout => Busy;
    60 deadlock_detected => Deadlock;
    257 archiver_error => DiskFull;
    600 internal_error_code => Internal, DEAD;
    603 session_terminated_by_fatal_error => ConnectionLost, DEAD;
    604 error_occurred_at_recursive_sql_level => Other;
    900 invalid_sql_statement => Syntax;
    903 invalid_table_name => Syntax;
    904 invalid_identifier => UndefinedColumn;
    907 missing_right_parenthesis => Syntax;
    911 invalid_character => Syntax;
    913 too_many_values => Syntax;
    917 missing_comma => Syntax;
    918 column_ambiguously_defined => Syntax;
    923 from_keyword_not_found => Syntax;
    932 inconsistent_datatypes => Syntax;
    933 sql_command_not_properly_ended => Syntax;
    936 missing_expression => Syntax;
    942 table_or_view_does_not_exist => UndefinedTable;
    947 not_enough_values => Syntax;
    955 name_is_already_used => DuplicateObject;
    957 duplicate_column_name => DuplicateObject;
    972 identifier_is_too_long => Limit;
    1000 maximum_open_cursors_exceeded => ResourceExhausted;
    1008 not_all_variables_bound => Parameter;
    1012 not_logged_on => ConnectionLost, DEAD;
    1013 user_requested_cancel => Cancelled;
    1017 invalid_username_or_password => Authentication, DEAD;
    1031 insufficient_privileges => PermissionDenied;
    1033 initialization_or_shutdown_in_progress => ServerBusy, DEAD FAILOVER;
    1034 oracle_not_available => ServerBusy, DEAD FAILOVER;
    1035 restricted_session_required => ServerBusy, DEAD;
    1036 illegal_variable_name_or_number => Parameter;
    1041 internal_error_hostdef_does_not_exist => ConnectionLost, DEAD;
    1045 no_create_session_privilege => Authentication, DEAD;
    1089 immediate_shutdown_in_progress => ConnectionLost, DEAD FAILOVER;
    1090 shutdown_in_progress => ServerBusy, DEAD FAILOVER;
    1092 instance_terminated => ConnectionLost, DEAD FAILOVER;
    1400 cannot_insert_null => NotNullViolation;
    1407 cannot_update_to_null => NotNullViolation;
    1418 index_does_not_exist => UndefinedObject;
    1426 numeric_overflow => InvalidValue;
    1427 single_row_subquery_returned_more_than_one_row => InvalidValue;
    1430 column_already_exists => DuplicateObject;
    1438 value_larger_than_precision => InvalidValue;
    1452 duplicate_keys_found => UniqueViolation;
    1456 read_only_transaction => ReadOnly;
    1476 divisor_is_equal_to_zero => DivisionByZero;
    1536 space_quota_exceeded => DiskFull;
    1555 snapshot_too_old => Serialization;
    1578 data_block_corrupted => Corrupt, DEAD;
    1653 unable_to_extend_table => DiskFull;
    1654 unable_to_extend_index => DiskFull;
    1722 invalid_number => InvalidValue;
    1745 invalid_bind_variable_name => Parameter;
    1795 maximum_number_of_expressions_in_list => Limit;
    1830 date_format_picture_ends_too_soon => InvalidValue;
    1843 not_a_valid_month => InvalidValue;
    1858 non_numeric_character_in_date => InvalidValue;
    1861 literal_does_not_match_format => InvalidValue;
    1918 user_does_not_exist => UndefinedObject;
    1920 user_or_role_name_conflicts => DuplicateObject;
    1950 no_privileges_on_tablespace => PermissionDenied;
    2049 timeout_of_distributed_lock => Busy;
    2054 transaction_in_doubt => CommitUnknown, DEAD;
    2091 transaction_rolled_back => RolledBack;
    2289 sequence_does_not_exist => UndefinedObject;
    2290 check_constraint_violated => CheckViolation;
    2291 parent_key_not_found => ForeignKeyViolation;
    2292 child_record_found => ForeignKeyViolation;
    2391 exceeded_simultaneous_sessions_per_user => ServerBusy;
    2396 exceeded_maximum_idle_time => ConnectionLost, DEAD;
    2399 exceeded_maximum_connect_time => ConnectionLost, DEAD;
    3113 end_of_file_on_communication_channel => ConnectionLost, DEAD;
    3114 not_connected_to_oracle => ConnectionLost, DEAD;
    3135 connection_lost_contact => ConnectionLost, DEAD;
    4020 deadlock_while_locking_library_object => Deadlock;
    4021 timeout_waiting_to_lock_object => Busy;
    4030 out_of_process_memory => ResourceExhausted, DEAD;
    4031 unable_to_allocate_shared_memory => ResourceExhausted;
    4043 object_does_not_exist => UndefinedObject;
    4068 state_of_packages_discarded => Serialization;
    6502 plsql_numeric_or_value_error => InvalidValue;
    6550 plsql_compilation_error => Syntax;
    7445 exception_encountered => Internal, DEAD;
    8177 cannot_serialize_access => Serialization;
    12154 could_not_resolve_connect_identifier => Config;
    12170 connect_timeout_occurred => ConnectionLost, DEAD;
    12505 listener_does_not_know_sid => UnknownDatabase;
    12514 listener_does_not_know_service => UnknownDatabase;
    12516 no_available_handler => ServerBusy;
    12519 no_appropriate_handler => ServerBusy;
    12520 no_handler_for_server_type => ServerBusy;
    12528 all_instances_are_blocking_connections => ServerBusy;
    12537 connection_closed => ConnectionLost, DEAD;
    12541 no_listener => ConnectionLost, DEAD;
    12543 destination_host_unreachable => ConnectionLost, DEAD;
    12545 target_host_or_object_does_not_exist => ConnectionLost, DEAD;
    12547 lost_contact => ConnectionLost, DEAD;
    12560 protocol_adapter_error => ConnectionLost, DEAD;
    12571 packet_writer_failure => ConnectionLost, DEAD;
    12899 value_too_large_for_column => InvalidValue;
    16000 database_open_for_read_only_access => ReadOnly, FAILOVER;
    28000 account_is_locked => Authentication, DEAD;
    28001 password_has_expired => Authentication, DEAD;
    28860 fatal_ssl_error => Tls, DEAD;
    29024 certificate_validation_failure => Tls, DEAD;
    30006 resource_busy_with_wait_timeout => Busy;
};
