//! What an exchange must know of the routing tree: a seam, so that `exchange` does not name `route`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::definitions::{self, Definitions};
use super::exchange::Captured;
use super::plan::Plan;

/// A virtual server, as an exchange sees it.
pub trait Site: Send + Sync + fmt::Debug {
    /// The location that answers a normalised path, as nginx chooses it.
    fn locate(&self, path: &[u8]) -> Located;

    /// The location `@name`.
    fn named(&self, name: &str) -> Option<Arc<Plan>>;

    /// The plan of the server itself: for requests that never reached a location.
    fn plan(&self) -> &Arc<Plan>;

    /// The first `server_name`; empty when there is none.
    fn name(&self) -> &Bytes;

    /// `merge_slashes` of this server.
    fn merge_slashes(&self) -> bool;

    /// How the variables are computed that the configuration defines.
    fn definitions(&self) -> &Definitions {
        &definitions::NONE
    }
}

/// A chosen location.
#[derive(Debug)]
pub struct Located {
    /// What it does.
    pub plan: Arc<Plan>,
    /// What its regular expression captured, if it has one.
    pub captured: Option<Captured>,
    /// The location asks for a redirect to its own path with a slash behind it.
    pub redirect_to_slash: bool,
}
