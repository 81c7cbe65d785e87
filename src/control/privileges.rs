//! Who the server runs as: started as root it becomes `user`, once it has bound its addresses and opened its logs.
//!
//! It keeps one capability, to bind ports below 1024 at a later reload, and can gain no new ones.

use std::io;

use nix::unistd::{Gid, Group, Uid, User, initgroups, setresgid, setresuid};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, configure_capability_in_ambient_set,
    set_capabilities, set_keep_capabilities, set_no_new_privs,
};

use crate::base::reason::Reason;
use crate::base::report::{Severity, report};

/// What is kept of root's rights.
const KEPT: CapabilitySet = CapabilitySet::NET_BIND_SERVICE;

/// Who nginx becomes when no `user` is configured.
const DEFAULT_USER: &str = "nobody";

/// Why the server cannot become who it should.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// There is no such user.
    #[error("getpwnam(\"{0}\") failed: there is no such user")]
    NoUser(String),
    /// There is no such group.
    #[error("getgrnam(\"{0}\") failed: there is no such group")]
    NoGroup(String),
    /// The system refuses.
    #[error("{call}() failed {}", Reason(error))]
    System {
        /// The call.
        call: &'static str,
        /// Its reason.
        error: io::Error,
    },
}

/// A user and a group that exist.
#[derive(Debug)]
pub(super) struct Identity {
    name: String,
    user: Uid,
    group: Gid,
}

impl Identity {
    /// The user's number.
    pub(super) fn user_id(&self) -> u32 {
        self.user.as_raw()
    }

    /// The group's number.
    pub(super) fn group_id(&self) -> u32 {
        self.group.as_raw()
    }
}

/// Looks up who the server should become; `None` when it was not started as root, or root is asked for.
///
/// # Errors
/// When the user or group does not exist.
pub(super) fn identity(configured: Option<&(String, Option<String>)>) -> Result<Option<Identity>, PrivilegeError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let (name, group) = match configured {
        Some((name, group)) => (name.as_str(), group.as_deref()),
        None => (DEFAULT_USER, None),
    };
    let lookup = User::from_name(name).map_err(system("getpwnam"))?;
    let user = lookup.ok_or_else(|| PrivilegeError::NoUser(name.to_owned()))?;
    let group = match group {
        None => user.gid,
        Some(group) => {
            let lookup = Group::from_name(group).map_err(system("getgrnam"))?;
            lookup.ok_or_else(|| PrivilegeError::NoGroup(group.to_owned()))?.gid
        }
    };
    let is_root = user.uid.is_root() && group.as_raw() == 0;
    Ok((!is_root).then_some(Identity { name: user.name, user: user.uid, group }))
}

/// Becomes the user, for this thread and all that it starts from here on. To be called before any other thread runs.
///
/// # Errors
/// When the system refuses.
pub(super) fn become_user(identity: &Identity) -> Result<(), PrivilegeError> {
    let name =
        std::ffi::CString::new(identity.name.as_str()).map_err(|_| PrivilegeError::NoUser(identity.name.clone()))?;
    let kept = KEPT;
    set_keep_capabilities(true).map_err(rustix_error("prctl"))?;
    initgroups(&name, identity.group).map_err(system("initgroups"))?;
    setresgid(identity.group, identity.group, identity.group).map_err(system("setresgid"))?;
    setresuid(identity.user, identity.user, identity.user).map_err(system("setresuid"))?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(rustix_error("capset"))?;
    set_keep_capabilities(false).map_err(rustix_error("prctl"))?;
    set_no_new_privs(true).map_err(rustix_error("prctl"))
}

/// How many descriptors the process may have open now; none if there is no limit.
pub(super) fn open_files_max() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Says who the server runs as from now on.
pub(super) fn say_who(identity: &Identity) {
    let Identity { name, user, group } = identity;
    report(
        Severity::Notice,
        format_args!("running as {name} ({user}:{group}), of root's rights only CAP_NET_BIND_SERVICE is kept"),
    );
}

/// Lets no other program have a right that this one was given (ambient capabilities): scripts inherit none. For this
/// thread and all that it starts from here on.
pub(super) fn keep_to_itself() {
    // A system without them has none to inherit.
    let _none = clear_ambient_capability_set();
    if let Ok(sets) = capabilities(None) {
        let _only_less = set_capabilities(None, CapabilitySets { inheritable: CapabilitySet::empty(), ..sets });
    }
}

/// Lets programs that this thread starts have the right that was kept: for the one that takes this one's place. Other
/// threads, by which scripts are started, do not pass it on.
///
/// # Errors
/// When the system refuses.
pub(super) fn pass_on() -> io::Result<()> {
    let sets = capabilities(None)?;
    // Root needs no such help, and who has no such right can pass none on.
    if Uid::effective().is_root() || !sets.permitted.contains(KEPT) {
        return Ok(());
    }
    set_capabilities(None, CapabilitySets { inheritable: KEPT, ..sets })?;
    Ok(configure_capability_in_ambient_set(KEPT, true)?)
}

/// `worker_rlimit_nofile`: how many descriptors the process may have open.
///
/// # Errors
/// When the system refuses: above the hard limit only root may go.
pub(super) fn limit_open_files(files_max: u64) -> io::Result<()> {
    let old = getrlimit(Resource::Nofile);
    let maximum = old.maximum.map(|maximum| maximum.max(files_max));
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(files_max), maximum })?)
}

fn system(call: &'static str) -> impl Fn(nix::Error) -> PrivilegeError {
    move |error| PrivilegeError::System { call, error: error.into() }
}

fn rustix_error(call: &'static str) -> impl Fn(rustix::io::Errno) -> PrivilegeError {
    move |error| PrivilegeError::System { call, error: error.into() }
}
