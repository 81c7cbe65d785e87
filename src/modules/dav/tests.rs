//! What the directives accept.
