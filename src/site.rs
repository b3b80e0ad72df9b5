//! Where in the program something was asked for.

use std::fmt;
use std::panic::Location;
use std::thread::Thread;

use crate::error::one_line;

/// Where in the program something was asked for, and by which thread.
#[derive(Clone, Debug)]
#[allow(unreachable_pub, reason = "a field of what a sealed part of a public trait names")]
pub struct Site {
    location: &'static Location<'static>,
    thread: Thread,
}

impl Site {
    /// The caller of the first function up the stack that is not ours.
    #[track_caller]
    pub(crate) fn here() -> Site {
        Site::at(Location::caller())
    }

    /// This place, and the current thread.
    pub(crate) fn at(location: &'static Location<'static>) -> Site {
        Site { location, thread: std::thread::current() }
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(crate) fn thread(&self) -> String {
        self.thread.name().map_or_else(|| format!("{:?}", self.thread.id()), |name| one_line(name).into_owned())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by thread `{}`", self.location, self.thread())
    }
}
