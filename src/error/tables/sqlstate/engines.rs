//! States of their own that engines behind ODBC and JDBC use: H2, HSQLDB, Derby, Db2. Where two of them disagree the
//! row says what is true of both, and the number beside the state decides (see [`jdbc`](super::super::jdbc)).

use super::super::{Row, rows};

pub(in super::super) const ENGINES: &[Row<&str>] = rows! {
    // HSQLDB
    "08501" X_08501_timed_out => Timeout, DEAD;
    "08503" X_08503_closed => ConnectionLost, DEAD;
    // Db2, HSQLDB: a parent row is still referenced
    "23504" foreign_key_no_action => ForeignKeyViolation;
    // H2: no parent; Derby: a deferred unique key
    "23506" engine_constraint_23506 => ConstraintViolation;
    // H2: no default; Derby: a deferred unique key
    "23507" engine_constraint_23507 => ConstraintViolation;
    "23511" check_constraint_violated_by_delete => CheckViolation;
    "23512" check_constraint_violated_by_rows => CheckViolation;
    "23513" check_constraint_violated => CheckViolation;
    "23516" LANG_DEFERRED_FK_CONSTRAINT_T => ForeignKeyViolation;
    "23517" LANG_DEFERRED_FK_CONSTRAINT_S => ForeignKeyViolation;
    "23520" foreign_key_cannot_be_created => ForeignKeyViolation;
    // Derby
    "25501" AUTH_SET_CONNECTION_READ_ONLY_IN_ACTIVE_XACT => Misuse;
    "25502" AUTH_WRITE_WITH_READ_ONLY_CONNECTION => ReadOnly;
    "25503" AUTH_DDL_WITH_READ_ONLY_CONNECTION => ReadOnly;
    "25505" AUTH_CANNOT_SET_READ_WRITE => ReadOnly;
    // HSQLDB, of users named in a statement
    "28501" X_28501_not_found => UndefinedObject;
    "28503" X_28503_already_exists => DuplicateObject;
    // HSQLDB
    "40501" X_40501_row_changed_by_multiple_transactions => Serialization;
    "40502" X_40502_statement_timeout => Timeout;
    // Derby
    "40XC0" LANG_DEAD_STATEMENT => Misuse;
    "40XD0" DATA_CONTAINER_CLOSED => UndefinedTable;
    "40XD1" DATA_CONTAINER_READ_ONLY => ReadOnly;
    "40XD2" DATA_CONTAINER_VANISHED => UndefinedTable;
    "40XL1" LOCK_TIMEOUT => Busy;
    "40XL2" SELF_DEADLOCK => Deadlock;
    "40XT0" XACT_INTERNAL_TRANSACTION_EXCEPTION => Internal, DEAD;
    "40XT1" XACT_COMMIT_EXCEPTION => CommitUnknown, DEAD;
    "40XT2" XACT_ROLLBACK_EXCEPTION => TransactionLost, DEAD;
    // H2
    "42001" SYNTAX_ERROR_2 => Syntax;
    // Privileges: Derby and Db2, in nearly the same words
    "42500" AUTH_NO_TABLE_PERMISSION => PermissionDenied;
    "42501" AUTH_NO_TABLE_PERMISSION_FOR_GRANT => PermissionDenied;
    "42502" AUTH_NO_COLUMN_PERMISSION => PermissionDenied;
    "42503" AUTH_NO_COLUMN_PERMISSION_FOR_GRANT => PermissionDenied;
    "42504" AUTH_NO_GENERIC_PERMISSION => PermissionDenied;
    "42506" AUTH_NOT_OWNER => PermissionDenied;
    "42507" AUTH_NO_ACCESS_NOT_OWNER => PermissionDenied;
    "42508" AUTH_NOT_DATABASE_OWNER => PermissionDenied;
    "4250A" AUTH_NO_OBJECT_PERMISSION => PermissionDenied;
    "42512" no_authority_for_object => PermissionDenied;
    "42517" specification_not_allowed => PermissionDenied;
    "4251A" AUTH_ROLE_DBO_ONLY => PermissionDenied;
    "4251D" AUTH_NOT_DATABASE_OWNER_OPERATION => PermissionDenied;
    // Db2
    "42705" undefined_server_or_database => UnknownDatabase;
    "42707" column_in_order_by_not_in_result => UndefinedColumn;
    "42711" duplicate_column => DuplicateObject;
    "42727" no_default_tablespace => UndefinedObject;
    "42884" no_routine_with_compatible_arguments => UndefinedObject;
    // H2
    "42S03" TABLE_OR_VIEW_NOT_FOUND_WITH_CANDIDATES_2 => UndefinedTable;
    "42S04" TABLE_OR_VIEW_NOT_FOUND_DATABASE_EMPTY_1 => UndefinedTable;
    // Derby
    "42X04" LANG_COLUMN_NOT_FOUND => UndefinedColumn;
    "42X05" LANG_TABLE_NOT_FOUND => UndefinedTable;
    "42X14" LANG_COLUMN_NOT_FOUND_IN_TABLE => UndefinedColumn;
    "42X65" LANG_INDEX_NOT_FOUND => UndefinedObject;
    "42X94" LANG_OBJECT_NOT_FOUND => UndefinedObject;
    "42Y03" LANG_NO_SUCH_METHOD_ALIAS => UndefinedObject;
    "42Y07" LANG_SCHEMA_DOES_NOT_EXIST => UndefinedObject;
    "42Y55" LANG_OBJECT_DOES_NOT_EXIST => UndefinedTable;
    // Db2
    "57007" object_cannot_be_used_during_operation => Busy;
    "57009" virtual_storage_temporarily_unavailable => ResourceExhausted;
    "57011" storage_or_log_not_available => DiskFull;
    "57012" non_database_resource_not_available => ResourceExhausted;
    "57013" non_database_resource_not_available_by_name => ResourceExhausted;
    "57016" table_is_not_active => Busy;
    "57019" statement_not_successful_because_of_resource => ResourceExhausted;
    "57020" database_manager_is_inactive => ServerBusy, DEAD FAILOVER;
    "57022" table_could_not_be_created_in_tablespace => PermissionDenied;
    "57030" application_limit_reached => ServerBusy, DEAD;
    "57033" deadlock_or_timeout_without_rollback => Busy;
    "58004" system_error_that_does_not_preclude_the_next_statement => Internal, DEAD;
    "58005" system_error_that_prevents_the_next_statement => Internal, DEAD;
    "58009" communication_protocol_error => ConnectionLost, DEAD;
    // H2
    "90006" SEQUENCE_EXHAUSTED => Limit;
    "90007" OBJECT_CLOSED => Misuse;
    "90008" INVALID_VALUE_2 => InvalidValue;
    "90012" PARAMETER_NOT_SET_1 => Parameter;
    "90013" DATABASE_NOT_FOUND_1 => UnknownDatabase;
    "90020" DATABASE_ALREADY_OPEN_1 => Busy;
    "90022" FUNCTION_NOT_FOUND_1 => UndefinedObject;
    "90028" IO_EXCEPTION_1 => Io, DEAD;
    "90030" FILE_CORRUPTED_1 => Corrupt, DEAD;
    "90031" IO_EXCEPTION_2 => Io, DEAD;
    "90032" USER_NOT_FOUND_1 => UndefinedObject;
    "90033" USER_ALREADY_EXISTS_1 => DuplicateObject;
    "90035" SEQUENCE_ALREADY_EXISTS_1 => DuplicateObject;
    "90036" SEQUENCE_NOT_FOUND_1 => UndefinedObject;
    "90037" VIEW_NOT_FOUND_1 => UndefinedTable;
    "90038" VIEW_ALREADY_EXISTS_1 => DuplicateObject;
    "90040" ADMIN_RIGHTS_REQUIRED => PermissionDenied;
    "90041" TRIGGER_ALREADY_EXISTS_1 => DuplicateObject;
    "90042" TRIGGER_NOT_FOUND_1 => UndefinedObject;
    "90045" CONSTRAINT_ALREADY_EXISTS_1 => DuplicateObject;
    "90046" URL_FORMAT_ERROR_2 => Config;
    "90048" FILE_VERSION_ERROR_1 => NotADatabase, DEAD;
    "90049" FILE_ENCRYPTION_ERROR_1 => NotADatabase, DEAD;
    "90053" SCALAR_SUBQUERY_CONTAINS_MORE_THAN_ONE_ROW => InvalidValue;
    "90057" CONSTRAINT_NOT_FOUND_1 => UndefinedObject;
    "90059" AMBIGUOUS_COLUMN_NAME_1 => Syntax;
    "90063" SAVEPOINT_IS_INVALID_1 => UndefinedObject;
    "90067" CONNECTION_BROKEN_1 => ConnectionLost, DEAD;
    "90069" ROLE_ALREADY_EXISTS_1 => DuplicateObject;
    "90070" ROLE_NOT_FOUND_1 => UndefinedObject;
    "90076" FUNCTION_ALIAS_ALREADY_EXISTS_1 => DuplicateObject;
    "90077" FUNCTION_ALIAS_NOT_FOUND_1 => UndefinedObject;
    "90078" SCHEMA_ALREADY_EXISTS_1 => DuplicateObject;
    "90079" SCHEMA_NOT_FOUND_1 => UndefinedObject;
    "90096" NOT_ENOUGH_RIGHTS_FOR_1 => PermissionDenied;
    "90097" DATABASE_IS_READ_ONLY => ReadOnly;
    "90098" DATABASE_IS_CLOSED => ConnectionLost, DEAD;
    "90108" OUT_OF_MEMORY => ResourceExhausted, DEAD;
    "90112" ROW_NOT_FOUND_WHEN_DELETING_1 => Serialization;
    "90121" DATABASE_CALLED_AT_SHUTDOWN => ConnectionLost, DEAD;
    "90124" FILE_NOT_FOUND_1 => Io;
    "90131" CONCURRENT_UPDATE_1 => Serialization;
    "90135" DATABASE_IS_IN_EXCLUSIVE_MODE => ServerBusy, DEAD;
    "90138" INVALID_DATABASE_NAME_1 => Config;
    "90143" ROW_NOT_FOUND_IN_PRIMARY_INDEX => Corrupt, DEAD;
    "90146" DATABASE_NOT_FOUND_WITH_IF_EXISTS_1 => UnknownDatabase;
    "90149" REMOTE_DATABASE_NOT_FOUND_1 => UnknownDatabase;
    // Derby
    "X0X05" LANG_TABLE_NOT_FOUND_DURING_EXECUTION => UndefinedTable;
    "X0X81" LANG_OBJECT_NOT_FOUND_DURING_EXECUTION => UndefinedObject;
    "X0X95" LANG_CANT_INVALIDATE_OPEN_RESULT_SET => ConnectionBusy;
    "X0X99" LANG_INDEX_NOT_FOUND_DURING_EXECUTION => UndefinedObject;
    "X0Y23" LANG_PROVIDER_HAS_DEPENDENT_VIEW => ConstraintViolation;
    "X0Y25" LANG_PROVIDER_HAS_DEPENDENT_OBJECT => ConstraintViolation;
    "X0Y32" LANG_OBJECT_ALREADY_EXISTS_IN_OBJECT => DuplicateObject;
    "X0Y68" LANG_OBJECT_ALREADY_EXISTS => DuplicateObject;
    "XBDA0" LOGIN_TIMEOUT => Timeout, DEAD;
    "XCL52" LANG_STATEMENT_CANCELLED_OR_TIMED_OUT => Timeout;
    "XJ001" JAVA_EXCEPTION => Internal, DEAD;
    "XJ004" DATABASE_NOT_FOUND => UnknownDatabase;
    "XJ015" CLOUDSCAPE_SYSTEM_SHUTDOWN => ConnectionLost, DEAD;
    "XJ040" BOOT_DATABASE_FAILED => UnknownDatabase;
    "XJ041" CREATE_DATABASE_FAILED => UnknownDatabase;
    "XSDB6" DATA_MULTIPLE_JBMS_ON_DB => Busy;
    "XSDG0" FILE_READ_PAGE_EXCEPTION => Io, DEAD;
    "XSDG1" FILE_WRITE_PAGE_EXCEPTION => Io, DEAD;
    "XSDG2" FILE_BAD_CHECKSUM => Corrupt, DEAD;
    "XSLA3" LOG_CORRUPTED => Corrupt, DEAD;
    "XSLA4" LOG_CANNOT_WRITE => DiskFull, DEAD;
    "XSLAC" LOG_INCOMPATIBLE_FORMAT => NotADatabase, DEAD;
};
