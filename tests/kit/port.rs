//! Ports for servers that come back to the same one after a restart.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range that the kernel takes the ports of outgoing connections from, so that none of them sits on the port
/// of a server which is down for a moment.
const RANGE: std::ops::Range<u32> = 12_000..32_000;

/// A port of 127.0.0.1 that no other test of this machine takes while this lives, also while nobody listens on it.
///
/// What holds it is a name in the kernel's abstract space, which goes with the process however that ends.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _name: UnixListener,
}

impl Port {
    pub(crate) fn take() -> Port {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let width = RANGE.end - RANGE.start;
        for _ in 0..width {
            // Processes that start one after another begin far from each other.
            let step = COUNT.fetch_add(1, Ordering::Relaxed);
            let number = RANGE.start + (std::process::id().wrapping_mul(7919).wrapping_add(step)) % width;
            let number = u16::try_from(number).expect("the range is one of ports");
            let name = SocketAddr::from_abstract_name(format!("pontoon-test-port-{number}"));
            let Ok(_name) = UnixListener::bind_addr(&name.expect("the name is short")) else { continue };
            if TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Port { number, _name };
            }
        }
        panic!("there is no free port between {} and {}", RANGE.start, RANGE.end);
    }
}
