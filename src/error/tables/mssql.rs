//! Error numbers of SQL Server and Azure SQL (`sys.messages`), which come beside the generic SQLSTATEs of its ODBC
//! driver and the meaningless ones of its JDBC driver.
//!
//! An error of severity 20 or above ends the connection whatever its number; a driver that is told the severity says so.

use super::{ErrorKind, Meaning, Row, find, rows};

/// The severity from which on the server closes the connection.
pub const FATAL_SEVERITY: u8 = 20;

/// The meaning of an error number with the message that came with it, or `None` for a number that is not in the table.
///
/// The message is needed for one number only: 547 is both a foreign key and a check constraint. The words between its
/// quoted names are SQL and the same in every language of the server.
pub fn meaning(number: i64, message: &str) -> Option<Meaning> {
    let known = find(NUMBERS, number)?;
    if number != CONSTRAINT_CONFLICT {
        return Some(known);
    }
    // What stands before the first quoted name; a name may contain anything.
    let intro = message.split(['"', '\'']).next().unwrap_or(message);
    let kind = if intro.contains("FOREIGN KEY") || intro.contains("REFERENCE") {
        ErrorKind::ForeignKeyViolation
    } else if intro.contains("CHECK") {
        ErrorKind::CheckViolation
    } else {
        known.kind
    };
    Some(Meaning { kind, ..known })
}

/// Whether a connection is to be discarded after this number.
///
/// A number that is not in the table does not end the connection, unless its severity is [`FATAL_SEVERITY`] or above.
pub fn is_connection_dead(number: i64) -> bool {
    find(NUMBERS, number).is_some_and(Meaning::is_connection_dead)
}

const CONSTRAINT_CONFLICT: i64 = 547;

// 3902 and 3903 (COMMIT or ROLLBACK without BEGIN) come when the server has ended the transaction by itself: the library
// sends neither without having begun one.
pub(super) const NUMBERS: &[Row<i64>] = rows! {
    102 incorrect_syntax_near => Syntax;
    105 unclosed_quotation_mark => Syntax;
    109 more_columns_than_values => Syntax;
    110 fewer_columns_than_values => Syntax;
    120 select_list_has_fewer_items => Syntax;
    121 select_list_has_more_items => Syntax;
    137 scalar_variable_not_declared => Parameter;
    156 incorrect_syntax_near_keyword => Syntax;
    201 procedure_expects_parameter => Parameter;
    206 operand_type_clash => Syntax;
    207 invalid_column_name => UndefinedColumn;
    208 invalid_object_name => UndefinedTable;
    209 ambiguous_column_name => Syntax;
    210 datetime_conversion_from_binary_failed => InvalidValue;
    213 column_count_does_not_match_table => Syntax;
    220 arithmetic_overflow_for_type_with_value => InvalidValue;
    229 object_permission_denied => PermissionDenied;
    230 column_permission_denied => PermissionDenied;
    232 arithmetic_overflow_for_type => InvalidValue;
    235 char_to_money_conversion_failed => InvalidValue;
    236 char_to_money_conversion_overflow => InvalidValue;
    237 money_conversion_overflow => InvalidValue;
    241 date_conversion_from_string_failed => InvalidValue;
    242 date_conversion_out_of_range => InvalidValue;
    243 type_is_not_a_defined_system_type => UndefinedObject;
    244 integer_conversion_overflow_short => InvalidValue;
    245 conversion_failed => InvalidValue;
    248 integer_conversion_overflow => InvalidValue;
    257 implicit_conversion_not_allowed => Syntax;
    262 statement_permission_denied => PermissionDenied;
    264 column_specified_more_than_once => Syntax;
    266 transaction_count_mismatch_after_execute => Misuse;
    295 smalldatetime_conversion_failed => InvalidValue;
    297 user_has_no_permission_for_action => PermissionDenied;
    300 server_permission_denied => PermissionDenied;
    313 insufficient_arguments_for_function => Parameter;
    512 subquery_returned_more_than_one_value => InvalidValue;
    515 cannot_insert_null => NotNullViolation;
    517 datetime_addition_overflow => InvalidValue;
    535 datediff_overflow => InvalidValue;
    536 invalid_length_parameter => InvalidValue;
    537 invalid_length_parameter_for_function => InvalidValue;
    544 explicit_value_for_identity_column => Syntax;
    547 constraint_conflict => ConstraintViolation;
    550 with_check_option_violated => CheckViolation;
    574 statement_not_allowed_in_user_transaction => Misuse;
    596 session_is_in_kill_state => ConnectionLost, DEAD;
    601 nolock_scan_lost_its_place => Serialization;
    605 page_belongs_to_another_object => Corrupt, DEAD;
    701 insufficient_system_memory => ResourceExhausted;
    802 insufficient_buffer_pool_memory => ResourceExhausted;
    823 operating_system_io_error => Io, DEAD;
    824 logical_consistency_io_error => Corrupt, DEAD;
    832 constant_page_changed => Corrupt, DEAD;
    844 buffer_latch_timeout => Busy;
    845 buffer_latch_timeout_by_class => Busy;
    911 database_does_not_exist => UnknownDatabase;
    916 principal_cannot_access_database => PermissionDenied;
    921 database_not_yet_recovered => ServerBusy;
    922 database_is_being_recovered => ServerBusy;
    923 database_in_restricted_mode => PermissionDenied;
    924 database_already_open_by_single_user => ServerBusy;
    926 database_is_suspect => Corrupt;
    927 database_is_being_restored => ServerBusy;
    942 database_is_offline => UnknownDatabase;
    952 database_is_in_transition => ServerBusy;
    954 database_is_a_mirror => ServerBusy, FAILOVER;
    976 replica_is_not_accessible => ServerBusy, FAILOVER;
    978 replica_accepts_read_intent_only => ReadOnly, FAILOVER;
    983 replica_role_is_neither_primary_nor_secondary => ServerBusy, FAILOVER;
    1007 number_out_of_numeric_range => InvalidValue;
    1088 object_not_found_or_no_permission => UndefinedTable;
    1101 no_page_in_filegroup_for_tempdb => DiskFull;
    1105 no_space_in_filegroup => DiskFull;
    1204 no_lock_resource => ResourceExhausted;
    1205 chosen_as_deadlock_victim => Deadlock;
    1211 chosen_as_deadlock_victim_in_scan => Deadlock;
    1219 session_disconnected_by_priority_ddl => ConnectionLost, DEAD;
    1222 lock_request_timeout => Busy;
    1505 create_unique_index_found_duplicate => UniqueViolation;
    1701 row_size_exceeds_maximum => Limit;
    1702 too_many_columns_in_table => Limit;
    1750 constraint_could_not_be_created => Syntax;
    1767 foreign_key_references_invalid_table => UndefinedTable;
    1769 foreign_key_references_invalid_column => UndefinedColumn;
    1776 no_key_in_referenced_table => Syntax;
    1785 foreign_key_may_cause_cycles => Syntax;
    1801 database_already_exists => DuplicateObject;
    1807 no_exclusive_lock_on_model_database => Busy;
    1827 database_size_exceeds_licensed_limit => DiskFull;
    1904 too_many_index_columns => Limit;
    1911 column_does_not_exist_in_target => UndefinedColumn;
    1913 index_already_exists => DuplicateObject;
    1946 index_entry_too_long => Limit;
    2501 cannot_find_table => UndefinedTable;
    2601 duplicate_key_in_unique_index => UniqueViolation;
    2627 duplicate_key_in_constraint => UniqueViolation;
    2628 string_would_be_truncated_in_column => InvalidValue;
    2705 duplicate_column_name => DuplicateObject;
    2706 table_does_not_exist => UndefinedTable;
    2714 object_already_exists => DuplicateObject;
    2715 data_type_not_found => UndefinedObject;
    2760 schema_not_found_or_no_permission => UndefinedObject;
    2801 definition_changed_since_compilation => Serialization;
    2812 stored_procedure_not_found => UndefinedObject;
    3101 exclusive_access_not_obtained => Busy;
    3609 transaction_ended_in_trigger => TransactionLost;
    3624 system_assertion_failed => Internal, DEAD;
    3701 cannot_drop_what_does_not_exist => UndefinedObject;
    3702 cannot_drop_database_in_use => Busy;
    3726 object_is_referenced_by_foreign_key => ForeignKeyViolation;
    3728 not_a_constraint => UndefinedObject;
    3902 commit_without_begin => TransactionLost;
    3903 rollback_without_begin => TransactionLost;
    3906 database_is_read_only => ReadOnly, FAILOVER;
    3908 database_is_in_emergency_mode => ReadOnly;
    3910 transaction_context_used_by_another_session => ConnectionBusy;
    3915 rollback_within_insert_exec => Misuse;
    3916 commit_within_insert_exec => Misuse;
    3930 transaction_cannot_be_committed => TransactionAborted;
    3931 transaction_can_only_be_rolled_back => TransactionAborted;
    3948 transaction_terminated_by_replica_change => TransactionLost, DEAD FAILOVER;
    3951 snapshot_transaction_lost_to_database_state => TransactionLost;
    3952 snapshot_isolation_not_allowed => Unsupported;
    3958 row_version_not_found => Serialization;
    3959 version_store_full => DiskFull;
    3960 snapshot_update_conflict => Serialization;
    3961 snapshot_metadata_changed => Serialization;
    3966 rolled_back_for_lack_of_version_store => Serialization;
    3967 version_store_reduced => DiskFull;
    3971 transaction_could_not_be_resumed => TransactionLost, DEAD;
    3980 request_failed_after_abort => Cancelled;
    3988 no_new_transaction_while_others_run => ConnectionBusy;
    3989 no_new_request_while_transaction_pending => ConnectionBusy;
    3998 uncommittable_transaction_at_end_of_batch => RolledBack;
    4014 network_error_while_reading_input => ConnectionLost, DEAD;
    4060 cannot_open_database_of_login => UnknownDatabase, DEAD;
    4062 cannot_open_default_database_of_user => UnknownDatabase, DEAD;
    4063 cannot_open_database_of_user => UnknownDatabase, DEAD;
    4064 cannot_open_default_database_of_login => UnknownDatabase, DEAD;
    4104 identifier_could_not_be_bound => UndefinedColumn;
    4121 column_or_function_not_found => UndefinedObject;
    4145 non_boolean_expression => Syntax;
    4413 view_has_binding_errors => UndefinedObject;
    4815 bulk_copy_column_length_invalid => InvalidValue;
    4860 bulk_load_file_does_not_exist => Io;
    4861 bulk_load_file_could_not_be_opened => Io;
    4863 bulk_load_truncation => InvalidValue;
    4864 bulk_load_conversion_error => InvalidValue;
    4901 column_without_default_must_allow_nulls => NotNullViolation;
    4902 object_not_found_for_alter => UndefinedTable;
    4924 column_not_in_table => UndefinedColumn;
    5011 no_permission_to_alter_database => PermissionDenied;
    5030 database_could_not_be_exclusively_locked => Busy;
    5061 database_alter_lock_failed => Busy;
    5074 object_depends_on_column => ConstraintViolation;
    5105 file_activation_error => Io;
    5118 file_is_compressed_but_not_read_only => Io;
    5120 physical_file_could_not_be_opened => Io;
    5123 file_operating_system_error => Io;
    5149 file_could_not_be_expanded => DiskFull;
    6005 shutdown_is_in_progress => ConnectionLost, DEAD FAILOVER;
    6401 savepoint_not_found => UndefinedObject;
    7105 page_for_large_object_does_not_exist => Corrupt, DEAD;
    7202 linked_server_not_found => UndefinedObject;
    7609 full_text_search_not_installed => Unsupported;
    8003 too_many_parameters_in_request => Limit;
    8114 conversion_error => InvalidValue;
    8115 arithmetic_overflow_converting => InvalidValue;
    8120 column_not_in_group_by => Syntax;
    8134 divide_by_zero => DivisionByZero;
    8144 too_many_arguments => Parameter;
    8145 not_a_parameter_of_procedure => Parameter;
    8152 string_would_be_truncated => InvalidValue;
    8169 uniqueidentifier_conversion_failed => InvalidValue;
    8178 parameter_not_supplied => Parameter;
    8179 prepared_statement_not_found => UndefinedObject;
    8180 statement_could_not_be_prepared => Syntax;
    8621 query_processor_out_of_stack => ResourceExhausted;
    8623 no_query_plan_within_resources => ResourceExhausted;
    8628 optimization_timeout => ResourceExhausted;
    8631 stack_limit_reached => ResourceExhausted;
    8632 expression_limit_reached => Limit;
    8645 memory_grant_timeout => ResourceExhausted;
    8651 minimum_query_memory_not_available => ResourceExhausted;
    8909 page_header_table_error => Corrupt, DEAD;
    8928 page_could_not_be_processed => Corrupt, DEAD;
    8939 page_test_failed => Corrupt, DEAD;
    9001 log_is_not_available => Io, DEAD;
    9002 transaction_log_is_full => DiskFull;
    9100 possible_index_corruption => Corrupt, DEAD;
    9420 xml_illegal_character => InvalidValue;
    10053 transport_error_connection_aborted => ConnectionLost, DEAD;
    10054 transport_error_connection_reset => ConnectionLost, DEAD;
    10060 transport_error_timed_out => ConnectionLost, DEAD;
    10061 transport_error_refused => ConnectionLost, DEAD;
    10928 resource_limit_reached => ServerBusy;
    10929 server_too_busy_for_minimum_guarantee => ServerBusy;
    10936 pool_request_limit_reached => ServerBusy;
    11001 host_is_not_known => ConnectionLost, DEAD;
    13535 temporal_update_behind_period_start => Serialization;
    15007 login_does_not_exist => UndefinedObject;
    15023 principal_already_exists => DuplicateObject;
    15025 server_principal_already_exists => DuplicateObject;
    15151 securable_not_found_or_no_permission => UndefinedObject;
    15247 no_permission_for_action => PermissionDenied;
    17142 server_is_paused => ServerBusy, DEAD;
    17187 server_is_not_ready_for_connections => ServerBusy, DEAD;
    17188 server_is_shutting_down => ServerBusy, DEAD FAILOVER;
    17189 no_thread_for_connection => ServerBusy, DEAD;
    17197 login_timed_out_on_server => ServerBusy, DEAD;
    17809 maximum_user_connections_reached => ServerBusy, DEAD;
    17828 invalid_prelogin_packet => Tls, DEAD;
    17830 network_error_while_establishing => ConnectionLost, DEAD;
    17892 logon_trigger_refused => Authentication, DEAD;
    18401 login_failed_during_upgrade => ServerBusy, DEAD;
    18450 login_failed_not_trusted => Authentication, DEAD;
    18451 login_failed_administrators_only => ServerBusy, DEAD;
    18452 login_failed_untrusted_domain => Authentication, DEAD;
    18456 login_failed => Authentication, DEAD;
    18461 login_failed_single_user_mode => ServerBusy, DEAD;
    18463 login_failed_password_change_error => Authentication, DEAD;
    18464 login_failed_password_too_short => Authentication, DEAD;
    18470 login_failed_account_disabled => Authentication, DEAD;
    18486 login_failed_account_locked => Authentication, DEAD;
    18487 login_failed_password_expired => Authentication, DEAD;
    18488 login_failed_password_must_change => Authentication, DEAD;
    40143 service_error_processing_request => ServerBusy, DEAD;
    40166 service_reconfiguring => ServerBusy, DEAD;
    40197 service_error_try_again => ServerBusy, DEAD;
    40501 service_is_busy => ServerBusy;
    40532 cannot_open_server_of_login => UnknownDatabase, DEAD;
    40544 database_size_quota_reached => DiskFull;
    40549 session_terminated_long_transaction => ConnectionLost, DEAD;
    40550 session_terminated_too_many_locks => ConnectionLost, DEAD;
    40551 session_terminated_tempdb_usage => ConnectionLost, DEAD;
    40552 session_terminated_log_usage => ConnectionLost, DEAD;
    40553 session_terminated_memory_usage => ConnectionLost, DEAD;
    40613 database_currently_unavailable => ServerBusy, DEAD FAILOVER;
    40615 client_address_not_allowed => Authentication, DEAD;
    40914 client_network_not_allowed => Authentication, DEAD;
    41301 memory_optimized_commit_dependency_failed => Serialization;
    41302 memory_optimized_write_conflict => Serialization;
    41305 memory_optimized_repeatable_read_conflict => Serialization;
    41325 memory_optimized_serializable_conflict => Serialization;
    41805 memory_optimized_pool_exhausted => ResourceExhausted;
    41823 memory_optimized_quota_reached => DiskFull;
    41839 memory_optimized_too_many_commit_dependencies => Serialization;
    47073 public_network_access_denied => Authentication, DEAD;
    49918 no_resources_for_request => ServerBusy;
    49919 too_many_operations_for_subscription => ServerBusy;
    49920 too_many_operations_in_progress => ServerBusy;
};
