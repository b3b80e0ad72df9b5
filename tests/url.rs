//! Database URLs: what each part means, what is refused and how, and that nothing secret is ever shown.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pontoon::url::{Address, Host, Shape};
use pontoon::{DatabaseUrl, ErrorKind, Secret};
use proptest::prelude::*;

#[track_caller]
fn url(text: &str) -> DatabaseUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn password(url: &DatabaseUrl) -> Option<&str> {
    url.password().map(Secret::expose)
}

/// `text` as its own canonical form.
#[track_caller]
fn stands(text: &str) -> DatabaseUrl {
    let parsed = url(text);
    assert_eq!(parsed.expose(), text);
    parsed
}

#[test]
fn the_parts_of_a_server_url() {
    let u = stands("postgresql+asyncpg://username:password@localhost:123/mydatabase");
    assert_eq!(u.scheme(), "postgresql+asyncpg");
    assert_eq!((u.dialect(), u.driver()), ("postgresql", Some("asyncpg")));
    assert_eq!((u.username(), password(&u)), (Some("username"), Some("password")));
    assert_eq!((u.host(), u.port()), (Some(&Host::Name("localhost".into())), Some(123)));
    assert_eq!(u.database(), Some("mydatabase"));
    assert_eq!(u.shape(), Shape::Server);

    let u = stands("postgresql://localhost");
    assert_eq!((u.driver(), u.username(), password(&u), u.port(), u.database()), (None, None, None, None, None));

    // An empty password is a password, an empty user name is none, and nothing is no host.
    assert_eq!(password(&stands("mysql://u:@h")), Some(""));
    assert_eq!(url("mysql://@h"), url("mysql://h"));
    assert_eq!(password(&stands("mysql://:pw@h")), Some("pw"));
    assert!(stands("postgresql://").hosts().is_empty());
    assert_eq!(stands("postgresql:///db").database(), Some("db"));
    assert_eq!(url("POSTGRESQL+AsyncPG://Host/Db").expose(), "postgresql+asyncpg://Host/Db");
}

#[test]
fn each_component_is_decoded_once() {
    let u = stands("mysql://us%40er:p%2540%3A%2F%3F%23%5B%5D@h/a%20b%3Fc/d?x%20y=1%262%3D%2B");
    assert_eq!((u.username(), password(&u)), (Some("us@er"), Some("p%40:/?#[]")));
    assert_eq!(u.database(), Some("a b?c/d"));
    assert_eq!(u.option("x y"), Some("1&2=+"));
    // A plus is a space in an option and a plus everywhere else.
    let u = url("mysql://a+b:c+d@h/e+f?g=h+i%2Bj");
    assert_eq!((u.username(), password(&u), u.database()), (Some("a+b"), Some("c+d"), Some("e+f")));
    assert_eq!(u.option("g"), Some("h i+j"));
    // A `#` begins no fragment.
    assert_eq!(url("mysql://h/a#b?c=d#e").database(), Some("a#b"));
    assert_eq!(url("mysql://h/a#b?c=d#e").option("c"), Some("d#e"));
    // What needs no encoding may go without.
    assert_eq!(password(&url("mysql://u:[p:w]!$&'()*+,;=@h")), Some("[p:w]!$&'()*+,;="));
    assert_eq!(password(&url("mysql://u:pässwörd@h")), Some("pässwörd"));
}

#[test]
fn options_keep_order_repetition_and_blanks() {
    let u = url("jdbc+sqlite://x.db?b=1&a&b=2&c=&&");
    let options: Vec<_> = u.options().map(|(name, value)| (name, value.expose())).collect();
    assert_eq!(options, [("b", "1"), ("a", ""), ("b", "2"), ("c", "")]);
    assert_eq!(u.expose(), "jdbc+sqlite://x.db?b=1&a=&b=2&c=");
    let u = u.with_option("b", "3").unwrap().without_option("a").with_added_option("b", "4").unwrap();
    assert_eq!(u.expose(), "jdbc+sqlite://x.db?c=&b=3&b=4");
    assert_eq!(u.without_options().expose(), "jdbc+sqlite://x.db");
}

#[test]
fn files() {
    for (text, database, canonical) in [
        ("sqlite:app.db", Some("app.db"), "sqlite:///app.db"),
        ("sqlite://app.db", Some("app.db"), "sqlite:///app.db"),
        ("sqlite:///app.db", Some("app.db"), "sqlite:///app.db"),
        ("sqlite://dir/app.db", Some("dir/app.db"), "sqlite:///dir/app.db"),
        ("sqlite:///../app.db", Some("../app.db"), "sqlite:///../app.db"),
        ("sqlite:////srv/app.db", Some("/srv/app.db"), "sqlite:////srv/app.db"),
        ("sqlite:/srv/app.db", Some("/srv/app.db"), "sqlite:////srv/app.db"),
        ("sqlite://///app.db", Some("//app.db"), "sqlite://///app.db"),
        ("sqlite3:///app.db", Some("app.db"), "sqlite3:///app.db"),
        ("sqlite+aiosqlite:///app.db", Some("app.db"), "sqlite+aiosqlite:///app.db"),
        ("sqlite:///a%20b%23c%3Fd%25.db", Some("a b#c?d%.db"), "sqlite:///a%20b%23c%3Fd%25.db"),
        ("sqlite:///a#b.db?mode=ro", Some("a#b.db"), "sqlite:///a%23b.db?mode=ro"),
        ("sqlite:///u:p@h/x.db", Some("u:p@h/x.db"), "sqlite:///u:p%40h/x.db"),
        ("sqlite:localhost/x.db", Some("localhost/x.db"), "sqlite:///localhost/x.db"),
        ("sqlite://localhost", Some("localhost"), "sqlite:///localhost"),
        ("sqlite::memory:", Some(":memory:"), "sqlite:///:memory:"),
        ("sqlite://:memory:", Some(":memory:"), "sqlite:///:memory:"),
        ("sqlite:///:memory:", Some(":memory:"), "sqlite:///:memory:"),
        ("sqlite:", None, "sqlite://"),
        ("sqlite://", None, "sqlite://"),
        ("sqlite:///", None, "sqlite://"),
        ("sqlite://?mode=memory", None, "sqlite://?mode=memory"),
    ] {
        let u = url(text);
        assert_eq!((u.database(), &*u.expose()), (database, canonical), "{text}");
        assert_eq!(url(canonical), u, "{text}");
        let path = database.filter(|path| *path != ":memory:").map(Path::new);
        assert_eq!((u.database_path(), u.host(), u.shape()), (path, None, Shape::File), "{text}");
    }
}

#[test]
fn hosts() {
    let name = |name: &str| Host::Name(name.into());
    let six = "2001:db8::1".parse::<Ipv6Addr>().unwrap();
    for (text, hosts) in [
        ("mysql://h:1,g,i:3/db", vec![(name("h"), Some(1)), (name("g"), None), (name("i"), Some(3))]),
        ("mysql://10.0.0.1:7/db", vec![(Host::Ip4(Ipv4Addr::new(10, 0, 0, 1)), Some(7))]),
        (
            "mysql://[2001:db8::1]:7,[2001:db8::1]/db",
            vec![(Host::Ip6(six, None), Some(7)), (Host::Ip6(six, None), None)],
        ),
        ("mysql://[2001:db8::1%25eth0]/db", vec![(Host::Ip6(six, Some("eth0".into())), None)]),
        ("mysql://%2Frun%2Fmy.sock/db", vec![(Host::Unix("/run/my.sock".into()), None)]),
        ("mysql://%2Frun%2Fpg:5433/db", vec![(Host::Unix("/run/pg".into()), Some(5433))]),
        ("mysql://%40abstract/db", vec![(Host::Unix("@abstract".into()), None)]),
    ] {
        let hosts: Vec<_> = hosts.into_iter().map(|(host, port)| Address::new(host, port)).collect();
        assert_eq!(stands(text).hosts(), hosts, "{text}");
    }
    assert_eq!(url("mysql://h:/db").expose(), "mysql://h/db");
    assert_eq!(url(r"mssql://h\SQLEXPRESS/db").host(), Some(&name(r"h\SQLEXPRESS")));

    for (local, remote) in
        [("localhost", "localhost.evil"), ("a.localhost.", "h"), ("127.9.9.9", "128.0.0.1"), ("::1", "::2")]
    {
        assert!(local.parse::<Host>().unwrap().is_local(), "{local}");
        assert!(!remote.parse::<Host>().unwrap().is_local(), "{remote}");
    }
    assert!("/run".parse::<Host>().unwrap().is_local());
    assert!("::ffff:127.0.0.1".parse::<Host>().unwrap().is_local());
}

#[test]
fn hosts_in_options() {
    let socket = "/var/run/postgresql/.s.PGSQL.5432";
    for name in ["host", "unix_sock", "unix_socket"] {
        let u = url(&format!("postgresql://username:password@/mydatabase?{name}={socket}"));
        assert_eq!(u.host().and_then(Host::unix_path), Some(Path::new(socket)), "{name}");
        assert_eq!(
            (u.username(), password(&u), u.database()),
            (Some("username"), Some("password"), Some("mydatabase"))
        );
        assert_eq!(u.option(name), Some(socket));
        assert_eq!(url(&u.expose()), u);
    }
    // As MySQL's clients have it, the socket is what is connected to.
    let u = url("mysql://username/testsuite?unix_socket=/tmp/mysqld/mysqld.sock");
    assert_eq!(u.host(), Some(&Host::Unix(PathBuf::from("/tmp/mysqld/mysqld.sock"))));

    let u = url("postgresql:///db?host=a,[::1],/run&port=1,2,3");
    let plain: Vec<_> = u.hosts().iter().map(|address| (address.host.to_plain(), address.port)).collect();
    assert_eq!(plain, [("a".into(), Some(1)), ("::1".into(), Some(2)), ("/run".into(), Some(3))]);
    let u = url("postgresql:///db?host=a:1&host=b:2");
    assert_eq!(u.hosts(), url("postgresql://a:1,b:2/db").hosts());
    assert_eq!(url("postgresql://a,b/db?port=7").hosts(), url("postgresql://a:7,b:7/db").hosts());
    assert_eq!(url("postgresql:///db?port=7").hosts(), url("postgresql://localhost:7/db").hosts());
}

#[test]
fn foreign_strings_are_kept_to_the_letter() {
    for (text, shape, dsn) in [
        ("jdbc:postgresql://h:1/db?user=a&password=b%20c", Shape::Opaque, "postgresql://h:1/db?user=a&password=b%20c"),
        ("jdbc:h2:mem:x;MODE=PostgreSQL", Shape::Opaque, "h2:mem:x;MODE=PostgreSQL"),
        ("odbc:DRIVER={a;b};PWD={}}}", Shape::Opaque, "DRIVER={a;b};PWD={}}}"),
        ("odbc:DSN=warehouse", Shape::Opaque, "DSN=warehouse"),
        ("jdbc+sqlite://dir/x%20y.db?jdbc_driver=org.sqlite.JDBC", Shape::Dsn, "dir/x%20y.db"),
        ("jdbc+postgresql://localhost:5432/app", Shape::Dsn, "localhost:5432/app"),
        ("dbapi2+pg://u:p%40w@h/db?dbapi_pool=thread", Shape::Dsn, "u:p%40w@h/db"),
        ("jdbc://x.db?jdbc_dsn_driver=sqlite", Shape::Dsn, "x.db"),
    ] {
        let u = stands(text);
        assert_eq!((u.shape(), u.dsn().map(Secret::expose)), (shape, Some(dsn)), "{text}");
        assert_eq!((u.database(), u.host(), u.username()), (None, None, None));
    }
    let u = stands("odbc://u:p@h:1/db?driver=FreeTDS");
    assert_eq!((u.shape(), u.database(), u.port()), (Shape::Server, Some("db"), Some(1)));
    assert_eq!(url("dbapi2://").dsn(), None);
    assert_eq!(url("dbapi2://").with_database("x.db").unwrap().expose(), "dbapi2://x.db");
}

#[test]
fn a_changed_copy_changes_nothing_else() {
    let u = url("postgresql://localhost/mydatabase");
    assert_eq!(u.with_database("test_mydatabase").unwrap().expose(), "postgresql://localhost/test_mydatabase");
    assert_eq!(u.with_driver("asyncpg").unwrap().expose(), "postgresql+asyncpg://localhost/mydatabase");
    assert_eq!(u.with_driver("asyncpg").unwrap().with_driver(None).unwrap(), u);
    assert_eq!(u.with_port(123).unwrap().expose(), "postgresql://localhost:123/mydatabase");
    assert_eq!(u.with_port(123).unwrap().with_port(None).unwrap(), u);
    assert_eq!(u.with_database(None).unwrap().expose(), "postgresql://localhost");
    assert_eq!(u.with_username("a:b").unwrap().expose(), "postgresql://a%3Ab@localhost/mydatabase");

    let u = url("sqlite:////absolute/path");
    let other = u.with_database(&*format!("{}_test", u.database().unwrap())).unwrap();
    assert_eq!(other.expose(), "sqlite:////absolute/path_test");

    // Escaped credentials are not escaped again.
    let u = url("postgresql://us%40er:p%40ss@localhost/db");
    assert_eq!(u.with_port(1).unwrap().expose(), "postgresql://us%40er:p%40ss@localhost:1/db");
    let u = url("postgresql://@localhost:5432/db").with_username("username").unwrap().with_password("@[]{5}").unwrap();
    assert_eq!(u.expose().matches('@').count(), 1);
    assert_eq!(password(&url(&u.expose())), Some("@[]{5}"));
    assert_eq!(u.without_password().expose(), "postgresql://username@localhost:5432/db");

    // Names are quoted, hosts in brackets, and a hostless URL stays hostless.
    assert_eq!(url("mysql://h/db").with_database("a?b#c d").unwrap().expose(), "mysql://h/a%3Fb%23c%20d");
    assert_eq!(url("mysql://h:1/db").with_host("::1").unwrap().expose(), "mysql://[::1]:1/db");
    assert_eq!(url("mysql:///db").with_username("x").unwrap().expose(), "mysql://x@/db");
    let u = url("mysql:///db?host=/run/a&x=1").with_port(5).unwrap();
    assert_eq!(u.expose(), "mysql://%2Frun%2Fa:5/db?x=1");

    // Another dialect does not keep the driver of this one.
    assert_eq!(url("postgresql+asyncpg://h/db").with_scheme("mysql").unwrap().expose(), "mysql://h/db");
    // A name made by hand that is an address is one.
    let by_hand = u.with_hosts([Address::new(Host::Name("10.0.0.1".into()), None)]).unwrap();
    assert_eq!(by_hand.host(), Some(&Host::Ip4(Ipv4Addr::new(10, 0, 0, 1))));
}

#[test]
fn equality_is_of_the_decoded_parts() {
    use std::collections::HashSet;
    let a = url("postgresql://u:p%40@h/d%62?x=1+2");
    let b = url("POSTGRESQL://u:%70%40@h/db?x=1%202");
    assert_eq!(a, b);
    assert_eq!(HashSet::from([a.clone(), b]).len(), 1);
    assert_ne!(a, a.with_password("other").unwrap());
    assert_ne!(a, a.without_options());
}

#[test]
fn what_is_shown_holds_no_secret() {
    for (text, shown) in [
        ("postgresql://localhost/name", "postgresql://localhost/name"),
        ("postgresql://username@localhost/name", "postgresql://username@localhost/name"),
        ("postgres://username:%5Bpassword@localhost/name", "postgres://username:***@localhost/name"),
        ("postgresql://u:@h/db", "postgresql://u:***@h/db"),
        (
            "mysql://h/db?password=a&sslpassword=b&x-unheard-of=c&sslmode=require&Pool_Size=3&passfile=d",
            "mysql://h/db?password=***&sslpassword=***&x-unheard-of=***&sslmode=require&Pool_Size=3&passfile=***",
        ),
        ("sqlite:///app.db?mode=ro&key=hunter2", "sqlite:///app.db?mode=ro&key=***"),
        (
            "jdbc:postgresql://h/db?user=u&password=hunter2&ssl=true",
            "jdbc:postgresql://h/db?user=u&password=***&ssl=true",
        ),
        ("jdbc:postgresql://u:hunter2@h/db", "jdbc:postgresql://***@h/db"),
        ("jdbc:postgresql://u:hun?ter2@h/db", "jdbc:postgresql:***"),
        ("jdbc:oracle:thin:scott/hunter2@//h:1521/x", "jdbc:oracle:***@//h:1521/x"),
        (
            "jdbc:sqlserver://h:1433;user=sa;password={hun;ter2};encrypt=true",
            "jdbc:sqlserver://h:1433;user=sa;password=***;encrypt=true",
        ),
        ("jdbc:mysql://address=(host=h)(password=hunter2)/db", "jdbc:mysql:***"),
        ("jdbc:h2:mem:test;hunter2", "jdbc:h2:mem:test;***"),
        ("odbc:DRIVER={X};UID=u;PWD={hun;t}}er2};DATABASE=d", "odbc:DRIVER={X};UID=u;PWD=***;DATABASE=d"),
        ("odbc:DSN=w;PWD={hunter2", "odbc:DSN=w;PWD=***"),
        ("dbapi2+pg://u:hunter2:x@h/db", "dbapi2+pg://***@h/db"),
        ("dbapi2+pg://host=h password=hunter2", "dbapi2+pg://host=***"),
        ("odbc:hunter2=x;PWD", "odbc:***;***"),
        (
            "dbapi2+pg://u:hunter2@h/db?dbapi_driver_args={\"password\":\"hunter2\"}",
            "dbapi2+pg://***@h/db?dbapi_driver_args=***",
        ),
    ] {
        let u = url(text);
        assert_eq!(u.to_string(), shown);
        assert_eq!(format!("{u:?}"), format!("DatabaseUrl({shown:?})"));
    }
}

/// Every URL here is refused, with this message. `hunter2` stands wherever a piece of a password can end up.
const BAD: &[(&str, &str)] = &[
    ("", "the database URL is empty; write one like sqlite:///app.db or postgresql://user@host/db"),
    (" sqlite://", "the database URL begins or ends with a space or a line end; remove it"),
    ("sqlite://\n", "the database URL begins or ends with a space or a line end; remove it"),
    ("mysql://h/a\tb", "the database URL has a control character (U+0009) at byte 11; nothing in a URL can have one"),
    ("mysql://h/a\0b", "the database URL has a control character (U+0000) at byte 11; nothing in a URL can have one"),
    ("hunter2", "the database URL has no scheme; write one like sqlite:///app.db or postgresql://user@host/db"),
    (
        "hunter2@x:5432/db",
        "the scheme of a database URL must be a name, or two joined by `+`, made of letters, digits, `.`, `-` and `_`, \
         like sqlite:///app.db or postgresql://user@host/db",
    ),
    (
        "mysql+://h",
        "the scheme of a database URL must be a name, or two joined by `+`, made of letters, digits, `.`, `-` and `_`, \
         like sqlite:///app.db or postgresql://user@host/db",
    ),
    (
        "mysql:hunter2@h/db",
        "after `mysql:` there must be `//`; write mysql://user@host/database, and percent-encode a `:` that stands before \
         it",
    ),
    ("jdbc+h2:mem:hunter2", "after `jdbc+h2:` there must be `//`"),
    ("jdbc:", "after `jdbc:` there is no connection string"),
    (
        "mysql://u:hun@ter2@h/db",
        "there are several `@` before the host; in the user name and the password write `@` as %40",
    ),
    ("mysql://u:hun#ter2@h/db", "in the user name and the password write `#` as %23"),
    (
        "mysql://u:12/hunter2@h/db",
        "there is an `@` after the end of the host; in the user name and the password write `/` as %2F and `?` as %3F, in \
         the database and the options write `@` as %40",
    ),
    (
        "mysql://u:12?hunter2@h/db",
        "there is an `@` after the end of the host; in the user name and the password write `/` as %2F and `?` as %3F, in \
         the database and the options write `@` as %40",
    ),
    (
        "mysql://u:@?hunter2=@h/db",
        "there is an `@` after the end of the host; in the user name and the password write `/` as %2F and `?` as %3F, in \
         the database and the options write `@` as %40",
    ),
    (
        "mysql://u:hunter2/db",
        "the port of the host is no number from 1 to 65535; if it is a piece of the password, write `/` there as %2F, `?` \
         as %3F and `@` as %40",
    ),
    (
        "mysql://h:0/db",
        "the port of the host is no number from 1 to 65535; if it is a piece of the password, write `/` there as %2F, `?` \
         as %3F and `@` as %40",
    ),
    (
        "mysql://a:1,h:65536/db",
        "the port of host number 2 is no number from 1 to 65535; if it is a piece of the password, write `/` there as \
         %2F, `?` as %3F and `@` as %40",
    ),
    (
        "mysql://h:+5/db",
        "the port of the host is no number from 1 to 65535; if it is a piece of the password, write `/` there as %2F, `?` \
         as %3F and `@` as %40",
    ),
    ("mysql://:5432/db", "the host is missing before its port; write localhost:port"),
    ("mysql://a,,b/db", "host number 2 is empty; between hosts there is one comma"),
    (
        "mysql://u:hun:ter2/db",
        "a host has more than one `:`; an IPv6 address must stand in brackets, like [2001:db8::1], and each of several \
         hosts after a comma",
    ),
    ("mysql://[::1/db", "a host in brackets is no IPv6 address; write one like [2001:db8::1]"),
    ("mysql://[::g]/db", "a host in brackets is no IPv6 address; write one like [2001:db8::1]"),
    ("mysql://[::1]x/db", "after the `]` of the host there can only be `:` and a port"),
    ("mysql://a b/db", "a host has the character ' ', which no host name can have"),
    ("mysql://u:hun%ter2@h/db", "the password has a `%` that begins no escape; write it as %25"),
    ("mysql://hunter2%@h/db", "the user name has a `%` that begins no escape; write it as %25"),
    ("mysql://h/100%", "the database has a `%` that begins no escape; write it as %25"),
    ("mysql://h/db?x=%g0", "the value of option `x` has a `%` that begins no escape; write it as %25"),
    ("mysql://u:%ff@h/db", "the password is no UTF-8 after percent-decoding; encode it as UTF-8"),
    (
        "mysql://u:hunter2%00@h/db",
        "the password has a control character (U+0000) at byte 7; is it a line end that was read from a file?",
    ),
    (
        "mysql://u:hunter2%0A@h/db",
        "the password has a control character (U+000A) at byte 7; is it a line end that was read from a file?",
    ),
    (
        "sqlite:///a%00b",
        "the path has a control character (U+0000) at byte 1; is it a line end that was read from a file?",
    ),
    ("mysql://h/db?=hunter2", "option number 1: its name is empty; write name=value"),
    (
        "mysql://u:p@h/db?x=1&hun/ter2",
        "option number 2: its name has a character that no option has; write name=value, `&` between options, and inside \
         a value or a password `&` as %26 and `?` as %3F",
    ),
    (
        "sqlite://u:hunter2@h/db",
        "sqlite has no host and no user; write sqlite:///relative/path or sqlite:////absolute/path",
    ),
    (
        "sqlite://localhost/x.db",
        "sqlite has no host and no user; write sqlite:///relative/path or sqlite:////absolute/path",
    ),
    ("mysql://h/db?host=g", "the host is given twice, in the address and by the option `host`; give it once"),
    ("mysql:///db?host=g&unix_socket=/s", "the host is given twice, by two options; give it once"),
    ("mysql:///db?unix_socket=s", "the option `unix_socket` must be the path of a socket, beginning with `/`"),
    ("mysql://h:1/db?port=2", "the port is given twice, beside the host and by the option `port`; give it once"),
    ("mysql://a,b/db?port=1,2,3", "there are 2 hosts and 3 ports; give one port, or one for each host"),
    (
        "mysql:///db?port=x",
        "the port of the option `port` is no number from 1 to 65535; if it is a piece of the password, write `/` there as \
         %2F, `?` as %3F and `@` as %40",
    ),
    ("mysql:///db?host=a%20b", "the option `host`: a host has the character ' ', which no host name can have"),
];

#[test]
fn what_is_refused_and_how() {
    for (text, message) in BAD {
        let error = text.parse::<DatabaseUrl>().map(|u| u.expose()).expect_err(text);
        assert_eq!(error.to_string(), *message, "{text:?}");
        assert_eq!(error.kind(), ErrorKind::Url, "{text:?}");
        for shown in [format!("{error}"), format!("{error:?}")] {
            assert!(!shown.contains("hunter2") && !shown.contains("ter2"), "{text:?}: {shown}");
        }
    }
}

#[test]
fn changes_that_are_refused_and_how() {
    let server = url("mysql://u:p@h/db?x=1");
    let file = url("sqlite:///app.db");
    let dsn = url("dbapi2://x");
    let opaque = url("jdbc:h2:mem:x");
    for (result, message) in [
        (
            server.with_password("hunter2\n"),
            "the password has a control character (U+000A) at byte 7; is it a line end that was read from a file?",
        ),
        (
            server.with_password("\0"),
            "the password has a control character (U+0000) at byte 0; is it a line end that was read from a file?",
        ),
        (
            server.with_username("a\0"),
            "the user name has a control character (U+0000) at byte 1; is it a line end that was read from a file?",
        ),
        (
            server.with_host("a:1"),
            "a host has more than one `:`; an IPv6 address must stand in brackets, like [2001:db8::1], and each of several hosts after a comma",
        ),
        (server.with_host(""), "a host is empty"),
        (server.with_port(0), "0 is no port; give one from 1 to 65535"),
        (url("mysql:///db").with_port(1), "there is no host to put a port on; give the host first"),
        (
            server.with_option("a/b", "c"),
            "an option: its name has a character that no option has; write name=value, `&` between options, and inside a value or a password `&` as %26 and `?` as %3F",
        ),
        (
            server.with_option("a", "hunter2\0"),
            "the value of option `a` has a control character (U+0000) at byte 7; is it a line end that was read from a file?",
        ),
        (
            server.with_scheme("sqlite"),
            "a URL of sqlite cannot hold a host; write sqlite:///relative/path or sqlite:////absolute/path",
        ),
        (
            file.with_host("h"),
            "a URL of sqlite cannot hold a host; write sqlite:///relative/path or sqlite:////absolute/path",
        ),
        (
            file.with_username("u"),
            "a URL of sqlite cannot hold a user name or a password in its address; write sqlite:///relative/path or sqlite:////absolute/path",
        ),
        (
            dsn.with_password("hunter2"),
            "a URL of dbapi2 cannot hold a user name or a password in its address; give it as an option, or inside the connection string after `//`",
        ),
        (
            dsn.with_database("a?b"),
            "a `?` in the connection string of dbapi2 would begin the options; give what follows it as options",
        ),
        (
            dsn.with_scheme("mysql"),
            "a URL of mysql cannot hold a foreign connection string; start from a URL of that scheme",
        ),
        (
            opaque.with_database("x"),
            "a URL of jdbc cannot hold a database apart from its connection string; give it inside the connection string",
        ),
        (
            opaque.with_option("a", "b"),
            "a URL of jdbc cannot hold options apart from its connection string; give it inside the connection string",
        ),
        (opaque.with_driver("h2"), "a URL of jdbc+h2 cannot hold a driver; give it inside the connection string"),
        (
            DatabaseUrl::from_scheme("my sql"),
            "the scheme of a database URL must be a name, or two joined by `+`, made of letters, digits, `.`, `-` and `_`, like sqlite:///app.db or postgresql://user@host/db",
        ),
    ] {
        let error = result.map(|u| u.expose()).expect_err(message);
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[test]
fn what_is_shared_between_threads_can_be() {
    fn shared<T: Send + Sync>() {}
    shared::<DatabaseUrl>();
    shared::<Secret>();
    shared::<pontoon::Redactor>();
    shared::<pontoon::Config>();
    shared::<pontoon::ConfigBuilder>();
}

#[test]
fn a_url_is_read_from_a_settings_file() {
    assert_eq!(serde_json::from_str::<DatabaseUrl>("\"mysql://u:p@h/db\"").unwrap(), url("mysql://u:p@h/db"));
    let error = serde_json::from_str::<DatabaseUrl>("\"mysql://u:hunter2/db\"").unwrap_err().to_string();
    assert!(error.contains("port of the host") && !error.contains("hunter2"), "{error}");
}

/// Text of the characters that go wrong, mixed with any others.
fn hostile() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        4 => prop::sample::select("@/#%:?[]&=+ ;,'\"\\{}|<>^`~!$*()-._aZ09é漢😀".chars().collect::<Vec<_>>()),
        1 => any::<char>().prop_filter("no control characters", |c| !c.is_control()),
    ];
    prop::collection::vec(c, 0..24).prop_map(String::from_iter)
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,12}(\\.[a-z]{2,5})?".prop_map(|name| Host::Name(name.into())),
        any::<[u8; 4]>().prop_map(|octets| Host::Ip4(octets.into())),
        (any::<[u8; 16]>(), prop::option::of("[a-z0-9._~-]{1,8}"))
            .prop_map(|(octets, zone)| Host::Ip6(octets.into(), zone.map(Into::into))),
        hostile().prop_map(|path| Host::Unix(format!("/{path}").into())),
        hostile().prop_map(|path| Host::Unix(format!("@{path}").into())),
    ]
}

fn options() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = "[A-Za-z0-9_.$é-]([A-Za-z0-9_.$ -]{0,10}[A-Za-z0-9_.$-])?"
        .prop_filter("names of hosts have rules", |name| {
            !["host", "port", "unix_sock", "unix_socket"].contains(&&**name)
        });
    prop::collection::vec((name, hostile()), 0..4)
}

#[derive(Debug)]
struct Parts {
    scheme: String,
    username: Option<String>,
    password: Option<String>,
    hosts: Vec<Address>,
    database: Option<String>,
    options: Vec<(String, String)>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let address = (host(), prop::option::of(1_u16..)).prop_map(|(host, port)| Address { host, port });
    (
        "(postgresql|mysql|odbc|x-y\\.z_1)(\\+[a-z][a-z0-9]{0,5})?",
        prop::option::of(hostile().prop_filter("an empty name is none", |name| !name.is_empty())),
        prop::option::of(hostile()),
        prop::collection::vec(address, 0..4),
        prop::option::of(hostile().prop_filter("an empty name is none", |name| !name.is_empty())),
        options(),
    )
        .prop_map(|(scheme, username, password, hosts, database, options)| Parts {
            scheme,
            username,
            password,
            hosts,
            database,
            options,
        })
}

fn build(parts: &Parts) -> DatabaseUrl {
    let mut url = DatabaseUrl::from_scheme(&parts.scheme).unwrap().with_hosts(parts.hosts.clone()).unwrap();
    url = url.with_username(parts.username.as_deref()).unwrap();
    if let Some(password) = &parts.password {
        url = url.with_password(&**password).unwrap();
    }
    url = url.with_database(parts.database.as_deref()).unwrap();
    for (name, value) in &parts.options {
        url = url.with_added_option(name, &**value).unwrap();
    }
    url
}

proptest! {
    #[test]
    fn whatever_the_parts_the_full_text_parses_to_them(parts in parts()) {
        let made = build(&parts);
        let text = made.expose();
        let read: DatabaseUrl = text.parse().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(&read, &made);
        prop_assert_eq!(read.scheme(), parts.scheme);
        prop_assert_eq!(read.username(), parts.username.as_deref());
        prop_assert_eq!(password(&read), parts.password.as_deref());
        prop_assert_eq!(read.hosts(), parts.hosts);
        prop_assert_eq!(read.database(), parts.database.as_deref());
        let options: Vec<_> = read.options().map(|(name, value)| (name.to_string(), value.expose().to_string())).collect();
        prop_assert_eq!(options, parts.options);
    }

    #[test]
    fn changing_one_part_encodes_no_other_twice(parts in parts(), name in hostile(), port in 1_u16..) {
        let made = build(&parts);
        let mut changed = made.with_database(&*format!("x{name}")).unwrap();
        if !parts.hosts.is_empty() {
            changed = changed.with_port(port).unwrap();
            prop_assert_eq!(changed.port(), Some(port));
        }
        let read: DatabaseUrl = changed.expose().parse().unwrap();
        prop_assert_eq!(password(&read), parts.password.as_deref());
        prop_assert_eq!(read.username(), parts.username.as_deref());
        prop_assert_eq!(read.database(), Some(&*format!("x{name}")));
        let restored = read.with_database(parts.database.as_deref()).unwrap().with_hosts(parts.hosts.clone()).unwrap();
        prop_assert_eq!(restored, made);
    }

    #[test]
    fn files_and_foreign_strings_round_trip(path in hostile(), dsn in hostile(), options in options()) {
        let mut file = DatabaseUrl::from_scheme("sqlite").unwrap().with_database(&*path).unwrap();
        let mut foreign = DatabaseUrl::from_scheme("jdbc+x").unwrap().with_database(dsn.replace('?', "").trim_end()).unwrap();
        for (name, value) in &options {
            file = file.with_added_option(name, &**value).unwrap();
            foreign = foreign.with_added_option(name, &**value).unwrap();
        }
        prop_assert_eq!(file.database().unwrap_or_default(), path);
        for made in [file, foreign] {
            prop_assert_eq!(made.expose().parse::<DatabaseUrl>().unwrap(), made);
        }
    }

    #[test]
    fn what_is_shown_holds_no_secret_in_any_form(parts in parts(), noise in hostile(), form in 0..4) {
        let secret = format!("S3cr{noise}T4nary");
        let made = build(&parts);
        let made = match form {
            0 => made.with_password(&*secret).unwrap(),
            1 => made.with_option("password", &*secret).unwrap(),
            2 => made.with_option("some-token", &*secret).unwrap(),
            _ => format!("jdbc:x://h/db?password={}", utf8_percent_encode(&secret, NON_ALPHANUMERIC)).parse().unwrap(),
        };
        for shown in [made.to_string(), format!("{made:?}"), format!("{:?}", made.password()), format!("{:?}", made.dsn())] {
            prop_assert!(!shown.contains("S3cr") && !shown.contains("T4nary"), "{}", shown);
            // The first letters of the secret, and the last, in base64 at each alignment.
            for piece in ["UzNjc", "MzY3", "TM2Ny", "VDRuYXJ5", "Q0bmFye", "UNG5hcn"] {
                prop_assert!(!shown.contains(piece), "{}", shown);
            }
        }
    }

    /// A password that nobody encoded, in the middle of a foreign string: whatever it is taken for, no piece is shown.
    #[test]
    fn a_raw_password_in_a_foreign_string_is_never_shown(before in hostile(), after in hostile(), list in "[;?=a-z]{0,6}") {
        for scheme in ["jdbc+x", "dbapi2"] {
            let text = format!("{scheme}://user:{before}{list}S3cr3tT4nary{after}@host/db?dbapi_pool=thread");
            let shown = match text.parse::<DatabaseUrl>() {
                Ok(u) => format!("{u} {u:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!shown.contains("S3cr3t") && !shown.contains("T4nary"), "{}: {}", text, shown);
        }
    }

    /// The same in a server's URL, where it also either arrives as the password or is refused.
    #[test]
    fn a_raw_password_is_read_or_refused_and_never_shown(before in hostile(), after in hostile(), digits in "[0-9]{0,3}") {
        let text = format!("postgresql://user:{digits}{before}S3cr3tT4nary{after}@host/db?pool_size=3");
        match text.parse::<DatabaseUrl>() {
            Ok(u) => {
                prop_assert!(password(&u).unwrap_or_default().contains("S3cr3tT4nary"), "{}", text);
                prop_assert!(!u.to_string().contains("T4nary"), "{}", u);
            }
            Err(error) => {
                for shown in [error.to_string(), format!("{error:?}")] {
                    prop_assert!(!shown.contains("S3cr3t") && !shown.contains("T4nary"), "{}: {}", text, shown);
                }
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![
        any::<String>(),
        hostile(),
        ("(sqlite|mysql|postgresql|jdbc|jdbc\\+x|odbc|dbapi2)(:|://|:///)", hostile()).prop_map(|(a, b)| a + &b),
        prop::collection::vec(prop::sample::select(
            vec!["mysql", "sqlite", "jdbc", "+", ":", "//", "/", "@", "?", "&", "=", "[", "]", "::1", "%", "%41", "%00", ",", "host", "port", "1", "#"]
        ), 0..16).prop_map(|tokens| tokens.concat()),
    ]) {
        if let Ok(u) = text.parse::<DatabaseUrl>() {
            let full = u.expose();
            let again = full.parse::<DatabaseUrl>().map_err(|error| TestCaseError::fail(format!("{full}: {error}")))?;
            prop_assert_eq!(&again, &u);
            prop_assert_eq!(again.expose(), full);
            let _ = (u.to_string(), format!("{u:?}"));
        }
    }
}
