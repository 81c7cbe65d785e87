//! core
/// v
pub const CORE_VARIABLES: &[super::variables::Variable] = &[];
